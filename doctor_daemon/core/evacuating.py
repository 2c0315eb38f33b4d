"""Evacuating: who is on the host, then one journalled request a server, each followed to its end.

All the while the power is read. The proof is renewed by what is read, so that no request rests on
an old one, and power that is seen ON stops everything that has not been sent and fences again. What
is under way is followed even when nothing more may be sent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from doctor_daemon.core import ranks, turns
from doctor_daemon.core.around import grouped
from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuation import BEFORE, Evacuation, Stage
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.guard import bar, contradicted, guarded
from doctor_daemon.core.holding import asked
from doctor_daemon.core.holding import told as held_up
from doctor_daemon.core.host import Mode, Scope
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Rounds
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.listing import listed
from doctor_daemon.core.messages import EvacuateEnded, Followed, Inspected
from doctor_daemon.core.moves import (
    GONE,
    News,
    admitted,
    answered,
    chosen,
    doubtful,
    heard_of,
    news,
    overdue,
)
from doctor_daemon.core.outcomes import names, put, tally
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.posting import being_posted
from doctor_daemon.core.ranks import ranked
from doctor_daemon.core.selection import kept, unread, unshown

_AGAIN = "`doctor-daemon fence HOST` tries again"


def to_be_moved(incident: Incident, context: Context) -> bool:
    """Tell whether a host that is down is to be evacuated, or its evacuation to be ended."""
    begun = any(not record.stage.ended for record in incident.evacuations.values())
    return begun or min(context.mode, context.plan.mode) >= Mode.EVACUATE


def fresh_rounds(incident: Incident, now: Instant) -> Rounds:
    """Return rounds with which everything is asked for again; a late answer has an old number.

    What was to be read again after a restart still is.
    """
    old = incident.rounds
    asked, followed = old.inspections + 1, old.follows + 1
    return Rounds(now, old.renew_from, inspections=asked, follows=followed)


def enter(incident: Incident, context: Context, text: str) -> Incident:
    """Begin, or begin again after the host was fenced once more: then what failed gets a chance."""
    now = context.now
    rounds = fresh_rounds(incident, now)
    if not incident.evacuations:
        moved = incident.move(Phase.EVACUATING, now, text, NoticeKind.CONFIRMED)
        return replace(moved, rounds=rounds)
    records = {id_: _once_more(record, now) for id_, record in incident.evacuations.items()}
    left = tuple(record.server for record in records.values() if not record.stage.ended)
    moved = replace(incident.move(Phase.EVACUATING, now, text), evacuations=records, rounds=rounds)
    return moved.tell(now, f"{len(left)} servers are still to be moved", NoticeKind.CONFIRMED, left)


def _once_more(record: Evacuation, now: Instant) -> Evacuation:
    if record.stage not in (Stage.FAILED, Stage.UNKNOWN):
        return record
    stage = Stage.WAITING if record.stage is Stage.FAILED else Stage.CHECKING
    return replace(record.at(stage, now, record.why), failures=0)


def told(
    incident: Incident, observation: Inspected | Followed | EvacuateEnded, context: Context
) -> Incident:
    """Fold in what Nova has answered."""
    match observation:
        case EvacuateEnded():
            return _evacuate_ended(incident, observation, context)
        case Inspected():
            return _inspected(incident, observation, context)
        case Followed():
            return _followed(incident, observation, context)
        case _ as unreachable:
            assert_never(unreachable)


def _inspected(incident: Incident, seen: Inspected, context: Context) -> Incident:
    rounds = incident.rounds
    if seen.number != rounds.inspections or incident.phase is not Phase.EVACUATING:
        return incident
    selection = context.plan.selection
    missing = unread(seen.servers.servers, seen.aggregates, selection)
    if missing:  # neither everything nor nothing is meant by that
        return unanswered(incident, context, missing)
    if incident.listings >= 0:
        incident = listed(incident, seen.servers, context)
    tagged = seen.aggregates is not None
    rounds = replace(rounds, inspections=seen.number + 1, inspected_at=seen.asked_at, tagged=tagged)
    rounds = replace(rounds, told_at=seen.told_at or seen.asked_at)
    incident = replace(incident, rounds=_answered(rounds, context))
    own = [kept(server, seen.aggregates, selection) for server in seen.servers.servers]
    there = grouped(own, seen.around)
    answer = news(seen.migrations, there, seen.asked_at)
    before = incident.evacuations
    new = (s for s in there if s.id not in before or _came_back(before[s.id], seen.asked_at))
    found = {s.id: asked(admitted(s, answer, context, before.get(s.id)), context) for s in new}
    records = ranked({**before, **found}, selection)
    if found:
        incident = incident.note(context.now, ranks.told(records.values(), seen.around))
    if found and not before and (who := unshown(own)):
        incident = incident.note(context.now, who)
    incident = held_up(incident, found.values(), context)
    if who := turns.unsure(found.values(), context):
        incident = incident.note(context.now, who)
    return _heard(put(incident, records, context), answer, context)


def _came_back(record: Evacuation, listed_at: Instant) -> bool:
    """Tell whether a server that is listed on the host had left it, or was there in service."""
    left = record.stage is Stage.MOVED or record.why == GONE
    return record.migration == BEFORE or (left and listed_at.since(record.since) > 0)


def _followed(incident: Incident, seen: Followed, context: Context) -> Incident:
    rounds = incident.rounds
    if seen.number != rounds.follows or incident.phase is not Phase.EVACUATING:
        return incident
    rounds = replace(rounds, follows=seen.number + 1)
    incident = replace(incident, rounds=_answered(rounds, context))
    there = seen.servers.servers if seen.servers else None
    return _heard(incident, news(seen.migrations, there), context)


def _answered(rounds: Rounds, context: Context) -> Rounds:
    return replace(rounds, failures=0, ask_at=context.now.plus(context.policy.follow_every_s))


def _heard(incident: Incident, answer: News, context: Context) -> Incident:
    heard = {id_: heard_of(r, answer, context) for id_, r in incident.evacuations.items()}
    records, who = turns.noticed(heard, context)
    return put(incident.note(context.now, who) if who else incident, records, context)


def _evacuate_ended(incident: Incident, ended: EvacuateEnded, context: Context) -> Incident:
    """Fold in the end of a request, in whatever phase it comes."""
    record = being_posted(incident, ended.effect)
    if record is None:
        return incident
    after, before = answered(record, ended, context.policy), incident.evacuations
    records = {**before, ended.effect.server: after}
    if after.unsent >= ranks.UNSENT_MAX > max(one.unsent for one in before.values()):
        text = f"{ranks.unsent(records.values())}; later ranks do not wait for them any longer"
        incident = incident.note(context.now, text)
    return put(incident, records, context)


def unanswered(incident: Incident, context: Context, error: str) -> Incident:
    """Fold in that Nova did not answer a question: ask again, later and not for ever."""
    rounds, policy = incident.rounds, context.policy
    failures = rounds.failures + 1
    later = context.now.plus(policy.backoff(failures))
    rounds = replace(
        rounds,
        inspections=rounds.inspections + 1,
        follows=rounds.follows + 1,
        failures=failures,
        ask_at=later,
    )
    incident = replace(incident, rounds=rounds)
    if failures < policy.force_down_tries:
        return incident
    why = f"Nova could not be asked about the evacuations of {incident.host}: {error}"
    return bar(incident, Held("nova", why, _AGAIN), context)


def doubted(incident: Incident, now: Instant, policy: Policy, *, rebooted: bool) -> Incident:
    """Take the records up after a restart: what was being sent may have been, and is looked for."""

    def doubted_one(record: Evacuation) -> Evacuation:
        if record.stage is Stage.POSTING:
            return doubtful(record, now, policy)
        if rebooted and not record.stage.ended:
            to_at = now if record.to_at else None
            later = now.plus(policy.settle_s)
            return replace(record, since=now, not_before=later, to_at=to_at)
        return record

    records = {id_: doubted_one(record) for id_, record in incident.evacuations.items()}
    return replace(incident, evacuations=records)


# what the phase has come to


def evacuating(incident: Incident, context: Context) -> Incident:
    """Take one step that is possible now, or return the incident itself."""
    proof = incident.proof
    if proof is None:
        text = "there is no proof that the host is off"
        return incident.hold(context.now, Held("proof", text, _AGAIN))
    for step in (contradicted, guarded):
        checked = step(incident, proof, context)
        if checked is not incident:
            return checked
    if incident.rounds.inspected_at is not None:  # before that, Nova may know how they ended
        records = incident.evacuations
        late = {id_: new for id_, r in records.items() if (new := overdue(r, context)) is not r}
        if late:
            return put(incident, {**records, **late}, context)
    return _ended(_post(incident, context), context)


def _post(incident: Incident, context: Context) -> Incident:
    """Journal the next requests: what is saved as POSTING is sent, and only that."""
    policy, now, records = context.policy, context.now, incident.evacuations
    rounds = incident.rounds
    if rounds.barred or rounds.inspected_at is None or rounds.failures:
        return incident
    most = min(policy.posts_per_host, context.turns)
    free = most - sum(r.stage is Stage.POSTING for r in records.values())
    ready = turns.ready(records.values(), context) if free > 0 else ()
    if not ready:
        return incident
    refusal = refused(Act.EVACUATE, incident, context)
    if refusal is not None:
        held = Held(refusal.gate, refusal.why, refusal.frees)
        return incident if refusal.retry else bar(incident, held, context)
    untagged = context.plan.selection.scope is Scope.TAGGED and not rounds.tagged
    if untagged or turns.outdated(ready[:free], rounds.told_at, context):
        return replace(incident, rounds=replace(rounds, inspected_at=None))
    if any(chosen(record, context) is not record for record in ready[:free]):
        left = {id_: chosen(record, context) for id_, record in records.items()}
        return put(incident, left, context)
    posting = {
        r.server.id: replace(
            r, stage=Stage.POSTING, since=now, why="", attempt=r.attempt + 1, sent_at=now
        )
        for r in ready[:free]
    }
    return replace(incident, evacuations={**records, **posting})


def _ended(incident: Incident, context: Context) -> Incident:
    """End the phase once every server has an outcome, or none that has not may be posted."""
    records, rounds = incident.evacuations.values(), incident.rounds
    waiting = any(record.stage is Stage.WAITING for record in records)
    under_way = any(not r.stage.ended and r.stage is not Stage.WAITING for r in records)
    if under_way:
        return incident
    if rounds.barred is not None and (waiting or rounds.inspected_at is None):
        return incident.hold(context.now, rounds.barred)
    if waiting or rounds.inspected_at is None:
        return incident
    text = tally(incident)
    lost = [r for r in records if r.stage in (Stage.FAILED, Stage.UNKNOWN)]
    if not lost:
        return incident.move(Phase.DOWN, context.now, text)
    why = f"{text}: {names([r.server for r in lost])}: {lost[0].why}"
    return incident.hold(context.now, Held("evacuation", why, _AGAIN))
