"""Many rows by few statements: each row once, in order, and few statements for any number."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from doctor_daemon.stores.many import VALUES_MAX, for_each_of, insert_many

INTO = "INSERT INTO things (kind, name, size)"
THEN = " ON CONFLICT DO UPDATE SET size = max(size, excluded.size)"
MANY = 3 * VALUES_MAX + 7
NUMBERS = (0, 1, 2, 3, VALUES_MAX // 3, VALUES_MAX // 3 + 1, VALUES_MAX, MANY)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute("CREATE TABLE things (kind TEXT, name TEXT, size INT, PRIMARY KEY (name))")
        made.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)  # as of an older SQLite
        yield made


def _things(number: int, size: int = 1) -> list[tuple[str, str, int]]:
    return [("a", f"thing-{n}", size) for n in range(number)]


def _all(connection: sqlite3.Connection) -> list[tuple[str, str, int]]:
    return list(connection.execute("SELECT kind, name, size FROM things ORDER BY rowid"))


@pytest.mark.parametrize("number", NUMBERS)
def test_each_row_is_written_once_and_in_order(connection: sqlite3.Connection, number: int) -> None:
    insert_many(connection, INTO, iter(_things(number)))
    assert _all(connection) == _things(number)


def test_a_row_that_is_there_is_changed_be_it_by_the_same_statement(
    connection: sqlite3.Connection,
) -> None:
    insert_many(connection, INTO, [*_things(5, 2), *_things(7, 3), *_things(6, 1)], THEN)
    assert _all(connection) == _things(7, 3)


def test_a_row_that_is_refused_refuses_the_statement(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert_many(connection, INTO, _things(2) + _things(1))


@pytest.mark.parametrize("number", NUMBERS)
def test_only_those_that_are_named_are_changed(connection: sqlite3.Connection, number: int) -> None:
    insert_many(connection, INTO, _things(MANY + 2))
    names = [name for _, name, _ in _things(number)]
    for_each_of(
        connection, "UPDATE things SET size = ? WHERE kind = ? AND name IN", (9, "a"), names
    )
    assert _all(connection) == _things(number, 9) + _things(MANY + 2)[number:]


def test_any_number_of_rows_takes_few_statements(connection: sqlite3.Connection) -> None:
    said: list[str] = []
    connection.set_trace_callback(said.append)
    insert_many(connection, INTO, _things(500))
    assert len(said) == 6  # 256, 128, 64, 32, 16 and 4 rows


def test_the_statements_for_all_numbers_are_few_and_are_compiled_once(
    connection: sqlite3.Connection,
) -> None:
    lengths: set[int] = set()
    for number in range(1, 300):
        connection.execute("DELETE FROM things")
        told: list[str] = []
        connection.set_trace_callback(told.append)
        insert_many(connection, INTO, _things(number))
        connection.set_trace_callback(None)
        lengths |= {text.count("(") - 1 for text in told}
    assert lengths == {1 << power for power in range(9)}
