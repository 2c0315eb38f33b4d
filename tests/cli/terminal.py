"""A terminal: types a command, and reads what it says."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.slice.site import Site

LIMIT_S = 90.0
AS_USER = """
import os, sys
from doctor_daemon.cli.main import main, parse
parse(sys.argv[2:])  # what is imported late may lie where the other user cannot read it
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
sys.exit(main(sys.argv[2:]))
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was printed
        return json.loads(self.out)


async def typed(*words: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Done:
    """Run `doctor-daemon` with these words."""
    return await program("-m", "doctor_daemon.cli.main", *words, stdin=stdin, env=env)


async def typed_by(uid: int, *words: str) -> Done:
    """Run `doctor-daemon` as another user, of no group."""
    return await program("-c", AS_USER, str(uid), *words)


async def program(*argv: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Done:
    """Run a Python program to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            out, err = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Done(process.returncode or 0, out.decode(), err.decode())


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal at which somebody looks after one daemon."""

    place: Site

    async def type(self, command: str, *words: str, stdin: str = "") -> Done:
        """Give a command to the daemon."""
        return await typed(command, "--socket", str(self.place.socket), *words, stdin=stdin)

    async def well(self, command: str, *words: str, stdin: str = "") -> str:
        """Give a command that is followed, and return what it says."""
        done = await self.type(command, *words, stdin=stdin)
        assert (done.status, done.err if not stdin else "") == (0, ""), done
        return done.out

    async def refused(self, command: str, *words: str, stdin: str = "") -> str:
        """Give a command that is not followed, and return its last word."""
        done = await self.type(command, *words, stdin=stdin)
        assert (done.status, done.out) == (1, ""), done
        last = done.err.splitlines()[-1]
        assert "Traceback" not in done.err
        return last.rpartition("doctor-daemon: ")[2]
