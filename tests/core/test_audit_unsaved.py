"""What a save without an answer closes in the journal of a task: its own intents, and no more."""

from __future__ import annotations

from doctor_daemon.core.audit_tasks import End, Grounds, Name, begun, ended, unsaved
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.port_tasks import PortTask
from tests.core.make import HOST, at

TASK = PortTask(HOST, IncidentId("one"), 1, at(0))
PORT: Name = ("mark down", "port p-1")


def test_i17_a_result_that_may_not_be_saved_does_not_close_a_request_of_the_same_name() -> None:
    """That one was saved before, and is on its way: to call it unsent would be a lie."""
    task, _ = begun(TASK, [PORT], Grounds(), at(5), 3)
    task, _ = begun(task, [PORT], Grounds(), at(5), 3)
    task, results = ended(task, [End(PORT, "accepted", "200")], at(6), 3)
    assert unsaved(task, results, at(7), 3) == (task, ())
    assert [intent.number for intent in task.journal.open] == [2]
