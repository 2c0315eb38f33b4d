"""Whose turn it is to be asked for: rank after rank, and groups that are kept apart one by one.

Members of such a group are moved one at a time, of all hosts together: two that are on their way
at once may be given the same host, and only there does the second one fail. A group is busy while
one of its servers is on its way; the others wait, and hold up nobody but themselves. So do servers
that wait for a word of their project.

Hosts that fail together are forced down one after the other, and until then Nova takes those that
are left for alive. So all servers wait, though not for long, while such a host could be chosen: an
evacuation that goes there stays `accepted` for as long as that host is off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from doctor_daemon.core.around import APART, UNSURE
from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.holding import holds
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.joining import UNPLACED, rebuilding
from doctor_daemon.core.outcomes import Records, names
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.ranks import open_rank, place
from doctor_daemon.core.selection import HOLD

ON_ITS_WAY = (Stage.POSTING, Stage.CHECKING, Stage.UNDER_WAY)
SHARE = 1 / 3
"""No server waits for another host's for more than this part of the time that a phase has."""
TOLD_S = 5.0
"""How old Nova's word on a server that has waited may be when it is asked for."""
WAITS = "another server of its group, which is kept apart, is being moved"
BESIDE = "Nova could still choose a host for it that looks dead, too"


def group_of(record: Evacuation) -> str:
    """Return the group of which a server is to be kept apart; empty: none."""
    return record.server.tags.get(APART, "")


def ready(records: Iterable[Evacuation], context: Context) -> Sequence[Evacuation]:
    """Return those that may be asked for now, in order."""
    records, now = tuple(records), context.now
    if context.choosable:
        return ()
    waiting = [record for record in records if record.stage is Stage.WAITING]
    taken = _busy(records, context)
    free = [r for r in waiting if not (_waits(r, taken) or holds(r, now) or _patient(r, now))]
    until = min(open_rank(free), open_rank(r for r in records if r.stage is not Stage.WAITING))
    due = (record for record in free if _is_due(record, now, until))
    return tuple(_one_each(sorted(due, key=place), taken))


def longest_wait_s(policy: Policy) -> float:
    """Return for how long a server waits for what happens to other hosts."""
    return SHARE * policy.progress_s


def outdated(chosen: Iterable[Evacuation], told_at: Instant | None, context: Context) -> bool:
    """Tell whether all that is known of some servers is too old to ask for them.

    Who has waited may have been moved meanwhile, by its project or an operator; a list of what has
    changed does not show all of that.
    """
    if told_at is None:
        return True
    waited = any(_waited(record, context.now) for record in chosen)
    limit_s = TOLD_S if waited else context.policy.flag_age_s
    return context.now.since(told_at) > limit_s


def _waited(record: Evacuation, now: Instant) -> bool:
    """Tell whether a server had to wait: for its attempt, its turn, its group or its project."""
    posting = record.stage is Stage.POSTING
    again = record.attempt > posting or (posting and now.since(record.since) > TOLD_S)
    tags = record.server.tags
    wished = f"server:{HOLD}" in tags or UNSURE in tags or rebuilding(record.server)
    return again or wished or bool(group_of(record)) or BESIDE in record.why


def waiting(records: Iterable[Evacuation], context: Context) -> Mapping[ServerId, str]:
    """Say of each server that waits for somebody for whom."""
    records = tuple(records)
    taken, found = _busy(records, context), dict[ServerId, str]()
    for record in records:
        if holds(record, context.now):
            found[record.server.id] = "it waits for a word of its project"
        elif _waits(record, taken):
            found[record.server.id] = WAITS
        elif record.stage is Stage.WAITING and context.choosable:
            found[record.server.id] = BESIDE
    return found


def told(records: Iterable[Evacuation], context: Context) -> str:
    """Say who waits for another of its group, or until other hosts are down; empty: nobody does."""
    records = tuple(records)
    return _said(records, waiting(records, context), context)


def noticed(records: Records, context: Context) -> tuple[Records, str]:
    """Write on each record whom it waits for, as `told` has it, and say of whom that is new."""
    found = waiting(records.values(), context)
    new = {
        id_: why
        for id_, why in found.items()
        if why in (WAITS, BESIDE) and why not in records[id_].why
    }
    if not new:
        return records, ""
    marked = {
        id_: replace(one, why="; ".join(filter(None, (one.why, new[id_])))) if id_ in new else one
        for id_, one in records.items()
    }
    return marked, _said(records.values(), new, context)


def _said(records: Iterable[Evacuation], found: Mapping[ServerId, str], context: Context) -> str:
    ordered, said = sorted(records, key=place), list[str]()
    hosts = ", ".join(sorted(context.choosable))
    for why, rest in ((WAITS, ""), (BESIDE, f": {hosts}")):
        if who := [one.server for one in ordered if found.get(one.server.id) == why]:
            said.append(f"{names(who)}: {why}{rest}")
    return "; ".join(said)


def unsure(records: Iterable[Evacuation], context: Context) -> str:
    """Say who waits until it is known where the others of its group are; empty: nobody does."""
    who = [one.server for one in sorted(records, key=place) if one.why == UNPLACED]
    if not who:
        return ""
    wait_s = context.policy.settle_s
    return f"{names(who)}: {UNPLACED}; without that they are asked for in {wait_s:g} s"


def _busy(records: Iterable[Evacuation], context: Context) -> frozenset[str]:
    """Return the groups of which a server is on its way, here or away from another host."""
    moving = {group_of(record) for record in records if record.stage in ON_ITS_WAY}
    return (context.busy | moving) - {""}


def _waits(record: Evacuation, taken: frozenset[str]) -> bool:
    return record.stage is Stage.WAITING and group_of(record) in taken


def _patient(record: Evacuation, now: Instant) -> bool:
    """Tell whether the first request for one that waits is put off until more is known of it."""
    later = record.not_before is not None and not now.reached(record.not_before)
    return not record.attempt and later


def _is_due(record: Evacuation, now: Instant, until: int) -> bool:
    due = record.not_before is None or now.reached(record.not_before)
    return due and record.rank <= until


def _one_each(due: Iterable[Evacuation], taken: frozenset[str]) -> Iterator[Evacuation]:
    """Yield the first of each group; of a group that is busy none is here any more."""
    seen = set(taken)
    for record in due:
        group = group_of(record)
        if group and group in seen:
            continue
        yield record
        seen.add(group)
