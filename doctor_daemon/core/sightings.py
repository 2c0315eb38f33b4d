"""How Nova shows a host: its compute service, how far forcing it down has got, who has left it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from operator import attrgetter

from doctor_daemon.core.host import Server
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.tries import Outcome

_WRITTEN = attrgetter("uuid", "status", "forced_down", "reason")


@dataclass(frozen=True, slots=True)
class Sighting:
    """How Nova shows the host's compute service, by a list asked for at `asked_at`.

    `updated_s` is the service's updated_at in Unix seconds by Nova's clock, 0 when it has none; it
    is only ever compared with itself. A missing row or a down cell is an error, not a sighting.
    """

    uuid: str
    state: str
    status: str
    forced_down: bool
    reason: str
    updated_s: float
    asked_at: Instant

    @property
    def takes_servers(self) -> bool:
        """Tell whether Nova's scheduler may choose it. Source: its ComputeFilter."""
        return self.state == "up" and self.status == "enabled" and not self.forced_down

    def alike(self, earlier: Sighting) -> bool:
        """Tell whether nobody has written to the service between the two."""
        return bool(_WRITTEN(self) == _WRITTEN(earlier))

    def stirred(self, earlier: Sighting) -> bool:
        """Tell whether the service reported in between the two, by itself.

        A write to the service by anyone moves updated_at too, so a sighting in which anything
        else changed says nothing about life.
        """
        return self.alike(earlier) and self.updated_s > earlier.updated_s


@dataclass(frozen=True, slots=True)
class Marking:
    """How far forcing down has got. `before` is the sighting that the PUT was decided on."""

    number: int = 0
    failures: int = 0
    before: Sighting | None = None
    disable: bool | None = None
    """Whether this PUT also disables; None: not decided for this number yet."""
    put_at: Instant | None = None
    put: Outcome | None = None
    rereading_since: Instant | None = None
    late_at: Instant | None = None
    """When the last PUT had ended that was not there when it was read back: it may come late."""

    def anew(self) -> Marking:
        """Return the marking with which forcing down begins again: nothing decided, a new number.

        What was there before our first PUT is remembered.
        """
        if not self.number:
            return Marking()
        return Marking(number=self.number + 1, before=self.before, late_at=self.left_at())

    def undone(self) -> Marking:
        """Return the marking of a host whose flag is gone: no PUT of before sets it any more."""
        return replace(self.anew(), late_at=None)

    def left_at(self, now: Instant | None = None) -> Instant | None:
        """Return when the last PUT had ended that may still be carried out; `now`: if unanswered.

        A PUT that was refused, or not sent, leaves nothing behind.
        """
        if self.put in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            return self.put_at
        unanswered = now is not None and self.disable is not None and self.put is None
        return now if unanswered else self.late_at

    @property
    def foreign_flag(self) -> bool:
        """Tell whether somebody else had forced the service down before we would have."""
        return self.before is not None and self.before.forced_down

    @property
    def foreign_disable(self) -> bool:
        """Tell whether somebody else's disable was left as it is."""
        return self.disable is False


class Unseen(StrEnum):
    """Why a list of all services shows nothing of a host."""

    GONE = "gone"  # the list is whole, and has no row of it
    UNKNOWN = "unknown"  # Nova cannot say: its cell is down, and an older Nova leaves it out then


@dataclass(frozen=True, slots=True)
class Noticed:
    """The poller has seen the service in passing, unasked; None: the list shows nothing of it."""

    sighting: Sighting | None
    why: Unseen = Unseen.GONE
    """Of a list that shows nothing of it."""


@dataclass(frozen=True, slots=True)
class Strayed:
    """The poller has seen servers that are not on the host any more, unasked: by server, where.

    An empty place: on no host, or gone.
    """

    to: tuple[tuple[Server, str], ...]
