"""Orders beside the one that takes a host out, and after it."""

import pytest

from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.retirement import Course
from tests.core.leaving import Leaving


@pytest.mark.parametrize(
    "order", [Order.DECOMMISSION, Order.RELEASE, Order.POWER_ON, Order.CLOSE], ids=str
)
def test_no_other_order_is_followed_meanwhile(order: Order) -> None:
    walk = Leaving().to_ordered().survey()
    before = walk.incident.release
    walk.order(order)
    assert walk.said == (
        f"{order} by ann not followed: it is being decommissioned: that ends within minutes"
    )
    assert (walk.phase, walk.incident.release) == (Phase.DOWN, before)
    assert walk.incident.closing is None


def test_a_host_that_is_being_switched_on_is_not_taken_out() -> None:
    walk = Leaving().to_down().list("web").order(Order.POWER_ON).order(Order.DECOMMISSION)
    assert walk.said == "decommission by ann not followed: it is being switched on"
    assert walk.incident.retirement is None


def test_only_a_host_that_is_down_is_taken_out() -> None:
    walk = Leaving().to_releasing().order(Order.DECOMMISSION)
    assert walk.said.endswith("the incident is releasing; decommission is for one that is down")


def test_it_can_be_ordered_again_and_nothing_of_before_counts() -> None:
    walk = Leaving()
    walk.left = ("web",)
    walk.to_ordered().survey().off()
    old, proof = walk.wish, walk.incident.proof
    walk.left = ()
    walk.order(Order.DECOMMISSION)
    assert walk.wish.number > old.number
    assert walk.wish.left is None
    assert walk.survey().course is Course.SHOWING
    walk.off()
    assert [walk.course] == [Course.DELETING]
    assert proof is not walk.incident.proof


def test_other_orders_are_followed_once_it_is_over() -> None:
    walk = Leaving().to_ordered().survey().identify().read(Power.ON)
    assert walk.order(Order.RELEASE).phase is Phase.RELEASING


def test_once_it_was_read_on_no_silence_of_its_devices_will_do() -> None:
    walk = Leaving().to_ordered().survey().identify().read(Power.ON)
    walk.order(Order.DECOMMISSION).survey().minutes(2.5, Power.UNKNOWN)
    assert walk.said == (
        "not decommissioned: cmp-1 was switched on after it was proven off; it is read again"
    )


def test_nobody_waits_for_a_moment_that_is_over() -> None:
    walk = Leaving().to_ordered()
    assert walk.waits == [120.0, 30.0]
    assert walk.elapse(30).waits == [90.0]
