"""One incident, led through `decide` by hand: each step answers an effect that is due.

It plays the part of the engine and of the world, one observation at a time, and checks at each that
the phases have moved along `SUCCESSORS` only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Self, TypeVar

from doctor_daemon.core.decide import decide
from doctor_daemon.core.due import due
from doctor_daemon.core.incident import Incident, NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import (
    Cut,
    CutEnded,
    Effect,
    Elapsed,
    Failed,
    ForceDown,
    Heard,
    Identified,
    Identify,
    Listed,
    ListServers,
    Look,
    Looked,
    Observation,
    Order,
    Ordered,
    PutEnded,
    Read,
    Refused,
    Resumed,
    Wait,
    WasRead,
)
from doctor_daemon.core.phases import SUCCESSORS, Phase
from doctor_daemon.core.proof import Power, Reading
from doctor_daemon.core.tries import Outcome, Try
from tests.core import make
from tests.core.make import Fields

E = TypeVar("E", bound=Effect)


class Walk:
    """An incident and its context, and what is done to both."""

    def __init__(self, incident: Incident | None = None, **changes: Fields) -> None:
        self.incident = incident or make.incident()
        self.context = make.context(0, **changes)

    # looking

    @property
    def phase(self) -> Phase:
        return self.incident.phase

    @property
    def now(self) -> Instant:
        return self.context.now

    @property
    def due(self) -> tuple[Effect, ...]:
        return due(self.incident, self.context)

    def all(self, kind: type[E]) -> list[E]:
        """Every effect of a kind that is due."""
        return [effect for effect in self.due if isinstance(effect, kind)]

    def one(self, kind: type[E]) -> E:
        """The only effect of a kind that is due."""
        (effect,) = self.all(kind)
        return effect

    @property
    def waits(self) -> list[float]:
        """In how many seconds each wait that is due ends."""
        return [wait.until.since(self.now) for wait in self.all(Wait)]

    @property
    def said(self) -> str:
        """The last line of the timeline."""
        return self.incident.timeline[-1].text

    @property
    def told(self) -> list[NoticeKind]:
        """What consumers were told, in order."""
        return [entry.tell for entry in self.incident.timeline if entry.tell]

    @property
    def attempt(self) -> Try:
        """The present try."""
        assert self.incident.fencing is not None, f"no try: {self.phase}"
        return self.incident.fencing

    @property
    def gate(self) -> str:
        """The gate that holds the incident."""
        assert self.incident.held is not None, f"not held: {self.phase}"
        return self.incident.held.gate

    # moving

    def see(self, observation: Observation) -> Self:
        """Fold one observation in."""
        before = self.incident
        self.incident, effects = decide(before, observation, self.context)
        assert effects == self.due
        new = self.incident.timeline[len(before.timeline) :]
        path = [before.phase, *(entry.phase for entry in new), self.phase]
        for one, two in pairwise(path):
            assert one is two or two in SUCCESSORS[one], f"{one} -> {two}"
        return self

    def given(self, **changes: Fields) -> Self:
        """Change the world, and tell nobody."""
        self.context = replace(self.context, **changes)
        return self

    def wait(self, seconds: float) -> Self:
        """Let time pass, and let nobody notice."""
        return self.given(now=self.now.plus(seconds))

    def reboot(self) -> Self:
        """Let the daemon come back on another boot, whose clock has begun anew."""
        self.given(now=Instant(make.OTHER_BOOT, 50.0, self.now.wall_s + 600))
        return self.see(Resumed())

    def elapse(self, seconds: float = 1) -> Self:
        """Let time pass, and the wait for it end."""
        return self.wait(seconds).see(Elapsed())

    def hear(self, source: str = "alertmanager", **changes: Fields) -> Self:
        """Hear the first source again, or another one."""
        said = replace(make.evidence(source=source), received_at=self.now, **changes)
        return self.see(Heard(said))

    def order(self, order: Order, lasts_s: float | None = None) -> Self:
        """Let an operator say something, a second later."""
        self.wait(1)
        until = None if lasts_s is None else self.now.plus(lasts_s)
        return self.see(Ordered(order, "ann", "because I looked", self.now, until))

    # answering

    def fail(self, effect: Effect, error: str = "no answer", *, nameless: bool = False) -> Self:
        return self.see(Failed(effect, error, nameless=nameless))

    def refuse(self, effect: Effect, gate: str, why: str = "shut") -> Self:
        return self.see(Refused(effect, gate, why))

    def look(self, **changes: Fields) -> Self:
        """Answer the look that is due."""
        seen = make.sighting(0, **{"asked_at": self.now, **changes})
        first = self.incident.first
        if first is not None and self.incident.sighting is None:  # it was so from the beginning
            then = replace(seen, asked_at=first.asked_at, updated_s=first.updated_s)
            self.incident = replace(self.incident, first=then)
        return self.see(Looked(self.one(Look).number, seen))

    def identify(self, uuid: str = make.UUID) -> Self:
        """Let every device that is asked say who its host is."""
        for effect in self.all(Identify):
            self.see(Identified(effect, make.identity(uuid)))
        return self

    def cut(self, outcome: Outcome = Outcome.ACCEPTED) -> Self:
        """Answer every cut that is due, a quarter of a second later."""
        cuts = self.all(Cut)
        self.wait(0.25)
        for effect in cuts:
            self.answer_cut(effect, outcome)
        return self

    def answer_cut(self, effect: Cut, outcome: Outcome = Outcome.ACCEPTED) -> Self:
        return self.see(CutEnded(effect, outcome, "204", self.now))

    def read(self, power: Power = Power.OFF, device: str = "") -> Self:
        """Answer every read that is due, or that of one device, at once."""
        for effect in self.all(Read):
            if device in ("", effect.device):
                self.answer_read(effect, power)
        return self

    def answer_read(self, effect: Read, power: Power, asked_s: float = 0) -> Self:
        """Answer one read that was asked for so many seconds from now."""
        asked_at = self.now.plus(asked_s)
        return self.see(WasRead(effect, Reading(power, power.value, asked_at, self.now)))

    def put(self, outcome: Outcome = Outcome.ACCEPTED) -> Self:
        """Answer the force-down that is due, a quarter of a second later."""
        effect = self.one(ForceDown)
        return self.wait(0.25).see(PutEnded(effect, outcome, "200", self.now))

    def list(self, *there: str) -> Self:
        """Answer the listing that is due."""
        found = make.servers(*(make.server(name) for name in there), seconds=99)
        return self.see(Listed(self.one(ListServers).number, found))

    # ways

    def to_fencing(self) -> Self:
        """Let the grace pass."""
        return self.elapse(self.context.policy.grace_s)

    def to_cut(self) -> Self:
        """Prepare, and pass the gates: the cuts are due."""
        return self.to_fencing().identify().look()

    def to_reads(self) -> Self:
        return self.to_cut().cut()

    def prove(self) -> Self:
        """Read OFF for as long as it takes, at the pace at which it is asked."""
        for _ in range(20):
            if self.read().phase is not Phase.FENCING:
                break
            self.elapse(1)
        return self

    def prove_again(self) -> Self:
        """Read OFF until an old proof has been taken again."""
        for _ in range(20):
            if self.read().incident.marking.rereading_since is None:
                break
            self.elapse(1)
        return self

    def to_proof(self) -> Self:
        """Prove that the host is off: forcing down has begun."""
        return self.to_reads().prove()

    def to_reread(self) -> Self:
        """Let the proof grow old before the PUT is answered: the power is read again."""
        return self.to_proof().elapse(self.context.policy.proof_age_s)

    def to_down(self) -> Self:
        """Force the host down, and read it back."""
        return self.to_proof().put().look(state="down", forced_down=True, status="disabled")

    def to_held(self, outcome: Outcome = Outcome.REFUSED) -> Self:
        """Have every try of the only level fail: a human is needed, after the cut."""
        self.to_fencing()
        while self.phase is Phase.FENCING:
            self.identify().look().cut(outcome).read(Power.ON).elapse(1)
        return self


Way = Callable[[Walk], Walk]
"""A way to walk an incident to some place."""
