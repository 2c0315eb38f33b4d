"""What a store in memory tells of what is over, and of notices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports import NoticeRow, Wanted
from doctor_daemon.stores.retention import RETURNS_MAX

Lane = tuple[str, HostId]


def gaps(rows: Iterable[NoticeRow], told: Mapping[Lane, int]) -> Iterator[Lane]:
    """Name the lanes (consumer, host) whose last notice that is not pending was given up.

    `told`: the last numbers of lanes that were delivered, though their notices are not at hand.
    """
    ended = sorted((row for row in rows if row.state != "pending"), key=_by_sequence)
    last = {(row.consumer, row.host): row for row in ended}
    for lane, row in last.items():
        if row.state == "dead" and row.sequence > told.get(lane, 0):
            yield lane


def returned(heads: Iterable[Incident]) -> tuple[tuple[HostId, float], ...]:
    """Return (host, when) of the latest incidents that ended with a return, by the wall clock."""
    return latest((one.host, one.phase_at.wall_s) for one in heads if came_back(one))


def latest(returns: Iterable[tuple[HostId, float]]) -> tuple[tuple[HostId, float], ...]:
    """Return the latest of these, each once."""
    return tuple(sorted(set(returns), key=lambda one: (one[1], one[0]))[-RETURNS_MAX:])


def fits(row: NoticeRow, wanted: Wanted) -> bool:
    """Return whether a notice is one of those that are asked for."""
    return (
        wanted.state in (None, row.state)
        and wanted.consumer in (None, row.consumer)
        and (wanted.ids is None or row.id in wanted.ids)
    )


def came_back(head: Incident) -> bool:
    """Tell whether an incident has ended, and its host had come back in it: not only closed."""
    return head.phase.final and head.release.returns > 0


def age_s(at: Instant, now: Instant) -> float:
    """Return an age by the boot's clock, or by the wall clock where there is nothing better."""
    return now.since(at) if at.boot_id == now.boot_id else now.wall_s - at.wall_s


def _by_sequence(row: NoticeRow) -> int:
    return row.sequence
