"""D8: a file that is being filled is nobody's until it is whole; one with state is left alone."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from doctor_daemon.core.context import Armed, Maintenance
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change
from doctor_daemon.ports.moving import NOT_WHOLE
from doctor_daemon.stores.queries import snapshot
from doctor_daemon.stores.rows import write_change
from doctor_daemon.stores.schema import (
    APPLICATION_ID,
    UNFINISHED,
    claim,
    connect_unfinished,
    finish,
    look_through,
)
from doctor_daemon.stores.schema_steps import STEPS
from doctor_daemon.stores.soundness import Check
from tests.stores.test_soundness import LIMIT_S, SOON_S, Slow
from tests.stores.values import at, audit_line, evidence, host, notice, opening

OLD = Path(__file__).parent / "data" / "schema-3.sql"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.sqlite3"


def number(path: Path, name: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def test_what_is_being_filled_is_opened_by_nobody_else_until_it_is_whole(path: Path) -> None:
    with closing(connect_unfinished(path)) as connection:
        assert number(path, "application_id") == UNFINISHED
        write_change(connection, opening(), 0)
    with pytest.raises(Permanent, match=NOT_WHOLE[:20]):
        claim(path)
    with closing(connect_unfinished(path)) as connection:  # what was put in is gone
        assert snapshot(connection).incidents == ()
        write_change(connection, opening("two"), 0)
        connection.execute("BEGIN")
        finish(connection)
        connection.execute("COMMIT")
    connection, term = claim(path)
    with closing(connection):
        assert ([one.id for one in snapshot(connection).incidents], term) == (["two"], 1)
    assert (number(path, "application_id"), number(path, "user_version")) == (
        APPLICATION_ID,
        len(STEPS),
    )


@pytest.mark.parametrize(
    "change",
    [
        opening(),
        Change(armed=Armed(on=True)),
        Change(maintenance=Maintenance(host(), "ann", "x", at(1))),
        Change(notices=(notice(1),)),
        Change(evidence=(evidence("k"),)),
        Change(audit=(audit_line(1),)),
    ],
    ids=["incident", "switch", "maintenance", "notice", "event", "audit"],
)
def test_what_has_any_state_is_not_filled(path: Path, change: Change) -> None:
    connection, _ = claim(path)
    with closing(connection):
        write_change(connection, change, 1)
        before = snapshot(connection)
    with pytest.raises(Permanent, match="there is state in it already"):
        connect_unfinished(path)
    connection, _ = claim(path)
    with closing(connection):
        assert snapshot(connection) == before


def test_what_was_opened_and_holds_nothing_is_filled(path: Path) -> None:
    claim(path)[0].close()
    connect_unfinished(path).close()
    assert number(path, "application_id") == UNFINISHED


def test_an_older_one_with_state_is_left_to_its_daemon(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 3")
    with pytest.raises(Permanent, match="there is state in it already"):
        connect_unfinished(path)
    connection, _ = claim(path)
    with closing(connection):
        assert snapshot(connection).incidents


def test_another_programs_is_not_filled(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE moz_places (id)")
    with pytest.raises(Permanent, match="another program's database"):
        connect_unfinished(path)


def test_damage_is_told_as_what_it_is(path: Path) -> None:
    claim(path)[0].close()
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 4 * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(Permanent, match=r"it is corrupt: (?!no answer).+") as found:
        look_through(path, lambda _: None)
    assert str(found.value).startswith(f"{path}: it is corrupt")


async def test_an_older_schema_is_looked_through_before_it_is_changed(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 3")
        assert connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    look = Slow()
    check = Check(look, 0.0)

    def claimed() -> int:
        connection, term = claim(path, check)
        connection.close()
        return term

    claiming = asyncio.create_task(asyncio.to_thread(claimed))
    assert not (await asyncio.wait((claiming,), timeout=SOON_S))[0]
    assert number(path, "user_version") == 3
    look.ends()
    async with asyncio.timeout(LIMIT_S):
        assert await claiming > 0
    assert number(path, "user_version") == len(STEPS)
