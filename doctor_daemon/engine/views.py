"""What is shown to operators: plain values, ready for JSON.

Everything shown is derived from what is saved and from the gates as they stand now, so an
explanation is never a second story beside the one that decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from doctor_daemon.core.context import Context
from doctor_daemon.core.contradiction import contradicted
from doctor_daemon.core.due import due
from doctor_daemon.core.evacuation import Evacuation
from doctor_daemon.core.gates import Act, verdicts, waited_for
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Entry, Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.masses import standing as holding
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import DeviceProof
from doctor_daemon.core.release import Release
from doctor_daemon.core.retirement import Retirement
from doctor_daemon.core.survey import underway
from doctor_daemon.core.topology import NAMES
from doctor_daemon.core.turns import waiting
from doctor_daemon.engine.own_views import own_side
from doctor_daemon.engine.port_views import ports_of, reserve_of
from doctor_daemon.engine.storage_views import storage_of
from doctor_daemon.engine.ward import Ward
from doctor_daemon.ports.leading import Role

WAY_BACK = (Act.SWITCH_ON, Act.LIFT, Act.ENABLE)
"""What a host that is down may still be in for: the other acts are behind it."""
_DOWN = (Phase.DOWN, Phase.RELEASING)


def standing(ward: Ward) -> dict[str, Any]:
    """Show the switches, the budget and the maintenance windows."""
    now, policy = ward.tools.clock.now(), ward.rules.policy
    return {
        "mode": ward.rules.mode.name.lower(),
        "armed": {"on": ward.armed.on, "by": ward.armed.by, "why": ward.armed.why},
        "term": ward.term,
        "warm_up_left_s": ward.lookout.warm_up_left_s(now, policy),
        "hosts": len(ward.rules.plans),
        "servers_as_of_wall_s": ward.hostmap.as_of_wall_s,
        "budget": {
            "used": len(ward.charges()),
            "total": policy.budget_total,
            "per_domain": policy.budget_per_domain,
            "window_s": policy.budget_window_s,
        },
        "masses": _masses(ward, now),
        "own_side": own_side(ward),
        "maintenance": [
            {"host": str(w.host), "by": w.by, "why": w.why, "left_s": w.until.since(now)}
            for w in ward.maintenance.values()
            if not now.reached(w.until)
        ],
    }


def leading(ward: Ward) -> dict[str, Any] | None:
    """Show who leads, of several daemons; None: there is one alone."""
    if ward.leadership is None:
        return None
    found = ward.leadership.standing()
    return {
        "role": found.role.value,
        "name": found.name,
        "leader": found.leader,
        "ready": list(found.ready),
        "why": found.text,
        "left_s": max(0.0, ward.leadership.left_s()) if found.role is Role.LEADING else 0.0,
    }


def _masses(ward: Ward, now: Instant) -> dict[str, Any]:
    """Show how many hosts look dead, what is not cut because of it, and what humans let through."""
    lookout = ward.lookout
    passes = holding(lookout.passes, now)
    word = {"by": passes.by, "why": passes.why, "left_s": passes.until.since(now)} if passes else {}
    return {
        "bad": lookout.bad,
        "latches": [{"scope": one.scope, "why": one.why} for one in lookout.latches.values()],
        "passes": {**word, "left": lookout.passes_left(now)} if passes else None,
    }


def short(incident: Incident) -> dict[str, Any]:
    """Show an incident in one line."""
    return {
        "id": incident.id,
        "host": str(incident.host),
        "phase": incident.phase.value,
        "version": incident.version,
        "opened_wall_s": incident.opened_at.wall_s,
        "text": incident.timeline[-1].text if incident.timeline else "",
    }


def explained(host: HostId, incident: Incident | None, ward: Ward) -> dict[str, Any]:
    """Show a host: its plan, its last incident, every gate in words, and what is due."""
    context = ward.context(host)
    plan = context.plan
    answer: dict[str, Any] = {
        "host": str(host),
        "mode": min(context.mode, plan.mode).name.lower(),
        "domain": plan.domain,
        "levels": [[f"{d.kind} {d.name}" for d in lv.devices] or ["manual"] for lv in plan.levels],
        "servers": len(ward.servers(host).servers),
        "incident": None,
        "storage": storage_of(host, incident, ward),
        "ports": ports_of(host, incident, ward),
        "reserve": reserve_of(host, incident, ward),
    }
    if incident is not None:
        answer["incident"] = whole(incident, context)
        answer["due"] = [type(effect).__name__ for effect in due(incident, context)]
        answer["gates"] = {
            act.value: {gate.name: why or "open" for gate, why in verdicts(act, incident, context)}
            for act in _acts(incident)
        }
    return answer


def _acts(incident: Incident) -> Sequence[Act]:
    """Return what the host may be in for now. It is taken out only while that is being followed."""
    if underway(incident):
        return (Act.DELETE,)
    back = incident.phase in _DOWN
    return [act for act in Act if act is not Act.DELETE and (act in WAY_BACK) is back]


def whole(incident: Incident, context: Context) -> dict[str, Any]:
    """Show an incident with its evidence, its proof and its timeline."""
    held, records = incident.held, incident.evacuations.values()
    waits = waiting(records, context)
    return {
        **short(incident),
        "held": {"gate": held.gate, "why": held.why, "frees": held.frees} if held else None,
        "waiting": _waiting(incident, context),
        "contradicted": contradicted(incident, context),
        "servers": len(incident.servers),
        "evacuations": [_evacuation(one, waits.get(one.server.id, "")) for one in records],
        "proof": _proof(incident),
        "release": _release(incident.release) if incident.release.began else None,
        "retirement": _retirement(incident.retirement) if incident.retirement else None,
        "evidence": [
            {
                "source": word.source,
                "kind": word.kind,
                "verdict": word.verdict.value,
                "count": word.count,
                "summary": word.summary,
            }
            for word in incident.words.values()
        ],
        "timeline": [_entry(entry, incident) for entry in incident.timeline],
    }


def _waiting(incident: Incident, context: Context) -> dict[str, Any] | None:
    """Say for which gate it waits, as that stands now, and for how long it does."""
    waiting = incident.waiting
    if waiting is None or waiting.over:
        return None
    shut = None if waiting.gate == NAMES else waited_for(Act.CUT, incident, context)
    now = shut or waiting
    since_s = context.now.since(waiting.since)
    return {"gate": now.gate, "why": now.why, "frees": now.frees, "since_s": since_s}


def _entry(entry: Entry, incident: Incident) -> dict[str, Any]:
    began = incident.opened_at
    known = entry.at.boot_id == began.boot_id
    return {
        "after_s": entry.at.since(began) if known else None,
        "wall_s": entry.at.wall_s,
        "phase": entry.phase.value,
        "text": entry.text,
        "told": entry.tell.value if entry.tell else None,
    }


def _evacuation(record: Evacuation, waits: str) -> dict[str, Any]:
    return {
        "server": record.server.id,
        "name": record.server.name,
        "project": record.server.project,
        "stage": record.stage.value,
        "attempt": record.attempt,
        "rank": record.rank,
        "to": record.to,
        "why": waits or record.why,
    }


def _release(release: Release) -> dict[str, Any]:
    return {
        "step": release.step.value,
        "ordered": release.ordered,
        "reports": release.reports,
        "evacuations_open": list(release.open),
        "evacuations_done": list(release.done),
        "evacuations_stuck": [str(one) for one in release.stuck],
        "evacuations_accepted": [str(one) for one in release.accepted],
    }


def _retirement(wish: Retirement) -> dict[str, Any]:
    return {"step": wish.step.value, "by": wish.by, "why": wish.why}


def _proof(incident: Incident) -> dict[str, Any] | None:
    proof = incident.proof
    if proof is None:
        return None
    return {
        "kind": proof.kind.value,
        "taken_wall_s": proof.taken_at.wall_s,
        "by": proof.by,
        "why": proof.why,
        "devices": [_device(part) for part in proof.devices],
    }


def _device(part: DeviceProof) -> dict[str, Any]:
    return {
        "device": part.device,
        "uuid": part.identity.uuid,
        "reads": [reading.raw for reading in part.readings],
    }
