"""One at a time at each of Cinder's services; a cluster covers its members."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.volumes import Target
from doctor_daemon.engine.reservations import Hold, Reservations, Sends, hold_on

ALPHA, GAMMA = Target("cmp-1@alpha"), Target(cluster="gamma")


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (hold_on(ALPHA), hold_on(ALPHA, "gamma"), True),
        (hold_on(ALPHA), hold_on(Target("cmp-2@alpha")), False),
        (hold_on(ALPHA, "gamma"), hold_on(GAMMA), True),
        (hold_on(ALPHA, "delta"), hold_on(GAMMA), False),
        (hold_on(ALPHA, ""), hold_on(GAMMA), False),
        (hold_on(ALPHA), hold_on(GAMMA), True),
        (hold_on(Target("ctl", "cinder-scheduler")), hold_on(GAMMA), False),
        (hold_on(GAMMA), hold_on(Target(cluster="delta")), False),
        (Hold("log levels"), hold_on(GAMMA), False),
    ],
)
def test_what_may_have_a_service_in_common_overlaps(
    one: Hold,
    other: Hold,
    overlap: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert (one.overlaps(other), other.overlaps(one)) == (overlap, overlap)


def test_a_reservation_is_given_back_by_its_owner_alone() -> None:
    all_ = Reservations()
    assert all_.take("order 1", hold_on(ALPHA))
    assert all_.take("order 1", hold_on(ALPHA))
    assert not all_.take("task 2", hold_on(ALPHA, "gamma"))
    all_.release("task 2")
    found = all_.blocker("task 2", hold_on(GAMMA))
    assert found is not None
    assert (found.owner, found.hold) == ("order 1", hold_on(ALPHA))
    all_.release("order 1")
    assert all_.take("task 2", hold_on(ALPHA, "gamma"))


async def test_all_that_is_on_its_way_is_waited_for() -> None:
    sends = Sends()
    await sends.ended()
    with sends:
        with sends:
            pass
        waiting = asyncio.create_task(sends.ended())
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting
