"""A memory that an older version wrote is the memory of this one: nothing of it is lost."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from doctor_daemon.core.audit import ORIGIN, Page
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import Incident, IncidentId, Rounds
from doctor_daemon.core.upkeep import Turn, Upkeep
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change, Snapshot
from doctor_daemon.ports.replays import Floor, Spent
from doctor_daemon.stores.codec import ENTRY, HEAD, SERVER, dump_head
from doctor_daemon.stores.schema import APPLICATION_ID, claim
from doctor_daemon.stores.schema_steps import STEPS
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.contracts.store_disk import first
from tests.stores.values import at, evacuation, head_of, host, incident, notice, rich, server, step

WRITTEN = Path(__file__).parent / "data"
"""Dumps of files that were made at schemas 1 to 6, by sqlite3's `.dump`."""
SCHEMAS = (1, 2, 3, 4, 5, 6)
UPKEEP = Upkeep(host("cmp-7"), IncidentId("m1"), Turn.BEGUN, at(4))
"""What was told of upkeep, from the third on."""


def old(schema: int = 1) -> Incident:
    """Return the open incident of such a file."""
    kept = rich()
    if schema > 2:
        return kept
    plain = {
        id_: replace(one, unsent=0, sent_at=None, hold_until=None, to_at=None, left=())
        for id_, one in kept.evacuations.items()
    }
    kept = replace(kept, retirement=None, evacuations=plain)
    return kept if schema > 1 else replace(kept, evacuations={}, rounds=Rounds())


@pytest.fixture
def schema() -> int:
    """Return the schema of the file: the first, unless a test asks for others."""
    return 1


@pytest.fixture
def path(tmp_path: Path, schema: int) -> Path:
    """Make the file as it was left at that schema."""
    path = tmp_path / "state.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((WRITTEN / f"schema-{schema}.sql").read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema}")
    return path


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(SqliteConfig(path=path))
    yield store
    await store.close()


def tables(path: Path) -> set[tuple[str, str]]:
    """Return what the file consists of, however it came about."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        return {
            (name, str(connection.execute(f"PRAGMA table_xinfo({name})").fetchall()))
            for (name,) in names.fetchall()
        }


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_what_was_written_before_is_all_there(store: SqliteStore, schema: int) -> None:
    assert await store.open() == 2
    was = first("carol")
    assert await store.load() == Snapshot(
        incidents=(old(schema),),
        charges=was.charges,
        armed=was.armed or Snapshot().armed,
        maintenance=(was.maintenance,) if was.maintenance else (),
        pending=(notice(2),),
        sequences={("vnfm", host()): 2},
        gaps=frozenset({("vnfm", host())}),
        evidence=was.evidence,
        upkeep=(UPKEEP,) if schema > 2 else (),
        orders=was.orders if schema > 3 else (),
        tasks=was.tasks if schema > 3 else (),
        spent=(Spent("am", "b", 7),) if schema > 5 else (),
        floors=(Floor("am", 3),) if schema > 5 else (),
    )
    assert await store.audit(0, 10) == Page(ORIGIN, ORIGIN, ())
    ended = await store.find(IncidentId("two"))
    assert ended is not None
    assert [entry.text for entry in ended.timeline] == ["two begins", "over"]


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_an_old_incident_goes_on_with_what_is_new(store: SqliteStore, schema: int) -> None:
    term, was = await store.open(), old(schema)
    more = {**was.evacuations, **{one.server.id: one for one in (evacuation("s1", Stage.MOVED),)}}
    change = step(was, replace(was, evacuations=more).note(at(9), "evacuating"))
    await store.commit(change, term=term)
    assert await store.find(IncidentId("one")) == change.head


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_upgraded_file_is_as_a_new_one(path: Path, tmp_path: Path) -> None:
    for file in (path, tmp_path / "new.sqlite3"):
        claim(file)[0].close()
    assert tables(path) == tables(tmp_path / "new.sqlite3")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_earlier_step_is_as_it_was(path: Path, schema: int) -> None:
    with closing(sqlite3.connect(":memory:")) as made, closing(sqlite3.connect(path)) as released:
        for statement in chain.from_iterable(STEPS[:schema]):
            made.execute(statement)
        found = "SELECT name, sql FROM sqlite_master ORDER BY name"
        assert made.execute(found).fetchall() == released.execute(found).fetchall()


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE evacuations (mine)")
        connection.execute("PRAGMA journal_mode = WAL")
    before = tables(path)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        claim(path)
    assert tables(path) == before


def test_fields_that_a_row_does_not_have_yet_take_their_defaults() -> None:
    entry = incident().note(at(0), "down").timeline[0]
    assert ENTRY.loads(without(ENTRY.dumps(entry), "outcome")) == entry
    one = server("s1")
    newer = ("vm_state", "task_state", "fault", "locked", "volume", "tags", "unread")
    assert SERVER.loads(without(SERVER.dumps(one), *newer)) == one
    head = replace(old(), timeline=(), servers={})
    assert HEAD.loads(without(dump_head(head), "rounds")) == head
    old_server = {"id": "s1", "name": "name-s1", "project": "project", "status": "ACTIVE"}
    assert json.loads(without(SERVER.dumps(one), *newer))["value"] == old_server


def without(text: str, *fields: str) -> str:
    """Return a row as it was before it had these fields."""
    document = json.loads(text)
    for field in fields:
        del document["value"][field]
    return json.dumps(document)


def test_what_has_rows_of_its_own_is_not_read_from_the_head() -> None:
    document = json.loads(dump_head(incident()))
    document["value"]["evacuations"] = {}
    with pytest.raises(Permanent, match="evacuations: expected no such field"):
        HEAD.loads(json.dumps(document))


async def test_a_file_is_upgraded_once(store: SqliteStore, path: Path) -> None:
    term = await store.open()
    await store.commit(Change(head=head_of(step(old(), old()))), term=term)
    await store.close()
    again = SqliteStore(SqliteConfig(path=path))
    assert await again.open() == term + 1
    assert [one.id for one in (await again.load()).incidents] == ["one"]
    await again.close()
