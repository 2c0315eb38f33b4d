"""What is done for a host beside its incidents can be read back, exactly."""

from __future__ import annotations

from hypothesis import given, settings

from doctor_daemon.core.masses import MassState, Passage
from doctor_daemon.core.port_tasks import PORTS_MAX, PortTask
from doctor_daemon.core.reserves import ReserveTask
from doctor_daemon.stores.codec import MASSES, PASSAGE, PORT_TASK, RESERVE_TASK
from tests.stores.anything import anything
from tests.stores.values import port_task


@settings(max_examples=40)
@given(anything(PortTask))
def test_any_task_about_ports_comes_back_as_it_was(one: PortTask) -> None:
    assert PORT_TASK.loads(PORT_TASK.dumps(one)) == one


@settings(max_examples=40)
@given(anything(ReserveTask))
def test_any_task_about_a_host_in_reserve_comes_back_as_it_was(one: ReserveTask) -> None:
    assert RESERVE_TASK.loads(RESERVE_TASK.dumps(one)) == one


@settings(max_examples=40)
@given(anything(MassState))
def test_a2_whatever_is_known_of_the_fleet_comes_back_as_it_was(one: MassState) -> None:
    assert MASSES.loads(MASSES.dumps(one)) == one


@settings(max_examples=40)
@given(anything(Passage))
def test_a4_any_host_that_was_let_through_comes_back_as_it_was(one: Passage) -> None:
    assert PASSAGE.loads(PASSAGE.dumps(one)) == one


def test_the_largest_task_about_ports_is_a_few_hundred_kilobytes() -> None:
    ids = [f"8b1bd7ac-9f9d-4e36-a5b5-{number:012d}" for number in range(PORTS_MAX)]
    assert len(PORT_TASK.dumps(port_task("cmp-1").claim(ids))) < 256 * 1024
