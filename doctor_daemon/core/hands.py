"""Other people's hands on the host's compute service: told once, and told apart from our own.

Nova keeps no account of who wrote what. So each look and each poll is compared with what was shown
before: what this incident has asked for is ours, and anything else is theirs, and stays so. A flag
of ours that is gone is an alarm, whoever took it and whatever for: Nova no longer says that the
host is down, and nothing more may rest on that.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.guard import bar
from doctor_daemon.core.host import Server
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Sighting
from doctor_daemon.core.moves import GONE
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Step
from doctor_daemon.core.sightings import Noticed, Strayed, Unseen
from doctor_daemon.core.suspicion import looked, reporting
from doctor_daemon.core.tries import Outcome

FORCED = (Phase.EVACUATING, Phase.DOWN)
"""The phases that are entered with the flag read back; in them only others take it away."""
_PAST = (*FORCED, Phase.RELEASING)
"""And the one after them: whatever was asked for before has been seen to take effect."""
SET = "forced_down was set by somebody else, and is theirs to clear"
CLEARED = "forced_down was cleared by somebody else"
LATE = f"{CLEARED}, or by a request of ours that came late"
DELETED = "Nova lists no compute service of it any more: somebody else has deleted it"
NOT_TOLD = (
    "Nova cannot say how its compute service stands: its cell is down, or, with a Nova before "
    "2.69, it may be deleted as well"
)
SEEN_AGAIN = "Nova lists its compute service again"
MADE_ANEW = "Nova shows a compute service of it that is not the last"


def seen_in_passing(incident: Incident, seen: Noticed | Strayed, context: Context) -> Incident:
    """Fold in what the poller has seen of the host, unasked."""
    if isinstance(seen, Strayed):
        return strayed(incident, seen, context)
    if seen.sighting is None:
        return unseen(incident, seen.why, context)
    return polled(incident, seen.sighting, context)


def polled(incident: Incident, sighting: Sighting, context: Context) -> Incident:
    """Fold in how a list of all services shows the host.

    What it shows takes the place of the last look only together with what looks are compared with:
    else a write of anybody's would hide that the host reports in. Where a host on its way back is
    looked at, that is left to the looks, which count its reports.
    """
    last = incident.sighting
    if last is not None and sighting.asked_at.since(last.asked_at) < 0:
        return incident  # it was begun before the last look
    if incident.shown is None and incident.phase not in FORCED:
        return incident  # a look is on its way: later ones are compared with that
    earlier, known = last or incident.shown, incident.shown
    if incident.phase is Phase.DOWN and earlier is not None:
        incident = reporting(incident, earlier, sighting)
    after = shown(incident, sighting, context)
    if after.shown is known:
        return after
    if incident.phase is Phase.RELEASING:
        return replace(after, sighting=sighting)
    return looked(after, sighting, context)


def unseen(incident: Incident, why: Unseen, context: Context) -> Incident:
    """Say once that a list of all services shows nothing of the host; a deleted flag is an alarm.

    Only a whole list says that a service is gone. How it was shown last is kept, to be compared
    with whatever is shown next.
    """
    last, now = incident.shown, context.now
    if last is None or incident.unseen is why:
        return incident
    incident = replace(incident, unseen=why)
    if why is Unseen.UNKNOWN:
        return incident.note(now, NOT_TOLD)
    if incident.retirement is not None and incident.retirement.sent:
        return incident  # this incident has had it deleted
    ours = incident.phase in FORCED and last.forced_down and not incident.marking.foreign_flag
    return _vanished(incident, DELETED, context) if ours else incident.note(now, DELETED)


def shown(incident: Incident, sighting: Sighting, context: Context) -> Incident:
    """Take note of how Nova shows the service; say what others have changed of it."""
    before = incident.shown
    if before is None and incident.phase in FORCED:
        before = replace(sighting, forced_down=True)  # it was read back, by a daemon of before
    if before is not None and sighting.asked_at.since(before.asked_at) < 0:
        return incident
    if incident.unseen is not None:
        incident = replace(incident.note(context.now, SEEN_AGAIN), unseen=None)
    if incident.shown is not None and sighting.alike(incident.shown):
        return incident
    incident = replace(incident, shown=sighting)
    if before is None or incident.closing is not None:
        return incident  # whoever closes it has cleared the flag, and is answered
    if before.uuid != sighting.uuid:
        incident = incident.note(context.now, MADE_ANEW)
        return _flag(incident, before, sighting, context)
    return _status(_flag(incident, before, sighting, context), before, sighting, context)


# the flag


def _flag(incident: Incident, before: Sighting, look: Sighting, context: Context) -> Incident:
    now, marking = context.now, incident.marking
    releasing = incident.phase is Phase.RELEASING
    if look.forced_down == before.forced_down or (releasing and incident.release.lifted):
        return incident  # after the lift, whoever watches the host says so
    if look.forced_down:
        if _asked_for(incident, before, look, context):
            return incident
        return replace(incident.note(now, SET), marking=replace(marking, before=look))
    if releasing and incident.release.step is Step.LIFTING:
        return incident
    if _lifting(incident, look, context):
        return incident.note(now, LATE)
    if marking.foreign_flag:
        return incident.note(now, "forced_down, which somebody else had set, was cleared")
    return _vanished(incident, CLEARED, context)


def _asked_for(incident: Incident, before: Sighting, look: Sighting, context: Context) -> bool:
    """Tell whether a PUT of ours has set the flag: by its answer, what it writes, and the time."""
    marking, put_at = incident.marking, incident.marking.put_at
    out_of = incident.held.out_of if incident.held else None
    if incident.phase in _PAST or out_of in _PAST or before.uuid != look.uuid:
        return False
    if marking.put is Outcome.ACCEPTED and put_at and before.asked_at.since(put_at) < 0:
        return True  # no look since its end has shown the flag gone
    if look.reason != before.reason:
        return look.reason.startswith(incident.mark)
    late_at = marking.late_at
    if late_at is not None and look.asked_at.since(late_at) <= context.policy.settle_s:
        return True
    at_once = "@" not in look.uuid  # before Nova 2.53 the status takes a PUT of its own
    if marking.disable and at_once and look.status == "enabled":
        return False
    return _on_its_way(incident, look, context)


def _on_its_way(incident: Incident, look: Sighting, context: Context) -> bool:
    """Tell whether a PUT of ours of which nobody knows the end may have been carried out."""
    marking, settle_s = incident.marking, context.policy.settle_s
    if marking.put is Outcome.UNKNOWN and marking.put_at:
        return look.asked_at.since(marking.put_at) <= settle_s
    if marking.put is not None or marking.disable is None:
        return False
    lately = look.asked_at.since(incident.phase_at) <= settle_s
    return incident.phase is Phase.FORCING_DOWN or lately


def _lifting(incident: Incident, look: Sighting, context: Context) -> bool:
    """Tell whether a request of ours may be what has lifted the flag: sent, and not refused."""
    release, settle_s = incident.release, context.policy.settle_s
    if release.lift_at is not None:
        return look.asked_at.since(release.lift_at) <= settle_s
    return release.step is Step.LIFTING and release.put is None


def _vanished(incident: Incident, what: str, context: Context) -> Incident:
    """Raise the alarm, and send nothing more."""
    ends = "; `doctor-daemon close HOST` ends this" if incident.phase is Phase.DOWN else ""
    text = f"ALARM: {what}{ends}"
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
    if look.reason.startswith(mark) or _disabling(incident, before, look):
        return incident
    over = (
        ", in the place of ours: it is theirs to enable" if before.reason.startswith(mark) else ""
    )
    said = f": {look.reason}" if look.reason else ", without a reason"
    return incident.note(now, f"somebody else disabled it{over}{said}")


def _disabling(incident: Incident, before: Sighting, look: Sighting) -> bool:
    """Tell whether it may be our PUT that disabled it, though Nova shows no reason."""
    forcing = incident.phase is Phase.FORCING_DOWN and incident.marking.disable is True
    return forcing and before.status == "enabled" and not look.reason


# the servers


def strayed(incident: Incident, seen: Strayed, context: Context) -> Incident:
    """Say which servers of a host that is down others have moved, or deleted; each once.

    While servers are moved Nova is asked for each, and before that the list after force-down tells.
    They stay among the host's: who was told that it is down is to hear that it is back.
    """
    early = incident.listings >= 0 or incident.phase is Phase.EVACUATING
    if early or incident.release.lifted:
        return incident
    for server, to in seen.to:
        known, record = incident.servers.get(server.id), incident.evacuations.get(server.id)
        told = record is not None and (record.stage is Stage.MOVED or record.why == GONE)
        if known is None or told:
            continue
        text = _whither(replace(server, name=known.name or known.id), to, record)
        if all(entry.text != text for entry in incident.timeline):
            incident = incident.note(context.now, text)
    return incident


def _whither(server: Server, to: str, record: Evacuation | None) -> str:
    """Say where a server has gone, and who may have seen to that: it may be our own request."""
    begun = record is not None and record.attempt > 0
    if to and begun:
        return f"{server.name} is on {to}: by its evacuation, which has ended late, or by others"
    if to:
        return f"somebody else has moved {server.name} to {to}"
    if server.status == "DELETED":
        return f"somebody else has deleted {server.name}"
    what = f" ({server.status})" if server.status else ""
    return f"{server.name} is on no host any more{what}: somebody else has deleted or shelved it"
