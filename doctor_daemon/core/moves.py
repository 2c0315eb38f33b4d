"""What Nova's answers mean for the evacuation of one server.

An evacuation has succeeded when Nova's migration says so *and* the server is not on the dead host
any more; either alone can be seen too early. It may be asked for again when Nova's own record of
the last one has failed, or when there certainly is no record: a lost answer alone is never enough.
Source: Nova API reference, os-migrations and evacuate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from doctor_daemon.core.context import Context
from doctor_daemon.core.destinations import has_died, heading, still_left
from doctor_daemon.core.evacuation import Evacuation, Migration, Stage
from doctor_daemon.core.failures import kind_of, stuck, wait_s
from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.joining import TAKEN, joined, joins, on_its_way, patient, rebuilding
from doctor_daemon.core.messages import EvacuateEnded
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.selection import stays
from doctor_daemon.core.tries import Outcome

INSPECT_EVERY_S = 15.0
"""Between two inspections for the sake of what is in doubt; the changes are asked for besides."""
OPEN_ENDED = (Stage.CHECKING, Stage.UNDER_WAY)
"""It is waited for, though not for ever."""
_ELIGIBLE = ("active", "stopped")
GONE = "it is not on the host any more, and no evacuation of ours took it: deleted, or moved"


@dataclass(frozen=True, slots=True)
class News:
    """What Nova has answered. `there`: the servers on the host; None: not asked for."""

    migrations: Mapping[str, tuple[Migration, ...]]
    """Server -> its evacuations away from the host, oldest first."""
    there: Mapping[ServerId, Server] | None
    asked_at: Instant | None = None
    """With a complete inspection: when it was asked for."""


def news(
    migrations: Iterable[Migration],
    there: Sequence[Server] | None,
    asked_at: Instant | None = None,
) -> News:
    """Sort what Nova has answered by server."""
    rows: dict[str, tuple[Migration, ...]] = {}
    for row in sorted(migrations, key=lambda row: row.id):
        rows[row.server] = (*rows.get(row.server, ()), row)
    listed = None if there is None else {server.id: server for server in there}
    return News(rows, listed, asked_at)


def admitted(
    server: Server, told: News, context: Context, before: Evacuation | None = None
) -> Evacuation:
    """Begin the record of a server that was found on the host, perhaps not for the first time."""
    rows, now = told.migrations.get(server.id, ()), context.now
    attempt = before.attempt if before else 0
    known = tuple(row.id for row in rows)
    record = Evacuation(server, Stage.WAITING, now, attempt, known=known)
    if any(not row.ended for row in rows) or on_its_way(server, rows):
        return joined(record, rows, now)
    if server.vm_state in _ELIGIBLE:
        return chosen(patient(record, rows, server, context), context)
    if server.vm_state == "error":
        why = "it is in ERROR, and not by an attempt of this incident"
    else:
        why = f"it is {server.vm_state or 'in no known state'}; Nova moves active and stopped ones"
    return record.at(Stage.SKIPPED, now, why)


def chosen(record: Evacuation, context: Context) -> Evacuation:
    """Skip a server that has not been asked for yet, and that the operator does not want moved."""
    why = stays(record.server, context.plan.selection) if record.stage is Stage.WAITING else ""
    return record.at(Stage.SKIPPED, context.now, why) if why else record


def heard_of(record: Evacuation, told: News, context: Context) -> Evacuation:
    """Fold Nova's answer into one record."""
    rows = told.migrations.get(record.server.id, ())
    if told.asked_at is not None:
        record = still_left(record, rows)
    fresh = tuple(row for row in rows if row.id not in record.known)
    match record.stage:
        case Stage.WAITING:
            return _while_waiting(record, rows, fresh, told, context)
        case Stage.POSTING:
            return _while_posting(record, rows, fresh, told)
        case Stage.CHECKING | Stage.UNDER_WAY if fresh:
            return _moved_on(record, fresh, told, context)
        case Stage.UNDER_WAY if has_died(record, context):
            return _stranded(record, fresh, told, context)  # what stands still is not told again
        case Stage.CHECKING | Stage.UNDER_WAY:
            return _without_trace(record, told, context)
        case _:
            return record


def _while_waiting(
    record: Evacuation,
    rows: tuple[Migration, ...],
    fresh: tuple[Migration, ...],
    told: News,
    context: Context,
) -> Evacuation:
    seen = told.there.get(record.server.id) if told.there else None
    if joins(record, rows, seen, context):
        return joined(record, rows, context.now)
    if told.there is None:
        return record
    if seen is None:
        if done := [row for row in fresh if row.succeeded]:
            return _moved(record, done[-1], context.now)
        return record.at(Stage.SKIPPED, context.now, GONE)
    record = replace(record, known=(*record.known, *(row.id for row in fresh)))
    if told.asked_at is None:
        return record
    record = patient(record, rows, seen, context, before=record.server)
    return replace(record, server=seen)  # its tags may have changed


def _while_posting(
    record: Evacuation, rows: tuple[Migration, ...], fresh: tuple[Migration, ...], told: News
) -> Evacuation:
    """Note what keeps a request from being sent; if it has been sent, its end is what counts."""
    seen = record.server if told.there is None else told.there.get(record.server.id)
    if seen is None or any(not row.ended for row in fresh) or on_its_way(seen, rows):
        return replace(record, why=TAKEN if seen else GONE)
    return record


def _moved(record: Evacuation, row: Migration, now: Instant) -> Evacuation:
    return replace(record, stage=Stage.MOVED, since=now, why="", migration=row.id, to=row.to)


def _moved_on(
    record: Evacuation, fresh: tuple[Migration, ...], told: News, context: Context
) -> Evacuation:
    """Fold in the migration that is this record's own: one still under way, or the newest."""
    under_way = [row for row in fresh if not row.ended]
    done = [row for row in fresh if row.succeeded]
    away = told.there is not None and record.server.id not in told.there
    if away and done and not under_way:
        return _moved(record, done[-1], context.now)
    row = (under_way or fresh)[-1]
    if row.failed:
        return _failed_in_nova(record, fresh, told, context)
    record = heading(record, row, context.now)
    if len(under_way) == 1 and has_died(record, context):  # of several, one may go on
        return _stranded(record, fresh, told, context)
    known = (*record.known, *(one.id for one in fresh if one.failed))
    record = replace(record, known=known, final=False)
    if record.stage is Stage.CHECKING:
        return record.at(Stage.UNDER_WAY, context.now, "its evacuation had begun")
    return record


def _failed_in_nova(
    record: Evacuation, fresh: tuple[Migration, ...], told: News, context: Context
) -> Evacuation:
    """Believe a failure that an inspection shows which was begun since.

    A migration that failed may be somebody else's, and ours one that is not shown yet.
    """
    there = _inspected(told, _settled(record))
    if there is None:
        if record.stage is Stage.CHECKING:
            return record
        why = f"its evacuation ended as {fresh[-1].status}: Nova is asked for all of them"
        return record.at(Stage.CHECKING, context.now, why)
    server = there.get(record.server.id)
    if server is None:
        return record.at(Stage.SKIPPED, context.now, GONE)
    why = f"its evacuation ended as {fresh[-1].status}: {server.fault or 'Nova gives no reason'}"
    known = (*record.known, *(row.id for row in fresh))
    return failed(replace(record, server=server, known=known), why, context, server.fault)


def _stranded(
    record: Evacuation, fresh: tuple[Migration, ...], told: News, context: Context
) -> Evacuation:
    """Give an evacuation up whose destination has died since: nobody goes on with it.

    It may have ended just before; only an inspection shows that the server is there still. And it
    may be somebody else's, and ours one that is not shown yet.
    """
    why = f"{record.to}, to which it was going, has died"
    there = _inspected(told, _settled(record))
    if record.stage is not Stage.CHECKING:
        return record.at(Stage.CHECKING, context.now, f"{why}: Nova is asked")
    if there is None:
        return record
    if record.server.id not in there:
        return record.at(Stage.SKIPPED, context.now, GONE)
    known, left = (*record.known, *(row.id for row in fresh)), (*record.left, record.to)
    return failed(replace(record, known=known, left=left, final=False), why, context)


def _settled(record: Evacuation) -> Instant:
    """Return from when on Nova shows whatever a request of which the answer was lost has begun."""
    until = record.not_before
    return record.since if until is None or until.since(record.since) < 0 else until


def unclear_to(record: Evacuation, inspected_at: Instant, context: Context) -> bool:
    """Tell whether another inspection may clear up what is checked: soon, once settled, seldom."""
    if inspected_at.since(record.since) <= 0 or context.now.since(inspected_at) >= INSPECT_EVERY_S:
        return True
    settled = _settled(record)
    return context.now.reached(settled) and inspected_at.since(settled) < 0


def _inspected(told: News, after: Instant) -> Mapping[ServerId, Server] | None:
    """Return who is on the host, if this is an inspection that was asked for after a moment."""
    if told.asked_at is None or told.asked_at.since(after) < 0:
        return None
    return told.there


def _without_trace(record: Evacuation, told: News, context: Context) -> Evacuation:
    """Judge a record of which Nova shows no evacuation. Only an inspection shows them all."""
    there = _inspected(told, _settled(record))
    if there is None:
        return record
    if record.server.id not in there:
        return record.at(Stage.SKIPPED, context.now, GONE)
    begun = rebuilding(there[record.server.id]) and not rebuilding(record.server)
    if record.stage is Stage.CHECKING and not begun:  # else its row is about to be written
        why = record.why or "the request was not answered, and Nova has no trace of it"
        return failed(record, why, context)
    return record


def list_needed(records: Iterable[Evacuation], migrations: Iterable[Migration]) -> bool:
    """Tell whether an evacuation has ended of which only the list of servers tells how."""
    ended = {(row.server, row.id) for row in migrations if row.ended}
    return any(
        server == record.server.id and id_ not in record.known
        for record in records
        if record.stage in (Stage.WAITING, Stage.CHECKING, Stage.UNDER_WAY)
        for server, id_ in ended
    )


def failed(record: Evacuation, why: str, context: Context, fault: str = "") -> Evacuation:
    """Count a failed attempt: another one later, or the end. `fault`: Nova's word on the server."""
    failures = record.failures + 1
    pause_s = wait_s(kind_of(record, fault), failures, context.policy)
    record = replace(record, failures=failures, migration=0, to="", to_at=None, final=False)
    if pause_s is None:
        return record.at(Stage.FAILED, context.now, why)
    later, settled = context.now.plus(pause_s), record.not_before
    if settled is not None and later.since(settled) < 0:
        later = settled  # until then a request of which the answer was lost may still be acted on
    return replace(record.at(Stage.WAITING, context.now, why), not_before=later)


def answered(record: Evacuation, ended: EvacuateEnded, policy: Policy) -> Evacuation:
    """Fold in how a request ended. Unless nothing was sent, Nova tells what it has done."""
    if ended.outcome is not Outcome.UNSENT:
        record = replace(record, unsent=0)
    match ended.outcome:
        case Outcome.ACCEPTED:
            return record.at(Stage.UNDER_WAY, ended.at)
        case Outcome.REFUSED | Outcome.FORBIDDEN:
            final = ended.outcome is Outcome.FORBIDDEN
            checking = record.at(Stage.CHECKING, ended.at, ended.text)
            return replace(checking, not_before=None, final=final)
        case Outcome.UNKNOWN:
            return doubtful(record, ended.at, policy)
        case Outcome.UNSENT:
            later, unsent = ended.at.plus(policy.backoff(record.attempt)), record.unsent + 1
            back = record.at(Stage.WAITING, ended.at, ended.text)
            return replace(back, not_before=later, unsent=unsent)
        case _ as unreachable:
            assert_never(unreachable)


def doubtful(record: Evacuation, now: Instant, policy: Policy) -> Evacuation:
    """Return a record whose request may have been sent, and may still be acted on for a while."""
    return replace(record.at(Stage.CHECKING, now), not_before=now.plus(policy.settle_s))


def overdue(record: Evacuation, context: Context) -> Evacuation:
    """Give up waiting for an outcome that does not come."""
    limit_s = context.policy.evacuation_timeout_s
    if record.stage not in OPEN_ENDED or context.now.since(record.since) < limit_s:
        return record
    if record.stage is Stage.CHECKING:
        why = f"whether its evacuation was begun could not be found out in {limit_s:g} s"
    else:
        why = f"{stuck(record)} in {limit_s:g} s"
    return replace(record.at(Stage.UNKNOWN, context.now, why), final=False)
