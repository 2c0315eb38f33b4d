"""Orders and tasks about Cinder: rows by kind and number, of which the last are kept.

Whoever starts gets what is not over however old it is, and the last of the others; so the highest
number is among them, and none is given out twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volume_tasks import VolumeTask
from doctor_daemon.ports import Change
from doctor_daemon.stores.codec import VOLUME_ORDER, VOLUME_TASK

LOADED_MAX = 100
"""Of those that are over, and of each kind."""
KEPT_MAX = 10_000
_ORDER, _TASK = "order", "task"
Row = tuple[str, int, bool, str]

R = TypeVar("R", VolumeOrder, VolumeTask)


def is_over(record: VolumeOrder | VolumeTask) -> bool:
    """Tell whether a record has come to its end."""
    return record.over


def loaded(records: Iterable[R]) -> tuple[R, ...]:
    """Choose from all records, by their numbers, those that a starting daemon gets."""
    found = sorted(records, key=lambda record: record.number)
    last = {one.number for one in [one for one in found if is_over(one)][-LOADED_MAX:]}
    return tuple(one for one in found if not is_over(one) or one.number in last)


@dataclass(frozen=True, slots=True)
class Records:
    """The same in memory."""

    orders: dict[int, VolumeOrder] = field(default_factory=dict)
    tasks: dict[int, VolumeTask] = field(default_factory=dict)

    def put(self, change: Change) -> None:
        """Take the orders and tasks of a change, each in the place of what it was."""
        self.orders.update({order.number: order for order in change.orders})
        self.tasks.update({task.number: task for task in change.tasks})

    def drop_old(self) -> None:
        """Drop those that are over and not among the last."""
        for kept in (self.orders, self.tasks):
            over = sorted(number for number, record in kept.items() if is_over(record))
            for number in over[:-KEPT_MAX]:
                del kept[number]


def write_records(connection: sqlite3.Connection, change: Change) -> None:
    """Write the orders and tasks of a change, each in the place of what it was."""
    connection.executemany(
        "INSERT INTO volume_records (kind, number, over, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET over = excluded.over, body = excluded.body",
        _rows(change),
    )


def _rows(change: Change) -> Iterator[Row]:
    for order in change.orders:
        yield _ORDER, order.number, is_over(order), VOLUME_ORDER.dumps(order)
    for task in change.tasks:
        yield _TASK, task.number, is_over(task), VOLUME_TASK.dumps(task)


def orders(connection: sqlite3.Connection) -> tuple[VolumeOrder, ...]:
    """Return the orders that a starting daemon gets."""
    return tuple(VOLUME_ORDER.loads(body) for body in _bodies(connection, _ORDER))


def tasks(connection: sqlite3.Connection) -> tuple[VolumeTask, ...]:
    """Return the tasks that a starting daemon gets."""
    return tuple(VOLUME_TASK.loads(body) for body in _bodies(connection, _TASK))


def everything(
    connection: sqlite3.Connection,
) -> tuple[Sequence[VolumeOrder], Sequence[VolumeTask]]:
    """Return all orders and tasks that are kept, by their numbers."""
    found = "SELECT body FROM volume_records WHERE kind = ? ORDER BY number"
    kept = [connection.execute(found, (kind,)).fetchall() for kind in (_ORDER, _TASK)]
    return (
        tuple(VOLUME_ORDER.loads(body) for (body,) in kept[0]),
        tuple(VOLUME_TASK.loads(body) for (body,) in kept[1]),
    )


def _bodies(connection: sqlite3.Connection, kind: str) -> Sequence[str]:
    rows = connection.execute(
        "SELECT body FROM volume_records WHERE kind = :kind AND (over = 0 OR number IN"
        " (SELECT number FROM volume_records WHERE kind = :kind AND over = 1"
        " ORDER BY number DESC LIMIT :limit)) ORDER BY number",
        {"kind": kind, "limit": LOADED_MAX},
    )
    return [body for (body,) in rows]


def drop_old(connection: sqlite3.Connection, at_once: int) -> int:
    """Drop some of those that are over and not among the last; say how many."""
    return sum(
        connection.execute(
            "DELETE FROM volume_records WHERE kind = :kind AND number IN (SELECT number"
            " FROM volume_records WHERE kind = :kind AND over = 1"
            " ORDER BY number DESC LIMIT :some OFFSET :kept)",
            {"kind": kind, "some": at_once, "kept": KEPT_MAX},
        ).rowcount
        for kind in (_ORDER, _TASK)
    )
