"""What must be shown before a host gets its power, its flag or its status back: the gates of that.

Each returns nothing when it is met, and a sentence when it is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor_daemon.core.context import Context
from doctor_daemon.core.evidence import Verdict, Word, Words
from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.proof import Power, ProofKind
from doctor_daemon.core.release import IDS_MAX, Release

REPORTS = 2
"""Of nova-compute. A single one might have been on its way when the power was cut."""


def alive(incident: Incident, context: Context) -> str:
    """Ask for a sign of life since the proof, from a source or from the power itself.

    nova-compute's own reports are asked for besides. Whoever vouched for a host without power
    devices that it is off is asked for no more than the order to release it.
    """
    powers, life = set(_powers(incident, context)), incident.life_at
    proof, since = incident.proof, incident.release.began
    if powers == {Power.OFF}:
        return f"the power of {incident.host} reads off"
    if proof is not None:
        since = proof.taken_at
    heard = life is not None and since is not None and life.since(since) >= 0
    vouched = proof is not None and proof.kind is ProofKind.HUMAN
    if heard or vouched or Power.ON in powers:
        return ""
    return f"nobody has seen {incident.host} alive since it was proven off"


def _powers(incident: Incident, context: Context) -> Iterator[Power]:
    """Yield what each device that is the right one has read last, since the way back began."""
    attempt, began = incident.fencing, incident.release.began
    if attempt is None or began is None:
        return
    level = context.plan.level(attempt.level)
    for device in level.devices if level else ():
        answer = attempt.device(device.name)
        if answer.identity and answer.identity.uuid == device.uuid and answer.readings:
            last = answer.readings[-1]
            if last.asked_at.since(began) >= 0:
                yield last.power


def accusing(incident: Incident) -> list[str]:
    """Name the words that say down and were not taken back."""
    return [name for name, word in incident.words.items() if word.verdict is Verdict.DOWN]


def accusations(incident: Incident, context: Context) -> Words:
    """Return what was said against the host since its way back began, and still stands.

    A source that had accused it before says nothing new by saying so again, until the flag is
    lifted: after that it speaks of a host that is in use.
    """
    release, limit_s = incident.release, context.policy.evidence_age_s
    return {
        name: word
        for name, word in incident.words.items()
        if word.verdict is Verdict.DOWN
        and context.now.since(word.last) <= limit_s
        and (name not in release.accusers or _since_lift(word, release))
    }


def _since_lift(word: Word, release: Release) -> bool:
    """Tell whether a word is of a host that is in use, by our lifting or by others' hands."""
    used_at = release.lifted_at or release.used_at
    return used_at is not None and word.last.since(used_at) > 0


def since_in_use(words: Words, release: Release) -> Words:
    """Return what was said of a host in use."""
    return {name: word for name, word in words.items() if _since_lift(word, release)}


def said_before(incident: Incident) -> tuple[str, ...]:
    """Name those of the earlier accusers who have not spoken of the host in use."""
    release, words = incident.release, incident.words
    return tuple(n for n in release.accusers if n in words and not _since_lift(words[n], release))


def unanswered(incident: Incident, context: Context) -> Words:
    """Return what was said against the host, and not answered by a sign of life since.

    Any source's will do, and that of nova-compute, as at the beginning of an incident.
    """
    signs = [sign for sign in (incident.life_at, incident.release.alive_at) if sign is not None]
    return {
        name: word
        for name, word in accusations(incident, context).items()
        if all(word.last.since(sign) > 0 for sign in signs)
    }


def accusers(words: Words) -> str:
    """Name who has said something."""
    return ", ".join(sorted({word.source for word in words.values()}))


def unaccused(incident: Incident, context: Context) -> str:
    """Ask that nobody has called the host down since its way back began."""
    words = accusations(incident, context)
    return f"{accusers(words)} calls {incident.host} down" if words else ""


def restarted(incident: Incident, _: Context) -> str:
    """Ask for nova-compute's own reports: what was proven off cannot have sent them before.

    After the lift they are counted anew. That Nova shows the service up then is no sign of life: a
    last report from before is enough for that.
    """
    release = incident.release
    if release.reports >= REPORTS:
        return ""
    since = " since the flag was lifted" if release.lifted else ""
    return (
        f"nova-compute of {incident.host} has reported in {release.reports} times{since}; "
        f"{REPORTS} are needed, with no write to the service in between"
    )


def listed(incident: Incident, context: Context) -> str:
    """Ask for a list of evacuations that is not old."""
    asked_at, limit_s = incident.release.inspected_at, context.policy.flag_age_s
    if asked_at is not None and context.now.since(asked_at) <= limit_s:
        return ""
    return f"Nova has not told the evacuations from {incident.host} in the last {limit_s:g} s"


def ended(incident: Incident, _: Context) -> str:
    """Ask that no evacuation is under way: a nova-compute that starts would destroy its source."""
    return _still(incident.release.open, "are not over")


def unstuck(incident: Incident, _: Context) -> str:
    """Ask that no old evacuation threatens a server that is on the host, or has come back to it.

    A nova-compute that starts completes one evacuation of each server, and destroys the server's
    guest with it: also for one that has been stuck since before the server came back.
    """
    host = incident.host
    return _still(
        incident.release.stale,
        f"are older than what became of their servers, which are on {host}: "
        "a nova-compute that starts there destroys the guests of those",
    )


def cleaned(incident: Incident, _: Context) -> str:
    """Ask that nova-compute has cleaned up: Nova refuses to lift the flag before."""
    return _still(
        incident.release.done, "are done and not completed: restart nova-compute there, to clean up"
    )


def _still(ids: tuple[int, ...], what: str) -> str:
    if not ids:
        return ""
    more = " and more" if len(ids) == IDS_MAX else ""
    return f"evacuations {named(ids)}{more} {what}"


def named(ids: tuple[int, ...]) -> str:
    """Name evacuations by Nova's numbers."""
    return ", ".join(str(id_) for id_ in ids)


def flag_is_ours(incident: Incident, _: Context) -> str:
    """Leave a flag alone that was there before ours would have been."""
    look = incident.sighting
    if look is None or not look.forced_down or not incident.marking.foreign_flag:
        return ""
    return f"somebody else had forced {incident.host} down: whoever it was has to clear it"


def quarantined(incident: Incident, context: Context) -> str:
    """Ask a host that comes back by itself to be seen alive for long, and called down by nobody.

    An operator's order asks for less: that human has seen to it.
    """
    release, window = incident.release, context.maintenance
    if release.ordered:
        return ""
    if window is not None and not context.now.reached(window.until):
        return f"{incident.host} is in maintenance by {window.by}: {window.why}"
    limit_s, seen_s = context.policy.quarantine_s, 0.0
    if release.alive_since is not None:
        said = [w.last for w in incident.words.values() if w.verdict is Verdict.DOWN]
        seen_s = min(context.now.since(at) for at in (release.alive_since, *said))
    if release.alive_since is not None and seen_s >= limit_s:
        return ""
    well = f"{incident.host} has been seen alive, and not called down,"
    return f"{well} for {seen_s:.0f} of {limit_s:g} s"


def left_to_humans(incident: Incident) -> str:
    """Say what keeps the policy from switching a host on; an operator's order it does not keep."""
    look, proof, host = incident.sighting, incident.proof, incident.host
    if look is not None and not look.forced_down:
        return f"forced_down of {host} is gone: somebody else sees to it"
    if incident.marking.foreign_flag:
        return f"somebody else had forced {host} down: whoever it was sees to it"
    if proof is not None and proof.kind is ProofKind.HUMAN:
        return f"{proof.by} has made sure that {host} is off, and may be working on it"
    return ""


def unswitchable(context: Context) -> str:
    """Say why the policy switches no such host on: it has to know where its servers are."""
    plan = context.plan
    if not plan.way_back.power_on:
        return "hosts are not switched on by themselves any more"
    if min(context.mode, plan.mode) < Mode.EVACUATE:
        return f"the mode of {plan.host} does not reach as far as evacuate any more"
    return ""


def unattended(incident: Incident, context: Context) -> str:
    """Ask that nobody works on a host which is switched on by the policy alone."""
    wish, window = incident.release.switching, context.maintenance
    if wish is None or not wish.patient:
        return ""
    if why := unswitchable(context):
        return why
    if window is not None and not context.now.reached(window.until):
        return f"{incident.host} is in maintenance by {window.by}: {window.why}"
    if incident.closing is not None:
        return f"its incident is being closed by {incident.closing.by}"
    return left_to_humans(incident)


def flapped(incident: Incident, context: Context) -> str:
    """Ask that a host has not come back, and failed again, too often to do so by itself."""
    count, policy = context.returns + incident.release.returns, context.policy
    look = incident.sighting
    if look is not None and not look.forced_down:
        return ""  # it has come back already, by others' hands: there is nothing to wait for
    if incident.release.ordered or count < policy.flaps_max:
        return ""
    hours = policy.flap_window_s / 3600
    return f"{incident.host} has come back {count} times in {hours:g} hours, and failed again"


def disabled_by_us(incident: Incident, _: Context) -> str:
    """Leave a status alone whose reason is not this incident's."""
    look = incident.sighting
    if look is not None and look.reason.startswith(incident.mark):
        return ""
    return f"{incident.host} was not disabled by this incident"
