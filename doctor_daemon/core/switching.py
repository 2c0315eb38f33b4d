"""Switching a host on, ordered or by policy: only once no server of it is on its way elsewhere.

A nova-compute that starts destroys the disks of what it finds being evacuated. So Nova is asked for
all evacuations first, and an order is followed, or ends with a reason, within half a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.host import Device, HostPlan
from doctor_daemon.core.incident import Held, Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Refused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import SwitchedOn, Switching, SwitchOn
from doctor_daemon.core.tries import Outcome

SAID_MAX = 300
TRIES, PAUSE_S = 3, 60.0
"""How often the policy has a host switched on where certainly nothing was done; the pause between
two, which grows by itself. What may have been done is not repeated."""
_BY_HAND = "see to that; then `doctor-daemon release HOST`, and switch it on"


def wanted(incident: Incident, context: Context, text: str, *, patient: bool = False) -> Incident:
    """Take note of the order, or of the policy, which is patient: Nova is asked first."""
    release, rounds, now = incident.release, incident.rounds, context.now
    number = release.number + 1
    wish = Switching(number, now, patient=patient)
    release = replace(release, number=number, switching=wish, inspected_at=None)
    rounds = replace(rounds, inspections=rounds.inspections + 1, failures=0, ask_at=None)
    return replace(incident.note(now, text), release=release, rounds=rounds)


def switches(incident: Incident, plan: HostPlan) -> Iterator[tuple[int, Device]]:
    """Yield level and device of each through which the power may have been cut."""
    last = incident.fencing.level if incident.fencing else 1
    for number, level in enumerate(plan.levels[:last], 1):
        for device in level.devices:
            yield number, device


def switching(incident: Incident, context: Context) -> Incident:
    """Pass the gates, or give the order up; end it when every device was asked."""
    wish, now = incident.release.switching, context.now
    if wish is None:
        return incident
    if incident.held is not None:
        return unswitched(incident, now, f"{incident.host} is held: {incident.held.why}")
    names = [device.name for _, device in switches(incident, context.plan)]
    if wish.go_at is not None:
        over = all(name in wish.answered for name in names)
        return _over(incident, wish, context) if over else incident
    if wish.not_before is not None and not now.reached(wish.not_before):
        return incident
    refusal = refused(Act.SWITCH_ON, incident, context)
    why, late = refusal.why if refusal else "", now.reached(ends_at(wish, context))
    if not names:
        why = "no power device is configured"
    elif refusal is not None and (refusal.retry or wish.patient) and not late:
        return incident
    if not why:
        return _put(incident, replace(wish, go_at=now))
    if not wish.patient or incident.phase is not Phase.DOWN:
        return _put(incident.note(now, f"not switched on: {why}"), None)
    held = Held("release", f"not switched on: {why}", _BY_HAND)
    return _put(incident, None).hold(now, held)


def _over(incident: Incident, wish: Switching, context: Context) -> Incident:
    """End a wish: wait for the host, or, where the policy is alone with it, try again or ask."""
    now, failures = context.now, wish.failures + 1
    if not wish.patient or incident.phase is not Phase.DOWN:
        return _put(incident, None)
    release = incident.release
    if wish.sent:
        return replace(incident, release=replace(release, switching=None, awaited_at=now))
    if failures >= TRIES:
        said = wish.said or "its power devices are gone from the configuration"
        held = Held("release", f"not switched on: {said}", _BY_HAND)
        return _put(incident, None).hold(now, held)
    later = now.plus(PAUSE_S * failures)
    again = Switching(release.number + 1, later, patient=True, failures=failures, not_before=later)
    text = f"not switched on yet: it is tried again in {PAUSE_S * failures:g} s"
    release = replace(release, number=again.number, switching=again, inspected_at=None)
    return replace(incident.note(now, text), release=release)


def unswitched(incident: Incident, now: Instant, why: str) -> Incident:
    """Answer an order that cannot be followed any more: it does not just vanish."""
    wish = incident.release.switching
    if wish is None:
        return incident
    if wish.go_at is None:
        return _put(incident.note(now, f"not switched on: {why}"), None)
    text = f"whether it was switched on is not known, for {why}"
    return sent(_put(incident.note(now, text), None), now)


def sent(incident: Incident, now: Instant) -> Incident:
    """Note that the host may have been switched on: a proof from before proves nothing now."""
    return replace(incident, release=replace(incident.release, switched_at=now))


def ends_at(wish: Switching, context: Context) -> Instant:
    """Return when an order that could not be followed is given up."""
    policy = context.policy
    return wish.since.plus(policy.progress_s if wish.patient else policy.off_timeout_s)


def switched_on(incident: Incident, ended: SwitchedOn, context: Context) -> Incident:
    """Fold in what a device has answered; whether the host is on, only a read tells.

    However late it comes: unless certainly nothing was done, the host is not proven off any more.
    """
    undone = ended.outcome in (Outcome.REFUSED, Outcome.UNSENT)
    if not undone and ended.effect.number <= incident.release.number:
        incident = sent(incident, context.now)
    text = f"{ended.outcome}: {ended.text}"
    return _answered(incident, ended.effect, text, context, undone=undone)


def not_switched(
    incident: Incident, refusal: Refused, effect: SwitchOn, context: Context
) -> Incident:
    """Fold in that a gate was shut just before, so that nothing was sent."""
    return _answered(incident, effect, f"not sent: {refusal.why}", context, undone=True)


def _answered(
    incident: Incident, effect: SwitchOn, text: str, context: Context, *, undone: bool
) -> Incident:
    wish, text = incident.release.switching, f"{effect.device}: switch on {text}"
    if wish is None and incident.held is not None and effect.number == incident.release.number:
        return incident.note(context.now, text)  # it was given up when the incident was held
    if wish is None or wish.number != effect.number or effect.device in wish.answered:
        return incident
    noted = incident.note(context.now, text)
    wish = replace(wish, answered=(*wish.answered, effect.device), sent=wish.sent or not undone)
    return _put(noted, replace(wish, said=text[:SAID_MAX]) if undone else wish)


def _put(incident: Incident, wish: Switching | None) -> Incident:
    return replace(incident, release=replace(incident.release, switching=wish))
