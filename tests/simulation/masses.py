"""Watches the gate of mass failure from outside: what is saved of it, and which cuts are sent."""

from __future__ import annotations

from collections.abc import Callable

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.masses import FLEET
from doctor_daemon.ports import Change

Check = Callable[[str, bool, str], None]


class MassWatch:
    """What is saved of the fleet, and how many a human has let through."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self.latched_at: float | None = None
        """Since when it is saved that too many hosts of the fleet look dead."""
        self.granted: dict[str, int] = {}
        """How many hosts a human has let through, by the id of that word."""
        self.used: dict[tuple[str, HostId], int] = {}

    def committed(self, change: Change, now: float) -> None:
        """Check that no more are let through than a human has said."""
        if change.masses is not None:
            latched = any(latch.scope == FLEET for latch in change.masses.latches)
            if not latched or self.latched_at is None:
                self.latched_at = now if latched else None
            if change.masses.passes is not None:
                self.granted[change.masses.passes.id] = change.masses.passes.count
        for one in change.passages:
            self.used[one.passes, one.host] = one.used
            used = sum(n for (id_, _), n in self.used.items() if id_ == one.passes)
            self._check("I-8", used <= self.granted[one.passes], f"{used} rounds let through")

    def passed(self, saved: Incident, now: float, bound_s: float) -> bool:
        """Check a cut, and tell whether a human has let its round through."""
        passed = saved.passed == len(saved.charges)
        latched = self.latched_at is not None and now - self.latched_at > bound_s
        self._check("I-9", passed or not latched, f"cut of {saved.host} while many look dead")
        return passed
