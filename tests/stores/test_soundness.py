"""A large database is looked through beside the daemon's work, and nothing is begun before that."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from threading import Event

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Change
from doctor_daemon.stores.schema import claim
from doctor_daemon.stores.schema_steps import STEPS
from doctor_daemon.stores.soundness import AT_ONCE_BYTES, Check
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.stores.values import opening

LIMIT_S = 10.0
SOON_S = 0.3
"""By then it would have happened, if nothing were waited for."""
ENDLESS = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT max(n) FROM n"
Begun = Callable[[sqlite3.Connection], None]


class Slow:
    """A look through a database that takes until it is told what to find."""

    def __init__(self, *, waits: bool = True) -> None:
        self.end = Event()
        self.fault: Exception | None = None
        if not waits:
            self.end.set()

    def __call__(self, _: Begun) -> None:
        assert self.end.wait(LIMIT_S)
        if self.fault is not None:
            raise self.fault

    def ends(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.end.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "state.sqlite3"
    claim(path)[0].close()
    return path


@asynccontextmanager
async def looked_through(path: Path, look: Slow) -> AsyncIterator[tuple[SqliteStore, int]]:
    store = SqliteStore(SqliteConfig(path=path), look)
    term = await store.open()
    try:
        yield store, term
    finally:
        look.end.set()
        await store.close()


async def test_a_start_does_not_wait_for_all_of_a_large_database(path: Path) -> None:
    async with looked_through(path, Slow()) as (store, term):
        await store.commit(opening(), term=term)
        assert [one.id for one in (await store.load()).incidents] == [IncidentId("one")]


@pytest.mark.parametrize("size", [AT_ONCE_BYTES, AT_ONCE_BYTES + 1])
async def test_a_large_database_is_looked_through_once_somebody_waits_for_that(size: int) -> None:
    looks: list[Begun] = []
    check = Check(looks.append)
    await asyncio.to_thread(check.begin, size, whole=False)
    large = size > AT_ONCE_BYTES
    assert len(looks) == (0 if large else 1)
    assert not (large and check.sound)
    async with asyncio.timeout(LIMIT_S):
        await check.ended()
    assert (len(looks), check.sound) == (1, True)


async def test_one_that_nobody_waited_for_is_stopped_at_once() -> None:
    looks: list[Begun] = []
    check = Check(looks.append)
    await asyncio.to_thread(check.begin, AT_ONCE_BYTES + 1, whole=False)
    async with asyncio.timeout(LIMIT_S / 2):
        await check.stop(LIMIT_S)
    assert looks == []


async def test_a_large_database_of_an_older_schema_is_looked_through_first() -> None:
    looks: list[Begun] = []
    check = Check(looks.append)
    await asyncio.to_thread(check.begin, AT_ONCE_BYTES + 1, whole=True)
    assert len(looks) == 1


async def test_it_is_sound_once_all_of_it_has_been_read(path: Path) -> None:
    look = Slow()
    async with looked_through(path, look) as (store, term):
        soundness = store.soundness
        assert soundness is not None
        waiting = asyncio.create_task(soundness.ended())
        await store.commit(opening(), term=term)
        assert not soundness.sound
        assert not waiting.done()
        look.ends()
        async with asyncio.timeout(LIMIT_S):
            await waiting
        assert soundness.sound


async def test_a_small_one_is_known_to_be_sound_when_it_is_open(path: Path) -> None:
    async with looked_through(path, Slow(waits=False)) as (store, _):
        assert store.soundness is not None
        assert store.soundness.sound


async def test_nothing_is_dropped_before_that(path: Path) -> None:
    look = Slow()
    async with looked_through(path, look) as (store, term):
        pruning = asyncio.create_task(store.prune(term=term))
        await store.commit(opening(), term=term)
        assert not pruning.done()
        look.ends()
        async with asyncio.timeout(LIMIT_S):
            await pruning


@pytest.mark.parametrize("fault", [Permanent("page 7 is bad"), Temporary("page 7 is unread")])
async def test_damage_that_is_found_after_the_start_stops_the_writing(
    path: Path, fault: Exception
) -> None:
    look = Slow()
    async with looked_through(path, look) as (store, term):
        assert store.soundness is not None
        pruning = asyncio.create_task(store.prune(term=term))
        await store.commit(opening(), term=term)
        look.ends(fault)
        async with asyncio.timeout(LIMIT_S):
            with pytest.raises(type(fault), match="page 7"):
                await store.soundness.ended()
            with pytest.raises(type(fault), match="page 7"):
                await pruning
        assert not store.soundness.sound
        with pytest.raises(Permanent, match="page 7"):
            await store.commit(Change(), term=term)


def spoil(path: Path) -> None:
    """Overwrite the last page."""
    content = bytearray(path.read_bytes())
    content[-4096:] = b"\xff" * 4096
    path.write_bytes(content)


async def test_damage_in_what_a_start_does_not_read_is_found(path: Path) -> None:
    store = SqliteStore(SqliteConfig(path=path))
    term = await store.open()
    await store.commit(opening(), term=term)
    await store.close()
    spoil(path)
    store = SqliteStore(SqliteConfig(path=path))
    with pytest.raises(Permanent, match="it is corrupt"):
        await begun(store)
    await store.close()


async def begun(store: SqliteStore) -> None:
    """Open it, and wait until all of it has been read."""
    await store.open()
    assert store.soundness is not None
    async with asyncio.timeout(LIMIT_S):
        await store.soundness.ended()


async def test_what_is_to_be_changed_waits_until_all_is_sound(path: Path, tmp_path: Path) -> None:
    look = Slow()

    def claimed(which: Path, check: Check) -> tuple[int, int]:
        connection, term = claim(which, check)
        with closing(connection):
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        return term, int(version)

    def claiming(which: Path) -> asyncio.Task[tuple[int, int]]:
        return asyncio.create_task(asyncio.to_thread(claimed, which, Check(look, 0.0)))

    copied = tmp_path / "copied.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(copied),))  # such a copy is without a log
    newest, *others = claiming(path), claiming(tmp_path / "new.sqlite3"), claiming(copied)
    async with asyncio.timeout(LIMIT_S):
        assert await newest == (2, len(STEPS)), "one that is up to date is claimed"
        assert (await asyncio.wait(others, timeout=SOON_S))[0] == set()
        look.ends()
        assert await asyncio.gather(*others) == [(1, len(STEPS)), (2, len(STEPS))]


async def test_an_end_of_the_daemon_does_not_wait_for_it(path: Path) -> None:
    begun = Event()

    def endless(reading: Begun) -> None:
        connection = sqlite3.connect(path)
        try:
            reading(connection)
            begun.set()
            connection.execute(ENDLESS)
        finally:
            connection.close()

    store = SqliteStore(SqliteConfig(path=path), endless)
    await store.open()
    assert await asyncio.to_thread(begun.wait, LIMIT_S)
    async with asyncio.timeout(LIMIT_S):
        await store.close()
