"""A row that is written again is changed where it is: deleting and inserting costs four times."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import chain

from doctor_daemon.ports import Change
from doctor_daemon.stores.codec import PORT_TASK, RESERVE_TASK, VOLUME_ORDER, VOLUME_TASK
from doctor_daemon.stores.host_tasks import write_tasks
from doctor_daemon.stores.schema_steps import STEPS
from doctor_daemon.stores.volumes import write_records
from tests.stores.values import port_task, reserve_task, volume_order, volume_task

ROWS = "SELECT kind, body FROM volume_records UNION ALL SELECT kind, body FROM host_tasks"
KEPT = tuple(
    f"CREATE TRIGGER kept_{table} BEFORE DELETE ON {table}"
    " BEGIN SELECT raise(ABORT, 'a row is deleted'); END"
    for table in ("volume_records", "host_tasks")
)
CHANGE = Change(
    orders=(volume_order(1),),
    tasks=(volume_task(1),),
    port_tasks=(port_task("cmp-1"),),
    reserves=(reserve_task("cmp-1"),),
)
OVER = replace(
    CHANGE,
    orders=(volume_order(1, over=True),),
    tasks=(volume_task(1, over=True),),
    port_tasks=(port_task("cmp-1", over=True),),
)


def test_a_row_that_is_written_again_is_not_deleted() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in (*chain.from_iterable(STEPS), *KEPT):
            connection.execute(statement)
        connection.execute("PRAGMA recursive_triggers = ON")  # what OR REPLACE deletes is told
        for change in (CHANGE, OVER):
            write_records(connection, change)
            write_tasks(connection, change)
        assert dict(connection.execute(ROWS)) == {
            "order": VOLUME_ORDER.dumps(OVER.orders[0]),
            "task": VOLUME_TASK.dumps(OVER.tasks[0]),
            "ports": PORT_TASK.dumps(OVER.port_tasks[0]),
            "reserve": RESERVE_TASK.dumps(OVER.reserves[0]),
        }
        assert connection.execute("SELECT sum(over) FROM volume_records").fetchone() == (2,)
