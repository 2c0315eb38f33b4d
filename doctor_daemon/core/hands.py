"""Other people's hands on the host's compute service: told once, and told apart from our own.

Nova keeps no account of who wrote what. So each look and each poll is compared with what was shown
before: what this incident has asked for is ours, and anything else is theirs, and stays so. A flag
of ours that is gone is an alarm, whoever took it and whatever for: Nova no longer says that the
host is down, and nothing more may rest on that.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.guard import bar
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Sighting
from doctor_daemon.core.moves import GONE
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Step
from doctor_daemon.core.sightings import Noticed, Strayed
from doctor_daemon.core.tries import Outcome

FORCED = (Phase.EVACUATING, Phase.DOWN)
"""The phases that are entered with the flag read back; in them only others take it away."""
_PAST = (*FORCED, Phase.RELEASING)
"""And the one after them: whatever was asked for before has been seen to take effect."""
SET = "forced_down was set by somebody else, and is theirs to clear"
CLEARED = "forced_down was cleared by somebody else"
LATE = f"{CLEARED}, or by a request of ours that came late"


def seen_in_passing(incident: Incident, seen: Noticed | Strayed, context: Context) -> Incident:
    """Fold in what the poller has seen of the host, unasked."""
    if isinstance(seen, Strayed):
        return strayed(incident, seen, context)
    return polled(incident, seen.sighting, context)


def polled(incident: Incident, sighting: Sighting | None, context: Context) -> Incident:
    """Fold in how a list of all services shows the host; None: it has no row of it."""
    last = incident.sighting
    if sighting is None:
        return _unlisted(incident, context)
    if last is not None and sighting.asked_at.since(last.asked_at) < 0:
        return incident  # it was begun before the last look
    if incident.shown is None and incident.phase not in FORCED:
        return incident  # a look is on its way: later ones are compared with that
    known, after = incident.shown, shown(incident, sighting, context)
    return after if after.shown is known else replace(after, sighting=sighting)


def _unlisted(incident: Incident, context: Context) -> Incident:
    """Say once that there is no row: it was deleted, or an older Nova leaves out a cell."""
    if incident.shown is None or not incident.shown.uuid:
        return incident
    nothing = replace(incident.shown, uuid="", asked_at=context.now)
    text = (
        "Nova lists no compute service of it any more: somebody has deleted it, or its cell is down"
    )
    return replace(incident.note(context.now, text), shown=nothing)


def shown(incident: Incident, sighting: Sighting, context: Context) -> Incident:
    """Take note of how Nova shows the service; say what others have changed of it."""
    before = incident.shown
    if before is None and incident.phase in FORCED:
        before = replace(sighting, forced_down=True)  # it was read back, by a daemon of before
    if before is not None and sighting.asked_at.since(before.asked_at) < 0:
        return incident
    if incident.shown is not None and sighting.alike(incident.shown):
        return incident
    incident = replace(incident, shown=sighting)
    if before is None or incident.closing is not None:
        return incident  # whoever closes it has cleared the flag, and is answered
    if before.uuid != sighting.uuid:
        return incident.note(context.now, "Nova shows a compute service of it that is not the last")
    return _status(_flag(incident, before, sighting, context), before, sighting, context)


# the flag


def _flag(incident: Incident, before: Sighting, look: Sighting, context: Context) -> Incident:
    now, marking = context.now, incident.marking
    if look.forced_down == before.forced_down or incident.release.lifted:
        return incident  # after the lift, whoever watches the host says so
    if look.forced_down:
        if _asked_for(incident, before):
            return incident
        return replace(incident.note(now, SET), marking=replace(marking, before=look))
    if incident.phase is Phase.RELEASING and incident.release.step is Step.LIFTING:
        return incident
    if incident.phase is Phase.RELEASING and incident.release.number:
        return incident.note(now, LATE)
    if marking.foreign_flag:
        return incident.note(now, "forced_down, which somebody else had set, was cleared")
    return _vanished(incident, context)


def _asked_for(incident: Incident, before: Sighting) -> bool:
    """Tell whether a PUT of ours may have set the flag: no look since its end has shown it gone."""
    marking, out_of = incident.marking, incident.held.out_of if incident.held else None
    if incident.phase in _PAST or out_of in _PAST or not marking.number:
        return False
    at = marking.put_at if marking.put is Outcome.ACCEPTED else None
    return at is None or before.asked_at.since(at) < 0


def _vanished(incident: Incident, context: Context) -> Incident:
    """Raise the alarm, and send nothing more."""
    ends = "; `doctor-daemon close HOST` ends this" if incident.phase is Phase.DOWN else ""
    text = f"ALARM: {CLEARED}{ends}"
    incident = incident.tell(context.now, text, NoticeKind.ALARM, ())
    if incident.phase is not Phase.EVACUATING:
        return incident
    why = f"Nova does not have {incident.host} forced down any more"
    frees = "find out who cleared the flag; then `doctor-daemon fence HOST` takes it up again"
    return bar(incident, Held("flag", why, frees), context)


# the status


def _status(incident: Incident, before: Sighting, look: Sighting, context: Context) -> Incident:
    if (look.status, look.reason) == (before.status, before.reason):
        return incident
    mark, now = incident.mark, context.now
    if look.status == "enabled":
        ours = incident.release.step is Step.ENABLING or before.status == "enabled"
        whose = "our disabling" if before.reason.startswith(mark) else "a disabling"
        return incident if ours else incident.note(now, f"somebody else took {whose} back")
    if look.reason.startswith(mark) or _disabling(incident, before):
        return incident
    over = (
        ", in the place of ours: it is theirs to enable" if before.reason.startswith(mark) else ""
    )
    said = f": {look.reason}" if look.reason else ", without a reason"
    return incident.note(now, f"somebody else disabled it{over}{said}")


def _disabling(incident: Incident, before: Sighting) -> bool:
    """Tell whether it may be our PUT that disabled it, under whatever reason Nova shows."""
    forcing = incident.phase is Phase.FORCING_DOWN and incident.marking.disable is True
    return forcing and before.status == "enabled"


# the servers


def strayed(incident: Incident, seen: Strayed, context: Context) -> Incident:
    """Say which servers of a host that is down others have moved, or deleted; each once.

    While servers are moved Nova is asked for each, and before that the list after force-down tells.
    """
    early = incident.listings >= 0 or incident.phase is Phase.EVACUATING
    if early or incident.release.lifted:
        return incident
    for server, to in seen.to:
        known, record = incident.servers.get(server.id), incident.evacuations.get(server.id)
        told = record is not None and (record.stage is Stage.MOVED or record.why == GONE)
        if known is None or told:
            continue
        where = (
            f"moved {known.name or known.id} to {to}" if to else f"deleted {known.name or known.id}"
        )
        left = {id_: one for id_, one in incident.servers.items() if id_ != server.id}
        incident = replace(incident.note(context.now, f"somebody else has {where}"), servers=left)
    return incident
