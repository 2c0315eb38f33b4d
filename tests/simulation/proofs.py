"""The judge of proofs: each is derived anew from what is saved with it, and held against the truth.

Written anew, and simpler than the daemon's own: it looks at each reading as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor_daemon.core.host import Level
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power, Proof, ProofKind
from tests.simulation.clocks import Clocks
from tests.simulation.world import Machine


def unproven(
    incident: Incident, proof: Proof, machine: Machine, policy: Policy, clock: Clocks
) -> Iterator[str]:
    """Yield what is wrong with a proof in the moment in which it is saved."""
    if not clock.off_at(machine, proof):
        yield f"I-6: {incident.host} had power when it was proven off"
    if proof.incident != incident.id:
        yield "I-6: a proof of another incident"
    if proof.kind is ProofKind.HUMAN:
        return
    level = machine.plan.level(incident.fencing.level if incident.fencing else 0)
    devices = level.devices if level else ()
    if [device.name for device in devices] != [part.device for part in proof.devices]:
        yield "I-6: not every device confirmed"
        return
    for part, device in zip(proof.devices, devices, strict=True):
        off = all(reading.power is Power.OFF for reading in part.readings)
        held_s = part.readings[-1].asked_at.since(part.readings[0].answered_at)
        need_s = max(policy.off_hold_s, device.hold_s)
        if not off or len(part.readings) < policy.off_reads or held_s < need_s:
            yield f"I-6: {part.device} does not prove off"
        if part.identity.uuid != device.uuid:
            yield "I-7: proof by another chassis"
    yield from _denied(incident, proof, machine, level)


def _denied(
    incident: Incident, proof: Proof, machine: Machine, level: Level | None
) -> Iterator[str]:
    """Yield which second device saw the host on while, or after, the proof's reads began."""
    others = (d for one in machine.plan.levels if one is not level for d in one.devices)
    began = [part.readings[0].asked_at for part in proof.devices]
    for device in others:
        answer = incident.fencing.device(device.name) if incident.fencing else None
        its = answer is not None and answer.identity and answer.identity.uuid == device.uuid
        if answer is None or not its or not device.tells_host:
            continue
        ons = [one.answered_at for one in answer.readings if one.power is Power.ON]
        if any(at.since(on) < 0 for on in ons for at in began):
            yield f"B1: {incident.host} is proven off from before {device.name} said on last"
