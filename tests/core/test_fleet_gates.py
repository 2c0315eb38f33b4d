"""The gates that look beyond one failure: who has disabled the host, and how often it came back."""

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.messages import Cut, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.waiting import waits
from tests.core.gated import ready, shut
from tests.core.make import OTHER_BOOT, Fields, at, evidence, incident, sighting
from tests.core.walk import Walk

MAINTAINED = "somebody has disabled cmp-1 in Nova, {}: that counts as maintenance"


def by(reason: str, **changes: Fields) -> str:
    """Say what the gate says of a host that is disabled by a reason."""
    seen = sighting(0, status="disabled", reason=reason)
    return shut("disabled", ready(sighting=seen), **changes)


def test_d1_a_host_that_somebody_has_disabled_counts_as_under_maintenance() -> None:
    assert by("CHG-1: new memory") == MAINTAINED.format("by 'CHG-1: new memory'")
    assert by("") == MAINTAINED.format("without a reason")
    assert shut("disabled", ready()) == ""


@pytest.mark.parametrize(
    "reason", ["AUTO: Connection to libvirt lost: 1", "doctor-daemon:inc-0: it failed"]
)
def test_d1_what_nova_or_we_have_disabled_does_not(reason: str) -> None:
    assert by(reason) == ""


def test_d1_nor_does_a_host_in_reserve() -> None:
    assert by("reserved")
    assert by("reserved", reserved=frozenset({"reserved"})) == ""
    assert by("reserved for Eve", reserved=frozenset({"reserved"}))


@pytest.mark.parametrize(
    "reason", ["AUTOMATION", "AUTO", "auto: x", " AUTO: x", "a doctor-daemon:"]
)
def test_d1_a_reason_that_only_resembles_one_of_those_does_not_help(reason: str) -> None:
    assert by(reason)


def test_d1_unknown_is_not_enabled() -> None:
    assert shut("disabled", ready(sighting=None)) == "Nova has not shown whether cmp-1 is disabled"
    odd = ready(sighting=sighting(0, status="Enabled"))
    why = "Nova does not say clearly whether cmp-1 is disabled: 'Enabled'"
    assert shut("disabled", odd) == why


def test_d1_it_is_asked_of_the_look_just_before_the_cut() -> None:
    walk = Walk().look().to_fencing().identify().look(status="disabled", reason="CHG-1")
    walk.elapse(9).look(status="disabled", reason="CHG-1")
    assert (walk.phase, walk.gate) == (Phase.HELD, "disabled")
    assert walk.incident.untouched
    walk.order(Order.FENCE).identify().look(status="disabled", reason="CHG-1")
    assert walk.all(Cut)


@pytest.mark.parametrize(("ordered_s", "is_open"), [(-300.0, True), (-300.25, False)])
def test_d1_an_order_for_this_very_host_is_obeyed_while_it_is_young(
    ordered_s: float, *, is_open: bool
) -> None:
    seen = sighting(0, status="disabled", reason="CHG-1")
    said = shut("disabled", ready(sighting=seen, ordered_at=at(ordered_s)))
    assert (said == "") is is_open


# flapping


SETTLES = "cmp-1 came back 20 s ago, and is left to settle for 120 s"


def test_a8_a_host_that_has_just_come_back_is_left_to_settle() -> None:
    assert shut("settling", ready()) == ""
    assert shut("settling", ready(), returned_at=at(-20)) == SETTLES
    assert shut("settling", ready(), returned_at=at(-119.75)) != ""
    assert shut("settling", ready(), returned_at=at(-120)) == ""
    assert shut("settling", ready(), returned_at=at(-20, OTHER_BOOT)) == ""


def test_a8_it_waits_and_goes_on_by_itself() -> None:
    walk = Walk(returned_at=at(-20)).to_fencing().identify().look()
    assert waits(walk.incident)
    assert walk.incident.untouched
    walk.elapse(89.75)
    assert waits(walk.incident)
    walk.elapse(0.25).identify().look()
    assert walk.all(Cut)


def test_a8_an_order_does_not_wait_for_it_to_settle() -> None:
    walk = Walk(returned_at=at(-20)).to_fencing().identify().look()
    walk.order(Order.FENCE)
    assert not waits(walk.incident)
    assert walk.identify().look().all(Cut)


def test_an_order_to_fence_needs_an_incident_that_waits_for_a_gate() -> None:
    walk = Walk().to_fencing().order(Order.FENCE)
    assert walk.said.startswith("fence by ann not followed: the incident is fencing")


def test_a8_a_host_that_came_back_too_often_is_left_to_a_human() -> None:
    told = "cmp-1 was fenced 3 times in 24 hours, and came back"
    assert shut("relapsed", ready(), returns=2) == ""
    assert shut("relapsed", ready(), returns=3) == told
    assert shut("relapsed", ready(ordered_at=at(0)), returns=3) == ""
    walk = Walk(returns=3).to_fencing().identify().look()
    assert (walk.phase, walk.gate) == (Phase.HELD, "relapsed")
    assert walk.order(Order.FENCE).identify().look().all(Cut)


def test_a8_what_was_begun_in_this_incident_goes_on() -> None:
    begun = ready(charges=(at(-9),))
    assert shut("settling", begun, returned_at=at(-20)) == ""
    assert shut("relapsed", begun, returns=9) == ""


def test_i14_life_ends_an_incident_that_is_left_to_settle() -> None:
    walk = Walk(incident(evidence()), returned_at=at(-20)).to_fencing().identify().look()
    assert walk.hear(verdict=Verdict.UP).phase is Phase.DISMISSED
    assert walk.incident.waiting is None
