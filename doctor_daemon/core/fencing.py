"""Fencing: prepare, pass the gates, cut, read, prove.

Prepare asks every device of the level who it is and looks at the host once more. Then the gates are
asked, and what they allow is saved as the point of no return *before* the first cut is sent. After
that only readings count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from doctor_daemon.core.by_order import ordered
from doctor_daemon.core.context import Context
from doctor_daemon.core.contradiction import FREES, GATE
from doctor_daemon.core.cutting import folded, go, late, shut
from doctor_daemon.core.gates import Act, waited_for
from doctor_daemon.core.host import Device, Level
from doctor_daemon.core.incident import Held, Incident
from doctor_daemon.core.inherited import elsewhere, inherited, outlived
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Failed, Identified, Identify, WasRead
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import (
    DeviceProof,
    Power,
    Proof,
    ProofKind,
    Reading,
    Rule,
    proven,
)
from doctor_daemon.core.recall import recallable
from doctor_daemon.core.self_gates import isolated
from doctor_daemon.core.topology import begin, fail
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from doctor_daemon.core.waiting import wait, waited, waits
from doctor_daemon.core.witness import contradicting, says_on, undenied, unheard

SPAN = 0.9
"""The share of the grace that the looks before a cut must span."""


def identified(incident: Incident, observation: Identified) -> Incident:
    """Fold in who a device says its host is."""
    effect, identity = observation.effect, observation.identity
    return folded(incident, effect, lambda device: replace(device, identity=identity))


def unidentified(
    incident: Incident, observation: Failed, effect: Identify, now: Instant
) -> Incident:
    """Fold in that a device did not say who its host is.

    Once the cut was sent that is a reading like any other, of UNKNOWN: it sets the pace.
    """
    error, nameless = observation.error, observation.nameless
    if incident.fencing is not None and incident.fencing.go_at is not None:
        reading = Reading(Power.UNKNOWN, error, now, now)
        return folded(incident, effect, lambda device: device.read(reading))
    return folded(
        incident, effect, lambda device: replace(device, failure=error, nameless=nameless)
    )


def was_read(incident: Incident, observation: WasRead) -> Incident:
    """Fold in one reading, unless it belongs to an earlier try or was folded already."""
    effect, fencing = observation.effect, incident.fencing
    if fencing is None or fencing.number != effect.try_:
        return incident
    device = fencing.device(effect.device)
    if device.reads != effect.number:
        return incident
    fencing = fencing.put(effect.device, device.read(observation.reading))
    return _on_again(replace(incident, fencing=fencing), observation.reading)


def _on_again(incident: Incident, reading: Reading) -> Incident:
    """Note that a host which is down, or on its way back, reads ON: nothing proves it off now.

    In other phases what is read is held against the proof at once, and here it is kept.
    """
    proof, release = incident.proof, incident.release
    if reading.power is not Power.ON or incident.phase not in (Phase.DOWN, Phase.RELEASING):
        return incident
    if proof is None or release.switched_since(proof.taken_at):
        return incident
    return replace(incident, release=replace(release, switched_at=reading.answered_at))


def fencing(incident: Incident, context: Context) -> Incident:
    """Decide what the present try has come to."""
    current = incident.fencing
    if current is None or current.digest != context.plan.digest:
        return begin(incident, context)
    level = context.plan.level(current.level)
    if level is None:
        return begin(incident, context, current.level)
    if incident.retry_at and not context.now.reached(incident.retry_at):
        return incident
    alive = outlived(incident, context)
    if alive is not None:
        return alive
    if waits(incident):
        return _alive(incident, context) or waited(incident, current, context)
    if current.go_at is None:
        return _prepare(incident, current, level, context)
    refused = shut(incident, current, level, context)
    if refused is not incident or any(current.device(d.name).shut for d in level.devices):
        return refused
    return _conclude(incident, current, current.go_at, level, context)


def _alive(incident: Incident, context: Context) -> Incident | None:
    """Ask a human where it shows life while a gate keeps it from being cut once more.

    Its power was cut, or may have been, and nobody proved it off: whether it is to be cut again is
    not for the gate to say. A host whose servers may run elsewhere is cut all the same.
    """
    waiting, life = incident.waiting, incident.life_at
    before = incident.untouched or recallable(incident)
    gone = elsewhere(incident, context.now)
    if waiting is None or life is None or before or gone or life.since(waiting.since) < 0:
        return None
    why = f"it was heard alive after a cut, and is not cut again meanwhile: {waiting.why}"
    return incident.hold(context.now, Held(GATE, why, FREES))


def _prepare(incident: Incident, current: Try, level: Level, context: Context) -> Incident:
    for device in level.devices:
        answer = current.device(device.name)
        if answer.failure:
            why = f"{device.name}: {answer.failure}"
            return _unheard(incident, context, why, nameless=answer.nameless)
        if answer.identity and answer.identity.uuid != device.uuid:
            why = f"{device.name} answers for {answer.identity.uuid}, not for {device.uuid}"
            return fail(incident, context, why, final=True)
    if incident.look_failures >= context.policy.looks_max:
        why = f"Nova could not be asked about {incident.host} once more before the cut"
        return incident.hold(context.now, Held("look", why, "`fence HOST` when Nova answers"))
    waits = incident.contradicted_at is not None
    if waits or not prepared(incident, current, level, context):
        return incident
    return go(incident, current, level, context)


def unknown_devices(current: Try, level: Level) -> Iterator[Device]:
    """Yield the devices that have not yet said who their host is."""
    for device in level.devices:
        if current.device(device.name).identity is None:
            yield device


def seen(incident: Incident, current: Try, context: Context) -> bool:
    """Tell whether the host was looked at since the try began, and just now."""
    look = incident.sighting
    return (
        look is not None
        and look.asked_at.since(current.since) >= 0
        and context.now.since(look.asked_at) <= context.policy.look_age_s
    )


def spanned_at(incident: Incident, context: Context) -> Instant | None:
    """Return when the looks will span the grace, or None when nothing is waited for.

    A single look, or two in quick succession, would not show a service that reports in: a report
    has to have had its time. An operator's order waits for nothing, nor does a later cut, unless
    the host was in use in between, or may have been since a daemon of before had decided it. An
    order that is old, or of another boot, is none.
    """
    later = incident.cut_started is not None and not recallable(incident)
    decided = ordered(incident, context) or later
    if incident.first is None or (decided and not inherited(incident, context)):
        return None
    return incident.first.asked_at.plus(SPAN * context.policy.grace_s)


def prepared(incident: Incident, current: Try, level: Level, context: Context) -> bool:
    """Tell whether everything that is to be known before a cut is known."""
    known = not any(unknown_devices(current, level))
    spans_at, look = spanned_at(incident, context), incident.sighting
    spanned = spans_at is None or (look is not None and look.asked_at.reached(spans_at))
    return known and spanned and seen(incident, current, context)


def _conclude(
    incident: Incident, current: Try, go_at: Instant, level: Level, context: Context
) -> Incident:
    now = context.now
    if incident.life_at is not None and incident.life_at.since(go_at) >= 0:
        return fail(incident, context, "the host was heard alive after the cut", final=True)
    for device in level.devices:
        answer = current.device(device.name)
        if answer.cut is Outcome.UNSENT:
            return fail(incident, context, f"{device.name}: nothing was sent")
        if answer.cut is Outcome.REFUSED and _said_on(answer):
            return fail(incident, context, f"{device.name} refuses, and the power is on")
        if answer.identity is not None and answer.identity.uuid != device.uuid:
            return fail(incident, context, f"{device.name} answers for another host", final=True)
    proof = derive(incident, current, level, context)
    if proof and not contradicting(current, go_at, context):
        text = f"proven off: {described(proof)}"
        moved = incident.move(Phase.FORCING_DOWN, now, text)
        return replace(moved, proof=proof, marking=incident.marking.anew())
    on = says_on(current, context)
    going_off = _going_off(current, level) or unheard(current, go_at, context)
    if late(current, level, context) and (on or not going_off):
        limit_s = context.policy.off_timeout_s + level.slow_s
        why = f"not off {limit_s:g} s after the cut"
        if on or not _silent(current, level):
            return fail(incident, context, f"{why}: {on}" if on else why)
        return _unheard(incident, context, why)
    return incident


def _unheard(incident: Incident, context: Context, why: str, *, nameless: bool = False) -> Incident:
    """Have a try behind it whose devices were not heard: one that failed, if we hear others.

    Where we may be cut off ourselves it says nothing of the devices, and the try is made again.
    """
    refusal = waited_for(Act.CUT, incident, context) if isolated(incident, context) else None
    if refusal is not None:
        return wait(incident, refusal, context.now)
    return fail(incident, context, why, nameless=nameless)


def _silent(current: Try, level: Level) -> bool:
    """Tell whether a device has told nothing of its power last."""
    lasts = [current.device(device.name).readings[-1:] for device in level.devices]
    return any(not last or last[0].power is Power.UNKNOWN for last in lasts)


def _going_off(current: Try, level: Level) -> bool:
    """Tell whether every device has said OFF last: more of that is only a matter of its turn."""
    lasts = [current.device(device.name).readings[-1:] for device in level.devices]
    return all(last and last[0].power is Power.OFF for last in lasts)


def _said_on(answer: DeviceTry) -> bool:
    """Tell whether the power was read ON after the cut was answered."""
    return bool(answer.readings) and answer.readings[-1].power is Power.ON


def rule_for(device: Device, context: Context) -> Rule:
    """Return the reads that prove this device's OFF, its vendor's quirk included."""
    shipped = context.policy.rule
    return Rule(shipped.reads, max(shipped.hold_s, device.hold_s))


def derive(
    incident: Incident,
    current: Try,
    level: Level,
    context: Context,
    since: Instant | None = None,
) -> Proof | None:
    """Derive the proof from the readings of every device; None while any is missing.

    `since` takes the place of the cut when a proof is read again. No run of OFF spans a pause, or
    what a witness has said against it.
    """
    parts: list[DeviceProof] = []
    for device in level.devices:
        answer = current.device(device.name)
        if answer.cut_at is None or answer.identity is None or not level.proves:
            return None
        if answer.identity.uuid != device.uuid:
            return None
        after = context.anew(since or answer.cut_at)
        readings = undenied(answer.readings, current, context)
        run = proven(readings, after, rule_for(device, context))
        if run is None:
            return None
        parts.append(DeviceProof(device.name, answer.identity, answer.cut_at, run))
    lasts: list[Reading] = [part.readings[-1] for part in parts]
    taken_at = min((reading.asked_at for reading in lasts), key=lambda at: at.boot_s)
    begun_at = max((part.readings[0].answered_at for part in parts), key=lambda at: at.boot_s)
    proof = Proof(
        kind=ProofKind.POWER,
        incident=incident.id,
        attempt=current.number,
        digest=current.digest,
        taken_at=taken_at,
        valid_until=taken_at.plus(context.policy.proof_age_s),
        devices=tuple(parts),
    )
    return proof if taken_at.since(begun_at) >= 0 else None  # all of them off at one moment


def described(proof: Proof) -> str:
    """Describe a power proof in words."""
    return "; ".join(
        f"{part.device} said off {len(part.readings)} times over "
        f"{part.readings[-1].asked_at.since(part.readings[0].answered_at):.1f} s"
        for part in proof.devices
    )
