"""Many rows by few statements.

Python's SQLite gives the interpreter up at each row that `executemany` writes, and has to wait for
it whenever something else is being read or told just then: up to half a millisecond a row, with a
notice waiting behind hundreds of them. A statement with many rows gives it up once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

VALUES_MAX = 900
"""Values of one statement: each SQLite takes 999 (sqlite.org/limits.html, 9)."""
_TEXTS_MAX = 128

Row = Sequence[object]


def insert_many(
    connection: sqlite3.Connection, into: str, rows: Iterable[Row], then: str = ""
) -> None:
    """Run `into VALUES (…), (…)… then` for all rows, which are of one length."""
    for part in _parts(list(rows)):
        text = _insert(into, len(part), len(part[0]), then)
        connection.execute(text, [value for row in part for value in row])


def for_each_of(
    connection: sqlite3.Connection, text: str, values: Row, keys: Iterable[str]
) -> None:
    """Run `text … IN (?, ?…)` with these values for all keys; `text` ends before its list."""
    for part in _parts([(key,) for key in keys], VALUES_MAX - len(values)):
        marks = ", ".join("?" * len(part))
        connection.execute(f"{text} ({marks})", [*values, *(key for (key,) in part)])


def _parts(rows: list[Row], most: int = VALUES_MAX) -> Iterator[list[Row]]:
    """Cut rows up, by powers of two: so there are few statements, and each is compiled once."""
    begin = 0
    while left := len(rows) - begin:
        count = 1 << (min(left, most // len(rows[begin])).bit_length() - 1)
        yield rows[begin : begin + count]
        begin += count


@lru_cache(maxsize=_TEXTS_MAX)
def _insert(into: str, rows: int, width: int, then: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"{into} VALUES {', '.join([row] * rows)}{then}"
