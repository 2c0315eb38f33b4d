"""What a step says to the audit: which effects it wants done, and how those ended that it folds.

An effect is begun only once its intent is saved, with the step that wants it. Its own observation
closes it, in the step that folds that, whatever the incident has come to meanwhile. What an earlier
daemon had open was cut off: it is not known whether it was done.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from doctor_daemon.core.audit import Line, Part
from doctor_daemon.core.context import Context
from doctor_daemon.core.evidence import Words
from doctor_daemon.core.gates import Act, verdicts
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.journal import Intent, Journal
from doctor_daemon.core.messages import (
    CHANGING,
    Cut,
    CutEnded,
    Effect,
    Evacuate,
    EvacuateEnded,
    ForceDown,
    Observation,
    Ordered,
    PutEnded,
    Refused,
)
from doctor_daemon.core.proof import Proof
from doctor_daemon.core.release import Enable, EnableEnded, Lift, LiftEnded, SwitchedOn, SwitchOn
from doctor_daemon.core.retirement import DeleteService, ServiceDeleted
from doctor_daemon.core.tries import Outcome

CUT_OFF = "the daemon ended before the answer was saved: whether it was done is not known"
NOT_BEGUN = "nothing was sent: it was not wanted any more before it was begun"


@dataclass(frozen=True, slots=True)
class Done:
    """What a step was made of, as far as the audit asks: what has ended, was ordered, is wanted."""

    wanted: Sequence[Effect] = ()
    running: Collection[Effect] = ()
    """What is still under way after it."""
    ended: Sequence[tuple[Effect, Observation]] = ()
    orders: Sequence[Ordered] = ()
    resumed: bool = False


def audited(
    incident: Incident, done: Done, context: Context, term: int
) -> tuple[Incident, tuple[Line, ...]]:
    """Return an incident with its journal as it is after a step, and what the audit is to say."""
    writing = _Writing(incident, context, term)
    for order in done.orders:
        writing.ordered(order)
    for effect, observation in done.ended:
        intent = writing.journal.found(_named(effect))
        if intent is not None:
            writing.ended(intent, *_end(observation))
    going = {_named(one) for one in (*done.running, *done.wanted) if isinstance(one, CHANGING)}
    for intent in writing.journal.open:
        if done.resumed:
            writing.ended(intent, Outcome.UNKNOWN, CUT_OFF)
        elif intent.name not in going:
            writing.ended(intent, Outcome.UNSENT, NOT_BEGUN)
    for effect in done.wanted:
        if isinstance(effect, CHANGING) and not begun(writing.journal, effect):
            writing.wanted(effect)
    if writing.journal is incident.journal:
        return incident, ()
    return replace(incident, journal=writing.journal), tuple(writing.lines)


def begun(journal: Journal, effect: Effect) -> bool:
    """Tell whether the intent of an effect is open, so that it may be done once that is saved."""
    return journal.found(_named(effect)) is not None


class _Writing:
    """The lines of one step, and the journal as they leave it."""

    def __init__(self, incident: Incident, context: Context, term: int) -> None:
        self.journal = incident.journal
        self.lines: list[Line] = []
        self._incident = incident
        self._context = context
        self._term = term

    def ordered(self, order: Ordered) -> None:
        self.journal = self.journal.numbered()
        line = self._line(Part.ORDER, order.order.value, self.journal.number)
        vouched = ", ".join(map(str, order.accept))
        until = f"it holds until {order.until.wall_s:.0f}" if order.until else ""
        text = "; ".join(filter(None, (vouched and f"vouches for {vouched}", until)))
        self.lines.append(replace(line, at=order.at, by=order.by, cause=order.why, text=text))

    def wanted(self, effect: Effect) -> None:
        incident, (what, target) = self._incident, _named(effect)
        self.journal = self.journal.began(what, target)
        line = self._line(Part.INTENT, what, self.journal.number)
        last = incident.timeline[-1].text if incident.timeline else ""
        asked = verdicts(Act(what), incident, self._context)
        self.lines.append(
            replace(
                line,
                target=target,
                cause=last,
                evidence=_words(incident.words),
                gates=tuple(f"{gate.name}: {why or 'open'}" for gate, why in asked),
                proof=proof_said(incident.proof),
            )
        )

    def ended(self, intent: Intent, outcome: Outcome, text: str) -> None:
        self.journal = self.journal.ended(intent)
        line = self._line(Part.RESULT, intent.what, intent.number)
        self.lines.append(replace(line, target=intent.target, outcome=outcome.value, text=text))

    def _line(self, part: Part, what: str, number: int) -> Line:
        incident = self._incident
        return Line(
            id=f"{incident.id}/{number}",
            part=part,
            what=what,
            at=self._context.now,
            term=self._term,
            host=str(incident.host),
            incident=incident.id,
        )


def _named(effect: Effect) -> tuple[str, str]:
    """Return of which kind an effect is, and which of its incident."""
    match effect:
        case Cut():
            return Act.CUT.value, f"{effect.device}, level {effect.level}, try {effect.try_}"
        case ForceDown():
            how = "and disable" if effect.disable else "alone"
            return Act.FORCE_DOWN.value, f"service {effect.service}, {how}, request {effect.number}"
        case Evacuate():
            return Act.EVACUATE.value, f"server {effect.server}, attempt {effect.attempt}"
        case SwitchOn():
            machine = f"{effect.device}, level {effect.level}, machine {effect.uuid}"
            return Act.SWITCH_ON.value, f"{machine}, request {effect.number}"
        case Lift():
            return Act.LIFT.value, f"service {effect.service}, request {effect.number}"
        case Enable():
            return Act.ENABLE.value, f"service {effect.service}, request {effect.number}"
        case DeleteService():
            return Act.DELETE.value, f"service {effect.service}, request {effect.number}"
        case _:
            return "", ""  # it changes nothing


def _end(observation: Observation) -> tuple[Outcome, str]:
    """Return how an effect ended, by its own observation."""
    match observation:
        case (
            CutEnded()
            | PutEnded()
            | EvacuateEnded()
            | SwitchedOn()
            | LiftEnded()
            | EnableEnded()
            | ServiceDeleted()
        ):
            return observation.outcome, observation.text
        case Refused():
            return Outcome.UNSENT, f"{observation.gate}: {observation.why}"
        case _:
            return Outcome.UNKNOWN, str(getattr(observation, "error", ""))


def _words(words: Words) -> tuple[str, ...]:
    return tuple(
        f"{word.source} ({word.kind}) said {word.verdict.value}, {word.count} times, "
        f"last at {word.last.wall_s:.3f}"
        for word in words.values()
    )


def proof_said(proof: Proof | None) -> str:
    """Return a proof in words; empty: there is none."""
    if proof is None:
        return ""
    text = f"{proof.kind.value} proof of try {proof.attempt}, taken at {proof.taken_at.wall_s:.3f}"
    if proof.by:
        return f"{text}, by {proof.by}: {proof.why}"
    parts = (
        f"{part.device}, machine {part.identity.uuid}, read off {len(part.readings)} times after "
        f"its cut at {part.cut_at.wall_s:.3f}"
        for part in proof.devices
    )
    return f"{text}, topology {proof.digest}: {'; '.join(parts)}"
