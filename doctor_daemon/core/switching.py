"""Switching a host on, by an operator's order: only once no server of it is on its way elsewhere.

A nova-compute that starts destroys the disks of what it finds being evacuated. So Nova is asked for
all evacuations first, and the order is followed, or ends with a reason, within half a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.host import Device, HostPlan
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Refused
from doctor_daemon.core.release import SwitchedOn, Switching, SwitchOn


def wanted(incident: Incident, context: Context, text: str) -> Incident:
    """Take note of the order: Nova is asked first."""
    release, rounds, now = incident.release, incident.rounds, context.now
    number = release.number + 1
    wish = Switching(number, now)
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
    names = [device.name for _, device in switches(incident, context.plan)]
    if wish.go_at is not None:
        over = all(name in wish.answered for name in names)
        return _put(incident, None) if over else incident
    refusal = refused(Act.SWITCH_ON, incident, context)
    why = refusal.why if refusal else ""
    if not names:
        why = "no power device is configured"
    elif refusal is not None and refusal.retry and not now.reached(ends_at(wish, context)):
        return incident
    if why:
        return _put(incident.note(now, f"not switched on: {why}"), None)
    return _put(incident, replace(wish, go_at=now))


def ends_at(wish: Switching, context: Context) -> Instant:
    """Return when an order that could not be followed is given up."""
    return wish.since.plus(context.policy.off_timeout_s)


def switched_on(incident: Incident, ended: SwitchedOn, context: Context) -> Incident:
    """Fold in what a device has answered; whether the host is on, only a read tells."""
    return _answered(incident, ended.effect, f"{ended.outcome}: {ended.text}", context)


def not_switched(
    incident: Incident, refusal: Refused, effect: SwitchOn, context: Context
) -> Incident:
    """Fold in that a gate was shut just before, so that nothing was sent."""
    return _answered(incident, effect, f"not sent: {refusal.why}", context)


def _answered(incident: Incident, effect: SwitchOn, text: str, context: Context) -> Incident:
    wish = incident.release.switching
    if wish is None or wish.number != effect.number or effect.device in wish.answered:
        return incident
    noted = incident.note(context.now, f"{effect.device}: switch on {text}")
    return _put(noted, replace(wish, answered=(*wish.answered, effect.device)))


def _put(incident: Incident, wish: Switching | None) -> Incident:
    return replace(incident, release=replace(incident.release, switching=wish))
