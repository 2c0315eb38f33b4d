"""What each clean-up of a database drops by itself, at its limits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.ports import Change
from doctor_daemon.stores.memory import MemoryConfig, MemoryStore
from doctor_daemon.stores.queries import find, headings
from doctor_daemon.stores.retention import Retention, drops
from doctor_daemon.stores.rows import write_change
from doctor_daemon.stores.schema import claim
from tests.stores.values import DAY_S, at, closing, head_of, notice, opening

SIZE = (
    "SELECT (page_count - freelist_count) * page_size"
    " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
NOTHING = [0] * 8
TOLD = replace(notice(1, id_="gone"), state="delivered", made_at=at(0))
UPKEEP = replace(notice(2, id_="u-1"), kind="maintenance", state="delivered", made_at=at(0))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection, _ = claim(tmp_path / "state.sqlite3")
    yield connection
    connection.close()


def once(connection: sqlite3.Connection, size_max: int) -> list[int]:
    """Do each clean-up once; return how much each has dropped."""
    return [drop(connection) for drop in drops(Retention(1, size_max), 1)]


def used(connection: sqlite3.Connection) -> int:
    (size,) = connection.execute(SIZE).fetchone()
    return int(size)


def over(connection: sqlite3.Connection, id_: str, seconds: float = 0.0) -> None:
    begun = opening(id_, f"cmp-{id_}", seconds)
    write_change(connection, begun, 1)
    write_change(connection, closing(head_of(begun), seconds + 1), 1)


def test_where_nothing_was_written_nothing_is_old(connection: sqlite3.Connection) -> None:
    assert once(connection, 0) == NOTHING


def test_a_database_of_its_greatest_size_is_left(connection: sqlite3.Connection) -> None:
    over(connection, "one")
    assert once(connection, used(connection)) == NOTHING
    assert once(connection, used(connection) - 1) == [0, 1, *NOTHING[2:]]


def test_what_is_too_large_loses_an_incident_only_where_no_notice_is_left_to_go(
    connection: sqlite3.Connection,
) -> None:
    over(connection, "one")
    write_change(connection, Change(notices=(UPKEEP,)), 1)
    assert once(connection, 0) == [0, 1, *NOTHING[2:]]
    assert [one.id for one in headings(connection, None, 9)] == ["one"]
    assert once(connection, 0) == [0, 1, *NOTHING[2:]]
    assert headings(connection, None, 9) == ()


def test_what_is_settled_goes_as_ever_where_no_incident_is_over(
    connection: sqlite3.Connection,
) -> None:
    write_change(connection, opening(), 1)
    write_change(connection, Change(notices=(TOLD,)), 1)
    assert once(connection, 0) == [0, 0, 0, 1, *NOTHING[4:]]


def test_an_incident_without_a_line_is_listed_without_a_text(
    connection: sqlite3.Connection,
) -> None:
    write_change(connection, replace(opening(), entries=()), 1)
    assert [one.text for one in headings(connection, None, 9)] == [""]
    assert find(connection, IncidentId("another")) is None


async def test_what_is_in_memory_has_days_of_its_own_where_none_are_named() -> None:
    kept: list[int] = []
    for store in (MemoryStore(), MemoryStore(MemoryConfig(keep_days=1))):
        term = await store.open()
        begun = replace(opening(), entries=())
        await store.commit(begun, term=term)
        assert [one.text for one in await store.headings(None, 9)] == [""]
        await store.commit(closing(head_of(begun), 1), term=term)
        await store.commit(opening("two", "cmp-2", 2 * DAY_S), term=term)
        await store.prune(term=term)
        kept.append(len(await store.headings(None, 9)))
    assert kept == [2, 1]
