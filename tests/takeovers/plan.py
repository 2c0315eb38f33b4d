"""When a leader is killed, drawn by the seed: at what it has just asked of the world, or asks.

Every moment lies past `cut_started`. `Moment`s take turns by seed; the host's failure, which call
of several it is, and the delay behind it are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.witness import Seen
from doctor_daemon.lab.world import Failure


class Call(StrEnum):
    """What a daemon may ask about a host whose power is to be cut, or was."""

    CUT = "cut"
    READ = "read"
    FORCE_DOWN = "force-down"
    EVACUATE = "evacuate"


class Moment(StrEnum):
    """What the leader is about when it is killed."""

    CUT_HELD = "cut held"  # the BMC is slow, and follows the order after the kill
    CUT_LOST = "cut lost"  # it never hears of it
    CUT_ANSWERED = "cut answered"
    READING = "reading"
    PUT_HELD = "PUT held"  # the power is proven off; Nova sets the flag after the kill
    PUT_LOST = "PUT lost"
    PUT_ANSWERED = "PUT answered"
    POST_HELD = "POST held"  # Nova takes it after the kill
    POST_LOST = "POST lost"
    POST_ANSWERED = "POST answered"
    MOVING = "moving"  # every server was asked for, and some are on their way


HELD_S = 0.9
"""How long what is held is held: less than a power device is given for an answer."""
ALL = 0
"""In the place of a number: as many as the host has servers."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The moment as the lab sees it: so many calls of a kind have come, or were answered."""

    call: Call
    answered: bool
    delay_s: float
    """At most so long after it."""
    most: int = 1
    """The call is drawn from as many."""
    do: Do | None = None
    """What the lab does to that call."""


MARKS: Mapping[Moment, Mark] = {
    Moment.CUT_HELD: Mark(Call.CUT, answered=False, delay_s=0.5, do=Do.SLOW),
    Moment.CUT_LOST: Mark(Call.CUT, answered=False, delay_s=0.5, do=Do.HANG),
    Moment.CUT_ANSWERED: Mark(Call.CUT, answered=True, delay_s=0.1),
    Moment.READING: Mark(Call.READ, answered=False, delay_s=0.15, most=8),
    Moment.PUT_HELD: Mark(Call.FORCE_DOWN, answered=False, delay_s=0.5, do=Do.SLOW),
    Moment.PUT_LOST: Mark(Call.FORCE_DOWN, answered=False, delay_s=0.5, do=Do.HANG),
    Moment.PUT_ANSWERED: Mark(Call.FORCE_DOWN, answered=True, delay_s=0.1),
    Moment.POST_HELD: Mark(Call.EVACUATE, answered=False, delay_s=0.5, most=3, do=Do.SLOW),
    Moment.POST_LOST: Mark(Call.EVACUATE, answered=False, delay_s=0.5, most=3, do=Do.HANG),
    Moment.POST_ANSWERED: Mark(Call.EVACUATE, answered=True, delay_s=0.1, most=3),
    Moment.MOVING: Mark(Call.EVACUATE, answered=True, delay_s=2.0, most=ALL),
}
_SEEN = {
    (Service.BMC, "POST"): Call.CUT,
    (Service.BMC, "GET"): Call.READ,
    (Service.NOVA, "PUT"): Call.FORCE_DOWN,
    (Service.NOVA, "POST"): Call.EVACUATE,
}
_ASKED = {call: service_and_method for service_and_method, call in _SEEN.items()}


def call_of(seen: Seen) -> Call | None:
    """Tell what a request is; None for one that is neither a read of power nor changes anything."""
    if seen.service is Service.BMC and "/Systems/" not in seen.path:
        return None
    return _SEEN.get((seen.service, seen.method))


@dataclass(frozen=True, slots=True)
class Plan:
    """One kill."""

    seed: int
    moment: Moment
    number: int
    """Which call of its kind, from 1; or ALL."""
    delay_s: float
    failure: Failure

    @property
    def mark(self) -> Mark:
        return MARKS[self.moment]

    @property
    def cuts_max(self) -> int:
        """How many orders to cut there may be in all.

        Where the answer to the first was not saved, perhaps, the try begins anew. A read of power
        comes after that.
        """
        return 2 if self.mark.call is Call.CUT else 1

    def rules(self, host: str) -> tuple[Rule, ...]:
        """Return what the lab is to do to the call in question."""
        if self.mark.do is None:
            return ()
        service, method = _ASKED[self.mark.call]
        rule = Rule(
            service=service,
            do=self.mark.do,
            method=method,
            host=host,
            after=self.number - 1,
            seconds=HELD_S,
        )
        return (rule,)

    def reached(self, asked: Sequence[Seen], servers: int) -> bool:
        """Tell whether it has come to the call in question, by what was asked about the host."""
        calls = [(call_of(seen), seen) for seen in asked]
        cut = [seen.done_s for call, seen in calls if call is Call.CUT and seen.done_s]
        if self.mark.call is Call.READ:
            calls = [(call, seen) for call, seen in calls if cut and seen.at_s >= cut[0]]
        found = [seen for call, seen in calls if call is self.mark.call]
        if self.mark.answered:
            found = [seen for seen in found if seen.done_s]
        return len(found) >= (self.number or servers)


def drawn(seed: int) -> Plan:
    """Draw a kill."""
    dice = Random(seed)
    moment = tuple(Moment)[seed % len(Moment)]
    mark = MARKS[moment]
    number = dice.randint(1, mark.most) if mark.most else ALL
    delay_s = dice.uniform(0, mark.delay_s)
    return Plan(seed, moment, number, delay_s, dice.choice(tuple(Failure)))
