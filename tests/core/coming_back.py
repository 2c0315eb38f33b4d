"""A walk of a host on its way back, and the answers that Nova and its power give meanwhile."""

from __future__ import annotations

from typing import Self

from doctor_daemon.core.host import Mode, Server
from doctor_daemon.core.messages import (
    Cut,
    ForceDown,
    Inspect,
    Inspected,
    Look,
    Order,
    Resumed,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Enable, EnableEnded, Lift, LiftEnded, Step
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.make import Fields
from tests.core.moving import THERE, Moving, row

REASON = "doctor-daemon:inc-1: the host failed and its power is proven off"


class Back(Moving):
    """A walk of a host that was forced down, and not evacuated by us."""

    def __init__(self, **changes: Fields) -> None:
        super().__init__(**{"mode": Mode.FENCE, "plan": make.plan(), **changes})
        self.shown: dict[str, Fields] = {**THERE, "reason": REASON, "updated_s": 1000.0}
        """How Nova shows the service."""
        self.back: tuple[Server, ...] = ()
        """The servers that Nova shows on the host."""

    @property
    def step(self) -> Step:
        return self.incident.release.step

    def rows_are(self, **statuses: str) -> Self:
        """Let Nova show these evacuations, numbered from 1: server's name -> status."""
        for id_, (name, status) in enumerate(statuses.items(), 1):
            self.rows[id_] = row(id_, name.rstrip("_"), status, "cmp-9")
        return self

    # answering

    def report(self, **changes: Fields) -> Self:
        """Answer the look, if one is due; nova-compute has reported in before it."""
        self.shown = {**self.shown, "updated_s": self.shown["updated_s"] + 10, **changes}
        return self.show()

    def show(self, **changes: Fields) -> Self:
        """Answer the look, if one is due, with what was shown before."""
        self.shown = {**self.shown, **changes}
        return self.look(**self.shown) if self.all(Look) else self

    def tell(self) -> Self:
        """Answer the question for evacuations, if it is due."""
        for effect in self.all(Inspect):
            rows = tuple(self.rows.values())
            found = make.servers(*self.back)
            self.see(Inspected(effect.number, self.now, rows, found))
        return self

    def lift(self, outcome: Outcome = Outcome.ACCEPTED, text: str = "200") -> Self:
        """Answer the Lift that is due, a quarter of a second later."""
        effect = self.one(Lift)
        if outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            self.shown |= {"forced_down": False, "state": "up"}
        return self.wait(0.25).see(LiftEnded(effect, outcome, text, self.now))

    def enable(self, outcome: Outcome = Outcome.ACCEPTED, text: str = "200") -> Self:
        effect = self.one(Enable)
        if outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            self.shown |= {"status": "enabled", "reason": ""}
        return self.wait(0.25).see(EnableEnded(effect, outcome, text, self.now))

    def fence(self) -> Self:
        """Fence the host once more, silent as it is, and have all go well up to the flag."""
        for _ in range(20):
            self.identify().show()
            if self.all(Cut):
                break
            self.elapse(1)
        self.cut().prove()
        if self.all(ForceDown):
            self.put()
        return self.show(**{**THERE, "reason": REASON})

    def round(self, power: Power = Power.ON, seconds: float = 10) -> Self:
        """Let some seconds pass, and answer everything that is due then."""
        return self.elapse(seconds).identify().read(power).tell().report()

    # ways

    def to_releasing(self) -> Self:
        return self.to_down().order(Order.RELEASE)

    def to_lift(self) -> Self:
        """Show all that is needed: the Lift is due."""
        self.to_releasing().identify().read(Power.ON).tell().show()
        for _ in range(2):
            self.round()
        return self

    def to_watching(self) -> Self:
        return self.to_lift().lift().show()

    def watch(self, seconds: float = 60) -> Self:
        """Let the watch pass, with everything well."""
        until = self.now.plus(seconds)
        while not self.now.reached(until) and self.phase is Phase.RELEASING:
            self.round()
        return self

    def to_enable(self) -> Self:
        return self.to_watching().watch()

    def to_resolved(self) -> Self:
        return self.to_enable().enable().show()

    def resume(self) -> Self:
        """Let the daemon come back on the same boot, ten seconds later."""
        return self.wait(10).see(Resumed())
