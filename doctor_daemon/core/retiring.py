"""Taking a host that is down out of the cloud for good, by an operator's order.

First all of it is shown: nothing has shown life, the power is off still, and Nova has neither
servers nor migrations of the host. Then Nova is asked to delete the compute service, by its id, so
that it cannot be another's; and only when Nova has said that it did, and lists none any more, the
incident is over. Whatever else comes ends the order with a reason, and the host stays down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from doctor_daemon.core.asking import ask_read
from doctor_daemon.core.context import Context
from doctor_daemon.core.fencing import derive
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.hands import shown
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Effect, Failed, Ordered, Refused, Wait
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.retirement import (
    ERROR_MAX,
    Course,
    DeleteService,
    Retirement,
    ServiceDeleted,
    Survey,
)
from doctor_daemon.core.survey import Surveyed, underway
from doctor_daemon.core.suspicion import looked
from doctor_daemon.core.tries import Outcome

PATIENCE_S = 120.0
"""How long may be needed to show it all, and to read the end back: Nova waits 60 s for a cell."""
SENT_MAX = 3
"""How often Nova is asked to delete the service while no answer comes. By its id: it is safe."""
_CONFLICT = "Nova answered 409"
_LEFT_OUT = (
    "Nova lists no compute service of it, and before 2.69 it leaves out those of a cell that does "
    "not answer"
)
_EXPLAINED = (
    "Nova sees servers or migrations of the host that it does not list, or that are new: look with "
    "`openstack server list --all-projects --host` and `openstack server migration list --host`"
)


def retire(incident: Incident, ordered: Ordered, context: Context, text: str) -> Incident:
    """Take note of the order. What was seen of the host before is not counted."""
    now, old = context.now, incident.retirement
    number = old.number + 1 if old else 1
    wish = Retirement(ordered.by, ordered.why, now, now, number)
    fencing = incident.fencing.unread() if incident.fencing else None
    return replace(incident.note(now, text), retirement=wish, fencing=fencing, first=None)


def ends_at(wish: Retirement) -> Instant:
    """Return when the present step is given up."""
    return wish.step_at.plus(PATIENCE_S)


# what is to be done


def retires(incident: Incident, context: Context) -> Iterator[Effect]:
    """Yield what is due of it."""
    wish = underway(incident)
    if wish is None:
        return
    if wish.step is Course.DELETING:
        yield DeleteService(wish.number, incident.service)
        return
    yield Wait(ends_at(wish))
    if wish.ask_at is not None and not context.now.reached(wish.ask_at):
        yield Wait(wish.ask_at)
    else:
        yield Survey(wish.number)
    if wish.step is Course.SHOWING:
        yield from _read(incident, wish, context)


def _read(incident: Incident, wish: Retirement, context: Context) -> Iterator[Effect]:
    unreadable_at = context.anew(wish.since).plus(context.policy.off_timeout_s)
    if not context.now.reached(unreadable_at):
        yield Wait(unreadable_at)
    attempt = incident.fencing
    level = context.plan.level(attempt.level) if attempt else None
    if attempt is not None and level is not None:
        yield from ask_read(attempt, level, context)


# what was told


def told(incident: Incident, observation: Surveyed | ServiceDeleted, context: Context) -> Incident:
    """Fold in what Nova has answered."""
    if isinstance(observation, ServiceDeleted):
        return _deleted(incident, observation, context)
    wish, seen = underway(incident), observation.sighting
    if wish is None or wish.number != observation.number:
        return incident
    if seen is None and not observation.whole and wish.step is Course.SHOWING:
        # Once Nova has said that it is deleted, a list without it says no more than that.
        survey = Survey(wish.number)
        return untold(incident, survey, Failed(survey, _LEFT_OUT), context)
    if seen is not None:
        before = incident.first
        incident = looked(shown(incident, seen, context), seen, context)
        reported = before is not None and seen.stirred(before)
        wish = replace(wish, reported=wish.reported or reported)
    if incident.phase is not Phase.DOWN:
        return incident  # somebody has made the service anew: that is for a human
    later = context.now.plus(context.policy.release_every_s)
    wish = replace(wish, number=wish.number + 1, ask_at=later, failures=0, error="")
    return replace(incident, retirement=replace(wish, left=observation.left))


def untold(incident: Incident, effect: Survey, failed: Failed, context: Context) -> Incident:
    """Fold in that Nova did not tell: it is asked again, later."""
    wish = underway(incident)
    if wish is None or wish.number != effect.number:
        return incident
    failures = wish.failures + 1
    later = context.now.plus(context.policy.backoff(failures))
    wish = replace(wish, number=wish.number + 1, ask_at=later, failures=failures)
    return replace(incident, retirement=replace(wish, error=failed.error[:ERROR_MAX]))


def _deleted(incident: Incident, ended: ServiceDeleted, context: Context) -> Incident:
    """Fold in how the request ended; unless Nova certainly did nothing, it is read back."""
    wish, text = incident.retirement, f"deleting the service {ended.outcome}: {ended.text}"
    if wish is None or not _present(wish, ended.effect):
        return incident.note(ended.at, text)
    if ended.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
        wish = replace(wish.at(Course.COUNTING, context.now), put=ended.outcome, left=None)
        return replace(incident.note(ended.at, text), retirement=wish)
    return _over(incident, wish, context, f"{text}; {_EXPLAINED}" if _CONFLICT in text else text)


def not_deleted(
    incident: Incident, refusal: Refused, effect: DeleteService, context: Context
) -> Incident:
    """Fold in that a gate was shut just before the request, so that nothing was sent."""
    wish = incident.retirement
    if wish is None or not _present(wish, effect):
        return incident
    return _over(incident, wish, context, f"nothing was sent: {refusal.why}")


def unwanted(incident: Incident, effect: DeleteService) -> str:
    """Say why a request that is about to be sent is not wanted any more; empty: it is."""
    wish = incident.retirement
    wanted = incident.phase is Phase.DOWN and wish is not None and _present(wish, effect)
    return "" if wanted else f"it is not wanted any more: the incident is {incident.phase}"


def _present(wish: Retirement, effect: DeleteService) -> bool:
    """Tell whether this is the request that is waited for."""
    return wish.step is Course.DELETING and wish.number == effect.number


# what it comes to


def retiring(incident: Incident, context: Context) -> Incident:
    """Take the step that is possible now, or return the incident itself."""
    wish = underway(incident)
    if wish is None:
        return incident
    if wish.step is Course.SHOWING:
        return _showing(incident, wish, context)
    return _counting(incident, wish, context) if wish.step is Course.COUNTING else incident


def _showing(incident: Incident, wish: Retirement, context: Context) -> Incident:
    """Take the power's word once it is a proof; pass the gates, or give the order up."""
    again = _proven_again(incident, wish, context)
    if again is not incident:
        return again
    refusal = refused(Act.DELETE, incident, context)
    if refusal is None:
        text = f"all is shown: having Nova delete the service {incident.service}"
        sending = wish.at(Course.DELETING, context.now)
        return replace(incident.note(context.now, text), retirement=sending)
    if refusal.retry and not context.now.reached(ends_at(wish)):
        return incident
    frees = refusal.frees.partition(";")[0]  # what takes up a way down is not for this one
    return _over(incident, wish, context, f"{refusal.why}; {frees}")


def _proven_again(incident: Incident, wish: Retirement, context: Context) -> Incident:
    attempt, proof = incident.fencing, incident.proof
    level = context.plan.level(attempt.level) if attempt else None
    if attempt is None or level is None or level.manual or proof is None:
        return incident
    if attempt.digest != context.plan.digest:
        return incident
    since = context.anew(wish.since)
    if proof.taken_at.since(since) >= 0 and not context.now.reached(proof.valid_until):
        return incident
    anew = derive(incident, attempt, level, context, wish.since)
    if anew is None or context.now.reached(anew.valid_until):
        return incident
    return replace(incident, proof=anew).note(context.now, "still proven off")


def _counting(incident: Incident, wish: Retirement, context: Context) -> Incident:
    """Believe what Nova has said and shows; what it has not said is asked again."""
    left, now = wish.left, context.now
    if left is not None and not left.listed:
        if wish.put is Outcome.ACCEPTED:
            text = (
                f"decommissioned by {wish.by}: {wish.why}; Nova has no compute service of "
                f"{incident.host} any more: take it out of the configuration"
            )
            return incident.move(Phase.RESOLVED, now, text)
        if wish.sent < SENT_MAX:
            text = "Nova does not list the service; it is asked once more, to be certain"
            return replace(incident.note(now, text), retirement=wish.at(Course.DELETING, now))
    if not now.reached(ends_at(wish)):
        return incident
    shown = "Nova still lists the service" if left and left.listed else wish.error
    why = shown or "Nova lists no such service, and has not said that it deleted it"
    return _over(incident, wish, context, f"whether it is deleted is not known: {why}")


def _over(incident: Incident, wish: Retirement, context: Context, why: str) -> Incident:
    """End the order, and say why. The host stays down; the order can be given again."""
    noted = incident.note(context.now, f"not decommissioned: {why}")
    return replace(noted, retirement=wish.ended())
