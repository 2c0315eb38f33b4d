"""Orders beside the one that takes a host out, and after it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from doctor_daemon.core.messages import Crashed, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.retirement import Course
from tests.core.leaving import Leaving, transit
from tests.core.make import power_proof


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


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (Leaving.to_ordered, "not decommissioned for ann: it has come to be held; order it again"),
        (Leaving.to_delete, "whether it is decommissioned, as ann has ordered, is not known: it"),
    ],
    ids=["nothing was sent", "a request was begun"],
)
def test_an_order_that_ends_with_the_phase_says_whether_anything_was_sent(
    way: Callable[[Leaving], Leaving], said: str
) -> None:
    walk = way(Leaving()).see(Crashed("KeyError"))
    assert walk.phase is Phase.HELD
    assert any(entry.text.startswith(said) for entry in walk.incident.timeline)


def test_a_migration_of_which_nova_says_no_kind_is_named_all_the_same() -> None:
    walk = Leaving()
    walk.transits = (transit("running", ""),)
    walk.to_ordered().survey().off()
    assert "migration 7 of id-web (running)" in walk.said


def test_a_proof_of_the_very_moment_of_the_order_will_do() -> None:
    walk = Leaving().to_ordered()
    proof = power_proof(taken_at=walk.now, valid_until=walk.now.plus(30))
    walk.incident = replace(walk.incident, proof=proof)
    assert walk.off().incident.proof is proof
    assert walk.survey().course is Course.DELETING


def test_where_there_is_no_proof_at_all_none_is_made_of_what_is_read() -> None:
    walk = Leaving().to_ordered()
    walk.incident = replace(walk.incident, proof=None)
    walk.survey().off()
    assert (walk.course, walk.incident.proof) == (Course.SHOWING, None)
    assert "there is no proof that cmp-1 is off" in walk.minutes(2.5).said
