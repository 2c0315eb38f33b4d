"""The way back of a host: what is recorded of it, what is asked for, and how that was answered.

A host that was forced down is given back to Nova in three requests that nobody else may make in
between: its power, the flag, and the status. Each is saved before it is sent and read back after
it, for an answer may be lost and Nova's own hands are not the only ones.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from doctor_daemon.core.evacuation import Migration, Stuck
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
    patient: bool = False
    """It is the policy's own wish: a shut gate is waited for as long as for any other progress."""
    answered: tuple[str, ...] = ()
    """The devices that were asked, and have answered or not in time."""
    sent: bool = False
    """Whether one of them may have done it."""
    said: str = ""
    """What one that certainly has not has said."""
    failures: int = 0
    """How often the policy has wished it before, and certainly nothing was done."""
    not_before: Instant | None = None
    """When it is tried again."""


@dataclass(frozen=True, slots=True)
class Release:
    """The way back of a host, as far as it has got."""

    step: Step = Step.CHECKING
    ordered: bool = True
    """Whether an operator has ordered it; else it has begun by itself."""
    called_off: bool = False
    """An operator has: it does not begin by itself any more."""
    powered: bool = False
    """Whether the policy has had it switched on, or tried to: that is done once."""
    returns: int = 0
    """How often its flag has gone in this incident: how often it has come back."""
    alive_since: Instant | None = None
    """Since when nova-compute reports in without a gap."""
    accepted: tuple[Stuck, ...] = ()
    """Evacuations that an operator vouches for: they are stuck, and nothing will come of them."""
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
    """Whose word against it is older than its way back: until the lift it says nothing new."""
    accused_at: Instant | None = None
    """Since when it is called down without a sign of life since; only once its flag is gone."""
    alive_at: Instant | None = None
    """When it last showed life after it had been called down: what was said before is answered."""
    again: bool = False
    """It was in use, and is being fenced once more: until the cut a sign of life ends that."""
    reports: int = 0
    """How often nova-compute has reported in, with no write in between; after the lift, since."""
    inspected_at: Instant | None = None
    """When the list of evacuations was asked for of which the next four tell."""
    open: tuple[int, ...] = ()
    """Evacuations of the host that may still be under way."""
    bound: tuple[str, ...] = ()
    """Where each of these goes, as Nova has it."""
    done: tuple[int, ...] = ()
    """Those that the host's own nova-compute has not cleaned up after."""
    stale: tuple[int, ...] = ()
    """Those that a nova-compute which starts there acts upon, though their servers are back."""
    old: tuple[int, ...] = ()
    """The like, of servers that are elsewhere, or that an operator has vouched for."""
    switching: Switching | None = None
    switched_at: Instant | None = None
    """When a switching on had last ended that may have been carried out, or the power was read on
    since the proof: a proof from before that proves nothing any more."""
    awaited_at: Instant | None = None
    """Since when nova-compute is waited for on a host that the policy has had switched on."""
    gone_at: Instant | None = None
    """Since when Nova shows the flag gone, though nothing of ours was seen to lift it."""
    used_at: Instant | None = None
    """Since when it shows the host up besides: somebody has taken it back into use."""
    lift_at: Instant | None = None
    """When a request to lift the flag had last ended that may have been carried out, or may yet."""

    @property
    def lifted(self) -> bool:
        """Tell whether Nova has shown the flag gone."""
        return self.step in (Step.WATCHING, Step.ENABLING)

    @property
    def sending(self) -> bool:
        """Tell whether a Lift or an Enable may be on its way."""
        return self.step in (Step.LIFTING, Step.ENABLING) and self.put is None

    @property
    def stuck(self) -> tuple[Stuck, ...]:
        """Name the evacuations that may be under way, each with its destination."""
        return tuple(map(Stuck, self.open, self.bound))

    def switched_since(self, at: Instant) -> bool:
        """Tell whether we may have switched the host on since, or are about to."""
        wish, last = self.switching, self.switched_at
        begun = wish is not None and wish.go_at is not None
        return begun or (last is not None and last.since(at) >= 0)

    def on_boot(self, now: Instant, proven_at: Instant | None) -> Release:
        """Return it as another boot finds it: what was timed by the last one is timed anew."""
        switched = self.switched_at and (proven_at is None or self.switched_since(proven_at))
        return replace(
            self,
            switched_at=now if switched else None,
            lift_at=now if self.lift_at else None,
            awaited_at=now if self.awaited_at else None,
            gone_at=now if self.gone_at else None,
            used_at=now if self.used_at else None,
        )

    def anew(self) -> Release:
        """Return the way back of a host that has not set out on it.

        What was sent is not unsent by that.
        """
        return Release(
            number=self.number,
            returns=self.returns,
            switched_at=self.switched_at,
            lift_at=self.lift_at,
        )

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
        newest = [row for row in left if row.id > last.get(row.server, 0)]
        open_ = [r for r in newest if Stuck(r.id, r.to) not in self.accepted]
        stuck = [row for row in left if row not in newest]
        gone = [row for row in stuck if not row.succeeded and row.server not in there]
        vouched = [row for row in newest if row not in open_]
        return replace(
            self,
            inspected_at=asked_at,
            open=_ids(open_),
            bound=tuple(row.to for row in open_)[:IDS_MAX],
            done=_ids(row for row in left if row.succeeded),
            stale=_ids(row for row in stuck if row.server in there),
            old=_ids(gone + vouched),
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
