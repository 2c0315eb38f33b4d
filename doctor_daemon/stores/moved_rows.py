"""What is small in a state, as records: one row each, in one order whatever store it is in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from doctor_daemon.core.masses import MassState
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volume_tasks import VolumeTask
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change, Snapshot
from doctor_daemon.ports.moving import LastNumber, Record

_MANY = ("evidence", "charges", "upkeep", "port_tasks", "reserves", "passages", "spent", "floors")
_SMALL = frozenset({"armed", "masses", "maintenance", *_MANY, "orders", "tasks"})
_EMPTY = Change()


def small_records(
    kept: Snapshot, orders: Sequence[VolumeOrder], tasks: Sequence[VolumeTask]
) -> Iterator[Record]:
    """Yield them. `orders` and `tasks`: all that are kept, by their numbers."""
    for consumer, host in sorted(kept.sequences):
        yield LastNumber(consumer, host, kept.sequences[consumer, host])
    yield Change(armed=kept.armed)
    if kept.masses != MassState():
        yield Change(masses=kept.masses)
    yield from (Change(maintenance=window) for window in kept.maintenance)
    many: Mapping[str, Sequence[object]] = {name: getattr(kept, name) for name in _MANY}
    for name, rows in {**many, "orders": orders, "tasks": tasks}.items():
        for row in rows:
            only: dict[str, Any] = {name: (row,)}
            yield Change(**only)


def check_row(change: Change) -> None:
    """Raise Permanent unless a change is one row of what is small: of others some would be lost."""
    given = {one.name: getattr(change, one.name) for one in fields(change)}
    found = [name for name, value in given.items() if value != getattr(_EMPTY, name)]
    many = [value for value in given.values() if isinstance(value, tuple) and len(value) > 1]
    if len(found) != 1 or many or found[0] not in _SMALL:
        raise Permanent(f"it has rows of {', '.join(found) or 'nothing'}; expected a single one")
