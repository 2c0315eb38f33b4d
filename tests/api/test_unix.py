"""The operators' socket: whose it is, who may use it, and what stands in its way."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from doctor_daemon.api.unix import Group, Peer, bound, find_group, name_of
from doctor_daemon.errors import ConfigError, Conflict
from tests.api.desk import MEMBERS, called_as, desk, parsed, public_folder, request

STRANGER = 54_322
NOBODY = Group("no-such-group-here", None)
STATUS = request("GET", "/v1/status")
ARM = request("POST", "/v1/arm", b'{"why": "a test"}')
ROOT = os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    with public_folder() as found:
        yield found


# Who may


@pytest.mark.parametrize(
    ("uid", "gids", "may"),
    [
        (0, (), True),
        (1000, (), True),
        (1001, (), False),
        (1001, (MEMBERS.gid,), True),
        (1001, (7, MEMBERS.gid), True),
        (1001, (0, 7), False),
    ],
)
def test_root_the_owner_and_members_may(uid: int, gids: tuple[int, ...], *, may: bool) -> None:
    assert Peer(uid, frozenset(gids)).may(MEMBERS, 1000) is may


def test_without_a_group_nobody_is_a_member() -> None:
    assert not Peer(1001, frozenset((0, 7))).may(NOBODY, 1000)


async def test_the_person_is_who_the_kernel_says() -> None:
    async with desk() as at:
        _, said = parsed(await at.wire(ARM))
    assert said["armed"]["by"] == pwd.getpwuid(os.geteuid()).pw_name


async def test_names_of_users() -> None:
    assert await name_of(0) == "root"
    assert await name_of(STRANGER) == f"uid {STRANGER}"


async def test_e5_a_directory_of_users_that_hangs_keeps_no_other_work_from_its_threads() -> None:
    gone = Event()

    def hang(uid: int) -> pwd.struct_passwd:
        gone.wait()
        raise KeyError(uid)

    try:
        names = await asyncio.gather(*(name_of(uid, hang) for uid in range(64)))
        async with asyncio.timeout(30):
            assert await asyncio.to_thread(str, 1) == "1"
    finally:
        gone.set()
    assert names == [f"uid {uid}" for uid in range(64)]


async def test_a_process_of_another_user_is_kept_out() -> None:
    """Twice: by the mode of the file, and where that was loosened, by the daemon itself."""
    async with desk() as at:
        at.path.chmod(0o660)
        by_mode = await asyncio.to_thread(called_as, STRANGER, [], at.path, ARM)
        at.path.chmod(0o666)
        by_us = await asyncio.to_thread(
            called_as, STRANGER, [0 if ROOT else STRANGER], at.path, ARM
        )
        armed = at.engine.ward.armed.on
    assert armed is False
    if not ROOT:  # then nobody can become another user, and that is what is seen
        assert "PermissionError" in by_mode[2]
        assert "PermissionError" in by_us[2]
        return
    assert (by_mode[0], "Permission denied" in by_mode[2]) == (1, True)
    status, said = parsed(by_us[1])
    assert status == 403
    assert said["error"]["message"] == f"uid {STRANGER} may not"
    assert said["error"]["expected"] == "root or a member of group doctors"


async def test_a_member_of_the_group_is_let_in_and_named() -> None:
    async with desk() as at:
        gids = [7, MEMBERS.gid or 0]
        done, answer, complaint = await asyncio.to_thread(called_as, STRANGER, gids, at.path, ARM)
        found = at.path.stat()
        armed = at.engine.ward.armed
    if not ROOT:
        assert "PermissionError" in complaint
        assert (stat.S_IMODE(found.st_mode), armed.on) == (0o600, False)
        return
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o660, 0, MEMBERS.gid)
    assert (done, parsed(answer)[0]) == (0, 200)
    assert (armed.on, armed.by) == (True, f"uid {STRANGER}")


# The file


def test_groups_are_found_by_name() -> None:
    mine = grp.getgrgid(os.getegid())
    assert find_group(mine.gr_name) == Group(mine.gr_name, mine.gr_gid)
    assert find_group(NOBODY.name) == NOBODY


def test_without_a_group_the_socket_is_the_owners_alone(folder: Path) -> None:
    path = folder / "deep" / "below" / "operators.sock"
    with bound(path, NOBODY):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_the_socket_is_never_more_open_than_it_will_be(folder: Path) -> None:
    before = os.umask(0)
    try:
        with bound(folder / "s", NOBODY):
            assert stat.S_IMODE((folder / "s").stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_the_socket_of_a_killed_daemon_is_replaced(folder: Path) -> None:
    path = folder / "s"
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(path))
    old = path.stat().st_ino
    with bound(path, NOBODY), closing(socket.socket(socket.AF_UNIX)) as client:
        client.connect(str(path))
        assert path.stat().st_ino != old or path.is_socket()
    assert not path.exists()


def test_the_socket_of_a_living_daemon_is_left_alone(folder: Path) -> None:
    path = folder / "s"
    with bound(path, NOBODY):
        inode = path.stat().st_ino
        with pytest.raises(Conflict) as caught, bound(path, NOBODY):
            pass
        assert str(caught.value) == (
            f"operators.socket: {path}: another process listens there already"
        )
        assert path.stat().st_ino == inode


@pytest.mark.parametrize("what", ["a file", "a folder", "a link"])
def test_what_is_no_socket_is_left_as_it_is(folder: Path, what: str) -> None:
    path = folder / "s"
    if what == "a file":
        path.write_text("somebody's thesis")
    elif what == "a folder":
        path.mkdir()
    else:
        path.symlink_to(folder / "nowhere")
    with pytest.raises(ConfigError) as caught, bound(path, NOBODY):
        pass
    assert str(caught.value) == (
        f"operators.socket: {path} is there and is no socket; it is left as it is: move it away, "
        "or name another path"
    )
    assert path.is_symlink() or path.is_dir() or path.read_text() == "somebody's thesis"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("file/s", "a part of its path is no folder"),
        ("file/deep/s", "a part of its path is no folder"),
        ("x" * 120, "AF_UNIX path too long"),
    ],
)
def test_a_path_that_cannot_be_had_is_refused(folder: Path, name: str, why: str) -> None:
    (folder / "file").write_text("")
    path = folder / name
    with pytest.raises(ConfigError) as caught, bound(path, NOBODY):
        pass
    assert str(caught.value) == f"operators.socket: {path} cannot be listened on: {why}"


def test_a_file_that_took_its_place_is_not_taken_away(folder: Path) -> None:
    path = folder / "s"
    with bound(path, NOBODY):
        path.unlink()
        path.write_text("somebody else's")
    assert path.read_text() == "somebody else's"
