"""A lab that knows which daemon a request came from: whose socket the other end is.

What a daemon has sent before it was killed may be read after that, and would be taken for the first
call of the next one. The kernel says whose a connection is; one of a process that is dead is
nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from aiohttp import web
from typing_extensions import override

from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Seam, Service
from doctor_daemon.lab.witness import Seen, Witness

NOBODY = 0
ABOUT_HOSTS = (Service.BMC, Service.NOVA)


class Callers(Witness):
    """A witness that also writes down who asks."""

    pids: set[int]
    """The processes that may ask."""
    callers: list[int]
    """For each of `requests`: the process that asked; NOBODY if it is none of them, or dead."""

    @override
    def _enter(self, seam: Seam, request: web.Request) -> Seen:
        seen = super()._enter(seam, request)
        known = seam.service in ABOUT_HOSTS and seen.host
        self.callers.append(caller(request, self.pids) if known else NOBODY)
        return seen

    def about(self, host: str, first: int) -> list[Seen]:
        """Return what was asked about a host, from a number on."""
        return [seen for seen, _ in self.asked(host, first)]

    def asked(self, host: str, first: int) -> list[tuple[Seen, int]]:
        """Return the same with who has asked."""
        both = zip(self.requests[first:], self.callers[first:], strict=True)
        return [(seen, pid) for seen, pid in both if seen.host == host]


class OverheardLab(Lab):
    """A lab with such a witness."""

    witness: Callers

    @override
    def _make_world(self, stack: AsyncExitStack) -> None:
        super()._make_world(stack)
        self.witness = Callers(self.world.clock)
        self.witness.requests, self.witness.callers, self.witness.pids = [], [], set()
        self.faults = self.witness


def caller(request: web.Request, pids: Iterable[int]) -> int:
    """Return which of the processes has the other end of a connection over 127.0.0.1."""
    if request.transport is None:
        return NOBODY
    theirs = request.transport.get_extra_info("peername")[1]
    ours = request.transport.get_extra_info("sockname")[1]
    inode = _inode(theirs, ours)
    return next((pid for pid in pids if inode in _sockets(pid)), NOBODY)


def _inode(local: int, remote: int) -> str:
    """Return the inode of the socket with these ports; empty where there is none, or no owner."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        ports = [int(address.partition(":")[2], 16) for address in words[1:3]]
        if ports == [local, remote] and words[9] != "0":
            return words[9]
    return ""


def _sockets(pid: int) -> Iterator[str]:
    """Name the inodes of a process's sockets; none of one that is gone."""
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # it may be closed meanwhile
                word = str(path.readlink())
                if word.startswith("socket:["):
                    yield word[8:-1]
