"""A world that does what it likes with one incident, for hypothesis to play.

It answers what is due and what is not, forgets, reboots, changes its mind and configuration.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from doctor_daemon.core.context import Armed, Charge
from doctor_daemon.core.decide import decide
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.host import HostPlan, Mode, Scope, Selection
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import (
    Crashed,
    Cut,
    CutEnded,
    Effect,
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
    WasRead,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power, Reading
from doctor_daemon.core.release import Enable, EnableEnded, Lift, LiftEnded, SwitchedOn, SwitchOn
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.tries import Lined, Outcome
from tests.core import make
from tests.core.make import ARMED, BMC, MANUAL, PDU, SECOND_BMC, level, plan
from tests.core.moving import GUESTS, Moving
from tests.core.walk import Walk, Way

PLANS = (
    plan(),
    plan(level(BMC, SECOND_BMC), digest="digest-2"),
    plan(level(BMC), level(replace(PDU, hold_s=4.0)), MANUAL, digest="digest-3"),
    plan(MANUAL, digest="digest-4"),
    plan(levels=(), digest="digest-5"),
    plan(mode=Mode.NOTIFY),
    plan(protected="the database"),
    plan(known=False),
    plan(mode=Mode.EVACUATE),
    plan(level(BMC, SECOND_BMC), mode=Mode.EVACUATE, digest="digest-2"),
    plan(mode=Mode.EVACUATE, selection=Selection(Scope.TAGGED, shared_storage=True)),
)
ANSWERED = (Identify, Look, Cut, Read, ForceDown, ListServers, SwitchOn, Lift, Enable)
TIMES_S = (0.0, 0.25, 1.0, 2.0, 6.0, 10.0, 31.0, 130.0, 900.0)


def to_releasing(walk: Walk) -> Walk:
    return walk.to_down().order(Order.RELEASE)


WAYS: tuple[Way, ...] = (
    Walk.elapse,
    Walk.to_fencing,
    Walk.to_cut,
    Walk.to_reads,
    Walk.to_proof,
    Walk.to_reread,
    Walk.to_down,
    Walk.to_held,
    to_releasing,
)
MOVES: tuple[Callable[[Moving], Walk], ...] = (
    Moving.to_evacuating,
    Moving.to_inspected,
    Moving.to_posted,
)
plans = st.sampled_from((PLANS[:3] + PLANS[-3:]) * 3 + PLANS)
"""Mostly hosts that may be fenced: the others come to rest at once."""
outcomes = st.sampled_from(Outcome)
powers = st.sampled_from((Power.OFF,) * 3 + tuple(Power))
truths = st.sampled_from((True,) * 5 + (False,))
numbers = st.integers(0, 4)
MODES = (Mode.FENCE,) * 3 + (Mode.EVACUATE,) * 3 + tuple(Mode)
seconds = st.sampled_from(TIMES_S)


class World(RuleBasedStateMachine):
    """One incident in a world that does what it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.walk = Moving()
        self.spent: set[Effect] = set()
        """What was answered, failed or refused: it must never be due again."""

    @initialize(
        chosen=plans,
        trust=st.sampled_from(Trust),
        way=st.sampled_from(WAYS),
        move=st.sampled_from(MOVES),
    )
    def begin(
        self, chosen: HostPlan, trust: Trust, way: Way, move: Callable[[Moving], Walk]
    ) -> None:
        """Begin somewhere on the way down: few incidents would get there by chance."""
        moving = chosen in PLANS[-3:]
        usual = chosen in PLANS[:3] or moving
        said = make.evidence(trust=Trust.ALONE if usual else trust)
        mode = Mode.EVACUATE if moving else Mode.FENCE
        self.walk = Moving(*GUESTS, incident=make.incident(said), plan=chosen, mode=mode)
        if usual:
            (move if moving else way)(self.walk)
        self.begun()

    def begun(self) -> None:
        """Take note of where it begins."""

    def restart(self) -> None:
        """Let the daemon die and another one come: it asks every device anew who it is."""
        self.walk.reboot()
        self.spent = {effect for effect in self.spent if not isinstance(effect, Identify)}

    def help(self) -> None:
        """Answer well whatever else is due."""

    def see(self, observation: Observation) -> None:
        """Fold it in, and see that doing so twice comes to the same."""
        walk = self.walk
        expected, before = decide(walk.incident, observation, walk.context), walk.phase
        leaving = walk.incident.retirement
        walk.see(observation)
        assert (walk.incident, walk.due) == expected
        wish = walk.incident.retirement
        taken_out = wish is not None and (leaving is None or wish.number > leaving.number)
        way_back = Phase.RELEASING in {before, walk.phase} and before is not walk.phase
        if way_back or taken_out:
            anew = (Identify, ListServers)  # then, and after a way back, all of it is asked anew
            self.spent = {effect for effect in self.spent if not isinstance(effect, anew)}

    def rests(self) -> bool:
        return self.walk.phase in (Phase.DOWN, Phase.HELD) or self.walk.phase.final

    # the world answers what is due

    def due(self, *kinds: type[Effect]) -> list[Effect]:
        return [effect for effect in self.walk.due if isinstance(effect, kinds)]

    @precondition(lambda self: self.due(*ANSWERED))
    @rule(pick=st.integers(0, 7), power=powers, outcome=outcomes, well=truths, stirs=st.booleans())
    def answer(self, pick: int, power: Power, outcome: Outcome, *, well: bool, stirs: bool) -> None:
        asked = self.due(*ANSWERED)
        effect = asked[pick % len(asked)]
        if not isinstance(effect, Identify) or well or self.walk.attempt.go_at is None:
            self.spent.add(effect)  # past the cut a failed identity is a reading: asked again
        self.see(self._answer(effect, power, outcome, well=well, stirs=stirs))

    def _answer(
        self, effect: Effect, power: Power, outcome: Outcome, *, well: bool, stirs: bool
    ) -> Observation:
        now = self.walk.now
        match effect:
            case Cut() if well:
                return CutEnded(effect, outcome, "answer", now)
            case ForceDown() if well:
                return PutEnded(effect, outcome, "answer", now)
            case SwitchOn() | Lift() | Enable() if well:
                return _put_back(effect, outcome, now)
            case Cut() | ForceDown() | SwitchOn() | Lift() | Enable():
                return Refused(effect, "look" if stirs else "armed", "shut")
            case Read():
                return WasRead(effect, Reading(power, power.value, now, now))
            case Identify() if well:
                return Identified(effect, make.identity())
            case Look(number) if well:
                last = self.walk.incident.sighting
                row = last or make.sighting(0)
                flag = outcome is Outcome.ACCEPTED and self.walk.incident.marking.put is not None
                updated_s = row.updated_s + 10 * (stirs and outcome is Outcome.UNKNOWN)
                state = "down" if flag else row.state
                seen = replace(row, asked_at=now, forced_down=flag, state=state)
                return Looked(number, replace(seen, updated_s=updated_s))
            case ListServers(number) if well:
                return Listed(number, make.servers(make.server("db")))
            case _:
                return Failed(effect, "503", nameless=stirs)

    @precondition(lambda self: self.due(Cut))
    @rule(over=st.booleans())
    def line_up(self, *, over: bool) -> None:
        cut = self.walk.all(Cut)[-1]
        self.see(Lined(cut.try_, cut.device, self.walk.now, over))

    @rule(pause_s=seconds)
    def elapse(self, pause_s: float) -> None:
        self.walk.elapse(pause_s)

    @rule(power=powers)
    def go_on(self, power: Power = Power.OFF) -> None:
        """Answer all that is due, well, and let the next wait end."""
        for _ in range(20):
            for effect in self.due(*ANSWERED)[:1]:
                self.spent.add(effect)
                self.see(self._answer(effect, power, Outcome.ACCEPTED, well=True, stirs=False))
            self.help()
        self.walk.elapse(math.ceil(4 * min(self.walk.waits, default=1.0)) / 4)

    # things happen by themselves

    @rule(
        verdict=st.sampled_from((Verdict.DOWN,) * 6 + tuple(Verdict)),
        source=st.sampled_from("abc"),
        trust=st.sampled_from(Trust),
        claimed_s=st.sampled_from((None, 1.0, 2.0)),
    )
    def hear(self, verdict: Verdict, source: str, trust: Trust, claimed_s: float | None) -> None:
        said = make.evidence(0, verdict, source, trust=trust, claimed_s=claimed_s)
        self.see(Heard(replace(said, received_at=self.walk.now)))

    @rule(order=st.sampled_from(Order), lasts_s=st.sampled_from((None, 0.0, 60.0, 9999.0)))
    def order(self, order: Order, lasts_s: float | None) -> None:
        self.walk.wait(1)
        until = None if lasts_s is None else self.walk.now.plus(lasts_s)
        self.see(Ordered(order, "ann", "because I looked", self.walk.now, until))

    @precondition(lambda self: self.walk.phase is Phase.RELEASING)
    @rule(pause_s=seconds, forced_down=st.booleans(), done=truths)
    def come_back(self, pause_s: float, *, forced_down: bool, done: bool) -> None:
        """Show that the host lives, and have everything go well that is asked for."""
        walk, outcome = self.walk, Outcome.ACCEPTED if done else Outcome.UNKNOWN
        walk.elapse(pause_s)
        for effect in self.due(*ANSWERED):
            if effect not in walk.due:
                continue
            self.spent.add(effect)
            answer = self._answer(effect, Power.ON, outcome, well=True, stirs=True)
            if isinstance(answer, Looked):
                flag = forced_down and not walk.incident.release.put
                row = replace(answer.sighting, forced_down=flag, state="down" if flag else "up")
                row = replace(row, updated_s=row.updated_s + 10, reason="doctor-daemon:inc-1: x")
                answer = Looked(answer.number, replace(row, status="disabled"))
            self.see(answer)

    @rule(flag=st.booleans(), uuid=st.sampled_from((make.SERVICE, "another")))
    def notice(self, *, flag: bool, uuid: str) -> None:
        self.see(Noticed(make.sighting(0, asked_at=self.walk.now, forced_down=flag, uuid=uuid)))

    @rule(number=numbers, power=powers, outcome=outcomes)
    def answer_what_is_not_due(self, number: int, power: Power, outcome: Outcome) -> None:
        now, cut = self.walk.now, Cut(number, 1, "bmc")
        put = ForceDown(number, make.SERVICE, disable=True)
        asked = (Look(number), Identify(number, 1, "bmc"), Read(number, 1, "bmc", number))
        stray: tuple[Effect, ...] = (*asked, cut, put, ListServers(number))
        for effect in stray:
            if effect not in self.walk.due:
                self.see(Failed(effect, "late"))
                self.see(Refused(effect, "armed", "late"))
        if cut not in self.walk.due:
            self.see(CutEnded(cut, outcome, "late", now))
        if put not in self.walk.due:
            self.see(PutEnded(put, outcome, "late", now))

    @rule(armed=truths, chosen=plans, mode=st.sampled_from(MODES))
    def reconfigure(self, *, armed: bool, chosen: HostPlan, mode: Mode) -> None:
        self.walk.given(armed=ARMED if armed else Armed(), plan=chosen, mode=mode).elapse(0)

    @rule(others=st.integers(0, 3))
    def spend(self, others: int) -> None:
        taken = (Charge(f"other-{n}", 1, "rack-1", self.walk.now) for n in range(others))
        self.walk.given(charges=tuple(taken))

    @precondition(lambda self: self.walk.now.boot_id == make.BOOT)
    @rule()
    def reboot(self) -> None:
        self.restart()

    @rule(drawn=st.integers(0, 7))
    def crash(self, drawn: int) -> None:
        if drawn == 0:
            self.see(Crashed("KeyError"))


def _put_back(effect: SwitchOn | Lift | Enable, outcome: Outcome, now: Instant) -> Observation:
    """Answer what is asked for on the way back."""
    match effect:
        case SwitchOn():
            return SwitchedOn(effect, outcome, "answer", now)
        case Lift():
            return LiftEnded(effect, outcome, "answer", now)
        case Enable():
            return EnableEnded(effect, outcome, "answer", now)
