"""A file that is made: its name is durable, its log is possible, and a disk may be full over it."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PosixPath

import pytest

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.schema import claim, connect_unfinished


class Bare(PosixPath):
    """A file on a system where no two processes can share memory over it."""

    def as_uri(self) -> str:
        return f"{super().as_uri()}?vfs=unix-none&rest="


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.sqlite3"


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Yield the names of all that is opened, as long as the test runs."""
    names: list[str] = []
    watched = [True]

    def hook(event: str, args: tuple[object, ...]) -> None:
        if watched and event == "open":
            names.append(str(args[0]))

    sys.addaudithook(hook)
    yield names
    watched.clear()


def test_the_name_of_a_file_is_made_durable_once(path: Path, opened: list[str]) -> None:
    claim(path)[0].close()
    assert opened.count(str(path.parent)) == 1
    claim(path)[0].close()
    assert opened.count(str(path.parent)) == 1


def test_where_nothing_can_be_logged_ahead_nothing_is_kept(tmp_path: Path) -> None:
    bare = Bare(tmp_path / "state.sqlite3")
    with pytest.raises(Permanent, match="write-ahead logging is not possible here, but delete"):
        claim(bare)


def test_one_that_is_to_be_filled_is_so_from_its_first_moment(path: Path, tmp_path: Path) -> None:
    """A disk that is full between two steps must not leave a file that nobody takes for ours."""
    other = tmp_path / "other.sqlite3"
    with closing(connect_unfinished(other)):
        size = other.with_name(f"{other.name}-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, hard))
    try:
        with pytest.raises(Temporary, match="SQLite says"):
            connect_unfinished(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(Permanent, match="not whole"):
        claim(path)
    connect_unfinished(path).close()
