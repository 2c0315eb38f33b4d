"""A host that nobody calls down but the operator who has it fenced: that it lives is no news."""

from __future__ import annotations

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.messages import Cut, Observation, Order, Resumed
from doctor_daemon.core.ourselves import Paused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from tests.core.make import evidence, incident
from tests.core.walk import Walk

UP = Verdict.UP


def storage(walk: Walk) -> Walk:
    return walk.hear("storage", kind="storage", verdict=UP, trust=Trust.SECOND)


def by_order_alone() -> Walk:
    """Have a host fenced that nobody calls down but the operator who orders it."""
    said = evidence(source="operator:ann", kind="operator")
    return Walk(incident(said)).order(Order.FENCE).wait(1)


def test_a_host_that_a_human_alone_wants_fenced_is_known_to_live() -> None:
    walk = storage(by_order_alone())
    assert walk.incident.contradicted_at is None
    walk.look().wait(9).identify().look(updated_s=1010.0)
    assert walk.phase is Phase.FENCING
    assert len(walk.all(Cut)) == 1


def test_an_order_that_has_grown_old_is_none() -> None:
    walk = by_order_alone().look().wait(Policy().evidence_age_s).identify()
    assert walk.look(updated_s=1010.0).phase is Phase.DISMISSED


def test_where_a_monitor_calls_it_down_too_a_report_after_the_order_ends_it() -> None:
    walk = by_order_alone().hear().look().wait(9).identify().look(updated_s=1010.0)
    assert walk.phase is Phase.DISMISSED


# after the cut


def fallen(walk: Walk) -> bool:
    """Tell whether its level was given up for a sign of life."""
    said = "level 1, try 1: the host was heard alive after the cut"
    return said in [entry.text for entry in walk.incident.timeline]


def cut() -> Walk:
    return by_order_alone().identify().look().cut()


def test_until_its_power_reads_off_it_may_well_live() -> None:
    walk = storage(cut().wait(1)).hear().look(updated_s=1010.0)
    assert (walk.phase, walk.attempt.level) == (Phase.FENCING, 1)
    walk.wait(1).prove()
    assert walk.incident.proof is not None


def test_a_report_that_may_be_from_before_it_read_off_is_none_after_it() -> None:
    walk = cut().wait(1).look().wait(1).read(Power.OFF).wait(1).look(updated_s=1010.0)
    assert (walk.phase, walk.attempt.level) == (Phase.FENCING, 1)


def test_i11_life_after_it_read_off_shows_that_its_device_lies() -> None:
    assert fallen(storage(cut().wait(1).read(Power.OFF).wait(1)))
    assert fallen(cut().wait(1).read(Power.OFF).look().wait(1).look(updated_s=1010.0))


def test_b1_an_error_of_its_device_hides_neither_that_it_read_off_nor_the_life_after_it() -> None:
    walk = cut().wait(1).read(Power.OFF).wait(1).read(Power.UNKNOWN)
    assert fallen(storage(walk.wait(0.5)))


@pytest.mark.parametrize("away", [Resumed(), Paused(20.0)])
def test_b1_neither_a_restart_nor_a_pause_hides_that_it_had_read_off(away: Observation) -> None:
    walk = cut().wait(1).read(Power.OFF).wait(1).see(away)
    assert fallen(storage(walk.wait(0.5)))


def test_where_a_monitor_had_called_it_down_life_after_the_cut_counts_as_ever() -> None:
    assert fallen(storage(by_order_alone().hear().identify().look().cut().wait(1)))


def test_what_a_monitor_says_after_the_cut_makes_no_news_of_earlier_life() -> None:
    """It says so because of the cut: nobody but the operator has called the host down."""
    walk = storage(cut().wait(1).hear().wait(1))
    assert (walk.phase, walk.attempt.level, fallen(walk)) == (Phase.FENCING, 1, False)


def test_i11_life_of_a_host_that_a_human_vouches_is_off_is_news() -> None:
    """No device has read off, and none has to: the human has said so."""
    walk = by_order_alone().given(armed=Armed()).identify().look()
    storage(walk.order(Order.CONFIRM_OFF, 600).wait(1))
    assert (walk.phase, walk.gate) == (Phase.HELD, "proof")
    assert "was heard alive although it was proven off" in walk.said


def test_before_the_first_try_a_report_is_no_news_either() -> None:
    said = evidence(source="operator:ann", kind="operator")
    walk = Walk(incident(said)).look().to_fencing()
    assert walk.phase is Phase.FENCING
    early = Walk(incident(said)).wait(5).look(updated_s=1010.0)
    assert early.phase is Phase.SUSPECTED
