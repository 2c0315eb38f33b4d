"""What cannot be moved whole is refused, and named; what is odd and whole is moved as it is."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from doctor_daemon.errors import Conflict, Permanent, Temporary
from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster
from tests.stores.movers import Place, exported, imported, of_etcd, of_sqlite, read
from tests.stores.test_etcd import put
from tests.stores.test_moving import opened
from tests.stores.values import audit_line, head_of, notice, opening
from tests.stores.values import closing as ending


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite3"


def edit(path: Path, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement, values)


async def filled(place: Place, count: int = 3) -> None:
    """Have some incidents that are over, and lines of the audit."""
    async with opened(place) as [(store, term)]:
        for number in range(count):
            begun = opening(f"i{number}", seconds=number)
            line = audit_line(number, number)
            await store.commit(replace(begun, audit=(line,)), term=term)
            await store.commit(ending(head_of(begun), number + 0.5), term=term)


async def test_what_cannot_be_read_is_named_and_not_left_out(path: Path, tmp_path: Path) -> None:
    await filled(of_sqlite(path))
    edit(path, "UPDATE incidents SET head = 'no head' WHERE id = 'i1'")
    with pytest.raises(Permanent, match="incident i1: the saved incident cannot be read"):
        await exported(of_sqlite(path), tmp_path / "file")
    assert not (tmp_path / "file").exists()


async def test_nor_is_it_left_out_in_etcd(
    path: Path, tmp_path: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    await filled(of_sqlite(path))
    await imported(of_etcd(config), await exported(of_sqlite(path), tmp_path / "file"))
    put(etcd, f"{config.prefix}x/i1", "no short")
    with pytest.raises(Permanent, match="x/i1: "):
        await exported(of_etcd(config), tmp_path / "other")
    assert not (tmp_path / "other").exists()


async def test_there_is_nothing_to_be_given_where_no_file_is(path: Path, tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="there is no such file"):
        await exported(of_sqlite(path), tmp_path / "file")
    assert not await asyncio.to_thread(path.exists)


async def test_more_than_etcd_is_to_keep_is_refused_before_it_is_touched(
    path: Path, tmp_path: Path, config: EtcdConfig
) -> None:
    few = of_etcd(config.model_copy(update={"closed_max": 2}))
    await filled(of_sqlite(path))
    file = await exported(of_sqlite(path), tmp_path / "file")
    with pytest.raises(Permanent, match=r"^3 incidents .* state\.closed_max keeps 2 of them"):
        await imported(few, file)
    async with opened(few) as [(store, term)]:
        assert term == 1
        assert await store.headings(None, 10) == ()


async def test_what_no_transaction_of_etcd_takes_is_refused(
    path: Path, tmp_path: Path, config: EtcdConfig
) -> None:
    body = Random(1).randbytes(1_600_000).hex()
    async with opened(of_sqlite(path)) as [(store, term)]:
        told = replace(notice(1), body=body)
        await store.commit(replace(opening(), notices=(told,)), term=term)
    file = await exported(of_sqlite(path), tmp_path / "file")
    with pytest.raises(Permanent, match=r"it cannot be kept in etcd: .* are the limit"):
        await imported(of_etcd(config), file)
    with pytest.raises(Permanent, match="not whole"):
        await of_etcd(config).store().open()


@pytest.mark.parametrize("body", ["no record", '{"id":"forged"}'])
async def test_an_audit_that_is_not_whole_stays_as_it_is(
    path: Path, tmp_path: Path, config: EtcdConfig, body: str
) -> None:
    """Whoever follows it there finds the same line to be wrong."""
    back = of_sqlite(tmp_path / "back" / "state.sqlite3")
    await filled(of_sqlite(path))
    edit(path, "UPDATE audit SET body = ? WHERE number = 2", body)
    await imported(of_etcd(config), await exported(of_sqlite(path), tmp_path / "file"))
    await imported(back, await exported(of_etcd(config), tmp_path / "other"))
    async with opened(of_sqlite(path), of_etcd(config), back) as found:
        pages = [await store.audit(0, 10) for store, _ in found]
        assert pages[0] == pages[1] == pages[2]
        assert pages[0].rows[1].body == body
        for store, term in found:
            await store.commit(Change(audit=(audit_line(9),)), term=term)
            assert (await store.audit(3, 10)).rows[0].number == 4


async def test_an_older_schema_is_brought_up_to_date_first(path: Path, tmp_path: Path) -> None:
    dump = Path(__file__).parent / "data" / "schema-3.sql"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
        connection.execute("PRAGMA application_id = 1146045268")
        connection.execute("PRAGMA user_version = 3")
    there = of_sqlite(tmp_path / "there" / "state.sqlite3")
    await imported(there, await exported(of_sqlite(path), tmp_path / "file"))
    async with opened(of_sqlite(path), there) as [(one, _), (other, _)]:
        assert await one.load() == await other.load()
        assert (await one.load()).incidents


async def test_i6_a_word_that_no_daemon_has_heeded_is_not_left_behind(
    path: Path, tmp_path: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    """Somebody has disarmed all, and none that led has saved it: elsewhere it would be armed."""
    await filled(of_sqlite(path))
    file = await exported(of_sqlite(path), tmp_path / "file")
    await imported(of_etcd(config), file)
    word = '{"value":{"by":"carol","why":"storm","id":"w"},"boots":[]}'
    put(etcd, f"{config.prefix}disarm", word)
    with pytest.raises(Conflict, match="disarmed by carol, 'storm', which no daemon has saved yet"):
        await exported(of_etcd(config), tmp_path / "other")
    other = config.model_copy(update={"prefix": f"{config.prefix}other/"})
    put(etcd, f"{other.prefix}disarm", word)
    await imported(of_etcd(other), file)  # whoever leads there heeds it
    store = EtcdStore(other)
    try:
        await store.open()
        assert (await store.leadership.words.forbidden()).by == "carol"
    finally:
        await store.close()


@contextmanager
def room(size: int) -> Iterator[None]:
    """Have files grow so far, and no further."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_i6_a_disk_that_is_full_leaves_no_half_of_a_file(path: Path, tmp_path: Path) -> None:
    await filled(of_sqlite(path), 60)
    there = tmp_path / "there"
    there.mkdir()
    with room(32 * 1024), pytest.raises(Temporary, match="File too large"):
        await exported(of_sqlite(path), there / "file")
    assert list(there.iterdir()) == []
    await exported(of_sqlite(path), there / "file")


async def test_i6_a_disk_that_is_full_leaves_no_half_of_a_state(path: Path, tmp_path: Path) -> None:
    await filled(of_sqlite(path), 600)
    file = await exported(of_sqlite(path), tmp_path / "file")
    there = of_sqlite(tmp_path / "there" / "state.sqlite3")
    with room(512 * 1024), pytest.raises(Temporary, match="SQLite says"):
        await imported(there, file)
    with pytest.raises(Permanent, match="not whole"):
        await there.store().open()
    await imported(there, file)
    await exported(there, tmp_path / "again")
    assert read(tmp_path / "again")[1] == read(file)[1]
