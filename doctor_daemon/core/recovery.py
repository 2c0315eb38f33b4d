"""What a restart does to an incident.

A restart trusts nothing that was only being watched: the power is read again even where a proof
had been taken, and a try whose cut was not answered is begun anew, with new numbers, so that no
late answer can be taken for a fresh one.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuating import doubted, fresh_rounds
from doctor_daemon.core.holding import kept_waiting
from doctor_daemon.core.incident import Incident, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.preconditions import said_before
from doctor_daemon.core.recall import recallable
from doctor_daemon.core.release import Release, Step
from doctor_daemon.core.survey import taken_up
from doctor_daemon.core.switching import sent
from doctor_daemon.core.topology import repeat
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.waiting import taken_up as waits_on
from doctor_daemon.core.witness import off_asked, witnesses

_WORKING = (
    Phase.SUSPECTED,
    Phase.FENCING,
    Phase.FORCING_DOWN,
    Phase.EVACUATING,
    Phase.RELEASING,
)


def resumed(incident: Incident, context: Context) -> Incident:
    """Take the incident up again. What was timed on another boot is timed anew."""
    now = context.now
    if incident.phase in _WORKING:
        incident = incident.note(now, "taken up again after a restart")
    rebooted = incident.progress_at.boot_id != now.boot_id
    if incident.closing is not None:
        incident = incident.note(now, "not ended: the daemon was restarted; order it again")
    gone = _vanished(incident)
    incident = replace(incident, sighting=gone, look_at=None, closing=None)
    incident = replace(incident, waiting=waits_on(incident, context))
    # Life that is fresh still begins a contradiction anew.
    incident = replace(incident, progress_at=now, contradicted_at=None)
    if rebooted:
        retry_at = now.plus(context.policy.backoff_s) if incident.retry_at else None
        lone = now if incident.service_since else None
        incident = replace(incident, service_since=lone)
        incident = replace(incident, grace_from=now, retry_at=retry_at, first=None, life_at=None)
        proven = incident.proof.taken_at if incident.proof else None
        incident = replace(incident, release=incident.release.on_boot(now, proven))
    if incident.release.sending and incident.release.step is Step.LIFTING:
        incident = replace(incident, release=replace(incident.release, lift_at=now))
    incident = doubted(incident, now, context.policy, rebooted=rebooted)
    incident = kept_waiting(incident, context) if rebooted else incident
    incident = taken_up(_unswitched(incident, now), now)
    if incident.phase is Phase.RELEASING:
        return _rerelease(incident, now)
    if incident.phase is Phase.FENCING:
        return _refence(incident, context)
    if incident.phase is Phase.EVACUATING:
        return _reguard(incident, now)
    return _remark(incident, now) if incident.phase is Phase.FORCING_DOWN else incident


def _vanished(incident: Incident) -> Sighting | None:
    """Return the sighting of a flag that has gone: set again, it is somebody else's."""
    seen = incident.sighting if incident.phase is Phase.DOWN else None
    return None if seen is None or seen.forced_down else seen


def _unswitched(incident: Incident, now: Instant) -> Incident:
    """Forget the wish to switch the host on: it may have been done already.

    One of the policy's that nothing was sent of begins anew.
    """
    release, wish = incident.release, incident.release.switching
    if wish is None:
        return incident
    if wish.patient and wish.go_at is None:
        rounds = replace(incident.rounds, ask_at=None)
        release = replace(release, switching=replace(wish, since=now), inspected_at=None)
        return replace(incident, release=release, rounds=rounds)
    begun = wish.go_at is not None
    what = "whether it was switched on is not known" if begun else "it has not been switched on yet"
    text = f"{what}, and the daemon has restarted: `doctor-daemon power-on HOST` asks again"
    # A patient one comes here only once it was begun.
    awaited_at = now if wish.patient else release.awaited_at
    release = replace(release, switching=None, awaited_at=awaited_at)
    after = replace(incident.note(now, text), release=release)
    return sent(after, now) if begun else after


def _rerelease(incident: Incident, now: Instant) -> Incident:
    """Take the way back up again: a request without an answer may have been sent, and is read back.

    What was seen of the host before is not counted, what is watched is watched anew, and nobody is
    asked for help because the daemon was away for long.
    """
    release = _timed_anew(incident, now)
    if release.sending:
        release = replace(release, put=Outcome.UNKNOWN, put_at=now)
    release = replace(
        release,
        put_at=now if release.put else None,
        accused_at=None,
        reports=0,
        inspected_at=None,
    )
    rounds = fresh_rounds(incident, now)
    return replace(_unread(incident), release=release, rounds=rounds, first=None)


def _timed_anew(incident: Incident, now: Instant) -> Release:
    """Return its way back as if it had come so far just now: nobody has looked at it meanwhile."""
    release = incident.release
    return replace(
        release,
        began=now,
        lifted_at=now if release.lifted_at else None,
        accusers=said_before(incident),
        alive_at=None,
        alive_since=None,
    )


def _reguard(incident: Incident, now: Instant) -> Incident:
    """Take evacuating up again: nothing is sent before power, flag and evacuations were read."""
    rounds = replace(fresh_rounds(incident, now), renew_from=now)
    return replace(_unread(incident), rounds=rounds)


def _remark(incident: Incident, now: Instant) -> Incident:
    """Take forcing down up again: a PUT that was not answered is decided anew, after new reads.

    One that was answered is read back. Nothing is sent after it before the power was read again.
    """
    old = incident.marking
    if old.put is not None:
        since = None if old.rereading_since is None else now
        rounds = replace(incident.rounds, renew_from=now)
        marking = replace(old, rereading_since=since)
        return _unread(replace(incident, rounds=rounds, marking=marking))
    marking = replace(old.anew(), failures=old.failures, late_at=old.left_at(now))
    if incident.fencing is not None:
        marking = replace(marking, rereading_since=now)
    return replace(_unread(incident), marking=marking)


def _refence(incident: Incident, context: Context) -> Incident:
    """Go on reading if every cut of the try was answered; else begin the try anew.

    What was read before is in no run of OFF any more. An ON of a witness still stands: only after a
    reboot is it not known how old that is.
    """
    attempt, now = incident.fencing, context.now
    if recallable(incident):
        release = replace(_timed_anew(incident, now), accused_at=now)
        incident = replace(incident, release=release)
    if attempt is None:
        return incident
    beside = {device.name for device in witnesses(context.plan, attempt.level)}  # they cut nothing
    own = {name: answer for name, answer in attempt.devices.items() if name not in beside}
    if attempt.go_at is None or not own or not all(answer.cut for answer in own.values()):
        return repeat(incident, context, attempt)
    own = {n: replace(answer, cut_at=now, begun_at=now) for n, answer in own.items()}
    if attempt.go_at.boot_id == now.boot_id:
        known = {**attempt.devices, **own}
        devices = {n: replace(answer, identity=None) for n, answer in known.items()}
        return replace(incident, fencing=replace(attempt, devices=devices))
    anew = replace(attempt, go_at=now, devices=own, off_at=off_asked(attempt, context))
    return replace(incident, fencing=anew.unread())


def _unread(incident: Incident) -> Incident:
    """Forget what the devices said, who they are included: all of it is asked for again."""
    attempt = incident.fencing
    return replace(incident, fencing=attempt.unread() if attempt else None)
