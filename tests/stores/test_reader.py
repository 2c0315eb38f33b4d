"""The reader's thread: bounded, and never in the way."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from doctor_daemon.errors import Temporary
from doctor_daemon.stores.reader import WAITING_MAX, Reader
from doctor_daemon.stores.schema import claim


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "state.sqlite3"
    claim(path)[0].close()
    return path


def term(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("SELECT term FROM meta").fetchone()
    return int(found)


async def test_a_question_is_answered_from_what_is_committed(path: Path) -> None:
    reader = Reader(path)
    assert await reader.read(term) == 1
    claim(path)[0].close()
    assert await reader.read(term) == 2
    await reader.stop()


async def test_a_reader_cannot_write(path: Path) -> None:
    reader = Reader(path)
    with pytest.raises(Exception, match="read-only"):
        await reader.read(lambda c: c.execute("UPDATE meta SET term = 9").rowcount)
    await reader.stop()


async def test_a_disk_that_does_not_answer_is_not_waited_for(path: Path) -> None:
    reader, gate = Reader(path, read_s=0.05), threading.Event()
    with pytest.raises(Temporary, match=r"no answer from the disk in 0.05 s"):
        await reader.read(lambda _: gate.wait(5))
    gate.set()
    assert await reader.read(term) == 1
    await reader.stop()


async def test_only_so_many_may_wait(path: Path) -> None:
    reader, gate = Reader(path), threading.Event()
    waiting = [asyncio.create_task(reader.read(lambda _: gate.wait(5))) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(Temporary, match=f"{WAITING_MAX} reads are waiting already"):
        await reader.read(term)
    gate.set()
    assert all(await asyncio.gather(*waiting))
    assert await reader.read(term) == 1
    await reader.stop()
