"""The writer's thread: groups, and what becomes of those who wait when something goes wrong."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.errors import Conflict, Permanent, Temporary
from doctor_daemon.stores.writer import QUEUE_MAX, Writer

FULL, FSYNC = sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_FSYNC


class Disk(sqlite3.Connection):
    """A connection whose next commits fail with a code of SQLite's; 0 lets one go well."""

    fails: tuple[int, ...] = ()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401 - as in the class it extends
        if sql == "COMMIT" and self.fails:
            code, *rest = self.fails
            self.fails = tuple(rest)
            if code:
                error = sqlite3.OperationalError("as the test wants it")
                error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_TEST"
                raise error
        return super().execute(sql, parameters)


class Bench:
    """A writer on a small table, and ways to see what is in it."""

    def __init__(self, path: Path, write_s: float = 5.0) -> None:
        self.path = path
        self.disk: Disk | None = None
        self.writer = Writer(path, self._claim, lambda: None, write_s)
        self.gate = threading.Event()

    def _claim(self) -> tuple[sqlite3.Connection, int]:
        self.disk = sqlite3.connect(self.path, isolation_level=None, timeout=0.05, factory=Disk)
        self.disk.execute("PRAGMA journal_mode = WAL")
        self.disk.execute("CREATE TABLE IF NOT EXISTS notes (note TEXT PRIMARY KEY)")
        return self.disk, 7

    def fail(self, *codes: int) -> None:
        """Have the next commits fail."""
        assert self.disk is not None
        self.disk.fails = codes

    async def hold(self) -> asyncio.Task[bool]:
        """Keep the thread busy with one job until the gate is opened."""
        began = threading.Event()

        def work(_: sqlite3.Connection) -> bool:
            began.set()
            return self.gate.wait(5)

        task = asyncio.create_task(self.writer.write(work))
        assert await asyncio.to_thread(began.wait, 5)
        return task

    def notes(self) -> list[str]:
        """Read what is committed, from outside."""
        with sqlite3.connect(self.path) as other:
            found = [note for (note,) in other.execute("SELECT note FROM notes ORDER BY note")]
        other.close()
        return found


def adding(note: str) -> Callable[[sqlite3.Connection], str]:
    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO notes VALUES (?)", (note,))
        return f"added {note}"

    return work


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "notes.sqlite3")
    assert await bench.writer.start() == 7
    yield bench
    bench.gate.set()
    await bench.writer.stop()


async def test_work_answers_when_it_is_committed(bench: Bench) -> None:
    assert await bench.writer.write(adding("a")) == "added a"
    assert bench.notes() == ["a"]


async def test_what_is_asked_for_at_once_is_committed_in_few_groups(bench: Bench) -> None:
    await asyncio.gather(*(bench.writer.write(adding(f"{n:03}")) for n in range(200)))
    print(f"200 writes at once: {bench.writer.groups} groups")
    assert len(bench.notes()) == 200
    assert bench.writer.groups <= 20


async def test_what_came_during_a_commit_goes_into_the_next_one(bench: Bench) -> None:
    held = await bench.hold()
    waiting = [asyncio.create_task(bench.writer.write(adding(note))) for note in "abc"]
    await asyncio.sleep(0)
    bench.gate.set()
    assert await asyncio.gather(*waiting) == ["added a", "added b", "added c"]
    assert await held
    assert bench.writer.groups == 2


async def test_work_that_is_refused_fails_alone(bench: Bench) -> None:
    def stale(connection: sqlite3.Connection) -> None:
        adding("half")(connection)
        msg = "stale"
        raise Conflict(msg)

    def mistaken(connection: sqlite3.Connection) -> None:
        adding("other half")(connection)
        connection.execute("SELECT nothing FROM nowhere")

    held = await bench.hold()
    works: list[Callable[[sqlite3.Connection], object]] = [
        *(adding("a"), stale, adding("a"), mistaken, adding("b"))
    ]
    group = asyncio.gather(*map(bench.writer.write, works), return_exceptions=True)
    await asyncio.sleep(0)
    bench.gate.set()
    ends = await group
    assert [type(end) for end in ends] == [str, Conflict, Conflict, sqlite3.OperationalError, str]
    assert bench.notes() == ["a", "b"]
    assert await held


async def test_a_commit_that_fails_fails_for_all_who_are_in_it(bench: Bench) -> None:
    def stale(_: sqlite3.Connection) -> None:
        msg = "as it seemed from a state that was never saved"
        raise Conflict(msg)

    held = await bench.hold()
    bench.fail(0, FULL)
    works: list[Callable[[sqlite3.Connection], object]] = [adding("a"), stale]
    group = asyncio.gather(*map(bench.writer.write, works), return_exceptions=True)
    await asyncio.sleep(0)
    bench.gate.set()
    ends = await group
    assert [str(end).split(": ")[1] for end in ends] == ["the disk is full; SQLite says"] * 2
    assert [type(end) for end in ends] == [Temporary, Temporary]
    assert ends[0] is not ends[1]  # each grows a traceback of its own
    assert await held
    assert bench.notes() == []
    assert await bench.writer.write(adding("a")) == "added a"


async def test_a_full_database_says_so_and_takes_more_when_there_is_room(bench: Bench) -> None:
    await bench.writer.write(lambda c: c.execute("PRAGMA max_page_count = 3").fetchone())
    with pytest.raises(Temporary, match=r"notes.sqlite3: the disk is full; .*SQLITE_FULL"):
        await bench.writer.write(adding("x" * 20_000))
    assert await bench.writer.write(adding("small")) == "added small"
    assert bench.notes() == ["small"]


async def test_after_a_failed_synchronisation_nothing_is_written(bench: Bench) -> None:
    bench.fail(FSYNC)
    with pytest.raises(Temporary, match="could not be synchronised"):
        await bench.writer.write(adding("perhaps"))
    for _ in range(2):
        with pytest.raises(Permanent, match="could not be synchronised"):
            await bench.writer.write(adding("never"))
    assert "never" not in bench.notes()


async def test_a_read_only_database_is_refused_for_good(bench: Bench) -> None:
    await bench.writer.write(lambda c: c.execute("PRAGMA query_only = ON").fetchall())
    with pytest.raises(Permanent, match="it is read-only"):
        await bench.writer.write(adding("a"))
    with pytest.raises(Permanent, match="it is read-only"):
        await bench.writer.write(lambda c: c.execute("PRAGMA query_only = OFF").fetchall())


async def test_a_lock_of_another_process_passes(bench: Bench) -> None:
    other = sqlite3.connect(bench.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Temporary, match="another process has it locked"):
        await bench.writer.write(adding("a"))
    other.execute("ROLLBACK")
    other.close()
    assert await bench.writer.write(adding("a")) == "added a"


async def test_one_who_stops_waiting_takes_nothing_back(bench: Bench) -> None:
    held = await bench.hold()
    gone = asyncio.create_task(bench.writer.write(adding("a")))
    stays = asyncio.create_task(bench.writer.write(adding("b")))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    bench.gate.set()
    assert await stays == "added b"
    assert bench.notes() == ["a", "b"]
    assert await held


async def test_a_disk_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "notes.sqlite3", write_s=0.05)
    await bench.writer.start()
    held = await bench.hold()
    with pytest.raises(Temporary, match=r"no answer from the disk in 0.05 s"):
        await bench.writer.write(adding("late"))
    with pytest.raises(Temporary, match="no answer"):
        await held
    bench.gate.set()
    await bench.writer.stop()
    assert bench.notes() == ["late"]


async def test_only_so_many_may_wait(bench: Bench) -> None:
    held = await bench.hold()
    waiting = [
        asyncio.create_task(bench.writer.write(lambda _: None)) for _ in range(QUEUE_MAX - 1)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Temporary, match=f"{QUEUE_MAX} writes are waiting already"):
        await bench.writer.write(adding("too much"))
    bench.gate.set()
    await asyncio.gather(held, *waiting)
    assert await bench.writer.write(adding("a")) == "added a"
    assert bench.notes() == ["a"]


async def test_what_is_queued_is_done_before_the_end(bench: Bench) -> None:
    held = await bench.hold()
    queued = asyncio.create_task(bench.writer.write(adding("a")))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(bench.writer.stop())
    await asyncio.sleep(0)
    bench.gate.set()
    await stopping
    assert await held
    assert await queued == "added a"
    with pytest.raises(Permanent, match="the store is closed"):
        await bench.writer.write(adding("b"))
    assert bench.notes() == ["a"]


async def test_the_thread_ends_with_the_writer(bench: Bench) -> None:
    await bench.writer.stop()
    for thread in threading.enumerate():
        if thread.name == "store-writer":
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()


async def test_a_claim_that_fails_is_told(tmp_path: Path) -> None:
    def claim() -> tuple[sqlite3.Connection, int]:
        msg = "corrupt"
        raise Permanent(msg)

    writer = Writer(tmp_path, claim, lambda: None)
    with pytest.raises(Permanent, match="corrupt"):
        await writer.start()
    await writer.stop()
