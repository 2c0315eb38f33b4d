"""A Unix socket: its file, and who is at the other end of it.

The mode of the file keeps everybody else out, and the kernel says who has come in: the uid and the
groups of the peer's process. No directory of users is asked whether somebody may, for it may hang
with the very network that is failing.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import grp
import os
import pwd
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from doctor_daemon.errors import ConfigError, Conflict
from doctor_daemon.ports.lookups import Lookups

BACKLOG = 64
NAME_S = 2.0
PROBE_S = 1.0
GROUPS_MAX = 256
"""More groups than these a peer's process may have, but Python reads no more."""
_SO_PEERGROUPS = getattr(socket, "SO_PEERGROUPS", 59)  # socket(7); Python does not name it
_CREDENTIALS = struct.Struct("3i")
_ID = struct.Struct("I")
_USERS = Lookups(threads=4)
"""By threads of their own: a directory of users may hang."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Group:
    """The group that may use a socket; `gid` is None where there is no such group."""

    name: str
    gid: int | None


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, when it connected."""

    uid: int
    gids: frozenset[int]

    def may(self, group: Group, owner_uid: int) -> bool:
        """Tell whether it is root's, the owner's, or one of a member of the group."""
        return self.uid in (0, owner_uid) or group.gid in self.gids


def find_group(name: str) -> Group:
    """Look a group up by its name."""
    try:
        return Group(name, grp.getgrnam(name).gr_gid)
    except KeyError:
        return Group(name, None)


def peer_of(request: web.Request) -> Peer | None:
    """Return the peer of a Unix socket; None for any other connection. unix(7), socket(7)."""
    transport = request.transport
    peer = transport.get_extra_info("socket") if transport else None
    if peer is None or peer.family != socket.AF_UNIX:
        return None
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, gid = _CREDENTIALS.unpack(raw)
    try:
        more = peer.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, GROUPS_MAX * _ID.size)
    except OSError:  # too many, or a kernel before 4.13: what is not known is not granted
        more = b""
    return Peer(uid, frozenset((gid, *(found for (found,) in _ID.iter_unpack(more)))))


async def name_of(uid: int, ask: Callable[[int], pwd.struct_passwd] = pwd.getpwuid) -> str:
    """Return a user's name for the record; `uid N` where it is not to be had in time."""
    try:
        async with asyncio.timeout(NAME_S):
            return (await _USERS.put(partial(ask, uid))).pw_name
    except (KeyError, OSError):  # a TimeoutError is one
        return f"uid {uid}"


@contextlib.contextmanager
def bound(path: Path, group: Group) -> Iterator[socket.socket]:
    """Listen on a path, for root, this user and the group; take the file away at the end.

    Raise ConfigError where that cannot be, Conflict where somebody listens there already. A socket
    that a killed daemon left behind is replaced; what is no socket is left alone.
    """
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as made:
        made.settimeout(0)
        try:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            _clear(path)
            os.fchmod(made.fileno(), 0o600)  # the file is born with it: it is never more open
            made.bind(str(path))
            _open_up(path, group)
            made.listen(BACKLOG)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            if isinstance(error, FileExistsError | NotADirectoryError):
                why = "a part of its path is no folder"
            msg = f"operators.socket: {path} cannot be listened on: {why}"
            raise ConfigError(msg) from None
        ours = _identity(path)
        try:
            yield made
        finally:
            if _identity(path) == ours:
                path.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    """Take away a socket on which nobody listens any more."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        msg = (
            f"operators.socket: {path} is there and is no socket; it is left as it is: move it "
            "away, or name another path"
        )
        raise ConfigError(msg)
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(PROBE_S)
        found = probe.connect_ex(str(path))
    if found != errno.ECONNREFUSED:
        msg = f"operators.socket: {path}: another process listens there already"
        raise Conflict(msg)
    path.unlink()


def _open_up(path: Path, group: Group) -> None:
    """Let the group in, if there is one and we may; say so where it stays out."""
    why = "there is no such group"
    if group.gid is not None:
        try:
            os.chown(path, -1, group.gid)
            path.chmod(0o660)
        except OSError as error:  # this user is not in it; or a container does not know it
            why = f"the socket cannot be given to it: {error.strerror}"
        else:
            return
    log.warning("operators.group stays out: only root may give orders", group=group.name, why=why)


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell which file has this name."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
