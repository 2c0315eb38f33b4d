"""What every store asks of a change, and learns from it, before it looks at its own state."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TypeVar

from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change
from doctor_daemon.stores.codec import sound

K = TypeVar("K")
SUMMARY_MAX = 16 * 1024
"""Bytes of the summary of one piece of evidence."""


def check_change(change: Change) -> None:
    """Raise ValueError for a change that no step can mean: that is a bug."""
    parts = (change.entries, change.servers, change.servers_gone, change.evacuations)
    if change.head is None and any(parts):
        msg = "a change has parts of an incident and no head"
        raise ValueError(msg)
    for row in change.evidence:
        size = len(sound(row.summary).encode())
        if size > SUMMARY_MAX:
            msg = f"a summary of {row.source}'s evidence has {size} bytes; {SUMMARY_MAX} at most"
            raise ValueError(msg)


def moment_of(change: Change) -> Instant | None:
    """Return when a change was made, as far as it tells."""
    if change.entries:
        return change.entries[-1].at
    if change.upkeep:
        return change.upkeep[-1].at
    return change.evidence[-1].at if change.evidence else None


def check_new(what: str, keys: Sequence[K], known: Container[K]) -> None:
    """Raise Conflict for a key that is known, or stands twice."""
    for number, key in enumerate(keys):
        if key in known or key in keys[:number]:
            raise Conflict(f"this {what} has been written before: {key}")
