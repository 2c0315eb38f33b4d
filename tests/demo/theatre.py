"""Plays stories as somebody at a shell does, and keeps what was seen."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
from dataclasses import dataclass
from typing import Any, Self

Json = dict[str, Any]
SMALL = ("--host-count", "4", "--servers", "3")
LIMIT_S = 150.0
PROGRAM = (sys.executable, "-m", "doctor_daemon.cli.main", "demo")
TIMES = (
    "detected_to_early_notice_s",
    "detected_to_proof_s",
    "detected_to_forced_down_s",
    "detected_to_confirmed_notice_s",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """How a story ended, and what was printed."""

    status: int
    out: str
    err: str

    @property
    def last(self) -> Json:
        """The last line, which is for machines."""
        found = json.loads(self.out.splitlines()[-1])
        assert isinstance(found, dict)
        return found


async def told(*words: str) -> Seen:
    """Run `doctor-daemon demo` to its end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, *words, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Seen(process.returncode or 0, out.decode(), err.decode())


class Box:
    """A terminal in which the demonstration runs; what was printed is gathered in `seen`."""

    def __init__(self, *words: str, folder: str) -> None:
        self._words = words
        self._env = {**os.environ, "TMPDIR": folder, "TERM": "xterm-256color", "COLUMNS": "100"}
        self.seen = ""

    async def __aenter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *PROGRAM,
                *self._words,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                env=self._env,
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        self._reading = asyncio.create_task(asyncio.to_thread(self._read))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._reading
        os.close(self._ours)

    def _read(self) -> None:
        while True:
            try:
                some = os.read(self._ours, 65536)
            except OSError:  # EIO: nobody holds the other end any more
                return
            if not some:
                return
            self.seen += some.decode(errors="replace")

    async def until(self, text: str) -> None:
        """Wait for a text on the screen."""
        async with asyncio.timeout(LIMIT_S):
            while text not in self.seen:
                assert self._process.returncode is None, self.seen
                await asyncio.sleep(0.05)

    async def end(self, number: int) -> int:
        """Send a signal; return the exit status."""
        self._process.send_signal(number)
        async with asyncio.timeout(LIMIT_S):
            return await self._process.wait()
