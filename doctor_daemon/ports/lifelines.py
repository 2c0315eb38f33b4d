"""How a power device of the type `watchdog` reaches what the daemon hears of a host's watchdog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from doctor_daemon.core.tries import Outcome
from doctor_daemon.heartbeat.pledges import Hold, Report
from doctor_daemon.ports.time import Permit


@dataclass(frozen=True, slots=True)
class Heard:
    """How one host stands. At most one of `report` and `hold` is there."""

    report: Report | None = None
    """What it has said at last."""
    hold: Hold | None = None
    """It is not acknowledged any more."""
    seen_s: float | None = None
    """How long ago it was heard at last, in seconds; None: not since the daemon began."""
    deaf: str = ""
    """Why its silence means nothing now; empty: it would be heard."""


class Lifeline(Protocol):
    """The acknowledgements of one host."""

    def heard(self) -> Heard: ...

    async def withhold(
        self, lease_s: float, timeout_s: float, permit: Permit, /
    ) -> tuple[Outcome, str]:
        """Stop acknowledging, once its watchdog is known to be armed with exactly these.

        ACCEPTED: it is saved, and none is sent any more. UNSENT: all is as it was, and the text
        says why. UNKNOWN: none is sent for now, and it may be saved, or not. Raise LateError when
        the permit has lapsed.
        """
        ...
