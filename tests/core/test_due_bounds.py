"""What is due, at its limits: Nova is asked neither too little nor for nothing."""

from __future__ import annotations

import pytest

from doctor_daemon.core.messages import Identify, Look, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import SwitchOn
from doctor_daemon.core.topology import AGAIN_S
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import Back
from tests.core.make import UUID, incident
from tests.core.test_nameless import lose
from tests.core.test_powering import ends, moved
from tests.core.test_switching import asked
from tests.core.walk import Walk


def test_a_host_that_was_never_looked_at_is_looked_at_while_its_device_is_lost() -> None:
    """From the first look on its reports count: that is not to wait for the name service."""
    walk = lose(Walk(incident(first=None)).to_fencing()).elapse(AGAIN_S)
    assert len(walk.all(Identify)) == 1
    assert len(walk.all(Look)) == 1


def test_once_a_host_is_being_switched_on_nova_is_asked_nothing_more() -> None:
    walk = asked(Back()).tell()
    for _ in range(3):
        assert walk.due == (SwitchOn(1, 1, "bmc", UUID),)
        walk.elapse(10)


@pytest.mark.parametrize("order", [Order.CLOSE, Order.DECOMMISSION], ids=str)
def test_no_wait_is_for_a_time_that_is_over_while_an_order_is_followed(order: Order) -> None:
    """It keeps a human from being asked, and that is not to be tried again and again meanwhile."""
    walk = ends(moved(), Outcome.ACCEPTED).wait(890).order(order).elapse(20)
    assert walk.phase is Phase.DOWN
    assert all(left_s > 0 for left_s in walk.waits)
