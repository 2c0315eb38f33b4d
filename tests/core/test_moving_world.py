"""The world of the properties itself: sequences that it once judged wrongly."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.proof import Power
from tests.core.moving import Moving
from tests.core.test_properties import Properties
from tests.core.walk import Walk
from tests.core.world import PLANS


@pytest.mark.parametrize("pause_s", [8.75, 9.0, 9.25, 9.5])
def test_i2_a_request_is_judged_by_the_moment_at_which_it_was_decided(pause_s: float) -> None:
    """It was let through, and then its proof grew too old: the gates are asked before it is sent.

    The world let that time pass before it had taken note of the request, and called it a new one.
    """
    world = Properties()
    world.begin(chosen=PLANS[-3], trust=Trust.ALONE, way=Walk.elapse, move=Moving.to_evacuating)
    world.elapse(20.0)
    world.read_back(forced_down=True)
    world.elapse(pause_s)
    world.go_on(power=Power.UNKNOWN)
    world.i2_each_new_request_is_let_through_and_the_only_one_of_its_server()
    assert world.walk.stage("app") is not Stage.POSTING
