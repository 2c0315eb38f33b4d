"""What became of one look at an address, and what several looks in a row come to.

A host is called lost after so many looks in a row without an answer, and only while the network can
be seen to work: some other address on it must have answered in the very same round. When none does,
nobody can tell a network of dead hosts from our own cable, so nobody is accused (hazard A1). A look
that did not leave this machine, or a round in which we stood still, is no look (A12).
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from enum import StrEnum

OWN_TROUBLE = frozenset(
    {
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EPERM,
        errno.EACCES,
        errno.EINVAL,
        errno.EAFNOSUPPORT,
        errno.EADDRNOTAVAIL,
        errno.EAGAIN,
        errno.EMFILE,
        errno.ENFILE,
        errno.EBADF,
    }
)
"""Errors that say something of us: no route, no buffer, a firewall of our own. An EHOSTUNREACH does
not belong to them: it is how a neighbour that is switched off looks."""


class Sight(StrEnum):
    """What became of one look."""

    ANSWERED = "answered"
    LOST = "lost"
    UNASKED = "unasked"  # it did not leave this machine: nothing is known


def judged(error: OSError) -> Sight:
    """Say what an error means when something is sent to an address."""
    return Sight.UNASKED if error.errno in OWN_TROUBLE else Sight.LOST


class Streaks:
    """Looks in a row without an answer, of every address of one network."""

    def __init__(self, misses: int) -> None:
        """Call an address lost after so many."""
        self._misses = misses
        self._missed: dict[str, int] = {}

    def fold(self, sights: Mapping[str, Sight]) -> None:
        """Fold a round in."""
        for address, sight in sights.items():
            if sight is Sight.ANSWERED:
                self._missed[address] = 0
            elif sight is Sight.LOST:
                missed = self._missed.get(address, 0) + 1
                self._missed[address] = min(missed, self._misses)

    def forget(self) -> None:
        """Begin anew: what was counted cannot be believed."""
        self._missed.clear()

    def lost(self, addresses: Iterable[str]) -> list[str]:
        """Return which of these have not answered for so many looks."""
        return [one for one in addresses if self._missed.get(one, 0) >= self._misses]
