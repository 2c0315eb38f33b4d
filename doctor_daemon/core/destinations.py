"""Where an evacuation is going, and whether the host there has died in the midst of it.

What a host had begun ends with its power. So an evacuation is given up only if Nova's row of it had
named the destination already when that was read OFF: a destination that died before that, and takes
the evacuation now, is in use again, whatever its incident says. And it must still be off: shown so
by its own incident when the evacuation is given up, and once more just before the next request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuation import Evacuation, Migration, Stage
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.incident import Incident, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Proof, ProofKind

_NOT_YET = (Phase.SUSPECTED, Phase.FENCING, Phase.FORCING_DOWN, Phase.HELD)


def looks_dead_at(incident: Incident) -> Instant | None:
    """Return when a host that Nova may still choose was last said to be dead; None: it is none.

    Nova may choose it until it is forced down, disabled, or has not reported in for Nova's
    `service_down_time`. What nobody known has said of a host keeps no server waiting.
    Source: Nova configuration reference, service_down_time; the scheduler's ComputeFilter.
    """
    look, accused_at = incident.sighting, incident.release.accused_at
    again = incident.phase is Phase.RELEASING and accused_at is not None
    if not (again or incident.phase in _NOT_YET) or (look and not look.takes_servers):
        return None
    words = (w for w in incident.words.values() if w.verdict is Verdict.DOWN)
    known = (word.first for word in words if word.trust is not Trust.OPEN)
    said = [at for at in (incident.ordered_at, accused_at, *known) if at is not None]
    return max(said, key=lambda at: at.wall_s, default=None)


def off_by(incident: Incident, now: Instant) -> Proof | None:
    """Return the proof by which a host is down, if nothing says since that it may be on again.

    Whoever takes a host for off asks this first, and then whatever else would end it for him. A
    proof of another boot is none: nobody can tell what has been seen since.
    """
    proof, life = incident.proof, incident.life_at
    if proof is None or incident.phase not in (Phase.EVACUATING, Phase.DOWN):
        return None
    if proof.taken_at.boot_id != now.boot_id or reported(incident, proof):
        return None
    if incident.release.switched_since(proof.taken_at):
        return None  # by us, whether nova-compute has reported in or not
    return None if life is not None and life.since(proof.taken_at) >= 0 else proof


def proven_off(
    incident: Incident,
    look: Sighting | None,
    now: Instant,
    policy: Policy,
    awake_at: Instant | None = None,
) -> Instant | None:
    """Return when a host was last proven off, if nothing says that it may be on again.

    `look` is the newest at its service. The proof of a host that is merely down is not renewed:
    what is asked for instead is that Nova has it forced down still, and no sign of life. One of
    another boot is no proof: nobody can tell what has been seen since. Nor does a look, or a proof
    that is renewed, say more from before our last pause, which ended at `awake_at`.
    """
    proof = off_by(incident, now)
    if proof is None or (look is not None and _before(look.asked_at, awake_at)):
        return None
    if incident.phase is Phase.EVACUATING:
        slept = proof.kind is ProofKind.POWER and _before(proof.taken_at, awake_at)
        if slept or now.reached(proof.valid_until):
            return None
    if look is None or not look.forced_down or now.since(look.asked_at) > policy.flag_age_s:
        return None
    return proof.taken_at


def _before(at: Instant, awake_at: Instant | None) -> bool:
    return awake_at is not None and at.since(awake_at) < 0


def reported(incident: Incident, proof: Proof) -> bool:
    """Tell whether its nova-compute has reported in since the proof, on the same boot."""
    at = incident.reported_at
    same = at is not None and at.boot_id == proof.taken_at.boot_id
    return at is not None and same and at.since(proof.taken_at) >= 0


def heading(record: Evacuation, row: Migration, now: Instant) -> Evacuation:
    """Return the record as it follows a row, and since when that is seen to go where it goes."""
    if row.id != record.migration:
        to_at = now if row.to else None
        return replace(record, migration=row.id, to=row.to, to_at=to_at)
    if row.to and row.to != record.to:
        return replace(record, to=row.to, to_at=now)
    return record


def has_died(record: Evacuation, context: Context) -> bool:
    """Tell whether the destination of our own evacuation was proven off since it goes there."""
    off_at, to_at = context.off.get(record.to), record.to_at
    if off_at is None or to_at is None or record.sent_at is None:
        return False
    return off_at.boot_id == to_at.boot_id and off_at.since(to_at) > 0


def revived(record: Evacuation, context: Context) -> str:
    """Name a destination that was given up and is not proven off any more; empty: there is none."""
    return next((name for name in record.left if name not in context.off), "")


def doubted(records: Iterable[Evacuation], context: Context) -> str:
    """Say which destinations must be off for servers to be asked for again; empty: none."""
    waiting = (record for record in records if record.stage is Stage.WAITING)
    found = sorted({revived(record, context) for record in waiting} - {""})
    return f"not proven off any more: {', '.join(found)}, where servers were going" if found else ""


def goes_on(record: Evacuation, rows: Sequence[Migration], context: Context) -> bool:
    """Tell whether somebody may go on with an evacuation of a server that is to be asked for."""
    under_way = (row for row in rows if not row.ended)
    return any(row.id not in record.known or row.to not in context.off for row in under_way)


def still_left(record: Evacuation, rows: Sequence[Migration]) -> Evacuation:
    """Forget each destination that was given up and of which all of Nova's migrations have ended.

    Nobody goes on with those, so a host that is back in service keeps the server from nothing.
    """
    open_ = {row.to for row in rows if not row.ended}
    left = tuple(name for name in record.left if name in open_)
    return record if left == record.left else replace(record, left=left)
