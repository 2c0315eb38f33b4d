"""The state machine: what an observation means, and what is to be done next.

`decide = advance + due`. `advance`, in this file, folds one observation into the incident and then
settles it: it takes every step that is possible now. `due`, in the file of that name, says what is
to be done, from the incident alone, so a restarted daemon asks `due` and carries on. Read the two
side by side.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from doctor_daemon.core import turns
from doctor_daemon.core.automatic import passing, powering
from doctor_daemon.core.by_hand import answered as answered_by_life
from doctor_daemon.core.by_hand import in_hand, protested, taken_back
from doctor_daemon.core.context import Context
from doctor_daemon.core.cutting import cut_ended, cut_refused, lined
from doctor_daemon.core.destinations import doubted
from doctor_daemon.core.due import due
from doctor_daemon.core.evacuating import evacuating, told, unanswered
from doctor_daemon.core.fencing import fencing, identified, unidentified, was_read
from doctor_daemon.core.going_on import going_on
from doctor_daemon.core.hands import shown
from doctor_daemon.core.holding import Said, said
from doctor_daemon.core.incident import Held, Incident
from doctor_daemon.core.listing import listed
from doctor_daemon.core.lone_service import correlated
from doctor_daemon.core.marking import forcing_down, put_ended, put_refused
from doctor_daemon.core.messages import (
    Crashed,
    Cut,
    CutEnded,
    Effect,
    Elapsed,
    Evacuate,
    EvacuateEnded,
    Failed,
    Follow,
    Followed,
    ForceDown,
    Heard,
    Identified,
    Identify,
    Inspect,
    Inspected,
    Listed,
    ListServers,
    Look,
    Looked,
    Observation,
    Ordered,
    PutEnded,
    Refused,
    Resumed,
    WasRead,
)
from doctor_daemon.core.orders import after_bug, closing, follow
from doctor_daemon.core.ourselves import Paused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.posting import lost, not_sent
from doctor_daemon.core.ranks import unsent
from doctor_daemon.core.recovery import resumed
from doctor_daemon.core.release import Enable, EnableEnded, Lift, LiftEnded, SwitchedOn, SwitchOn
from doctor_daemon.core.releasing import releasing
from doctor_daemon.core.retirement import DeleteService, ServiceDeleted, Survey
from doctor_daemon.core.retiring import not_deleted, retiring, untold
from doctor_daemon.core.retiring import told as told_of_rest
from doctor_daemon.core.returning import (
    answered,
    coming_back,
    inspected,
    not_sent_back,
    seen,
    uninspected,
)
from doctor_daemon.core.sightings import Noticed, Sighting, Strayed
from doctor_daemon.core.survey import Surveyed
from doctor_daemon.core.suspicion import heard, looked, suspected
from doctor_daemon.core.switching import not_switched, switching
from doctor_daemon.core.topology import NEVER
from doctor_daemon.core.tries import Lined, Outcome
from doctor_daemon.core.waiting import overdue
from doctor_daemon.core.waking import woken

STEPS_MAX = 16
LISTINGS_MAX = 5
LATE = "Nova has not told in time how its servers stand"


def decide(
    incident: Incident, observation: Observation, context: Context
) -> tuple[Incident, tuple[Effect, ...]]:
    """Fold one observation into the incident; say what is due now."""
    incident = advance(incident, observation, context)
    return incident, due(incident, context)


def advance(
    incident: Incident, observation: Observation, context: Context, *, more: bool = False
) -> Incident:
    """What an observation means, and every step that it makes possible.

    `more`: another one is folded in at the same moment, and what both make possible with it.
    """
    if incident.phase.final:
        return incident
    incident = _fold(incident, observation, context)
    if more:
        return incident
    for _ in range(STEPS_MAX):
        settled = _settle(incident, context)
        if settled is incident:
            return incident
        incident = settled
    msg = f"{incident.phase} does not settle"
    raise RuntimeError(msg)


def _fold(  # noqa: C901 - one arm for each observation: splitting it would hide the machine
    incident: Incident, observation: Observation, context: Context
) -> Incident:
    """Fold one observation in. One that comes too late means nothing."""
    match observation:
        case Resumed():
            return resumed(incident, context)
        case Paused():
            return woken(incident, observation, context)
        case Heard():
            return heard(incident, observation, context)
        case Looked(number, sighting) if number == incident.looks:
            return _looked_at(incident, sighting, context)
        case Noticed() | Strayed():
            return passing(incident, observation, context)
        case Identified():
            return identified(incident, observation)
        case CutEnded():
            return cut_ended(incident, observation)
        case Lined():
            return lined(incident, observation)
        case WasRead():
            return was_read(incident, observation)
        case PutEnded():
            return put_ended(incident, observation, context)
        case Listed(number, servers) if number == incident.listings:
            return listed(incident, servers, context)
        case SwitchedOn() | LiftEnded() | EnableEnded():
            return answered(incident, observation, context)
        case Surveyed() | ServiceDeleted():
            return told_of_rest(incident, observation, context)
        case Inspected() if coming_back(incident):
            return inspected(incident, observation, context)
        case Inspected() | Followed() | EvacuateEnded():
            return told(incident, observation, context)
        case Failed(effect):
            return _failed(incident, observation, effect, context)
        case Refused(effect):
            return _refused(incident, observation, effect, context)
        case Ordered():
            return follow(incident, observation, context)
        case Said():
            return said(incident, observation, context)
        case Crashed():
            return _crashed(incident, observation, context)
        case Elapsed() | Looked() | Listed():
            return incident
        case _ as unreachable:
            assert_never(unreachable)


def _looked_at(incident: Incident, sighting: Sighting, context: Context) -> Incident:
    """Fold in how Nova shows the host."""
    asked = replace(incident, looks=incident.looks + 1, look_failures=0, look_at=None)
    fold = seen if incident.phase is Phase.RELEASING else looked
    folded = fold(shown(asked, sighting, context), sighting, context)
    return in_hand(folded, incident.sighting, sighting, context)


def _crashed(incident: Incident, crashed: Crashed, context: Context) -> Incident:
    """Hold an incident that a bug was met in: what was being done may have taken effect."""
    if isinstance(crashed.effect, Evacuate):
        incident = lost(incident, crashed.effect, context)
    if incident.phase is Phase.HELD:
        return incident.note(context.now, f"internal error: {crashed.error}")
    return incident.hold(context.now, after_bug(incident.phase, crashed.error))


def _failed(incident: Incident, failed: Failed, effect: Effect, context: Context) -> Incident:
    """Fold in that a question came back without an answer: ask again, later and not for ever."""
    match effect:
        case Look(number) if number == incident.looks:
            failures = incident.look_failures + 1
            at = context.now.plus(context.policy.backoff(failures))
            return replace(incident, looks=number + 1, look_failures=failures, look_at=at)
        case Cut():
            return cut_ended(incident, CutEnded(effect, Outcome.UNKNOWN, failed.error, context.now))
        case Identify():
            return unidentified(incident, failed, effect, context.now)
        case ListServers(number) if number == incident.listings:
            if number + 1 < LISTINGS_MAX:
                at = context.now.plus(context.policy.backoff(number + 1))
                return replace(incident, listings=number + 1, retry_at=at)
            text = f"the list of servers could not be checked against Nova: {failed.error}"
            return replace(incident, listings=-1).note(context.now, text)
        case Inspect(number) if number == incident.rounds.inspections:
            if coming_back(incident):
                return uninspected(incident, context)
            return unanswered(incident, context, failed.error)
        case Follow(number) if number == incident.rounds.follows:
            return unanswered(incident, context, failed.error)
        case Survey():
            return untold(incident, effect, failed, context)
        case _:
            return incident


def _refused(incident: Incident, refused: Refused, effect: Effect, context: Context) -> Incident:
    """Fold in that a gate was shut just before an effect, so that nothing was sent."""
    match effect:
        case Cut():
            return cut_refused(incident, refused, effect)
        case ForceDown(number) if incident.phase is Phase.FORCING_DOWN:
            return put_refused(incident, refused, number, context)
        case Evacuate():
            return not_sent(incident, refused, effect, context)
        case SwitchOn():
            return not_switched(incident, refused, effect, context)
        case Lift() | Enable():
            return not_sent_back(incident, refused, effect, context)
        case DeleteService():
            return not_deleted(incident, refused, effect, context)
        case _:
            return incident


def _settle(incident: Incident, context: Context) -> Incident:
    """Take one step that is possible now, or return the incident itself."""
    match incident.phase:
        case Phase.SUSPECTED:
            settled = correlated(incident, context)
            return suspected(incident, context) if settled is incident else settled
        case Phase.FENCING | Phase.FORCING_DOWN | Phase.EVACUATING if _stuck(incident, context):
            return incident.hold(context.now, _late(incident, context))
        case Phase.FENCING:
            settled = correlated(incident, context)
            return fencing(incident, context) if settled is incident else settled
        case Phase.FORCING_DOWN:
            return forcing_down(incident, context)
        case Phase.EVACUATING:
            return evacuating(incident, context)
        case Phase.RELEASING:
            way_back = answered_by_life(switching(incident, context), context)
            return way_back if way_back.phase is Phase.DOWN else releasing(way_back, context)
        case Phase.DOWN:
            settled = taken_back(closing(incident, context), context)
            settled = switching(powering(settled, context), context)
            return retiring(settled, context)
        case Phase.HELD:
            return _held(incident, context)
        case Phase.RESOLVED | Phase.DISMISSED:
            return incident
        case _ as unreachable:
            assert_never(unreachable)


def _held(incident: Incident, context: Context) -> Incident:
    settled = going_on(incident, context)
    if settled is not incident:
        return settled
    settled = switching(closing(incident, context), context)
    return retiring(protested(settled, context), context)


def _late(incident: Incident, context: Context) -> Held:
    """Say what an incident is held by that has made no progress for long."""
    limit_s = context.policy.progress_s
    waited = overdue(incident, limit_s)
    if waited is not None:
        return waited
    why = f"no progress in {limit_s:g} s of {incident.phase}"
    blocked = _blocked(incident, context) if incident.phase is Phase.EVACUATING else ""
    return Held("progress", f"{why}: {blocked}" if blocked else why, NEVER)


def _blocked(incident: Incident, context: Context) -> str:
    """Say what keeps servers from being moved; empty: nothing that is known does."""
    records = incident.evacuations.values()
    late = LATE if incident.rounds.inspected_at is None else ""
    said = (unsent(records), turns.told(records, context), doubted(records, context))
    return "; ".join(filter(None, said)) or late


def _stuck(incident: Incident, context: Context) -> bool:
    return context.now.since(incident.progress_at) >= context.policy.progress_s
