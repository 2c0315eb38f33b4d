"""The looks at Nova before a cut: from when on they count, how long they span, what they show."""

from dataclasses import replace

import pytest

from doctor_daemon.core.due import due
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.fencing import SPAN, prepared, spanned_at
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Cut, Identify, Look, Order, Wait
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import DeviceTry, Try
from tests.core.make import (
    BMC,
    Fields,
    at,
    context,
    evidence,
    identity,
    incident,
    level,
    sighting,
)
from tests.core.walk import Walk

SPAN_S = SPAN * Policy().grace_s


def unseen() -> Walk:
    """Walk to fencing without one answer of Nova's during the grace."""
    return Walk(incident(first=None)).to_fencing().identify()


# the span


@pytest.mark.parametrize(
    ("fields", "ends_s"),
    [
        ({"first": sighting(3)}, 3 + SPAN_S),
        ({"first": None}, None),
        ({"first": sighting(3), "ordered_at": at(4)}, None),
        ({"first": sighting(3), "cut_started": at(4)}, None),
    ],
)
def test_the_looks_span_most_of_a_grace_unless_nobody_has_to_wait(
    fields: dict[str, Fields], ends_s: float | None
) -> None:
    expected = None if ends_s is None else at(ends_s)
    assert spanned_at(incident(**fields), context(5)) == expected


def knowing(looked_s: float | None, first_s: float = 0) -> Incident:
    """Make a try of which every device has said who its host is, and Nova was looked at then."""
    known = Try(1, 1, 1, "digest-1", at(0), devices={"bmc": DeviceTry(identity())})
    seen = None if looked_s is None else sighting(looked_s)
    return incident(
        phase=Phase.FENCING, fencing=known, first=sighting(first_s), sighting=seen, ordered_at=None
    )


@pytest.mark.parametrize(
    ("looked_s", "ready"), [(SPAN_S, True), (SPAN_S - 0.25, False), (SPAN_S + 0.25, True)]
)
def test_a5_nothing_is_cut_before_the_last_look_is_far_enough_from_the_first(
    looked_s: float, *, ready: bool
) -> None:
    made = knowing(looked_s)
    assert made.fencing is not None
    assert prepared(made, made.fencing, level(BMC), context(10)) is ready


@pytest.mark.parametrize(
    ("now_s", "looked_s", "asks"),
    [
        (SPAN_S - 0.25, 1.0, [Wait(at(SPAN_S))]),
        (SPAN_S, 1.0, [Look(0)]),
        (SPAN_S, SPAN_S - 0.25, [Look(0)]),  # fresh, and too early all the same
        (SPAN_S + 1, SPAN_S, []),
        (SPAN_S + 6, SPAN_S, [Look(0)]),  # far enough, and too old by now
        (1.0, None, [Look(0)]),
    ],
)
def test_the_second_look_is_asked_for_when_it_can_show_something(
    now_s: float, looked_s: float | None, asks: list[Look | Wait]
) -> None:
    progress, *asked = due(knowing(looked_s), context(now_s))
    assert progress == Wait(at(900))
    assert asked == asks


def test_a_first_look_in_fencing_delays_the_cut_by_the_span() -> None:
    walk = unseen().look()
    assert walk.elapse(SPAN_S - 0.25).all(Look) == []
    assert walk.elapse(0.25).all(Look) == [Look(1)]
    assert walk.look().all(Cut) == [Cut(1, 1, "bmc")]


def test_an_order_does_not_wait_for_the_span() -> None:
    walk = Walk(incident(evidence(trust=Trust.OPEN), first=None)).order(Order.FENCE)
    assert walk.identify().look().all(Cut) == [Cut(1, 1, "bmc")]


def test_a_second_try_does_not_wait_for_the_span() -> None:
    walk = unseen().look().elapse(SPAN_S).look().cut().read(Power.ON).elapse(30).elapse(1)
    walk.incident = replace(walk.incident, first=sighting(0, asked_at=walk.now))
    assert walk.identify().look().all(Cut) == [Cut(2, 1, "bmc")]


# what is compared with what


def test_a_report_is_seen_from_the_first_look_on() -> None:
    """It may have come long before the last two looks, and be a sign of life all the same."""
    walk = unseen().look().elapse(1)
    walk.incident = replace(walk.incident, sighting=sighting(0, updated_s=1010.0))
    assert walk.elapse(SPAN_S).look(updated_s=1010.0).phase is Phase.DISMISSED


@pytest.mark.parametrize("write", [{"status": "disabled"}, {"reason": "ticket"}])
def test_somebody_elses_write_makes_the_look_after_it_the_first_one(write: dict[str, str]) -> None:
    walk = unseen().given(reserved=frozenset({""}))
    walk.look().elapse(SPAN_S).look(updated_s=1010.0, **write)
    assert walk.incident.first == walk.incident.sighting
    assert (walk.all(Cut), walk.all(Look)) == ([], [])
    assert walk.elapse(SPAN_S).look(updated_s=1010.0, **write).all(Cut) != []


def test_the_first_look_stays_the_first() -> None:
    walk = unseen().look().elapse(SPAN_S).look()
    assert walk.incident.first != walk.incident.sighting


def test_after_a_reboot_the_looks_begin_anew() -> None:
    walk = Walk().reboot()
    assert walk.incident.first is None
    walk.hear().to_fencing()
    assert walk.identify().look().all(Cut) == []


SEEN_S = 5.0
"""When the host is seen alive for a moment, after the beginning of the test."""


def seen_alive_for_a_moment(**changes: Fields) -> Walk:
    """Walk to where a host is seen alive once, and called down again and again."""
    walk = Walk(**changes).look().wait(SEEN_S - 1).hear().wait(1)
    return walk.hear("ping", kind="ping", verdict=Verdict.UP, trust=Trust.SECOND).wait(1).hear()


def until_cut(walk: Walk, reported_s: list[float]) -> Walk:
    """Let time pass until it is cut or let go. Nova shows the last report that has come."""
    while walk.phase in (Phase.SUSPECTED, Phase.FENCING) and not walk.all(Cut):
        while walk.all(Identify):
            walk.identify()
        if walk.all(Look) and walk.phase in (Phase.SUSPECTED, Phase.FENCING):
            come = [at_s for at_s in reported_s if at_s <= walk.now.since(at(0))]
            walk.look(updated_s=1000.0 + max(come, default=0.0))
        else:
            walk.elapse(1).hear()
    return walk


@pytest.mark.parametrize("warm_s", [0, 300])
def test_a5_a_report_from_before_it_died_again_lets_no_dead_host_go(warm_s: float) -> None:
    """Its nova-compute has reported while it was up for a moment, and nobody looked then."""
    walk = until_cut(seen_alive_for_a_moment(warm_at=at(warm_s)), [SEEN_S])
    assert len(walk.all(Cut)) == 1


@pytest.mark.parametrize("phase_s", range(0, 30, 3))
@pytest.mark.parametrize("every_s", [10, 30])
@pytest.mark.parametrize("warm_s", [0, 300])
def test_a5_a_living_host_that_reports_is_let_go(warm_s: float, every_s: int, phase_s: int) -> None:
    """Whoever saw it alive is lost, and everybody else calls it down."""
    reports = [float(moment) for moment in range(phase_s, 400, every_s)]
    walk = until_cut(seen_alive_for_a_moment(warm_at=at(warm_s)), reports)
    assert walk.phase is Phase.DISMISSED


def test_a5_the_looks_begin_anew_a_grace_after_the_life_and_not_when_it_is_old() -> None:
    walk = seen_alive_for_a_moment()
    first = walk.incident.first
    walk.elapse(Policy().grace_s - 1.25)
    assert walk.incident.first == first
    assert 0.25 in walk.waits
    walk.elapse(0.25)
    assert len(walk.all(Look)) == 1
    assert walk.incident.contradicted_at is not None
    again = walk.look().incident.first
    assert again != first
    assert walk.elapse(1).hear().incident.first == again


def test_a5_who_is_seen_alive_all_the_while_has_its_first_look_still() -> None:
    walk = seen_alive_for_a_moment()
    first = walk.incident.first
    for _ in range(10):
        walk.elapse(5).hear("ping", kind="ping", verdict=Verdict.UP, trust=Trust.SECOND)
        assert walk.incident.first == first
