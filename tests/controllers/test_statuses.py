"""What evacuation does with a server of each status, by the table of docs/openstack.md.

Each row goes the whole way that a server goes: Nova's row, the list of its host, the decision. A
status that the documents or the lab know, and that has no row, fails here; one that only a newer
Nova has fails in tests/openstack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from doctor_daemon.controllers.servers import HOST as HOST_KEY
from doctor_daemon.controllers.servers import only_on, read_page
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.moves import admitted, news
from doctor_daemon.errors import Temporary
from doctor_daemon.lab.servers import STATUS
from tests.core.make import context
from tests.test_docs import rows, section

FOUNDING = (
    *("ACTIVE", "BUILDING", "DELETED", "ERROR", "HARD_REBOOT", "MIGRATING", "PASSWORD", "PAUSED"),
    *("REBOOT", "REBUILD", "RESCUED", "RESIZED", "REVERT_RESIZE", "SOFT_DELETED", "STOPPED"),
    *("SUSPENDED", "UNKNOWN", "VERIFY_RESIZE"),
)
"""The statuses that Nova's API reference on servers names, some of them by their vm_state."""
TABLE = rows(section(Path("docs/openstack.md"), "## What evacuation does with each status"))
MOVED, LEFT, UNLISTED, UNTOLD = "is moved", "is left", "is not listed", "is not decided"
HOST = "cmp-1"


def cases() -> Iterator[tuple[str, str, str, str]]:
    """Yield status, vm_state, task_state and what is done: a row may name several tasks."""
    for _, status, vm_states, tasks, done, _ in TABLE:
        for vm_state in vm_states.split(", "):
            for task in tasks.split(", "):
                yield status, vm_state.replace("none", ""), task.replace("none", ""), done


def row(status: str, vm_state: str, task: str) -> bytes:
    """Return Nova's list with one such server on the host."""
    server = {
        "id": "s1",
        "name": "vm",
        "tenant_id": "p1",
        "status": status,
        "OS-EXT-STS:vm_state": vm_state or None,
        "OS-EXT-STS:task_state": task or None,
        HOST_KEY: HOST,
    }
    if status == "UNKNOWN":  # a cell that is down tells no more
        server = {key: server[key] for key in ("id", "tenant_id", "status")}
    if status == "SHELVED_OFFLOADED":
        server[HOST_KEY] = None
    return json.dumps({"servers": [server]}).encode()


def done_with(status: str, vm_state: str, task: str) -> tuple[str, str]:
    """Return what becomes of such a server, and why."""
    try:
        (placed,) = read_page(row(status, vm_state, task)).placed
    except Temporary as error:
        return UNTOLD, str(error)
    if not placed.host:
        return UNLISTED, "it is gone, or on no host"
    (server,) = only_on(HOST, [placed]).values()
    record = admitted(server, news((), (server,)), context())
    return (MOVED if record.stage is Stage.WAITING else LEFT), record.why


@pytest.mark.parametrize(("status", "vm_state", "task", "done"), list(cases()))
def test_each_status_ends_as_the_table_says(
    status: str, vm_state: str, task: str, done: str
) -> None:
    found, why = done_with(status, vm_state, task)
    assert found == done
    at_once = done == MOVED and not task.startswith("rebuild")
    assert bool(why) is not at_once, "whoever is not moved, or not at once, hears why"


def test_every_status_that_is_documented_has_a_row() -> None:
    named = {name for names, *_ in TABLE for name in names.split(", ")}
    assert set(FOUNDING) <= named


def test_every_status_that_the_lab_shows_has_a_row() -> None:
    assert {*STATUS.values(), "REBUILD"} <= {status for _, status, *_ in TABLE}


def test_every_row_says_why() -> None:
    for *_, why in TABLE:
        assert re.search(r"\w+ \w+", why), why
