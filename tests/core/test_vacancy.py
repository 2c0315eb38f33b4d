"""What must be shown before Nova forgets a host: each gate at its bounds, and what each says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ourselves import Ourselves
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Release, Switching
from doctor_daemon.core.retirement import NAMED_MAX, Left, Retirement
from doctor_daemon.core.tries import DeviceTry, Try
from tests.core.gated import leaving, shut
from tests.core.make import OTHER_BOOT, Fields, at, human_proof, power_proof, reading

UNPROVEN = "there is no proof that cmp-1 is off"
UNREAD = "the power of cmp-1 has not been read as off again yet"
OLD = "Nova has not told in the last 30 s what is left of cmp-1"


def out(**changes: Fields) -> Incident:
    """Make an incident of a host that is to be taken out, and that every gate lets go."""
    return replace(leaving(), **changes)


def wished(**changes: Fields) -> Retirement:
    wish = leaving().retirement
    assert wish is not None
    return replace(wish, **changes)


def left(**changes: Fields) -> Incident:
    """Make the like, of which Nova has told this is left."""
    return out(
        retirement=wished(left=Left(at(0), **{"listed": True, "forced_down": True, **changes}))
    )


# asleep


@pytest.mark.parametrize(
    ("life_at", "why"),
    [
        (None, ""),
        (at(-0.25), ""),
        (at(0), "cmp-1 was heard alive"),
        (at(-9, OTHER_BOOT), "cmp-1 was heard alive"),
    ],
)
def test_life_since_it_was_ordered_keeps_it(life_at: Instant | None, why: str) -> None:
    assert shut("asleep", out(life_at=life_at)) == why


@pytest.mark.parametrize(
    ("power", "asked_s", "why"),
    [
        (Power.ON, 0, "the power of cmp-1 reads on"),
        (Power.ON, -0.25, ""),
        (Power.OFF, 0, ""),
        (Power.UNKNOWN, 0, ""),
    ],
)
def test_power_that_reads_on_since_it_was_ordered_keeps_it(
    power: Power, asked_s: float, why: str
) -> None:
    read = DeviceTry(readings=(reading(power, asked_s), reading(Power.OFF, 1)))
    known = Try(1, 1, 1, "digest-1", at(-9), devices={"bmc": DeviceTry(), "pdu": read})
    assert shut("asleep", out(fencing=known)) == why


def test_a_report_since_it_was_ordered_keeps_it() -> None:
    told = "nova-compute of cmp-1 has reported in"
    assert shut("asleep", out(retirement=wished(reported=True))) == told
    assert shut("asleep", out(fencing=None)) == ""


# off


def test_without_a_proof_or_an_order_it_is_not_off() -> None:
    assert shut("off", out()) == ""
    assert shut("off", out(proof=None)) == UNPROVEN
    assert shut("off", out(retirement=None)) == UNPROVEN


@pytest.mark.parametrize(("life_s", "open_"), [(-0.25, True), (0, False), (1, False)])
def test_life_since_the_proof_voids_it(life_s: float, *, open_: bool) -> None:
    why = "" if open_ else "cmp-1 was heard alive after it was proven off"
    assert shut("off", out(life_at=at(life_s))) == why


@pytest.mark.parametrize(("switched_s", "open_"), [(-0.25, True), (0, False)])
def test_a_switching_on_since_the_proof_voids_it(switched_s: float, *, open_: bool) -> None:
    why = "" if open_ else "cmp-1 was switched on after it was proven off"
    assert shut("off", out(release=Release(switched_at=at(switched_s)))) == why


def test_one_that_is_being_switched_on_voids_it_too() -> None:
    begun = Release(switching=Switching(1, at(-9), go_at=at(-9)))
    assert "was switched on" in shut("off", out(release=begun))


@pytest.mark.parametrize(
    ("taken_s", "now_s", "why"),
    [(0, 0, ""), (-0.25, 0, UNREAD), (0, 29.75, ""), (-0.25, 29.75, UNREAD), (-0.25, 30, "")],
)
def test_it_is_read_as_off_since_the_order_or_half_a_minute_is_silent(
    taken_s: float, now_s: float, why: str
) -> None:
    assert shut("off", out(proof=power_proof(taken_s)), now=at(now_s)) == why


def test_a_proof_that_has_run_out_is_read_again() -> None:
    short = human_proof(0, 5)
    assert shut("off", out(proof=short), now=at(4.75)) == ""
    assert shut("off", out(proof=short), now=at(5)) == UNREAD


def test_after_a_pause_of_ours_it_is_read_again() -> None:
    woken = Ourselves(awake_at=at(3))
    assert shut("off", out(proof=power_proof(2.75)), now=at(4), own=woken) == UNREAD
    assert shut("off", out(proof=power_proof(3)), now=at(4), own=woken) == ""
    assert shut("off", out(proof=power_proof(2.75)), now=at(32.75), own=woken) == UNREAD
    assert shut("off", out(proof=power_proof(2.75)), now=at(33), own=woken) == ""


# what is left


@pytest.mark.parametrize(("age_s", "why"), [(0, ""), (30, ""), (30.25, OLD)])
def test_lists_that_are_old_show_nothing(age_s: float, why: str) -> None:
    assert shut("surveyed", out(), now=at(age_s)) == why


def test_without_lists_it_is_said_why_there_are_none() -> None:
    assert shut("surveyed", out(retirement=None)) == OLD
    assert shut("surveyed", out(retirement=wished(left=None))) == OLD
    assert shut("surveyed", out(retirement=wished(left=None, error="503"))) == f"{OLD} (503)"


def test_a_service_that_is_listed_has_to_be_forced_down() -> None:
    cleared = "Nova does not have cmp-1 forced down any more"
    assert shut("marked", left()) == ""
    assert shut("marked", left(forced_down=False)) == cleared
    assert shut("marked", left(listed=False, forced_down=False)) == ""
    assert shut("marked", out(retirement=wished(left=None))) == ""


def named(count: int) -> tuple[str, ...]:
    return tuple(f"vm-{n}" for n in range(count))


@pytest.mark.parametrize(
    ("gate", "field", "said"),
    [
        ("vacant", "servers", "by Nova there are servers on cmp-1: "),
        ("unmoved", "transits", "migrations of cmp-1 are not over: "),
    ],
)
def test_what_is_there_or_on_its_way_is_named_and_that_there_may_be_more(
    gate: str, field: str, said: str
) -> None:
    assert shut(gate, out(retirement=wished(left=None))) == ""
    assert shut(gate, left()) == ""
    assert shut(gate, left(**{field: ("a", "b")})) == f"{said}a, b"
    fewer, most = named(NAMED_MAX - 1), named(NAMED_MAX)
    assert shut(gate, left(**{field: fewer})) == said + ", ".join(fewer)
    assert shut(gate, left(**{field: most})) == said + ", ".join(most) + " and more"
