"""What is kept about Cinder comes back exactly; what is old is dropped, unless it is not over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import chain

from hypothesis import given, settings

from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volume_tasks import VolumeTask
from doctor_daemon.stores.codec import VOLUME_ORDER, VOLUME_TASK
from doctor_daemon.stores.schema_steps import STEPS
from doctor_daemon.stores.volumes import KEPT_MAX, drop_old
from tests.stores.anything import anything


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


@settings(max_examples=40)
@given(anything(VolumeOrder), anything(VolumeTask))
def test_any_record_about_cinder_comes_back_as_it_was(order: VolumeOrder, task: VolumeTask) -> None:
    assert VOLUME_ORDER.loads(VOLUME_ORDER.dumps(order)) == order
    assert VOLUME_TASK.loads(VOLUME_TASK.dumps(task)) == task
