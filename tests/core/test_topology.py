"""Levels and tries: what follows a try that failed, and where it ends."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import Level
from doctor_daemon.core.incident import Incident, Waiting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Identify, Look, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Release
from doctor_daemon.core.topology import AGAIN_S, FREES, NAMES, begin, fail
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from tests.core.make import (
    BMC,
    MANUAL,
    OTHER_UUID,
    PDU,
    at,
    context,
    identity,
    incident,
    level,
    plan,
    sighting,
)
from tests.core.walk import Walk

ON = Power.ON


def test_a_level_is_tried_twice_and_then_the_next() -> None:
    walk, tries = Walk(plan=plan(level(BMC), level(PDU))).to_fencing(), []
    while walk.phase is Phase.FENCING:
        attempt = walk.attempt
        tries.append((attempt.number, attempt.level, attempt.nth))
        walk.identify().look().cut(Outcome.REFUSED).read(ON).elapse(1)
    assert tries == [(1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2)]
    held = walk.incident.held
    assert held is not None
    assert (held.gate, held.why) == (
        "fencing",
        "every fencing level has failed: cmp-1 may be running",
    )


def test_a_try_at_the_same_level_waits_and_learns_everything_anew() -> None:
    walk = Walk(policy=replace(Policy(), tries_per_level=3)).to_fencing()
    walk.fail(walk.one(Identify))
    assert walk.waits == [1.0]
    assert walk.due == tuple(walk.all(type(walk.due[0])))
    assert walk.elapse(0.75).waits == [0.25]
    walk.elapse(0.25)
    assert walk.all(Identify) == [Identify(2, 1, "bmc")]
    assert walk.attempt.devices == {}
    walk.fail(walk.one(Identify))
    assert walk.waits == [2.0]


def test_nothing_of_an_earlier_try_is_taken_over() -> None:
    walk = Walk().to_reads().read().elapse(1).read().hear(verdict=Verdict.UP)
    assert (walk.phase, walk.gate) == (Phase.HELD, "fencing")
    walk.order(Order.FENCE)
    assert walk.attempt.device("bmc") == DeviceTry()
    assert walk.incident.proof is None


def test_a_manual_level_waits_for_a_human() -> None:
    walk = Walk(plan=plan(level(BMC), level())).to_held()
    held = walk.incident.held
    assert held is not None
    assert (held.gate, held.why) == (
        "manual",
        "level 2 is manual: only a human can tell that cmp-1 is off",
    )


def test_a_changed_topology_begins_anew_at_its_first_level() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_fencing().identify(OTHER_UUID)
    walk.given(plan=plan(digest="digest-2")).elapse(1)
    attempt = walk.attempt
    assert (attempt.number, attempt.level, attempt.digest) == (3, 1, "digest-2")


def test_a_new_try_is_progress_and_forgets_failed_looks() -> None:
    walk = Walk().to_fencing()
    walk.fail(walk.one(Look)).wait(3)
    assert walk.incident.look_failures == 1
    walk.fail(walk.all(Identify)[0])
    assert (walk.incident.look_failures, walk.incident.progress_at) == (0, walk.now)


def test_a_try_that_waits_for_its_turn_does_not_go_on_whatever_is_known() -> None:
    known = Try(1, 1, 1, "digest-1", at(0), devices={"bmc": DeviceTry(identity())})
    waiting = incident(
        phase=Phase.FENCING, fencing=known, sighting=sighting(0), retry_at=at(1), ordered_at=at(0)
    )
    walk = Walk(waiting).elapse(0.75)
    assert walk.incident.cut_started is None
    assert walk.elapse(0.25).incident.cut_started == walk.now


def test_a_try_of_a_level_that_is_not_there_asks_a_human() -> None:
    lost = Try(1, 9, 1, "digest-1", at(0))
    walk = Walk(incident(phase=Phase.FENCING, fencing=lost)).elapse(1)
    assert (walk.phase, walk.gate, walk.attempt) == (Phase.HELD, "fencing", lost)


# what a try that failed comes to


def tried(nth: int = 1, nameless: str = "", number: int = 1) -> Try:
    return Try(7, number, nth, "digest-1", at(0), nameless=nameless)


def failed(made: Incident, *, final: bool = False, nameless: bool = False) -> Incident:
    """Have a try fail on two levels of a device each."""
    world = context(9, plan=plan(level(BMC), level(PDU)))
    return fail(made, world, "no answer", final=final, nameless=nameless)


def waits_for(gate: str, *, over: bool = False) -> Incident:
    waiting = Waiting(gate, "why", "frees", at(3), over=over)
    return incident(phase=Phase.FENCING, tries=7, fencing=tried(), waiting=waiting)


@pytest.mark.parametrize(
    ("nth", "final", "after"),
    [(1, False, (1, 2)), (2, False, (2, 1)), (1, True, (2, 1)), (3, False, (2, 1))],
)
def test_a_level_that_is_of_no_use_or_tried_twice_is_followed_by_the_next(
    nth: int, after: tuple[int, int], *, final: bool
) -> None:
    found = failed(incident(phase=Phase.FENCING, tries=7, fencing=tried(nth)), final=final)
    assert found.fencing is not None
    assert (found.fencing.level, found.fencing.nth, found.fencing.number) == (*after, 8)
    assert found.retry_at == (at(10) if after == (1, 2) else None)
    assert found.timeline[-1].text == f"level 1, try {nth}: no answer"


def test_without_a_try_the_first_level_is_tried() -> None:
    found = failed(incident(phase=Phase.FENCING)).fencing
    assert found is not None
    assert (found.number, found.level, found.nth) == (1, 1, 1)


@pytest.mark.parametrize(
    ("made", "nameless", "known"),
    [
        (waits_for(NAMES), True, True),
        (waits_for(NAMES), False, False),
        (waits_for(NAMES, over=True), True, False),
        (waits_for("warm-up"), True, False),
        (replace(waits_for(NAMES), waiting=None), True, False),
    ],
)
def test_a_name_that_is_waited_for_already_is_not_told_again_nor_asked_twice_in_a_row(
    made: Incident, *, nameless: bool, known: bool
) -> None:
    found = failed(made, nameless=nameless)
    assert found.fencing is not None
    assert (len(found.timeline) - len(made.timeline), found.fencing.level) == (
        (0, 2) if known else (1, 1)
    )
    assert found.fencing.nameless == ("no answer" if nameless else "")


def test_what_failed_first_for_want_of_a_name_is_remembered() -> None:
    made = incident(phase=Phase.FENCING, fencing=tried(2, "the name bmc leads nowhere"))
    for nameless in (False, True):
        found = failed(made, nameless=nameless).fencing
        assert found is not None
        assert (found.level, found.nameless) == (2, "the name bmc leads nowhere")


@pytest.mark.parametrize("levels", [(), (MANUAL,)])
def test_a2_before_the_cut_a_human_is_not_asked_yet_where_names_lead_nowhere(
    levels: tuple[Level, ...],
) -> None:
    world = context(9, plan=plan(levels=levels))
    fresh, cut = (incident(phase=Phase.FENCING, cut_started=one) for one in (None, at(1)))
    waiting = begin(fresh, world, nameless="lost")
    assert (waiting.phase, waiting.waiting, waiting.retry_at) == (
        Phase.FENCING,
        Waiting(NAMES, "lost", FREES, at(9)),
        at(9 + AGAIN_S),
    )
    assert begin(fresh, world).phase is Phase.HELD
    assert begin(cut, world, nameless="lost").phase is Phase.HELD
    assert begin(fresh, context(9), nameless="lost").waiting is None


def test_a2_who_waits_for_a_name_once_more_has_waited_since_the_first_time() -> None:
    again = begin(waits_for("warm-up"), context(9, plan=plan(MANUAL)), nameless="lost")
    assert again.waiting == Waiting(NAMES, "lost", FREES, at(3))
    assert (again.progress_at, again.retry_at) == (at(3), at(9 + AGAIN_S))


@pytest.mark.parametrize(
    ("again", "go_at", "forgotten"),
    [(True, at(1), True), (True, None, False), (False, at(1), False)],
)
def test_a_host_in_use_has_its_way_back_forgotten_once_it_may_have_been_cut(
    go_at: Instant | None, *, again: bool, forgotten: bool
) -> None:
    release = Release(again=again, reports=2)
    current = replace(tried(), go_at=go_at)
    made = incident(phase=Phase.FENCING, release=release, fencing=current)
    assert begin(made, context(9)).release == (Release() if forgotten else release)
    assert begin(replace(made, fencing=None), context(9)).release == release
