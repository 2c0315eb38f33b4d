"""Taking a host out of the cloud for good: how far it has got, and what Nova says is left of it.

Nova forgets a host when its compute service is deleted, and looks for servers and migrations
itself; but it looks where it can see, and not at the power. So all of it is shown here before, the
request is saved before it is sent, and what became of it is read back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.tries import Outcome

NAMED_MAX = 20
"""Servers and migrations that are named; a single one keeps the service from being deleted."""
WORDS_OF_TRANSIT_MAX, ERROR_MAX = 160, 300
"""Characters that are kept of each, and of what came in the place of an answer."""
_OVER = ("completed", "done", "confirmed", "reverted", "failed", "error", "cancelled")
"""What Nova does not hold for under way. Source: nova/db/main/api.py, migrations in progress."""


class Course(StrEnum):
    """How far it has got."""

    SHOWING = "showing"  # what must be shown before anything is deleted
    DELETING = "deleting"  # the request may have been sent
    COUNTING = "counting"  # it has ended somehow: what Nova lists tells how
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Transit:
    """One migration of any kind, to or from the host. `kind` is empty before Nova 2.23."""

    id: int
    server: str
    kind: str
    status: str

    @property
    def over(self) -> bool:
        """Tell whether Nova takes it for ended. A word that nobody knows is no end."""
        return self.status in _OVER

    def __str__(self) -> str:
        text = f"{self.kind or 'migration'} {self.id} of {self.server} ({self.status})"
        return text[:WORDS_OF_TRANSIT_MAX]


@dataclass(frozen=True, slots=True)
class Left:
    """What Nova says is left of the host, by lists asked for after `asked_at`."""

    asked_at: Instant
    listed: bool
    """Whether there is a compute service of it."""
    forced_down: bool = False
    servers: tuple[str, ...] = ()
    transits: tuple[str, ...] = ()
    """Migrations that are not over, in words."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """An operator's wish to have a host taken out, and what came of it."""

    by: str
    why: str
    since: Instant
    """When it was ordered: only what was read after that counts."""
    step_at: Instant
    """When this step began."""
    number: int = 1
    """Of the next question or request: it never repeats within an incident."""
    step: Course = Course.SHOWING
    ask_at: Instant | None = None
    """Not before this is Nova asked again."""
    failures: int = 0
    """Questions in a row that came back without an answer."""
    error: str = ""
    """What came back in the place of the last one."""
    left: Left | None = None
    reported: bool = False
    """Whether nova-compute has reported in since it was ordered."""
    sent: int = 0
    """How many requests to delete were begun."""
    put: Outcome | None = None
    """How the last of them has ended."""

    def at(self, step: Course, now: Instant) -> Retirement:
        """Return it at another step: what follows is asked anew, under a new number."""
        return replace(
            self,
            step=step,
            step_at=now,
            number=self.number + 1,
            sent=self.sent + (step is Course.DELETING),
            ask_at=None,
            failures=0,
            error="",
        )

    def ended(self) -> Retirement:
        """Return it as it is once nobody follows it any more."""
        return replace(self, step=Course.OVER)


# Effects


@dataclass(frozen=True, slots=True)
class Survey:
    """Ask Nova what is left of the host: its service, its servers, and migrations of any kind."""

    number: int


@dataclass(frozen=True, slots=True)
class DeleteService:
    """Have Nova delete the host's compute service."""

    number: int
    service: str


# Observations


@dataclass(frozen=True, slots=True)
class ServiceDeleted:
    """The request to delete has been answered, or has not been in time."""

    effect: DeleteService
    outcome: Outcome
    text: str
    at: Instant
