"""A file that cannot be relied upon is refused before anything is done with it."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change
from doctor_daemon.stores.schema import APPLICATION_ID, claim
from doctor_daemon.stores.schema_steps import STEPS
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.stores.values import incident, opening

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.sqlite3"


def made(path: Path) -> None:
    """Make a database, and leave it closed."""
    connection, _ = claim(path)
    connection.close()


def edit(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def move(path: Path) -> None:
    """Have somebody put the file elsewhere, log and all."""
    (path.parent / "elsewhere").mkdir()
    for file in path.parent.glob("state*"):
        file.rename(path.parent / "elsewhere" / file.name)


def is_there(path: Path) -> bool:
    return path.exists()


def damage(path: Path) -> None:
    """Overwrite all but the first page, in place."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xff" * (size - PAGE))


def refused(path: Path, why: str) -> None:
    before = path.read_bytes()
    with pytest.raises(Permanent, match=f"{path}: .*{why}"):
        claim(path)
    assert path.read_bytes() == before


def test_each_claim_takes_the_next_term_durably(path: Path) -> None:
    for expected in (1, 2, 3):
        connection, term = claim(path)
        connection.close()
        assert term == expected


def test_each_commit_is_synchronised(path: Path) -> None:
    connection, _ = claim(path)
    with closing(connection):
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (20_000,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_what_is_made_is_for_the_daemon_alone(path: Path) -> None:
    connection, _ = claim(path)
    with closing(connection):
        names = sorted(file.name for file in path.parent.iterdir())
        assert names == ["state.sqlite3", "state.sqlite3-shm", "state.sqlite3-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_empty_file_is_a_new_memory(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    made(path)


def test_a_creation_that_was_cut_off_is_done_again(path: Path) -> None:
    path.parent.mkdir()
    edit(path, "PRAGMA journal_mode = WAL")
    made(path)


def test_a_newer_schema_is_refused(path: Path) -> None:
    made(path)
    edit(path, f"PRAGMA user_version = {len(STEPS) + 1}")
    refused(path, f"its schema is {len(STEPS) + 1}, this version of doctor-daemon knows up to ")


def test_the_database_of_another_program_is_refused(path: Path) -> None:
    path.parent.mkdir()
    edit(path, "CREATE TABLE moz_places (id)")
    refused(path, "another program's database")


@pytest.mark.parametrize("pragma", ["application_id = 7", "user_version = 1"])
def test_an_empty_database_of_another_program_is_refused(path: Path, pragma: str) -> None:
    path.parent.mkdir()
    edit(path, f"PRAGMA {pragma}")
    refused(path, "another program's database")


def test_what_is_no_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("state: {type: sqlite}\n" * 100)
    refused(path, "it is no SQLite database")


def test_a_damaged_page_is_refused(path: Path) -> None:
    made(path)
    content = bytearray(path.read_bytes())
    content[3 * PAGE : 4 * PAGE] = b"\xff" * PAGE
    path.write_bytes(content)
    refused(path, "it is corrupt")


def test_a_file_that_was_cut_short_is_refused(path: Path) -> None:
    made(path)
    path.write_bytes(path.read_bytes()[: 5 * PAGE])
    refused(path, "it is corrupt")


def test_a_directory_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(Permanent, match=f"{path}: {path}: Is a directory"):
        claim(path)


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "state.sqlite3"
    with pytest.raises(Permanent, match=f"{path}: {path.parent}: File exists"):
        claim(path)


async def test_damage_that_is_found_later_stops_the_writing_too(path: Path) -> None:
    store = SqliteStore(SqliteConfig(path=path))
    term = await store.open()
    await store.commit(opening(), term=term)
    await store.close()
    term = await store.open()
    damage(path)
    with pytest.raises(Permanent, match="it is corrupt"):
        await store.load()
    with pytest.raises(Permanent, match="it is corrupt"):
        await store.commit(Change(), term=term)
    await store.close()


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE incidents SET head = 'no head'", "the saved incident cannot be read"),
        ("UPDATE incidents SET version = 9", "says of itself that it is another"),
        ("UPDATE entries SET body = '{}'", "the saved line of a timeline cannot be read"),
        ("UPDATE meta SET armed = 'yes'", "the saved switch cannot be read"),
    ],
)
async def test_a_record_that_cannot_be_read_stops_the_writing_too(
    path: Path, statement: str, complaint: str
) -> None:
    store = SqliteStore(SqliteConfig(path=path))
    term = await store.open()
    await store.commit(opening(), term=term)
    edit(path, statement)
    with pytest.raises(Permanent, match=complaint):
        await store.load()
    with pytest.raises(Permanent, match=complaint):
        await store.commit(Change(), term=term)
    await store.close()


@pytest.mark.parametrize("write_first", [True, False])
async def test_a_file_that_has_vanished_is_no_new_memory(path: Path, write_first: bool) -> None:  # noqa: FBT001 - a case
    store = SqliteStore(SqliteConfig(path=path))
    term = await store.open()
    await store.commit(opening(), term=term)
    move(path)
    with pytest.raises(Permanent, match=r"deleted|cannot be opened"):
        await (store.commit(Change(), term=term) if write_first else store.load())
    with pytest.raises(Permanent, match=r"deleted|cannot be opened"):
        await store.commit(Change(), term=term)
    await store.close()
    assert not is_there(path)


async def test_a_file_that_was_replaced_is_not_written(path: Path) -> None:
    store = SqliteStore(SqliteConfig(path=path))
    term = await store.open()
    move(path)
    made(path)
    with pytest.raises(Permanent, match="moved, deleted or replaced"):
        await store.commit(opening(), term=term)
    await store.close()


async def test_a_store_is_used_between_opening_and_closing_alone(path: Path) -> None:
    store = SqliteStore(SqliteConfig(path=path))
    with pytest.raises(Permanent, match="the store is not open"):
        await store.commit(Change(), term=1)
    await store.open()
    with pytest.raises(Permanent, match="open already"):
        await store.open()
    await store.close()
    await store.close()
    with pytest.raises(Permanent, match="the store is not open"):
        await store.find(IncidentId(incident().id))
