"""A request that is journalled: what still keeps it from being sent, and what it goes back to.

Between the journal and the wire it waits for its turn, behind those of other hosts. So just before
it is sent it is asked once more whether it is wanted, and whether what is known of its server is
new enough: somebody else may have moved it meanwhile. What is not sent is planned anew, by another
inspection.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.destinations import revived
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Evacuate, Refused
from doctor_daemon.core.moves import doubtful
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.turns import outdated

OVERTAKEN = "overtaken"
"""In the place of a gate: the request was no longer the one to be sent."""


def being_posted(incident: Incident, effect: Evacuate) -> Evacuation | None:
    """Return the record of which this is the present request."""
    record = incident.evacuations.get(effect.server)
    if record is None or record.stage is not Stage.POSTING or record.attempt != effect.attempt:
        return None
    return record


def overtaken(incident: Incident, effect: Evacuate, context: Context) -> str:
    """Say why a request that waited for its turn is not to be sent any more; empty: it is."""
    rounds = incident.rounds
    if rounds.barred is not None:
        return f"nothing more is evacuated: {rounds.barred.why}"
    record = being_posted(incident, effect)
    if incident.phase is not Phase.EVACUATING or record is None:
        return f"{effect.server} is not to be evacuated any more"
    if back := revived(record, context):
        return f"{back}, to which it was going, is not proven off any more"
    if rounds.inspected_at is None or outdated((record,), rounds.told_at, context):
        return "what is known of it has grown too old: Nova is asked about it again"
    return record.why


def not_sent(incident: Incident, refusal: Refused, effect: Evacuate, context: Context) -> Incident:
    """Fold in that nothing was sent: a gate was shut, or it was overtaken while it waited."""
    record, now = being_posted(incident, effect), context.now
    if record is None:
        return incident
    later = now.plus(context.policy.backoff_s)
    back = replace(record.at(Stage.WAITING, now, refusal.why), not_before=later)
    if refusal.gate == OVERTAKEN:
        incident = replace(incident, rounds=replace(incident.rounds, inspected_at=None))
    return replace(incident, evacuations={**incident.evacuations, effect.server: back})


def lost(incident: Incident, effect: Evacuate, context: Context) -> Incident:
    """Fold in that a bug has swallowed the end of a request: it may have been sent."""
    record = being_posted(incident, effect)
    if record is None:
        return incident
    doubt = doubtful(record, context.now, context.policy)
    return replace(incident, evacuations={**incident.evacuations, effect.server: doubt})
