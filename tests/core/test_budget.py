"""The budget of power cuts: how many, of which domain, over which time."""

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Charge
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Order
from doctor_daemon.core.tries import DeviceTry, Try
from tests.core.make import (
    BMC,
    BOOT,
    OTHER_BOOT,
    Fields,
    at,
    context,
    identity,
    incident,
    plan,
    sighting,
)
from tests.core.walk import Walk


def ready(**changes: Fields) -> Incident:
    """Make an incident that every other gate lets through at second 0."""
    known = {"bmc": DeviceTry(identity=identity(BMC.uuid))}
    fencing = Try(1, 1, 1, "digest-1", at(0), devices=known)
    return incident(sighting=sighting(0), fencing=fencing, **changes)


def shut(mine: Incident, *charges: Charge, **changes: Fields) -> str:
    """Say why the budget is used up; empty: it is not."""
    refusal = refused(Act.CUT, mine, context(charges=charges, **changes))
    if refusal is None:
        return ""
    assert refusal.gate == "budget"
    return refusal.why


def charge(
    incident: str, seconds: float = 0, *, number: int = 1, domain: str = "rack-1", boot: str = BOOT
) -> Charge:
    return Charge(incident, number, domain, at(seconds, boot))


FULL_RACK = (charge("a"), charge("b"))
RACK_WHY = "2 hosts of failure domain rack-1 have been fenced in 900 s; the budget is 2"


def test_a2_the_budget_of_a_failure_domain() -> None:
    assert shut(ready(), charge("a")) == ""
    assert shut(ready(), *FULL_RACK) == RACK_WHY
    elsewhere = (charge("b", domain="rack-2"), charge("c", domain="rack-2"))
    assert shut(ready(), charge("a"), *elsewhere) == ""


def test_a2_the_budget_of_all() -> None:
    spread = [charge(name, domain=f"rack-{name}") for name in "abcd"]
    assert shut(ready(), *spread[:3]) == ""
    assert shut(ready(), *spread) == "4 hosts have been fenced in 900 s; the budget is 4"


def test_hosts_without_a_failure_domain_share_one() -> None:
    both = [charge(name, domain="") for name in "ab"]
    said = shut(ready(), *both, plan=plan(domain=""))
    assert said.startswith("2 hosts of failure domain (none)")


@pytest.mark.parametrize(
    ("taken_s", "boot", "counts"),
    [(-899.75, BOOT, True), (-900, BOOT, False), (-5000, OTHER_BOOT, True)],
)
def test_a3_the_window_slides_and_what_has_no_age_counts(
    taken_s: float, boot: str, *, counts: bool
) -> None:
    old = charge("b", taken_s, boot=boot)
    assert shut(ready(), charge("a"), old) == (RACK_WHY if counts else "")


def test_the_present_round_does_not_count_against_itself() -> None:
    mine = ready(charges=(at(-9),))
    own = charge(mine.id, -9)
    assert shut(mine, charge("a"), own) == ""
    assert shut(mine, *FULL_RACK, own) == RACK_WHY


def test_b9_an_earlier_round_of_the_same_incident_counts() -> None:
    again = ready(charges=(at(-9),), refences=1)
    assert shut(again, charge("a"), charge(again.id, -9)) == RACK_WHY
    second = ready(charges=(at(-9), at(-2)), refences=1)
    rounds = (charge(second.id, -9), charge(second.id, -2, number=2))
    assert shut(second, *rounds) == ""
    assert shut(second, *rounds, charge("a")) == RACK_WHY


@pytest.mark.parametrize(("later_s", "charges"), [(899.75, 1), (900, 2)])
def test_a3_a_round_that_goes_on_after_the_window_is_charged_anew(
    later_s: float, charges: int
) -> None:
    walk = Walk().to_held()
    paid_at = walk.incident.charges[0]
    walk.given(now=paid_at.plus(later_s - 1)).order(Order.FENCE).identify().look()
    assert len(walk.incident.charges) == charges
    assert walk.incident.charges[0] == paid_at


def test_a10_a_charge_that_was_timed_anew_after_a_reboot_is_still_ones_own() -> None:
    mine = ready(charges=(at(-9, OTHER_BOOT),))
    assert shut(mine, charge("a"), charge(mine.id, 0)) == ""


def test_another_incident_of_the_same_moment_counts() -> None:
    mine = ready(charges=(at(-9),))
    assert shut(mine, charge("a", -9), charge("b", -9)) == RACK_WHY


def test_a4_a_round_that_a_human_has_let_through_is_not_counted_again() -> None:
    """That word is about how many, and goes beyond the budget until the round is over."""
    mine = ready(charges=(at(-9),), passed=1)
    assert shut(mine, *FULL_RACK, charge(mine.id, -9)) == ""
    assert shut(replace(mine, passed=0), *FULL_RACK, charge(mine.id, -9)) == RACK_WHY
