"""What has become of each server of a host that is down: one record a server, explicit to its end.

Nova does not refuse a second evacuation of the same server, and two of them can leave it running
twice. So a record is saved as POSTING before its request is sent, and whatever may have been sent
is looked for in Nova before anything is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from doctor_daemon.core.host import Server
from doctor_daemon.core.instant import Instant


class Stage(StrEnum):
    """How far the evacuation of one server has got."""

    WAITING = "waiting"  # for its turn, or for its next attempt
    POSTING = "posting"  # the request may have been sent
    CHECKING = "checking"  # what the request did is being looked for
    UNDER_WAY = "under way"  # Nova has a migration of it, which is followed
    MOVED = "moved"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def ended(self) -> bool:
        """Tell whether this is an outcome."""
        return self in _ENDED


_ENDED = (Stage.MOVED, Stage.SKIPPED, Stage.FAILED, Stage.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Migration:
    """One evacuation as Nova records it. Source: Nova API reference, os-migrations.

    `status` is Nova's word: accepted and pre-migrating are under way, done and completed have
    succeeded, failed and error have not. Any other word is taken for under way.
    """

    id: int
    server: str
    source: str
    to: str
    """The destination's host; empty while the scheduler has chosen none."""
    status: str

    @property
    def succeeded(self) -> bool:
        """Tell whether the server was rebuilt: done, or cleaned up at the source as well."""
        return self.status in ("done", "completed")

    @property
    def failed(self) -> bool:
        """Tell whether it has ended without the server being rebuilt."""
        return self.status in ("failed", "error")

    @property
    def ended(self) -> bool:
        """Tell whether Nova is done with it."""
        return self.succeeded or self.failed


@dataclass(frozen=True, slots=True)
class Stuck:
    """An evacuation that does not end, and its destination as Nova has it (empty: it has none).

    Only somebody who has looked at the destination knows that no guest of it runs there: Nova's API
    does not tell. If the destination becomes another one, nobody has vouched for that.
    """

    migration: int
    to: str

    def __str__(self) -> str:
        """Return it as an operator types it."""
        return f"{self.migration}@{self.to}" if self.to else str(self.migration)


BEFORE = -1
"""In the place of a migration: the outcome is from before the host was last in service."""


@dataclass(frozen=True, slots=True)
class Evacuation:
    """The record of one server."""

    server: Server
    stage: Stage
    since: Instant
    """When it came to this stage."""
    attempt: int = 0
    """How often a request was begun. A number never repeats within an incident."""
    failures: int = 0
    """Attempts that have failed since a human last asked for more."""
    not_before: Instant | None = None
    """When the next attempt may begin."""
    known: tuple[int, ...] = ()
    """Nova's migrations of this server from before the present attempt."""
    migration: int = 0
    """Nova's migration that is followed; 0: none."""
    to: str = ""
    why: str = ""
    """The reason of an outcome, or of the present stage, in words."""
    rank: int = 0
    """When its turn comes, from 1 on; 0: it has none."""
    final: bool = False
    """Whether Nova has refused the present attempt for good: the same again would be no use."""
    unsent: int = 0
    """Attempts in a row of which nothing could be sent."""
    sent_at: Instant | None = None
    """When the present attempt was begun; None: somebody else began it."""
    hold_until: Instant | None = None
    """Until when it waits for a word of its project; None: for none."""
    to_at: Instant | None = None
    """When the migration that is followed was first seen to go to `to`; None: it was not seen."""
    left: tuple[str, ...] = ()
    """Destinations that have died in the midst of an attempt: they must stay off,
    as long as Nova's migration to them has not ended."""

    def at(self, stage: Stage, now: Instant, why: str = "") -> Evacuation:
        """Return the record at another stage, and why."""
        return replace(self, stage=stage, since=now, why=why)

    def of_before(self) -> Evacuation:
        """Return the record of a host that was in service again: what moved may have come back."""
        settled = self.stage in (Stage.MOVED, Stage.SKIPPED)
        return replace(self, migration=BEFORE) if settled else self
