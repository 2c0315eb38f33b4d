"""Moving the log into the database: beside the commits, and never in the way of one."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from doctor_daemon.stores.schema import claim, move_log
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from doctor_daemon.stores.writer import BUSY_GROUPS, CALM_GROUPS, CALM_S, Writer
from tests.stores.values import opening


class Bench:
    """A writer on a database of ours, and a hand on the moves of its log."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer = Writer(path, lambda: claim(path), self._move)
        self.moves = 0
        self.moving = threading.Event()
        """While it is clear, a move waits."""
        self.moving.set()
        self.written = 0

    def _move(self) -> None:
        self.moves += 1
        self.moving.wait(10)
        move_log(self.path)

    async def write(self, number: int) -> None:
        """Commit so many rows, one after the other."""
        for _ in range(number):
            self.written += 1
            await self.writer.write(adding(self.written))


def adding(number: int) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        row = (f"am-{number}", number)
        connection.execute(
            "INSERT INTO sequences (consumer, cloud, host, last) VALUES (?, '', '', ?)", row
        )

    return work


def without_log(path: Path, table: str = "sequences") -> int:
    """Count the rows that are in the database itself, its log left aside."""
    alone = path.with_name("alone.sqlite3")
    alone.write_bytes(path.read_bytes())
    # Until everything is there it may be in pieces: a page that names one still to be written.
    with closing(sqlite3.connect(alone)) as other, suppress(sqlite3.DatabaseError):
        counted = f"SELECT count(*) FROM {table}"  # noqa: S608 - the test's own words
        return int(other.execute(counted).fetchone()[0])
    return 0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "state.sqlite3")
    assert await bench.writer.start() == 1
    yield bench
    bench.moving.set()
    await bench.writer.stop()


async def test_the_log_is_moved_in_a_calm_moment(bench: Bench) -> None:
    await bench.write(CALM_GROUPS)
    async with asyncio.timeout(10):
        while without_log(bench.path) < CALM_GROUPS:  # noqa: ASYNC110 - another process would look, too
            await asyncio.sleep(CALM_S)
    assert bench.moves == 1


async def test_no_commit_waits_while_the_log_is_moved_and_the_end_does(bench: Bench) -> None:
    bench.moving.clear()
    await bench.write(CALM_GROUPS)
    async with asyncio.timeout(10):
        while not bench.moves:  # noqa: ASYNC110 - another thread begins it
            await asyncio.sleep(CALM_S)
    await bench.write(2 * BUSY_GROUPS)
    assert (bench.moves, without_log(bench.path)) == (1, 0)
    bench.moving.set()
    await bench.writer.stop()
    assert without_log(bench.path) == CALM_GROUPS + 2 * BUSY_GROUPS


async def test_the_log_is_moved_where_no_moment_is_calm(bench: Bench) -> None:
    await bench.write(BUSY_GROUPS + 2)
    assert bench.moves >= 1


def test_a_log_that_cannot_be_moved_is_left(tmp_path: Path) -> None:
    move_log(tmp_path / "not-there.sqlite3")
    assert list(tmp_path.iterdir()) == []


async def test_the_store_has_its_log_moved_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    store = SqliteStore(SqliteConfig(path=path))
    term = await store.open()
    for number in range(CALM_GROUPS):
        await store.commit(opening(f"i{number:03}", f"cmp-{number}", number), term=term)
    async with asyncio.timeout(10):
        while without_log(path, "incidents") < CALM_GROUPS:  # noqa: ASYNC110 - as above
            await asyncio.sleep(CALM_S)
    await store.close()
