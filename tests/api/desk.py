"""The operators' socket before a real engine on its bench, and callers of every kind."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doctor_daemon.api.connection import Limits
from doctor_daemon.api.fleet import FleetApi
from doctor_daemon.api.operators import OperatorsApi
from doctor_daemon.api.serving import LIMITS, on_socket, served
from doctor_daemon.api.unix import Group, bound
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from tests.engine.rig import Rig

Json = dict[str, Any]
MEMBERS = Group("doctors", 54_321)
NAMES = ("cmp-1", "cmp-2")
CALLER = """
import os, socket, sys
uid, gids, path = int(sys.argv[1]), sys.argv[2].split(), sys.argv[3]
os.setgroups([int(gid) for gid in gids])
os.setgid(uid)
os.setuid(uid)
client = socket.socket(socket.AF_UNIX)
client.connect(path)
client.sendall(sys.stdin.buffer.read())
while part := client.recv(65536):
    sys.stdout.buffer.write(part)
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """A served socket."""

    engine: Engine
    path: Path

    async def wire(self, *parts: bytes) -> bytes:
        """Send bytes, and read until the end."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            async with asyncio.timeout(10):
                return await reader.read()
        finally:
            writer.close()

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Json]:
        """Ask once, with JSON."""
        return parsed(await self.wire(request(method, path, json.dumps(body).encode())))


async def refused(at: Desk, method: str, path: str, body: object = None) -> tuple[int, Json]:
    """Ask for what is refused."""
    status, said = await at.ask(method, path, body)
    assert set(said) == {"error"}
    return status, said["error"]


def request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def parsed(answer: bytes) -> tuple[int, Json]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nServer: doctor-daemon\r\n" in head
    found = json.loads(body)
    assert isinstance(found, dict)
    return int(head.split()[1]), found


def called_as(uid: int, gids: Sequence[int], path: Path, sent: bytes) -> tuple[int, bytes, str]:
    """Call from a process of another user; return its status, what it read, and its complaint."""
    words = [str(uid), " ".join(str(gid) for gid in gids), str(path)]
    done = subprocess.run(
        [sys.executable, "-c", CALLER, *words],
        input=sent,
        capture_output=True,
        check=False,
        timeout=20,
    )
    return done.returncode, done.stdout, done.stderr.decode()


@contextmanager
def public_folder() -> Iterator[Path]:
    """Make a folder that every user may look into, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="desk-") as name:
        folder = Path(name)
        folder.chmod(folder.stat().st_mode | 0o055)
        yield folder


@asynccontextmanager
async def desk(
    rig: Rig | None = None, group: Group = MEMBERS, limits: Limits = LIMITS
) -> AsyncIterator[Desk]:
    """Serve the operators of an engine that runs in real time."""
    rig = rig or Rig()
    with public_folder() as folder:
        async with rig.running() as engine:
            operators = Operators(engine)
            more = FleetApi(engine.masskeeper, operators).routes()
            api = OperatorsApi(operators, engine.desk.host, group, NAMES, more)
            path = folder / "run" / "operators.sock"
            with bound(path, group) as made:
                async with served(api.app(), on_socket(made), limits):
                    yield Desk(engine, path)
