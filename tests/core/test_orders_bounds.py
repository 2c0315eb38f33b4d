"""Which order is for which incident: each at the bounds of what it is refused for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Stuck
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Waiting
from doctor_daemon.core.messages import Order
from doctor_daemon.core.orders import after_bug, closing, follow, refusal
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Closing, Release, Step, Switching
from doctor_daemon.core.retirement import Course, Retirement
from doctor_daemon.core.sightings import Marking
from tests.core.make import Fields, at, context, incident, ordered, sighting

ACCEPTED = (Stuck(17, "cmp-2"),)
TOO_LATE = "the flag is being lifted, or is: it is too late for that"
EARLY = "no evacuation is taken for stuck before the release has waited for it, and is held"


def said(order: Order, accept: tuple[Stuck, ...] = (), **changes: Fields) -> str:
    """Say why an order is refused at second 1; empty: it is not."""
    until_s = 60.0 if order is Order.CONFIRM_OFF else None
    word = replace(ordered(order, 1, until_s), accept=accept)
    return refusal(incident(**changes), word, context(1))


def held(gate: str, out_of: Phase | None = None, **changes: Fields) -> dict[str, Fields]:
    return {"phase": Phase.HELD, "held": Held(gate, "why", "frees", out_of), **changes}


# one that waits for a gate

WAITS: dict[str, Fields] = {
    "phase": Phase.FENCING,
    "waiting": Waiting("mass", "12 hosts look dead", "it opens", at(0)),
}
TAKEN = {Order.FENCE, Order.CONFIRM_OFF, Order.DISMISS}


@pytest.mark.parametrize("order", list(Order))
def test_who_waits_for_a_gate_is_fenced_or_confirmed_off_without_being_held(order: Order) -> None:
    assert (said(order, **WAITS) == "") is (order in TAKEN)
    goes_on: dict[str, Fields] = {**WAITS, "waiting": replace(WAITS["waiting"], over=True)}
    assert (said(order, **goes_on) == "") is (order is Order.DISMISS)


@pytest.mark.parametrize("order", list(Order))
def test_d6_once_something_was_cut_no_human_vouches_for_one_that_waits(order: Order) -> None:
    cut: Fields = {"cut_started": at(0), "decided_at": at(0)}
    assert (said(order, **WAITS, **cut) == "") is (order is Order.FENCE)


def test_one_that_is_in_use_again_is_dismissed_whatever_was_cut_before() -> None:
    cut: Fields = {"phase": Phase.FENCING, "cut_started": at(0), "decided_at": at(0)}
    assert said(Order.DISMISS, **cut) == (
        "the power cut has begun: it cannot be called off any more"
    )
    assert said(Order.DISMISS, **cut, release=Release(again=True)) == ""


# a release


@pytest.mark.parametrize("phase", [*Phase])
def test_only_a_way_back_that_has_begun_by_itself_is_ordered_on_its_way(phase: Phase) -> None:
    fit = {Phase.DOWN, Phase.HELD}
    by_itself = Release(ordered=False)
    assert (said(Order.RELEASE, phase=phase, release=by_itself) == "") is (
        phase in {*fit, Phase.RELEASING}
    )
    assert (said(Order.RELEASE, phase=phase) == "") is (phase in fit)


@pytest.mark.parametrize("order", [Order.FENCE, Order.CONFIRM_OFF, Order.CLOSE, Order.DECOMMISSION])
def test_it_takes_no_other_order_for_having_begun_by_itself(order: Order) -> None:
    why = said(order, phase=Phase.RELEASING, release=Release(ordered=False))
    assert why.startswith(f"the incident is releasing; {order} is for one that is ")


def test_a_way_back_that_has_begun_by_itself_goes_on_as_ordered() -> None:
    made = incident(phase=Phase.RELEASING, release=Release(ordered=False, reports=2))
    after = follow(made, ordered(Order.RELEASE, 1), context(1))
    assert after.phase is Phase.RELEASING
    assert after.release == replace(made.release, ordered=True, began=at(1))


@pytest.mark.parametrize(
    ("gate", "out_of", "fit"),
    [
        ("release", None, True),
        ("evacuation", Phase.EVACUATING, True),
        ("flaps", Phase.DOWN, True),
        ("internal", Phase.DOWN, True),
        ("internal", Phase.RELEASING, True),
        ("internal", Phase.FENCING, False),
        ("internal", None, False),
        ("power", Phase.DOWN, False),
        ("budget", Phase.FENCING, False),
    ],
)
def test_who_is_held_is_released_where_it_is_forced_down_by_us_for_certain(
    gate: str, out_of: Phase | None, *, fit: bool
) -> None:
    why = said(Order.RELEASE, **held(gate, out_of))
    assert why == ("" if fit else f"it is held by the gate {gate}: frees")


@pytest.mark.parametrize("phase", [*Phase])
def test_after_a_bug_it_is_told_what_begins_it_anew(phase: Phase) -> None:
    made = after_bug(phase, "KeyError")
    both = phase in {Phase.DOWN, Phase.RELEASING}
    order = "release HOST` or `fence HOST" if both else "fence HOST"
    assert made == Held("internal", "internal error: KeyError", f"see the log; then `{order}`")


# evacuations that are stuck


def test_an_evacuation_is_taken_for_stuck_only_as_nova_has_it() -> None:
    stuck = Release(open=(17, 18), bound=("cmp-2", ""))
    waits = held("release", Phase.RELEASING, release=stuck)
    assert said(Order.RELEASE, **waits) == ""
    assert said(Order.RELEASE, (Stuck(17, "cmp-2"), Stuck(18, "")), **waits) == ""
    unknown = "17@cmp-3 is not an evacuation that does not end, as Nova has it: 17@cmp-2, 18"
    assert said(Order.RELEASE, (Stuck(17, "cmp-2"), Stuck(17, "cmp-3")), **waits) == unknown
    nothing = held("release", Phase.RELEASING)
    assert said(Order.RELEASE, ACCEPTED, **nothing) == (
        "17@cmp-2 is not an evacuation that does not end, as Nova has it: there is none"
    )


@pytest.mark.parametrize("changes", [{"phase": Phase.DOWN}, held("flaps"), held("evacuation")])
def test_nor_is_it_before_a_release_has_waited_for_it(changes: dict[str, Fields]) -> None:
    stuck = Release(open=(17,), bound=("cmp-2",))
    assert said(Order.RELEASE, ACCEPTED, **changes, release=stuck) == EARLY
    assert said(Order.RELEASE, **changes, release=stuck) == ""


def test_who_vouches_says_of_which_destination() -> None:
    stuck = Release(open=(17, 18), bound=("cmp-2", ""))
    made = incident(**held("release", Phase.RELEASING, release=stuck))
    word = replace(ordered(Order.RELEASE, 1), accept=(Stuck(17, "cmp-2"), Stuck(18, "")))
    texts = [entry.text for entry in follow(made, word, context(1)).timeline[-2:]]
    vouches = "ann vouches that evacuation {} is stuck, and that {}; Nova cannot show that"
    assert texts == [
        vouches.format(17, "cmp-2 has no guest of its server"),
        vouches.format(18, "it has no destination"),
    ]


# on the way back


@pytest.mark.parametrize(
    ("step", "forced_down", "dismiss", "power_on"),
    [
        (Step.CHECKING, True, "", ""),
        (Step.CHECKING, False, TOO_LATE, ""),
        (Step.LIFTING, True, TOO_LATE, TOO_LATE),
        (Step.WATCHING, False, TOO_LATE, TOO_LATE),
    ],
)
def test_how_long_a_way_back_can_be_called_off_or_the_host_be_switched_on(
    step: Step,
    forced_down: bool,  # noqa: FBT001 - a column of the table
    dismiss: str,
    power_on: str,
) -> None:
    seen = sighting(0, forced_down=forced_down)
    way: Fields = {"phase": Phase.RELEASING, "release": Release(step=step), "sighting": seen}
    assert said(Order.DISMISS, **way) == dismiss
    assert said(Order.POWER_ON, **way) == power_on


def test_before_nova_was_looked_at_it_can_be_called_off() -> None:
    assert said(Order.DISMISS, phase=Phase.RELEASING, sighting=None) == ""


# taking it out


def leaving(step: Course) -> dict[str, Fields]:
    wish = Retirement("ann", "scrapped", at(0), at(0), step=step)
    return {"phase": Phase.DOWN, "retirement": wish}


@pytest.mark.parametrize("step", list(Course))
@pytest.mark.parametrize("order", [Order.CLOSE, Order.RELEASE, Order.POWER_ON, Order.DECOMMISSION])
def test_one_that_is_being_taken_out_takes_no_order(order: Order, step: Course) -> None:
    over = step is Course.OVER
    why = "" if over else "it is being decommissioned: that ends within minutes"
    assert said(order, **leaving(step)) == why


@pytest.mark.parametrize("order", [Order.CLOSE, Order.RELEASE, Order.POWER_ON, Order.DECOMMISSION])
def test_one_that_is_being_switched_on_is_not_taken_out(order: Order) -> None:
    wish = Release(switching=Switching(1, at(0)))
    why = "it is being switched on" if order is Order.DECOMMISSION else ""
    assert said(order, phase=Phase.DOWN, release=wish) == why


# closing


def closed(phase: Phase, *, confirmed: bool, marking: Marking | None = None) -> Incident:
    """Have an incident ended of which Nova shows the flag gone."""
    seen = sighting(2, forced_down=marking is not None)
    wish = Closing("ann", "mended", at(1))
    made = incident(phase=phase, closing=wish, sighting=seen, marking=marking or Marking())
    if confirmed:
        made = made.note(at(0), "Nova has it forced down", NoticeKind.CONFIRMED)
    return closing(made, context(3))


@pytest.mark.parametrize("confirmed", [True, False])
def test_what_was_confirmed_is_not_taken_back_by_the_end(*, confirmed: bool) -> None:
    ended = closed(Phase.DOWN, confirmed=confirmed)
    assert (ended.phase, ended.timeline[-1].tell) == (Phase.RESOLVED, None)
    ended = closed(Phase.HELD, confirmed=confirmed)
    told = None if confirmed else NoticeKind.WITHDRAWN
    assert (ended.phase, ended.timeline[-1].tell) == (Phase.DISMISSED, told)


def test_a_flag_of_theirs_keeps_nothing_open_but_a_host_that_is_down() -> None:
    theirs = Marking(before=sighting(0, forced_down=True))
    assert closed(Phase.HELD, confirmed=False, marking=theirs).phase is Phase.DISMISSED
    assert closed(Phase.HELD, confirmed=False, marking=Marking(number=1)).phase is Phase.HELD
    down = closed(Phase.DOWN, confirmed=True, marking=theirs)
    assert (down.phase, down.closing) == (Phase.DOWN, None)
    assert down.timeline[-1].text.startswith("not ended: Nova still has the host forced down")
