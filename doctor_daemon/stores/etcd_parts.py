"""Many rows, written in parts: each in a transaction of its own, smaller where it is too much."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from itertools import islice
from typing import TypeVar

from doctor_daemon.stores.etcd_values import TooLarge
from doctor_daemon.stores.etcd_writer import Make

K = TypeVar("K")
ROWS_AT_ONCE = 50
"""Notices of which it is written at once how they stand: each may be under a key of its own."""


async def in_parts(
    rows: Collection[K],
    of: Callable[[tuple[K, ...]], Make],
    write: Callable[[Make], Awaitable[None]],
) -> None:
    """Write how rows stand, as `of` makes it of some; nothing at all is one part too.

    So whoever may not write hears it. Raise TooLarge for a row that does not fit alone.
    """
    waiting = iter(rows)
    await _halved(tuple(islice(waiting, ROWS_AT_ONCE)), of, write)
    while some := tuple(islice(waiting, ROWS_AT_ONCE)):
        await _halved(some, of, write)


async def _halved(
    some: tuple[K, ...],
    of: Callable[[tuple[K, ...]], Make],
    write: Callable[[Make], Awaitable[None]],
) -> None:
    """Write some rows: by halves where all that was made with them is too much."""
    try:
        await write(of(some))
    except TooLarge:
        half = len(some) // 2
        if not half:
            raise
        await _halved(some[:half], of, write)
        await _halved(some[half:], of, write)
