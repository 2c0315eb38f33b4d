"""Rows of one kind, gathered to as few values as fit, each below a key of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd_folding import PIECE_MAX, RECORDS_MAX
from doctor_daemon.stores.etcd_values import CHANGE, TooLarge, packed

R = TypeVar("R")


class Gathered(Generic[R]):
    """Rows that wait to be written together."""

    def __init__(self, most: int = RECORDS_MAX) -> None:
        """Begin empty."""
        self.rows: list[R] = []
        self._most = most

    @property
    def full(self) -> bool:
        """Whether they are to be written now."""
        return len(self.rows) >= self._most

    def taken(self) -> tuple[R, ...]:
        """Return them, and have none."""
        rows, self.rows = tuple(self.rows), []
        return rows


def pieces(
    rows: Sequence[R], value: Callable[[Sequence[R]], bytes]
) -> Iterator[tuple[Sequence[R], bytes]]:
    """Yield rows and their value, in their order, some at once: by halves where it is too much.

    Raise TooLarge for a row that no value takes.
    """
    if not rows:
        return
    made: bytes | None = None
    if len(rows) <= RECORDS_MAX:
        try:
            made = value(rows)
        except TooLarge:
            if len(rows) == 1:
                raise
    if made is not None and (len(rows) == 1 or len(made) <= PIECE_MAX):
        yield rows, made
        return
    half = len(rows) // 2
    yield from pieces(rows[:half], value)
    yield from pieces(rows[half:], value)


def of_field(name: str) -> Callable[[Sequence[Any]], bytes]:
    """Return what makes a value of rows of one field of a change."""

    def value(rows: Sequence[Any]) -> bytes:
        only: dict[str, Any] = {name: tuple(rows)}
        return packed(CHANGE.dumps(Change(**only)))

    return value
