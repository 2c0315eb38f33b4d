"""A walk of a host that is to be taken out of the cloud, and what Nova tells of it meanwhile."""

from __future__ import annotations

from typing import Self

from doctor_daemon.core.host import ServerId
from doctor_daemon.core.messages import Order
from doctor_daemon.core.proof import Power
from doctor_daemon.core.retirement import (
    Course,
    DeleteService,
    Retirement,
    ServiceDeleted,
    Survey,
    Transit,
)
from doctor_daemon.core.survey import Surveyed
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.coming_back import Back
from tests.core.make import Fields


def transit(status: str, kind: str = "live-migration", id_: int = 7) -> Transit:
    return Transit(id_, "id-web", kind, status)


class Leaving(Back):
    """A walk of a host that is down."""

    def __init__(self, **changes: Fields) -> None:
        super().__init__(**changes)
        self.left: tuple[str, ...] = ()
        """The servers that Nova has there."""
        self.transits: tuple[Transit, ...] = ()
        self.listed = self.whole = True

    @property
    def wish(self) -> Retirement:
        assert self.incident.retirement is not None, "nobody has ordered it"
        return self.incident.retirement

    @property
    def course(self) -> Course:
        return self.wish.step

    # answering

    def survey(self, **changes: Fields) -> Self:
        """Answer the question of what is left, if it is due."""
        self.shown = {**self.shown, **changes}
        for effect in self.all(Survey):
            seen = make.sighting(0, **{**self.shown, "asked_at": self.now})
            ids = tuple(ServerId(f"id-{name}") for name in self.left)
            told = Surveyed(effect.number, self.now, seen, ids, self.transits)
            gone = Surveyed(effect.number, self.now, None, whole=self.whole)
            self.see(told if self.listed else gone)
        return self

    def delete(self, outcome: Outcome = Outcome.ACCEPTED, text: str = "204") -> Self:
        """Answer the request to delete, a quarter of a second later."""
        effect = self.one(DeleteService)
        if outcome is Outcome.ACCEPTED:
            self.listed = False
        return self.wait(0.25).see(ServiceDeleted(effect, outcome, text, self.now))

    def off(self) -> Self:
        """Read OFF for as long as a proof takes."""
        self.identify()
        for _ in range(4):
            self.read().elapse(1)
        return self

    # ways

    def to_ordered(self) -> Self:
        return self.to_down().list("web").order(Order.DECOMMISSION)

    def to_delete(self) -> Self:
        """Show all that is needed: the request is due."""
        return self.to_ordered().survey().off()

    def vouched(self) -> Self:
        """Order it of a host that a human has vouched for."""
        self.to_fencing().order(Order.CONFIRM_OFF, 600).look().put()
        self.look(state="down", forced_down=True, status="disabled")
        return self.list("web").order(Order.DECOMMISSION)

    def minutes(self, count: float, power: Power | None = None) -> Self:
        """Let time pass in which Nova tells the same, and the power too, if it tells."""
        for _ in range(int(count * 6)):
            self.elapse(10).survey()
            if power is not None:
                self.identify().read(power)
        return self
