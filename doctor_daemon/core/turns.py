"""Whose turn it is to be asked for: rank after rank, and groups that are kept apart one by one.

Members of such a group are moved one at a time, of all hosts together: two that are on their way
at once may be given the same host, and only there does the second one fail. A group is busy while
one of its servers is on its way; the others wait, and hold up nobody but themselves. So do servers
that wait for a word of their project.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from doctor_daemon.core.around import APART
from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.holding import holds
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ranks import open_rank, place

ON_ITS_WAY = (Stage.POSTING, Stage.CHECKING, Stage.UNDER_WAY)
WAITS = "another server of its group, which is kept apart, is being moved"


def group_of(record: Evacuation) -> str:
    """Return the group of which a server is to be kept apart; empty: none."""
    return record.server.tags.get(APART, "")


def ready(records: Iterable[Evacuation], context: Context) -> Sequence[Evacuation]:
    """Return those that may be asked for now, in order."""
    records = tuple(records)
    taken = _busy(records, context)
    free = [r for r in records if not (_waits(r, taken) or holds(r, context.now))]
    until = open_rank(free)
    due = (record for record in free if _is_due(record, context.now, until))
    return tuple(_one_each(sorted(due, key=place), taken))


def waiting(records: Iterable[Evacuation], context: Context) -> Mapping[ServerId, str]:
    """Say of each server that waits for somebody for whom."""
    records = tuple(records)
    taken, found = _busy(records, context), dict[ServerId, str]()
    for record in records:
        if holds(record, context.now):
            found[record.server.id] = "it waits for a word of its project"
        elif _waits(record, taken):
            found[record.server.id] = WAITS
    return found


def _busy(records: Iterable[Evacuation], context: Context) -> frozenset[str]:
    """Return the groups of which a server is on its way, here or away from another host."""
    moving = (group_of(record) for record in records if record.stage in ON_ITS_WAY)
    return context.busy.union(moving) - {""}


def _waits(record: Evacuation, taken: frozenset[str]) -> bool:
    return record.stage is Stage.WAITING and group_of(record) in taken


def _is_due(record: Evacuation, now: Instant, until: int) -> bool:
    due = record.not_before is None or now.reached(record.not_before)
    return record.stage is Stage.WAITING and due and record.rank <= until


def _one_each(due: Iterable[Evacuation], taken: frozenset[str]) -> Iterator[Evacuation]:
    """Yield the first of each group; of a group that is busy none is here any more."""
    seen = set(taken)
    for record in due:
        group = group_of(record)
        if group not in seen:
            yield record
            seen |= {group} - {""}
