"""A configuration that changes while a cut is out: what was sent is not unsent by that."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostPlan
from doctor_daemon.core.messages import Cut
from doctor_daemon.core.phases import Phase
from tests.core.make import BMC, MANUAL, PDU, level, plan
from tests.core.test_cutting import line_up, two
from tests.core.walk import Walk


def one_of_two() -> Walk:
    """Cut the power by one device of two; the other waits for its turn."""
    walk = two()
    first, second = walk.all(Cut)
    return line_up(walk, second).answer_cut(first)


@pytest.mark.parametrize(
    ("walk", "after"),
    [
        (Walk().to_reads(), plan(MANUAL, digest="digest-2")),
        (Walk().to_reads(), plan(MANUAL, level(BMC), digest="digest-2")),
        (one_of_two(), plan(level(PDU), digest="digest-2")),
    ],
    ids=["a manual level", "a manual level before it", "a device less"],
)
def test_i14_a_reload_makes_nobody_believe_that_nothing_was_sent(
    walk: Walk, after: HostPlan
) -> None:
    walk.given(plan=after).hear(verdict=Verdict.UP)
    assert not walk.incident.untouched
    assert walk.phase is not Phase.DISMISSED
