"""The audit as each store keeps it: what was changed behind its back is found. It is bounded."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing as shut
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.core.audit import Broken
from doctor_daemon.ports import Change
from doctor_daemon.stores.audit import drop_lines, lines_before, page
from doctor_daemon.stores.chain import Chain
from doctor_daemon.stores.retention import Retention, drops
from doctor_daemon.stores.rows import write_change
from doctor_daemon.stores.schema import claim
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.contracts.store_audit import checked
from tests.stores.values import audit_line, closing, head_of, opening

MIB = 1024 * 1024
LINES = tuple(audit_line(number) for number in range(1, 6))
DONE = [
    "UPDATE audit SET hash = (SELECT hash FROM audit WHERE number = 1) WHERE number = 3",
    "UPDATE audit SET body = replace(body, 'accepted', 'refused') WHERE number = 5",
    "UPDATE audit SET number = 99 WHERE number = 3",
    "DELETE FROM audit WHERE number = 1",
    "DELETE FROM audit WHERE number = 3",
    "DELETE FROM audit WHERE number = 5",
    "DELETE FROM audit",
    "UPDATE audit SET body = (SELECT body FROM audit WHERE number = 2) WHERE number = 3",
    "UPDATE audit_ends SET last = 4",
    "UPDATE audit_ends SET last_hash = dropped_hash",
    "UPDATE audit_ends SET dropped = 1",
    "INSERT INTO audit SELECT 6, 'x', at_wall_s, hash, body FROM audit WHERE number = 5",
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(SqliteConfig(path=tmp_path / "state.sqlite3"))
    yield store
    await store.close()


@pytest.mark.parametrize("done", DONE)
async def test_i17_what_somebody_does_to_the_database_is_found(
    store: SqliteStore, tmp_path: Path, done: str
) -> None:
    term = await store.open()
    await store.commit(Change(audit=LINES), term=term)
    checked(await store.audit(0, 10))
    with shut(sqlite3.connect(tmp_path / "state.sqlite3")) as connection, connection:
        connection.execute(done)
    with pytest.raises(Broken):
        checked(await store.audit(0, 10))


async def test_i17_a_chain_goes_on_from_where_it_was_though_its_last_line_is_gone(
    store: SqliteStore, tmp_path: Path
) -> None:
    term = await store.open()
    await store.commit(Change(audit=LINES), term=term)
    with shut(sqlite3.connect(tmp_path / "state.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM audit WHERE number = 5")
    await store.commit(Change(audit=(audit_line(9),)), term=term)
    with pytest.raises(Broken, match="line 5: it is missing; the next one that is there is 6"):
        checked(await store.audit(0, 10))


# bounds


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection, _ = claim(tmp_path / "state.sqlite3")
    yield connection
    connection.close()


def test_so_many_lines_are_kept_at_most(connection: sqlite3.Connection) -> None:
    write_change(connection, Change(audit=LINES), 1)
    assert lines_before(connection, 0.0, 3) == 3
    assert drop_lines(connection, 3) == 2
    assert drop_lines(connection, 3) == 0
    assert [row.number for row in page(connection, 0, 9).rows] == [3, 4, 5]
    checked(page(connection, 0, 9))


def test_so_many_lines_are_kept_in_memory_at_most() -> None:
    chain = Chain(3)
    chain.add(LINES)
    chain.drop(0.0)
    assert [row.number for row in chain.page(0, 9).rows] == [3, 4, 5]
    chain.add(LINES[:1])  # it is known no more
    assert checked(chain.page(0, 9)).at.number == 6


def big(number: int) -> Change:
    """Return a closed incident of some 20 KiB of audit."""
    line = replace(audit_line(number, number), cause="x" * 20_000)
    return Change(audit=(line,))


def test_above_its_size_lines_go_with_the_incidents_that_ended(
    connection: sqlite3.Connection,
) -> None:
    """One that is open since before all of them keeps nothing."""
    connection.execute("BEGIN")
    write_change(connection, opening("open", "cmp-open", 0), 1)
    for n in range(1, 100):
        first = opening(f"i{n:03}", f"cmp-{n}", n)
        write_change(connection, first, 1)
        write_change(connection, big(n), 1)
        write_change(connection, closing(head_of(first), n + 1), 1)
    connection.execute("COMMIT")
    for drop in drops(Retention(400, 1 * MIB), 1):
        while drop(connection):
            pass
    (kept,) = connection.execute("SELECT count(*) FROM incidents").fetchone()
    found = page(connection, 0, 100)
    assert 20 <= len(found.rows) <= 60
    assert len(found.rows) >= kept - 1  # all of those that ended and are kept
    assert found.rows[-1].number == 99
    checked(found)


def test_above_its_size_the_lines_of_open_incidents_stay(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    for n in range(1, 41):
        write_change(connection, big(n), 1)
    write_change(connection, opening("open", "cmp-open", 41), 1)
    for n in range(41, 141):
        write_change(connection, big(n), 1)
    connection.execute("COMMIT")
    for drop in drops(Retention(400, 1 * MIB), 1):
        while drop(connection):
            pass
    found = page(connection, 0, 1000)
    assert [row.number for row in found.rows] == list(range(41, 141))
    checked(found)
