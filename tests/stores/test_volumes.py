"""Old orders and tasks about Cinder are dropped, but none that is not over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import chain

from doctor_daemon.stores.schema import STEPS
from doctor_daemon.stores.volumes import KEPT_MAX, drop_old


def test_what_is_over_and_old_is_dropped_a_few_at_a_time() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in chain.from_iterable(STEPS):
            connection.execute(statement)
        rows = [(kind, n, n != 2) for kind in ("order", "task") for n in range(KEPT_MAX + 6)]
        connection.executemany("INSERT INTO volume_records VALUES (?, ?, ?, '')", rows)
        dropped: list[int] = []
        while not dropped or dropped[-1]:
            dropped.append(drop_old(connection, 3))
        assert dropped == [6, 4, 0]
        left = "SELECT number FROM volume_records WHERE kind = 'task' ORDER BY number LIMIT 2"
        assert connection.execute(left).fetchall() == [(2,), (6,)]
