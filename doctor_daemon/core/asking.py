"""When each question is asked again: no device and no Nova is asked more often than it helps."""

from __future__ import annotations

from collections.abc import Iterator

from doctor_daemon.core.context import Context
from doctor_daemon.core.fencing import rule_for
from doctor_daemon.core.host import Device, Level
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Effect, Identify, Inspect, Look, Read, Wait
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power, Reading, off_run
from doctor_daemon.core.tries import READINGS_MAX, DeviceTry, Try
from doctor_daemon.core.waiting import waits
from doctor_daemon.core.witness import ask_witnesses

SHARE, SOONEST_S = 1 / 32, 1 / 32
"""Between reads of a device that says ON: this share of the time since the cut, and no less than so
many seconds. Most machines go off within a few seconds, some take half a minute."""
RUN_MAX = READINGS_MAX - 5
"""Calm reads that span a hold at the most: ON, the first OFF, and errors, are kept beside them."""
_READING = (Phase.FENCING, Phase.FORCING_DOWN, Phase.EVACUATING)


def ask_look(incident: Incident, context: Context) -> Effect:
    """Look at the host, or wait while Nova is left in peace."""
    if incident.look_at is not None and not context.now.reached(incident.look_at):
        return Wait(incident.look_at)
    return Look(incident.looks)


def look_along(incident: Incident, context: Context, every_s: float) -> Effect:
    """Look at Nova all along: life would show. The PUT needs a fresh look, and so does a cut."""
    look = incident.sighting if looked(incident, context) else None
    again = look.asked_at.plus(every_s) if look else context.now
    return ask_look(incident, context) if context.now.reached(again) else Wait(again)


def looked(incident: Incident, context: Context) -> bool:
    """Tell whether the host was looked at, since our last pause if there was one."""
    look = incident.sighting
    return look is not None and context.anew(look.asked_at) == look.asked_at


def unlooked(incident: Incident, context: Context) -> Iterator[Effect]:
    """Look once beside a wait where looks have begun anew: what is reported later counts then.

    After a pause, too: the gate that it shuts asks for a look.
    """
    if waits(incident) and (incident.first is None or not looked(incident, context)):
        yield ask_look(incident, context)


def ask_evacuations(incident: Incident, context: Context) -> Effect:
    """Ask for evacuations and servers, or wait while Nova is left in peace."""
    rounds = incident.rounds
    if rounds.ask_at is not None and not context.now.reached(rounds.ask_at):
        return Wait(rounds.ask_at)
    return Inspect(rounds.inspections)


def ask_read(
    attempt: Try, level: Level, context: Context, calm_s: float | None = None
) -> Iterator[Effect]:
    """Read every device whose cut was answered, one read at a time, at its pace.

    After a restart a device first says again who it is: only then does its word count.
    `calm_s` is the pace where a proof is only guarded, or life waited for.
    """
    for device in level.devices:
        answer = attempt.device(device.name)
        if answer.cut is None:
            continue
        after = _pace(device, answer, context, calm_s)
        if after is not None and not context.now.reached(after):
            yield Wait(after)
        elif answer.identity is None:
            yield Identify(attempt.number, attempt.level, device.name)
        else:
            yield Read(attempt.number, attempt.level, device.name, answer.reads)


def _pace(
    device: Device, answer: DeviceTry, context: Context, calm_s: float | None
) -> Instant | None:
    """Return when to read next: ever slower while it is ON, then spread over the hold time.

    The hold is counted from the first OFF's answer: reads that take their time do not stretch it.
    """
    if not answer.readings:
        return None
    rule, last = rule_for(device, context), answer.readings[-1]
    if calm_s is not None and last.power is not Power.UNKNOWN:
        return last.answered_at.plus(max(calm_s, rule.hold_s / RUN_MAX))
    if last.power is not Power.OFF:
        return last.answered_at.plus(_pause(answer, last, context.policy))
    run = off_run(answer.readings, answer.readings[0].asked_at)
    steps = max(rule.reads - 1, 1)
    if len(run) > steps:
        return last.answered_at.plus(rule.hold_s / steps)
    return run[0].answered_at.plus(rule.hold_s * len(run) / steps)


def _pause(answer: DeviceTry, last: Reading, policy: Policy) -> float:
    """Return the seconds to the next read of a device that is not OFF; one in trouble is spared."""
    if last.power is Power.UNKNOWN or answer.cut_at is None:
        return policy.read_every_s
    since_cut_s = last.answered_at.since(answer.cut_at)
    return min(max(SHARE * since_cut_s, SOONEST_S), policy.read_every_s)


def hold_proof(incident: Incident, context: Context) -> Iterator[Effect]:
    """Read the power again where the proof has grown old; of witnesses all along."""
    since, proof, attempt = incident.marking.rereading_since, incident.proof, incident.fencing
    if proof is None:
        return
    yield Wait(incident.progress_at.plus(context.policy.progress_s))
    level = context.plan.level(attempt.level) if attempt else None
    if since is None:
        yield Wait(proof.valid_until)
        if attempt is not None and attempt.go_at is not None:
            yield from ask_witnesses(attempt, attempt.go_at, context, context.policy.guard_every_s)
    elif attempt is not None and level is not None:
        ends = context.anew(since).plus(context.policy.off_timeout_s)
        yield from () if context.now.reached(ends) else (Wait(ends),)
        yield from ask_read(attempt, level, context)
        yield from ask_witnesses(attempt, since, context, anew=True)


def heeded(incident: Incident, read: Effect) -> bool:
    """Tell whether the answer to a read that is out would still count, whatever its pace is now."""
    attempt = incident.fencing
    if attempt is None or not isinstance(read, Read) or incident.phase not in _READING:
        return False
    return (attempt.number, attempt.device(read.device).reads) == (read.try_, read.number)
