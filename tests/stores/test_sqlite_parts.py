"""What the store in a file says of itself, does in parts, and does not do once it is closed."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing as ending
from pathlib import Path
from threading import Event

import pytest

from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change
from doctor_daemon.stores.reader import Reader
from doctor_daemon.stores.schema import claim
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.stores.test_soundness import ENDLESS, LIMIT_S, Begun, Slow, looked_through
from tests.stores.values import DAY_S, closing, head_of, opening

MANY = 45
"""More than are dropped at a time, twice over."""


@pytest.fixture
def config(tmp_path: Path) -> SqliteConfig:
    return SqliteConfig(path=tmp_path / "state.sqlite3", keep_days=1)


@pytest.fixture
def made(config: SqliteConfig) -> SqliteConfig:
    """Have the file there: a new one is looked through before it is open."""
    claim(config.path)[0].close()
    return config


async def test_one_that_is_not_open_has_done_nothing_and_does_nothing(config: SqliteConfig) -> None:
    store = SqliteStore(config)
    assert (store.groups, store.waiting, store.soundness) == (0, 0, None)
    await store.close()
    with pytest.raises(Permanent, match="is not open"):
        await store.prune(term=1)
    term = await store.open()
    await store.commit(opening(), term=term)
    assert (store.groups, store.waiting) == (1, 0)
    await store.close()
    await store.close()
    assert (store.groups, store.waiting) == (0, 0)
    for work in (store.commit(Change(), term=term), store.load(), store.prune(term=term)):
        with pytest.raises(Permanent, match="is not open"):
            await work


async def test_all_that_is_old_is_dropped_a_few_at_a_time(config: SqliteConfig) -> None:
    store = SqliteStore(config)
    term = await store.open()
    for number in range(MANY):
        begun = opening(f"i{number}", f"cmp-{number}", number)
        await store.commit(begun, term=term)
        await store.commit(closing(head_of(begun), number + 0.5), term=term)
    await store.commit(opening("now", "now", 3 * DAY_S), term=term)
    groups = store.groups
    async with asyncio.timeout(LIMIT_S):
        await store.prune(term=term)
    assert [one.id for one in await store.headings(None, 100)] == ["now"]
    assert store.groups > groups + 2
    await store.close()


async def test_what_was_found_sound_after_the_start_is_written_on(
    made: SqliteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    look = Slow()
    async with looked_through(made.path, look) as (store, term):
        assert store.soundness is not None
        assert "is being looked through" in capsys.readouterr().out
        look.ends()
        async with asyncio.timeout(LIMIT_S):
            await store.soundness.ended()
        assert "it is sound" in capsys.readouterr().out
        await store.commit(opening(), term=term)


async def test_damage_is_logged(made: SqliteConfig, capsys: pytest.CaptureFixture[str]) -> None:
    look = Slow()
    async with looked_through(made.path, look) as (store, _):
        assert store.soundness is not None
        look.ends(Permanent("page 7 is bad"))
        with pytest.raises(Permanent, match="page 7"):
            await store.soundness.ended()
        assert "nothing is saved any more" in capsys.readouterr().out


async def test_the_end_of_the_store_is_the_end_of_the_look(made: SqliteConfig) -> None:
    look = Slow()
    async with looked_through(made.path, look) as (store, _):
        assert store.soundness is not None
        ending = asyncio.create_task(store.close())
        look.ends(Permanent("page 7 is bad"))
        async with asyncio.timeout(LIMIT_S):
            await ending
            with pytest.raises(Permanent, match="page 7"):
                await store.soundness.ended()


async def test_a_start_that_knows_says_nothing_of_a_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for number in range(5):  # on a busy machine one may be a moment too late
        store = SqliteStore(SqliteConfig(path=tmp_path / f"{number}.sqlite3"))
        await store.open()
        await store.close()
        said.append("is being looked through" in capsys.readouterr().out)
    assert not all(said)


async def test_a_write_that_is_under_way_is_counted_as_waiting(config: SqliteConfig) -> None:
    store = SqliteStore(config)
    term = await store.open()
    works = [
        asyncio.create_task(store.commit(opening(f"i{n}", f"c{n}"), term=term)) for n in (1, 2)
    ]
    await asyncio.sleep(0)
    assert store.waiting == 2
    await asyncio.gather(*works)
    assert store.waiting == 0
    await store.close()


async def test_a_look_that_goes_on_is_ended_with_the_store(made: SqliteConfig) -> None:
    reads, over = Event(), Event()

    def endless(reading: Begun) -> None:
        with ending(sqlite3.connect(made.path)) as connection:
            reading(connection)
            reads.set()
            try:
                connection.execute(ENDLESS)
            finally:
                over.set()

    store = SqliteStore(made, endless)
    await store.open()
    assert await asyncio.to_thread(reads.wait, LIMIT_S)
    await store.close()
    assert await asyncio.to_thread(over.wait, LIMIT_S)


async def test_one_connection_reads_and_is_closed_in_the_end(made: SqliteConfig) -> None:
    reader = Reader(made.path)
    first = await reader.read(lambda connection: connection)
    assert await reader.read(lambda connection: connection) is first
    await reader.stop()
    assert await asyncio.to_thread(handles, made.path) == []


def handles(path: Path) -> list[str]:
    """Return the files of a database that this process has open."""
    found = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    return [one for one in found if one.startswith(str(path))]
