"""Life that Nova shows after the host was forced down: the proof was wrong, or power is back."""

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from tests.core.make import BMC, MANUAL, PDU, level, plan
from tests.core.moving import Moving

TWO_LEVELS = plan(level(BMC), level(PDU), mode=Mode.EVACUATE)


def evacuating() -> Moving:
    """Walk to where requests are due, of a host with two levels."""
    return Moving(plan=TWO_LEVELS).to_inspected()


def test_b4_a_report_between_two_looks_after_the_put_voids_the_proof() -> None:
    walk = evacuating().elapse(10).flag(updated_s=1000.0)
    assert walk.posts != []
    walk.elapse(10).flag(updated_s=1010.0)
    assert (walk.phase, walk.posts, walk.incident.proof) == (Phase.FENCING, [], None)
    assert walk.attempt.level == 2
    assert "was heard alive although it was proven off" in walk.said


def test_b4_a_report_that_may_be_from_before_the_put_says_nothing() -> None:
    walk = Moving(plan=TWO_LEVELS).to_proof()
    walk.put().flag(updated_s=1010.0)
    assert walk.phase is Phase.EVACUATING
    assert walk.inspect().elapse(10).flag(updated_s=1010.0).posts != []


@pytest.mark.parametrize("write", [{"reason": "the rack is moved"}, {"status": "enabled"}])
def test_i18_somebody_elses_write_is_no_report(write: dict[str, str]) -> None:
    walk = evacuating().elapse(10).flag(updated_s=1010.0, **write)
    assert walk.attempt.level == 1
    walk.elapse(10).flag(updated_s=1020.0, **write)
    assert walk.phase is Phase.FENCING


def test_d6_a_report_contradicts_a_humans_word_too() -> None:
    walk = Moving(plan=plan(MANUAL, mode=Mode.EVACUATE)).to_fencing()
    walk.order(Order.CONFIRM_OFF, 600).look().put().flag().inspect()
    assert walk.posts != []
    walk.elapse(10).flag(updated_s=1010.0)
    assert (walk.phase, walk.gate) == (Phase.HELD, "proof")


def test_i14_life_before_the_next_cut_of_another_round_is_no_news() -> None:
    walk = evacuating().elapse(10).flag(updated_s=1010.0)
    assert walk.phase is Phase.FENCING
    lines = len(walk.incident.timeline)
    walk.elapse(6).identify().flag(updated_s=1020.0)
    assert not any("contradicts" in entry.text for entry in walk.incident.timeline[lines:])
