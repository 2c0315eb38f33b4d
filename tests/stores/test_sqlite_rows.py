"""Which writes to a file are refused, what each leaves there, and what its errors mean."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.core.context import Armed, Charge, Maintenance
from doctor_daemon.errors import Conflict, DoctorError, Permanent, Temporary
from doctor_daemon.ports import Change, Delivery, Wanted
from doctor_daemon.stores.faults import Unsynced, refusal, understood
from doctor_daemon.stores.notices import listed, replay
from doctor_daemon.stores.queries import find, snapshot
from doctor_daemon.stores.rows import replace_charges, write_change, write_deliveries
from doctor_daemon.stores.schema import claim
from tests.stores.values import at, closing, head_of, host, notice, opening, step


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection, term = claim(tmp_path / "state.sqlite3")
    assert term == 1
    yield connection
    connection.close()


def test_b10_whoever_leads_no_more_writes_nothing(connection: sqlite3.Connection) -> None:
    write_change(connection, Change(notices=(notice(1),)), 1)
    for term in (0, 2):
        with pytest.raises(Conflict, match=f"term {term} is over: term 1 has been claimed"):
            write_change(connection, opening(), term)
        with pytest.raises(Conflict, match=f"term {term} is over"):
            replace_charges(connection, (), term)
        with pytest.raises(Conflict, match=f"term {term} is over"):
            write_deliveries(connection, [Delivery(notice(1).id, "dead", 1)], term)
        with pytest.raises(Conflict, match=f"term {term} is over"):
            replay(connection, [notice(1).id], term)
    assert snapshot(connection).incidents == ()
    assert [row.state for row in snapshot(connection).pending] == ["pending"]


def test_a_step_is_written_on_the_one_before_it_alone(connection: sqlite3.Connection) -> None:
    head = head_of(opening())
    with pytest.raises(Conflict, match="incident one is not saved at version 1"):
        write_change(connection, step(head, head), 1)
    write_change(connection, opening(), 1)
    after = head_of(step(head, head.note(at(1), "on it goes")))
    write_change(connection, step(head, head.note(at(1), "on it goes")), 1)
    with pytest.raises(Conflict, match="incident one is not saved at version 1"):
        write_change(connection, step(head, head), 1)
    assert find(connection, head.id) == after
    write_change(connection, closing(after, 2), 1)
    assert snapshot(connection).incidents == ()
    assert find(connection, head.id) is not None


def test_the_switch_and_maintenance_are_as_they_were_said_last(
    connection: sqlite3.Connection,
) -> None:
    assert snapshot(connection).armed == Armed()
    windows = [Maintenance(host(name), "ann", "CHG-1", at(9)) for name in ("a", "b")]
    for window in windows:
        write_change(connection, Change(armed=Armed(on=True, why="x"), maintenance=window), 1)
    write_change(connection, Change(), 1)
    found = snapshot(connection)
    assert (found.armed, list(found.maintenance)) == (Armed(on=True, why="x"), windows)
    write_change(connection, Change(maintenance_ended=host("a")), 1)
    assert list(snapshot(connection).maintenance) == windows[1:]


def test_a_notice_has_the_moments_that_it_was_given(connection: sqlite3.Connection) -> None:
    rows = (
        notice(1),
        replace(notice(2), made_at=None),
        replace(notice(3), evidence_at=None),
        replace(notice(4), made_at=None, evidence_at=None),
    )
    write_change(connection, Change(notices=rows), 1)
    assert snapshot(connection).pending == rows
    found = connection.execute("SELECT made_wall_s FROM notices ORDER BY seq").fetchall()
    assert [wall_s for (wall_s,) in found] == [at(1).wall_s, None, at(3).wall_s, None]
    shown = [replace(row, body="") for row in reversed(rows)]
    assert list(listed(connection, Wanted(), 9)) == shown
    assert list(listed(connection, Wanted(ids=frozenset({rows[1].id})), 9)) == shown[2:3]
    assert list(listed(connection, Wanted(state="pending", consumer="vnfm"), 1)) == shown[:1]
    for wanted in (Wanted(state="dead"), Wanted(state="none"), Wanted(consumer="other")):
        assert list(listed(connection, wanted, 9)) == []


def test_charges_take_the_place_of_all(connection: sqlite3.Connection) -> None:
    charges = [Charge("a", number, "rack", at(0)) for number in (1, 2)]
    write_change(connection, Change(charges=(charges[0],)), 1)
    replace_charges(connection, charges[1:], 1)
    assert list(snapshot(connection).charges) == charges[1:]


def failing(code: int | None) -> sqlite3.Error:
    error = sqlite3.OperationalError("as the test wants it")
    if code is not None:
        error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_TEST"
    return error


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        (sqlite3.SQLITE_BUSY, Temporary),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Temporary),
        (sqlite3.SQLITE_FULL, Temporary),
        (sqlite3.SQLITE_IOERR_READ, Temporary),
        (sqlite3.SQLITE_IOERR_FSYNC, Unsynced),
        (sqlite3.SQLITE_IOERR_DIR_FSYNC, Unsynced),
        (sqlite3.SQLITE_CORRUPT, Permanent),
        (sqlite3.SQLITE_READONLY_DBMOVED, Permanent),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, Conflict),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, Conflict),
        (sqlite3.SQLITE_CONSTRAINT_NOTNULL, None),
        (sqlite3.SQLITE_ERROR, None),
        (None, None),
    ],
)
def test_what_goes_wrong_passes_lasts_or_is_a_bug(
    code: int | None, meant: type[DoctorError] | None
) -> None:
    error = failing(code)
    with pytest.raises((DoctorError, sqlite3.Error)) as raised, understood(Path("state")):
        raise error
    if meant is None:
        assert raised.value is error
        return
    assert type(raised.value) is meant
    assert str(raised.value).startswith("state: ")
    assert "as the test wants it" in str(raised.value)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (
            OSError(errno.ENOSPC, "No space left", "/var/x"),
            Temporary,
            "state: /var/x: No space left",
        ),
        (OSError(errno.EDQUOT, "Quota", "/var/x"), Temporary, "state: /var/x: Quota"),
        (OSError(errno.EACCES, "Denied", "/var/x"), Permanent, "state: /var/x: Denied"),
        (OSError(errno.EACCES, "Denied"), Permanent, "state: state: Denied"),
        (PermissionError(), Permanent, "state: state: PermissionError"),
    ],
)
def test_what_the_file_system_refuses_passes_where_there_is_no_room(
    error: OSError, kind: type[DoctorError], text: str
) -> None:
    found = refusal(error, Path("state"))
    assert (type(found), str(found)) == (kind, text)
