"""The ports of a fenced host: what is marked, what is cleared, and when a human is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.port_tasks import (
    HELD_RETRY_S,
    LOOK_EVERY_S,
    PORTS_MAX,
    STORY_MAX,
    PortStage,
    PortTask,
    PortView,
    Sorted,
    cleared,
    failed,
    is_due,
    marked,
    opened,
    resumed,
    sort,
    to_mark,
    told,
)
from doctor_daemon.core.ports import Port
from tests.core.make import HOST, OTHER_BOOT, at

VIEW = PortView(at(10), Policy(force_down_tries=3), off=True)
BACK = replace(VIEW, off=False, back=True)
SHUT = replace(VIEW, shut="the daemon is disarmed")


def incident(id_: str = "one", refences: int = 0) -> Incident:
    now = at(0)
    return Incident(IncidentId(id_), HOST, now, now, now, now, refences=refences)


def task(*ours: str, stage: PortStage = PortStage.MARKING) -> PortTask:
    return replace(opened(incident(), at(1), None), stage=stage, ours=ours)


def said(one: PortTask) -> str:
    return one.story[-1].text


def port(id_: str, host: str = HOST.name, status: str = "DOWN") -> Port:
    return Port(id_, host, status)


def test_a_task_says_which_fencing_it_is_of() -> None:
    assert opened(incident("one", 2), at(1), None).fencing == ("one", 2)


# Marking


@pytest.mark.parametrize(
    ("ours", "stage"), [((), PortStage.DONE), (("p-1",), PortStage.MARKED)], ids=["none", "some"]
)
def test_what_nobody_can_call_off_any_more_is_told_and_not_marked(
    ours: tuple[str, ...], stage: PortStage
) -> None:
    one = opened(incident(), at(1), task(*ours), off=False)
    assert (one.stage, one.ours) == (stage, ours)
    assert said(one).endswith("its ports are left as they are; see to them by hand")


def test_a_task_is_of_one_fencing() -> None:
    one = task()
    assert (one.stage, one.over) == (PortStage.MARKING, False)
    assert said(one) == "cmp-1 is off and forced down: its ports are marked DOWN"
    assert one.is_of(incident())
    assert not one.is_of(incident(refences=1))
    assert not one.is_of(incident("two"))


def test_what_is_ours_since_an_earlier_fencing_stays_ours() -> None:
    before = task("a", stage=PortStage.MARKED).note(at(2), "earlier")
    again = opened(incident(refences=1), at(3), before)
    assert (again.ours, again.round, len(again.story)) == (("a",), 1, 3)
    over = replace(before, stage=PortStage.DONE)
    assert len(opened(incident("two"), at(3), over).story) == 1


def test_a_port_that_is_down_by_somebody_else_is_not_ours() -> None:
    found = [port("a", status=""), port("b", status="ACTIVE"), port("c"), port("d")]
    assert to_mark(found, {"d", "x"}) == ("a", "b", "d")


def test_each_port_is_claimed_once_and_no_more_than_can_be_remembered() -> None:
    one = task("a").claim(["b", "a", "b"])
    assert one.ours == ("a", "b")
    assert one.drop({"a", "x"}).ours == ("b",)
    assert len(one.claim(map(str, range(PORTS_MAX + 5))).ours) == PORTS_MAX


def test_what_was_marked_is_told_and_what_was_not() -> None:
    one = marked(task("a", "b"), at(2), 0)
    assert one.stage is PortStage.MARKED
    assert said(one) == "2 ports of cmp-1 have data_plane_status DOWN"
    assert "; 3 more are left as they were" in said(marked(task("a"), at(2), 3))
    none = marked(task(), at(2), 0)
    assert none.over
    assert said(none).endswith(": nothing is to be cleared")


def test_a_host_that_is_not_proven_off_any_more_gets_no_more_marks() -> None:
    one = told(task("a"), replace(VIEW, off=False))
    assert one.stage is PortStage.MARKED
    assert "is not proven off any more" in said(one)
    assert told(task("a"), VIEW) == task("a")


# Looking, and clearing


def test_a_port_of_ours_is_cleared_once_it_is_bound_elsewhere() -> None:
    one = task("a", "b", "c", "d", stage=PortStage.MARKED)
    found = [port("a"), port("b", "cmp-2"), port("c", "cmp-2", "ACTIVE")]
    assert sort(one, one.ours, found, ()) == Sorted(clear=("b",), drop=("c", "d"))


def test_a_port_of_ours_is_cleared_once_its_host_is_back() -> None:
    one = told(task("a", stage=PortStage.MARKED), BACK)
    assert (one.stage, said(one)) == (PortStage.CLEARING, "cmp-1 is back: they are cleared")
    assert told(one, BACK) == one
    assert sort(one, one.ours, [port("a")], ()) == Sorted(clear=("a",), drop=())
    held = one.hold(at(3), "403", "see")
    assert sort(held, held.ours, [port("a")], ()) == Sorted(clear=("a",), drop=())


def test_a_port_that_went_to_a_host_which_died_too_is_that_hosts() -> None:
    other = replace(task("a"), host=HostId("default", "cmp-2"))
    one = task("a", "b", stage=PortStage.MARKED)
    found = [port("a", "cmp-2"), port("b", "cmp-2")]
    assert sort(one, one.ours, found, (other,)) == Sorted(clear=("b",), drop=("a",))
    over = replace(other, stage=PortStage.DONE)
    assert sort(one, one.ours, found, (over,)) == Sorted(clear=("a", "b"), drop=())


def test_a_task_is_over_when_nothing_is_ours_any_more() -> None:
    assert cleared(task(stage=PortStage.CLEARING), at(5)).over
    left = cleared(task("a", stage=PortStage.MARKED), at(5))
    assert (left.stage, left.retry_at) == (PortStage.MARKED, at(5 + LOOK_EVERY_S))
    held = task("a", stage=PortStage.CLEARING).hold(at(3), "403", "see")
    on = cleared(held, at(5))
    assert (on.stage, on.why, said(on)) == (PortStage.CLEARING, "", "it goes on")


def test_what_is_over_stays_over() -> None:
    over = task(stage=PortStage.DONE)
    assert told(over, BACK) is over
    assert not is_due(over, VIEW)


# Failures, gates and restarts


def test_what_fails_is_tried_again_later_and_in_the_end_a_human_is_asked_too() -> None:
    one = task("a")
    for failures in (1, 2):
        one = failed(one, "503", VIEW)
        assert (one.stage, one.failures, said(one)) == (PortStage.MARKING, failures, "503")
        assert not is_due(one, VIEW)
        assert is_due(one, replace(VIEW, now=at(100)))
    one = failed(one, "503", VIEW)
    assert (one.stage, one.doing, one.why) == (PortStage.HELD, PortStage.MARKING, "503")
    assert one.frees == "see to that; it is tried again every 5 minutes"
    assert one.retry_at == at(10 + HELD_RETRY_S)
    again = failed(one, "403", replace(VIEW, now=at(400)))
    assert (again.stage, again.doing, again.why) == (PortStage.HELD, PortStage.MARKING, "403")
    assert again.retry_at == at(400 + HELD_RETRY_S)


def test_clearing_that_failed_waits_for_its_time_while_the_host_is_still_back() -> None:
    one = failed(told(task("a", stage=PortStage.MARKED), BACK), "503", BACK)
    later = replace(BACK, now=at(10.5))
    assert told(one, later) is one
    assert not is_due(one, later)


def test_what_is_held_stays_held_though_more_tries_are_allowed_since() -> None:
    one = task("a")
    for _ in range(3):
        one = failed(one, "503", VIEW)
    one = failed(one, "403", replace(VIEW, limits=Policy(force_down_tries=30)))
    assert (one.stage, one.why, one.retry_at) == (PortStage.HELD, "403", at(10 + HELD_RETRY_S))


def test_what_a_human_was_asked_about_in_the_words_of_a_bar_goes_on_once_that_is_over() -> None:
    held = task("a").hold(at(2), SHUT.shut, "see to that")
    one = told(held, SHUT)
    assert (one.stage, one.barred, one.frees) == (
        PortStage.HELD,
        True,
        "it goes on once that is over",
    )
    assert told(one, VIEW).stage is PortStage.MARKING


@pytest.mark.parametrize("stage", [PortStage.MARKING, PortStage.CLEARING])
def test_what_is_barred_is_held_and_goes_on_by_itself(stage: PortStage) -> None:
    one = told(task("a", stage=stage), SHUT)
    assert (one.stage, one.why) == (PortStage.HELD, "the daemon is disarmed")
    assert told(one, SHUT) is one
    assert not is_due(one, replace(SHUT, now=at(9999)))
    other = told(one, replace(SHUT, shut="the daemon is stopping"))
    assert other.why == "the daemon is stopping"
    on = told(other, VIEW)
    assert (on.stage, said(on)) == (stage, "it goes on: what barred it is over")
    assert is_due(on, VIEW)


def test_what_is_marked_already_waits_without_a_word_while_nothing_may_be_sent() -> None:
    one = task("a", stage=PortStage.MARKED)
    assert told(one, SHUT) is one
    assert not is_due(one, SHUT)


def test_where_nothing_may_be_marked_what_is_ours_may_be_cleared() -> None:
    view = replace(VIEW, off_limits="cmp-1 is in maintenance by ann: disk")
    assert told(task("a"), view).why == "cmp-1 is in maintenance by ann: disk"
    one = task("a", stage=PortStage.MARKED)
    assert told(one, view) is one
    assert is_due(one, view)


def test_a_host_that_is_back_ends_what_was_barred() -> None:
    barred = told(task("a"), replace(VIEW, off_limits="in maintenance"))
    one = told(barred, BACK)
    assert (one.stage, one.barred, one.why) == (PortStage.CLEARING, False, "")


def test_what_was_to_wait_on_another_boot_waits_no_more() -> None:
    one = failed(task("a"), "503", VIEW)
    assert resumed(one, at(20)) is one
    assert resumed(one, replace(at(20), boot_id=OTHER_BOOT)).retry_at is None


def test_the_story_is_bounded_and_says_nothing_twice_in_a_row() -> None:
    one = task()
    for number in range(STORY_MAX * 2):
        one = one.note(at(number), f"line {number // 2}")
    assert len(one.story) == STORY_MAX
    assert one.note(at(999), said(one)) is one
