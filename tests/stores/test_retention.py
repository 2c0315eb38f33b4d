"""What only a database has to bound: its size, and rows that nobody would ever ask for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.ports import Change
from doctor_daemon.stores.queries import headings, snapshot
from doctor_daemon.stores.retention import FOLDS_MAX, KEYS_MAX, Retention, drops
from doctor_daemon.stores.rows import write_change
from doctor_daemon.stores.schema import claim
from tests.stores.values import DAY_S, at, closing, head_of, host, notice, opening, step

MIB = 1024 * 1024
LEFT = "SELECT sequence FROM notices WHERE kind = 'maintenance' ORDER BY sequence"
KEYS = """
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
    INSERT INTO evidence_keys
      (key, cloud, host, source, fingerprint, verdict, boot_id, boot_s, wall_s)
    SELECT 'k' || n, 'default', 'cmp-1', 'am', 'f', 'down', m.boot_id, m.boot_s, m.wall_s
    FROM n JOIN meta AS m
"""
FOLDS = """
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
    INSERT INTO evidence
      (cloud, host, source, fingerprint, verdict, summary, first, last, last_wall_s, count)
    SELECT 'default', 'cmp-1', 'am', 'f' || n, 'down', '', '', '', m.wall_s - n, 1
    FROM n JOIN meta AS m
"""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection, _ = claim(tmp_path / "state.sqlite3")
    yield connection
    connection.close()


def prune(connection: sqlite3.Connection, rule: Retention) -> int:
    """Do every clean-up to its end; return how many transactions that took."""
    steps = 0
    for drop in drops(rule, 1):
        while drop(connection):
            steps += 1
    return steps


def count(connection: sqlite3.Connection, table: str) -> int:
    (found,) = connection.execute("SELECT count(*) FROM " + table).fetchone()  # noqa: S608 - the test's own words
    return int(found)


def fill(connection: sqlite3.Connection, number: int) -> None:
    """Save closed incidents of some 20 KiB each, and one that is open."""
    connection.execute("BEGIN")
    for n in range(number):
        change = opening(f"i{n:03}", f"cmp-{n}", n)
        told = replace(notice(1, f"cmp-{n}", id_=f"i{n:03}"), body="x" * 20_000, state="dead")
        write_change(connection, replace(change, notices=(told,)), 1)
        if n:
            write_change(connection, closing(head_of(change), n + 1), 1)
    connection.execute("COMMIT")


def test_above_its_size_the_oldest_closed_incidents_go(connection: sqlite3.Connection) -> None:
    fill(connection, 100)
    assert prune(connection, Retention(400, 1 * MIB)) > 1
    kept = [heading.id for heading in headings(connection, None, 200)]
    assert kept == [f"i{n:03}" for n in range(99, 99 - len(kept) + 1, -1)] + ["i000"]
    assert 20 <= len(kept) <= 60
    assert count(connection, "notices") == count(connection, "entries") // 2 + 1 == len(kept)


def test_above_its_size_what_was_told_of_upkeep_goes_with_what_ended_before_it(
    connection: sqlite3.Connection,
) -> None:
    fill(connection, 60)
    connection.execute("BEGIN")
    for n in range(60):
        row = notice(n + 1, "cmp-x", id_="u-1")
        told = replace(row, kind="maintenance", body="x" * 20_000, state="delivered")
        write_change(connection, Change(notices=(told,)), 1)
    connection.execute("COMMIT")
    prune(connection, Retention(400, 1 * MIB))
    kept = [sequence for (sequence,) in connection.execute(LEFT)]
    assert kept == list(range(61 - len(kept), 61)), "the oldest go first"
    assert 0 < len(kept) < 60
    assert 1 < count(connection, "incidents") < 60
    prune(connection, Retention(400, 0))
    assert (list(connection.execute(LEFT)), count(connection, "incidents")) == ([], 1)


def test_below_its_size_nothing_goes(connection: sqlite3.Connection) -> None:
    fill(connection, 10)
    assert prune(connection, Retention(400, 1 * MIB)) == 0
    assert count(connection, "incidents") == 10


def test_what_is_open_stays_whatever_its_size(connection: sqlite3.Connection) -> None:
    fill(connection, 5)
    prune(connection, Retention(400, 0))
    assert [heading.id for heading in headings(connection, None, 10)] == ["i000"]


def test_keys_are_bounded_in_number(connection: sqlite3.Connection) -> None:
    fill(connection, 1)
    connection.execute(KEYS, (KEYS_MAX + 7000,))
    assert prune(connection, Retention(400, 512 * MIB)) == 2
    assert count(connection, "evidence_keys") == KEYS_MAX
    assert connection.execute("SELECT min(seq) FROM evidence_keys").fetchone() == (7001,)


def test_what_was_said_is_bounded_in_number_and_age(connection: sqlite3.Connection) -> None:
    fill(connection, 1)
    connection.execute(FOLDS, (FOLDS_MAX + 10,))
    prune(connection, Retention(400, 512 * MIB))
    assert count(connection, "evidence") == FOLDS_MAX
    prune(connection, Retention(1, 512 * MIB))
    assert count(connection, "evidence") == 86_400


def test_returns_of_before_any_window_are_not_read_at_a_start(
    connection: sqlite3.Connection,
) -> None:
    for name, day in (("old", 0), ("lately", 10), ("now", 40)):
        change = opening(name, name, day * DAY_S)
        down = replace(head_of(change), phase=Phase.DOWN, release=Release(returns=1))
        write_change(connection, replace(change, head=down), 1)
        ended = down.move(Phase.RESOLVED, at(day * DAY_S + 1), "back")
        write_change(connection, step(down, ended), 1)
    assert [one for one, _ in snapshot(connection).returns] == [host("lately"), host("now")]
