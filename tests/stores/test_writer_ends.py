"""How the writer's thread ends, what it refuses, and when it has the log moved."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from threading import enumerate as threads

import pytest

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.writer import BUSY_GROUPS, CALM_GROUPS, Writer
from tests.stores.test_writer import Bench, adding

LIMIT_S = 10.0
LONG_S = 60.0
"""Longer than any of these tests waits: what takes so long has hung."""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "notes.sqlite3", LONG_S)
    async with asyncio.timeout(LIMIT_S):
        await bench.writer.start()
    yield bench
    bench.gate.set()
    async with asyncio.timeout(LIMIT_S):
        await bench.writer.stop()


def running() -> bool:
    return any(one.name == "store-writer" for one in threads())


async def gone() -> None:
    """Wait until the writer's thread is no more."""
    async with asyncio.timeout(LIMIT_S):
        while running():  # noqa: ASYNC110 - a thread has no event for it
            await asyncio.sleep(0.01)


async def test_what_is_refused_for_good_is_refused_at_once_for_the_first_reason(
    bench: Bench,
) -> None:
    held = await bench.hold()
    queued = asyncio.create_task(bench.writer.write(adding("a")))
    await asyncio.sleep(0)
    bench.writer.refuse(Permanent("page 7 is bad"))
    bench.writer.refuse(Permanent("page 8 is bad"))
    async with asyncio.timeout(LIMIT_S / 2):  # the thread is not waited for
        with pytest.raises(Permanent, match="page 7"):
            await bench.writer.write(adding("b"))
    bench.gate.set()
    assert await held
    with pytest.raises(Permanent, match="page 7"):  # what was asked for before is not done either
        await queued
    assert bench.notes() == []


async def test_the_thread_ends_once_what_is_queued_is_done(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "notes.sqlite3", LONG_S)
    await bench.writer.start()
    held = await bench.hold()
    queued = [asyncio.create_task(bench.writer.write(adding(note))) for note in "ab"]
    await asyncio.sleep(0)
    assert bench.writer.waiting == 3
    stopping = asyncio.create_task(bench.writer.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    bench.gate.set()
    async with asyncio.timeout(LIMIT_S):
        await stopping
        assert await asyncio.gather(held, *queued) == [True, "added a", "added b"]
    await gone()
    assert (bench.notes(), bench.writer.waiting) == (["a", "b"], 0)


async def test_one_that_has_nothing_to_do_ends_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "notes.sqlite3", LONG_S)
    await bench.writer.start()
    async with asyncio.timeout(LIMIT_S):
        await bench.writer.stop()
    await gone()


async def test_whoever_waits_behind_one_who_has_gone_is_told(bench: Bench) -> None:
    held = await bench.hold()
    left, stays = (asyncio.create_task(bench.writer.write(adding(note))) for note in "ab")
    await asyncio.sleep(0)
    left.cancel()
    bench.gate.set()
    async with asyncio.timeout(LIMIT_S):
        assert (await stays, await held) == ("added b", True)


async def test_a_file_that_vanishes_while_it_is_claimed_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite3"

    def claim() -> tuple[sqlite3.Connection, int]:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE notes (note TEXT PRIMARY KEY)")
        path.unlink()
        return connection, 1

    writer = Writer(path, claim, lambda: None, LONG_S)
    await writer.start()
    with pytest.raises(Permanent, match="moved, deleted or replaced"):
        await writer.write(adding("a"))
    await writer.stop()


async def test_one_write_that_fails_leaves_no_transaction_behind(bench: Bench) -> None:
    other = sqlite3.connect(bench.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Temporary, match="locked"):  # where none has begun
        await bench.writer.write(adding("a"))
    other.execute("ROLLBACK")
    other.close()
    bench.fail(sqlite3.SQLITE_FULL)
    with pytest.raises(Temporary, match="full"):  # where one has
        await bench.writer.write(adding("b"))
    assert await bench.writer.write(adding("c")) == "added c"
    assert bench.notes() == ["c"]


class Moves(Bench):
    """A bench that counts the moves of the log, of which each takes until it may end."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, LONG_S)
        self.moves, self.begun, self.end = 0, Event(), Event()
        self.writer = Writer(path, self._claim, self._move, LONG_S)

    def _move(self) -> None:
        self.moves += 1
        self.begun.set()
        self.end.wait(LIMIT_S)

    async def groups(self, count: int) -> None:
        """Commit so many groups, without a calm moment between."""
        first = self.writer.groups
        for _ in range(count):
            await self.writer.write(lambda _: None)
        assert self.writer.groups == first + count


@pytest.fixture
async def moves(tmp_path: Path) -> AsyncIterator[Moves]:
    moves = Moves(tmp_path / "notes.sqlite3")
    await moves.writer.start()
    yield moves
    moves.end.set()
    async with asyncio.timeout(LIMIT_S):
        await moves.writer.stop()


async def test_a_log_of_few_groups_is_left_and_one_more_has_it_moved_once_it_is_calm(
    moves: Moves,
) -> None:
    await moves.groups(CALM_GROUPS - 1)
    assert not await asyncio.to_thread(moves.begun.wait, 0.3)
    await moves.groups(1)
    assert await asyncio.to_thread(moves.begun.wait, LIMIT_S)
    moves.end.set()
    assert moves.moves == 1


async def test_the_end_waits_for_a_log_that_is_being_moved(moves: Moves) -> None:
    await moves.groups(CALM_GROUPS)
    assert await asyncio.to_thread(moves.begun.wait, LIMIT_S)
    stopping = asyncio.create_task(moves.writer.stop())
    assert not (await asyncio.wait((stopping,), timeout=0.3))[0]
    moves.end.set()
    async with asyncio.timeout(LIMIT_S):
        await stopping


async def test_one_move_is_made_at_a_time_and_the_next_when_there_is_as_much_again(
    moves: Moves,
) -> None:
    await moves.groups(CALM_GROUPS)
    assert await asyncio.to_thread(moves.begun.wait, LIMIT_S)
    await moves.groups(BUSY_GROUPS + 1)
    assert moves.moves == 1
    moves.begun.clear()
    moves.end.set()
    await gone_movers()
    await moves.groups(1)
    assert await asyncio.to_thread(moves.begun.wait, LIMIT_S)
    assert moves.moves == 2


async def gone_movers() -> None:
    async with asyncio.timeout(LIMIT_S):
        while any(one.name == "store-log" for one in threads()):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)


async def test_nothing_is_moved_into_what_is_not_to_be_written(moves: Moves) -> None:
    held = await moves.hold()
    queued = [
        asyncio.create_task(moves.writer.write(lambda _: None)) for _ in range(CALM_GROUPS + 1)
    ]
    await asyncio.sleep(0)
    moves.gate.set()
    await asyncio.gather(held, *queued)
    await moves.groups(CALM_GROUPS - 3)
    moves.writer.refuse(Permanent("page 7 is bad"))
    assert not await asyncio.to_thread(moves.begun.wait, 0.3)
