"""One daemon on one state, as the kernel sees to it."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.locks.local import LocalLock, locked
from doctor_daemon.ports import LeaderLock

HOLDER = """
import asyncio, sys
from pathlib import Path
from doctor_daemon.locks.local import LocalLock
lock = LocalLock(Path(sys.argv[1]))
asyncio.run(lock.acquire())
print("held", flush=True)
sys.stdin.read()
"""


def written(path: Path) -> str:
    """Read what the lock's file says."""
    return path.with_name(f"{path.name}.lock").read_text()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.sqlite3"


async def test_a_second_daemon_is_refused_and_told_by_whom(path: Path) -> None:
    lock: LeaderLock = LocalLock(path)
    await lock.acquire()
    expected = f"{path}.lock: held by another daemon, pid {os.getpid()}$"
    for _ in range(2):
        with pytest.raises(Conflict, match=expected):
            await LocalLock(path).acquire()
    await lock.release()


async def test_what_was_let_go_can_be_taken(path: Path) -> None:
    lock, other = LocalLock(path), LocalLock(path)
    await lock.acquire()
    await lock.release()
    await other.acquire()
    with pytest.raises(Conflict):
        await lock.acquire()
    await other.release()
    await lock.acquire()
    await lock.release()


async def test_a_lock_is_taken_once(path: Path) -> None:
    lock = LocalLock(path)
    await lock.acquire()
    with pytest.raises(Conflict, match="has the lock already"):
        await lock.acquire()
    await lock.release()
    await lock.release()


async def test_the_lock_goes_with_the_process_that_had_it(path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(path), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    lock = LocalLock(path)
    with pytest.raises(Conflict, match=f"pid {process.pid}$"):
        await lock.acquire()
    process.kill()
    await process.communicate()
    await lock.acquire()
    assert written(path) == f"{os.getpid()}\n"
    await lock.release()


async def test_no_child_keeps_the_lock(path: Path) -> None:
    lock = LocalLock(path)
    await lock.acquire()
    child = await asyncio.create_subprocess_exec("cat", stdin=PIPE, close_fds=False)
    await lock.release()
    await lock.acquire()
    await lock.release()
    await child.communicate(b"")


@pytest.mark.parametrize("content", ["", "four\n", "-1", "٣"])
async def test_a_pid_that_is_none_is_not_told(path: Path, content: str) -> None:
    lock = LocalLock(path)
    await lock.acquire()
    await asyncio.to_thread(Path(f"{path}.lock").write_text, content)
    with pytest.raises(Conflict, match=r"held by another daemon$"):
        await LocalLock(path).acquire()
    await lock.release()


async def test_what_is_made_is_for_the_daemon_alone(path: Path) -> None:
    lock = LocalLock(path)
    await lock.acquire()
    assert mode(Path(f"{path}.lock")) == 0o600
    assert mode(path.parent) == 0o700
    await lock.release()


async def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lock = LocalLock(tmp_path / "file" / "state.sqlite3")
    with pytest.raises(Permanent, match=r"state\.sqlite3\.lock: .*/file: File exists"):
        await lock.acquire()
    await lock.release()


async def test_a_store_is_locked_for_as_long_as_it_is_used_also_where_that_fails(
    path: Path,
) -> None:
    async def used() -> None:
        async with locked(path):
            with pytest.raises(Conflict):
                await LocalLock(path).acquire()
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await used()


async def test_a_store_without_a_file_needs_no_lock() -> None:
    async with locked(None), locked(None):
        pass
