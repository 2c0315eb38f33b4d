"""The point of no return: passed when every gate is open, and taken back where nothing was sent.

It is saved before the first cut is sent, and a cut may be sent late: another host's device is on
the same line, or a gate is found shut just before it. As long as certainly nothing has been sent
the host is as it was, and a sign of life counts as it does before that point. Once something may
have been sent, only readings tell what it did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.fleet_gates import paid
from doctor_daemon.core.gates import Act, Refusal, gate_waited_for, needs_pass, refused
from doctor_daemon.core.host import Level
from doctor_daemon.core.incident import Held, Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Cut, CutEnded, Identify, Refused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.recall import recallable, unsent
from doctor_daemon.core.service import out_of_service
from doctor_daemon.core.topology import NEVER, fail, repeat
from doctor_daemon.core.tries import DeviceTry, Lined, Try
from doctor_daemon.core.waiting import wait, wait_anew


def folded(
    incident: Incident, effect: Identify | Cut | Lined, change: Callable[[DeviceTry], DeviceTry]
) -> Incident:
    """Change what is known of a device in the present try."""
    fencing = incident.fencing
    if fencing is None or fencing.number != effect.try_:
        return incident  # too late: it belongs to an earlier try
    device = change(fencing.device(effect.device))
    return replace(incident, fencing=fencing.put(effect.device, device))


def cut_ended(incident: Incident, observation: CutEnded) -> Incident:
    """Fold in how a cut ended. Whatever was answered, only reads will tell what it did."""
    effect, outcome, at = observation.effect, observation.outcome, observation.at
    before = incident
    incident = folded(
        incident, effect, lambda device: replace(device, cut=outcome, cut_at=at, lined=False)
    )
    if incident is before:
        return incident
    return _sent(incident).note(at, f"{effect.device}: cut {outcome}: {observation.text}")


def lined(incident: Incident, observation: Lined) -> Incident:
    """Fold in that a cut waits for its device's turn, or that it is sent now."""
    at = observation.at if observation.over else None
    before, waits = incident, not observation.over
    incident = folded(
        incident, observation, lambda device: replace(device, lined=waits, begun_at=at)
    )
    return incident if waits or incident is before else _sent(incident)


def _sent(incident: Incident) -> Incident:
    """Have what came before the cut behind it: its way back, and what it has waited for."""
    incident = replace(incident, waiting=None)
    return out_of_service(incident) if incident.release.again else incident


def overtaken(incident: Incident, effect: Cut) -> str:
    """Say why a cut whose turn has come is not wanted any more; empty: it is."""
    fencing = incident.fencing if incident.phase is Phase.FENCING else None
    if fencing is None or fencing.go_at is None or fencing.number != effect.try_:
        return f"it is not wanted any more: the incident is {incident.phase}"
    return ""


def taken_back(incident: Incident, context: Context) -> Incident:
    """Prepare anew where nothing has been sent; else return the incident itself."""
    current = incident.fencing
    if current is None or not unsent(incident, context):
        return incident
    return _anew(_unpassed(incident, current), context, current, current.anew)


def _unpassed(incident: Incident, current: Try) -> Incident:
    """Unmake that the gates were passed. No earlier try had: the point of no return with it.

    What a pause asks for since then is for its gate to say.
    """
    if incident.cut_started == current.go_at:
        incident = replace(incident, cut_started=None)
    return replace(incident, fencing=replace(current, go_at=None), decided_at=None)


def _anew(incident: Incident, context: Context, current: Try, times: int) -> Incident:
    """Begin a try once more that is no try yet, for so many times now."""
    again = repeat(incident, context, current)
    fencing = again.fencing if again.phase is Phase.FENCING else None
    return replace(again, fencing=replace(fencing, anew=times)) if fencing else again


def go(incident: Incident, current: Try, level: Level, context: Context) -> Incident:
    """Ask the gates; if all are open, step over the point of no return."""
    now = context.now
    refusal = refused(Act.CUT, incident, context)
    if refusal and refusal.waits:
        return wait(incident, refusal, now)
    if refusal:
        why = refusal.why
        if recallable(incident):
            why = f"it failed once its flag was lifted, and it is not cut again: {why}"
        elif incident.refences and not incident.charged:
            why = f"the power came back after the proof, and it is not cut again: {why}"
        return incident.hold(now, Held(refusal.gate, why, refusal.frees))
    let, passed, waiting = needs_pass(incident, context), incident.passed, incident.waiting
    spent = let and passed == len(incident.charges)  # a new word is counted as a new round
    goes_on = paid(incident, context) and not spent
    charges = incident.charges if goes_on else (*incident.charges, now)
    if let:
        incident, passed = incident.note(now, f"let through: {context.passes_by}"), len(charges)
    names = " and ".join(f"{device.kind} {device.name}" for device in level.devices)
    return replace(
        incident.note(now, f"every gate is open: cutting the power by {names}"),
        fencing=replace(current, go_at=now),
        cut_started=incident.cut_started or now,
        decided_at=now,
        charges=charges,
        passed=passed,
        waiting=replace(waiting, over=True) if waiting else None,
        progress_at=now,
    )


def cut_refused(incident: Incident, refusal: Refused, effect: Cut) -> Incident:
    """Fold in that a gate was shut just before a cut: `shut` says what comes of it."""
    fencing = incident.fencing if incident.phase is Phase.FENCING else None
    if fencing is None or fencing.device(effect.device).cut is not None:
        return incident
    return folded(
        incident,
        effect,
        lambda device: replace(device, shut=refusal.gate, failure=refusal.why, lined=False),
    )


def shut(incident: Incident, current: Try, level: Level, context: Context) -> Incident:
    """Decide what a gate comes to that was shut just before a cut; else change nothing.

    Whether another device was cut is waited for: it may have been refused, too.
    """
    answers = [current.device(device.name) for device in level.devices]
    found = next((answer for answer in answers if answer.shut), None)
    under_way = any(answer.cut is None and not answer.unsent for answer in answers)
    if found is None or (under_way and not late(current, level, context)):
        return incident
    gate, why = gate_waited_for(found.shut), found.failure
    if unsent(incident, context):
        incident = _unpassed(incident, current)
    if found.shut == "look":
        return _look_again(incident, current, why, context)
    if found.shut == "permit":
        return fail(incident, context, why)
    if gate is not None:
        refusal = Refusal(gate.name, why, gate.frees, waits=True)
        again = wait_anew(incident, refusal, current, context)
        if again.untouched or recallable(again) or again.phase is Phase.HELD:
            return again  # past the point of no return life ends no wait: so nobody waits
    return incident.hold(
        context.now, Held(found.shut, why, f"see to the gate {found.shut}; {NEVER}")
    )


def _look_again(incident: Incident, current: Try, why: str, context: Context) -> Incident:
    """Look once more where the look has grown old: that is no try, and not done for ever."""
    if current.anew + 1 >= context.policy.looks_max:
        return fail(incident, context, why)
    return _anew(incident, context, current, current.anew + 1)


def ends_at(current: Try, level: Level, context: Context) -> Instant | None:
    """Return when a try has failed that proves nothing; None: a cut waits for its turn."""
    answers = [current.device(device.name) for device in level.devices]
    if current.go_at is None or any(answer.lined for answer in answers):
        return None
    begun = [answer.begun_at for answer in answers if answer.begun_at is not None]
    last = max((current.go_at, *begun), key=lambda at: at.boot_s)
    return context.anew(last).plus(context.policy.off_timeout_s + level.slow_s)


def late(current: Try, level: Level, context: Context) -> bool:
    """Tell whether the time is over in which a try must have proven the host off."""
    at = ends_at(current, level, context)
    return at is not None and context.now.reached(at)
