"""The way back of a host: what is recorded of it, what is asked for, and how that was answered.

A host that was forced down is given back to Nova in three requests that nobody else may make in
between: its power, the flag, and the status. Each is saved before it is sent and read back after
it, for an answer may be lost and Nova's own hands are not the only ones.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.tries import Outcome

IDS_MAX = 20
"""Evacuations that are named; a host is not released while there is a single one."""
_OVER = ("completed", "failed", "error", "cancelled")
"""What Nova, or the host's own nova-compute, has come to an end with. Source: os-migrations."""


class Step(StrEnum):
    """How far the way back has got."""

    CHECKING = "checking"  # what must be shown before the flag may be lifted
    LIFTING = "lifting"  # the request may have been sent; after its end it is read back
    WATCHING = "watching"  # the flag is gone
    ENABLING = "enabling"  # as lifting


@dataclass(frozen=True, slots=True)
class Closing:
    """An operator's wish to end the incident without it, waiting for a look at Nova."""

    by: str
    why: str
    since: Instant


@dataclass(frozen=True, slots=True)
class Switching:
    """An operator's wish to have the host switched on."""

    number: int
    since: Instant
    go_at: Instant | None = None
    """When the gates were passed; None: not yet."""
    answered: tuple[str, ...] = ()
    """The devices that were asked, and have answered or not in time."""


@dataclass(frozen=True, slots=True)
class Release:
    """The way back of a host, as far as it has got."""

    step: Step = Step.CHECKING
    began: Instant | None = None
    """When it was ordered; after a reboot, when it was taken up again."""
    lifted_at: Instant | None = None
    """When the flag was seen gone; after a restart, when it was taken up again."""
    number: int = 0
    """Of the last request: it never repeats within an incident."""
    put: Outcome | None = None
    """How the last Lift or Enable has ended; None: it may still be under way."""
    put_at: Instant | None = None
    accusers: tuple[str, ...] = ()
    """Whose word against the host is older than its way back: it says nothing new."""
    reports: int = 0
    """How often nova-compute has reported in, with no write in between; after the lift, since."""
    inspected_at: Instant | None = None
    """When the list of evacuations was asked for of which the next four tell."""
    open: tuple[int, ...] = ()
    """Evacuations of the host that may still be under way."""
    done: tuple[int, ...] = ()
    """Those that the host's own nova-compute has not cleaned up after."""
    stale: tuple[int, ...] = ()
    """Those that a nova-compute which starts there acts upon, though their servers are back."""
    old: tuple[int, ...] = ()
    """The like, of servers that are elsewhere: they would be stale if those came back."""
    switching: Switching | None = None

    @property
    def lifted(self) -> bool:
        """Tell whether Nova has shown the flag gone."""
        return self.step in (Step.WATCHING, Step.ENABLING)

    @property
    def sending(self) -> bool:
        """Tell whether a Lift or an Enable may be on its way."""
        return self.step in (Step.LIFTING, Step.ENABLING) and self.put is None

    def at(self, step: Step) -> Release:
        """Return it at another step. One that sends a request gives it a number of its own."""
        sends = step in (Step.LIFTING, Step.ENABLING)
        return replace(self, step=step, number=self.number + sends, put=None, put_at=None)

    def told(
        self, migrations: Iterable[Migration], there: Container[str], asked_at: Instant
    ) -> Release:
        """Return it with what Nova shows: all evacuations from the host, and the servers on it.

        One that is older than another of its server which has ended never will end by itself. But
        a nova-compute that starts acts upon it all the same: it destroys the server's guest.
        """
        rows = sorted(migrations, key=lambda row: row.id)
        last = {row.server: row.id for row in rows if row.status in _OVER or row.succeeded}
        left = [row for row in rows if row.status not in _OVER]
        open_ = [r for r in left if not r.succeeded and r.id > last.get(r.server, 0)]
        stuck = [row for row in left if row not in open_]
        return replace(
            self,
            inspected_at=asked_at,
            open=_ids(open_),
            done=_ids(row for row in left if row.succeeded),
            stale=_ids(row for row in stuck if row.server in there),
            old=_ids(r for r in stuck if not r.succeeded and r.server not in there),
        )


def _ids(rows: Iterable[Migration]) -> tuple[int, ...]:
    return tuple(row.id for row in rows)[:IDS_MAX]


# Effects


@dataclass(frozen=True, slots=True)
class SwitchOn:
    """Switch the machine of this UUID on through one device: who answers there is asked first."""

    number: int
    level: int
    device: str
    uuid: str


@dataclass(frozen=True, slots=True)
class Lift:
    """Tell Nova that the host is back: forced_down is false again."""

    number: int
    service: str


@dataclass(frozen=True, slots=True)
class Enable:
    """Give the host back to Nova's scheduler."""

    number: int
    service: str


# Observations


@dataclass(frozen=True, slots=True)
class SwitchedOn:
    """A device has answered, or has not in time."""

    effect: SwitchOn
    outcome: Outcome
    text: str
    at: Instant


@dataclass(frozen=True, slots=True)
class LiftEnded:
    """The request to lift the flag has been answered, or has not been in time."""

    effect: Lift
    outcome: Outcome
    text: str
    at: Instant


@dataclass(frozen=True, slots=True)
class EnableEnded:
    """The request to enable the host has been answered, or has not been in time."""

    effect: Enable
    outcome: Outcome
    text: str
    at: Instant
