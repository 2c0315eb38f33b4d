"""The looks at Nova before a cut: from when on they count, how long they span, what they show."""

from dataclasses import replace

import pytest

from doctor_daemon.core.due import due
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.fencing import SPAN, prepared, spanned_at
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Cut, Look, Order, Wait
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import DeviceTry, Try
from doctor_daemon.core.waiting import waits
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


def seen_alive_for_a_moment() -> Walk:
    """Walk to where a host that waits for a gate was seen alive, and is called down again."""
    walk = Walk(warm_at=at(300)).to_fencing().identify().look().elapse(5)
    walk.hear("ping", kind="ping", verdict=Verdict.UP, trust=Trust.SECOND).elapse(5).hear()
    return walk


def gone_on(walk: Walk, **look: Fields) -> Walk:
    """Wait until the gate opens, and look then."""
    while walk.incident.waiting and not walk.incident.waiting.over:
        walk.elapse(5).hear()
        if walk.all(Look) and waits(walk.incident):
            walk.look(updated_s=1010.0)
    return walk.identify().look(**look)


def test_a5_a_report_from_before_it_died_again_does_not_let_a_dead_host_go() -> None:
    """Its nova-compute has reported while it was up for a moment, and nobody looked then."""
    walk = gone_on(seen_alive_for_a_moment(), updated_s=1010.0)
    assert walk.phase is Phase.FENCING
    assert len(walk.all(Cut)) == 1


def test_a5_a_report_since_then_lets_it_go() -> None:
    walk = gone_on(seen_alive_for_a_moment(), updated_s=1020.0)
    assert walk.phase is Phase.DISMISSED


def test_a5_it_is_looked_at_anew_as_soon_as_the_life_has_grown_old() -> None:
    walk = seen_alive_for_a_moment()
    while not walk.all(Look):
        assert walk.incident.contradicted_at is not None
        walk.elapse(5).hear()
    assert waits(walk.incident)
    assert walk.incident.first is None


def test_a5_where_nothing_is_waited_for_the_looks_span_another_grace() -> None:
    walk = Walk().to_fencing().identify()
    walk.hear("ping", kind="ping", verdict=Verdict.UP, trust=Trust.SECOND).elapse(5).hear()
    while walk.incident.contradicted_at is not None:
        walk.elapse(5).hear()
    walk.look(updated_s=1010.0)
    assert walk.all(Cut) == []
    assert SPAN_S in walk.waits
    walk.elapse(SPAN_S).look(updated_s=1010.0)
    assert len(walk.all(Cut)) == 1
