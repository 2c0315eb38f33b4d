"""Whose turn it is: rank after rank, and one at a time of those that are to be kept apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.around import APART, UNSURE, Around, ServerGroup
from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.joining import UNPLACED
from doctor_daemon.core.messages import Evacuate, Inspect, Inspected
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.turns import WAITS, noticed, outdated, ready, told, unsure, waiting
from tests.core import make
from tests.core.make import Fields, at, context
from tests.core.moving import Moving, guest

NOW: Context = context(10)
PAIR = ServerGroup("g-1", "pair", "anti-affinity", frozenset(guest(n).id for n in "ab"))


def record(
    name: str, group: str = "", stage: Stage = Stage.WAITING, **changes: Fields
) -> Evacuation:
    tags = {APART: group} if group else {}
    return replace(Evacuation(guest(name, tags=tags), stage, at(0), rank=1), **changes)


def turns(*records: Evacuation, now: Context = NOW) -> str:
    return "".join(one.server.name for one in ready(records, now))


def test_of_a_group_one_is_asked_for_at_a_time() -> None:
    assert turns(record("c"), record("b", "g"), record("a", "g"), record("d", "h")) == "acd"


@pytest.mark.parametrize(
    ("stage", "free"),
    [
        (Stage.POSTING, False),
        (Stage.CHECKING, False),
        (Stage.UNDER_WAY, False),
        (Stage.MOVED, True),
        (Stage.SKIPPED, True),
        (Stage.FAILED, True),
        (Stage.UNKNOWN, True),
    ],
)
def test_a_group_is_busy_while_one_of_its_servers_is_on_its_way(
    stage: Stage,
    free: bool,  # noqa: FBT001 - a column of the table
) -> None:
    first, second = record("a", "g", stage), record("b", "g")
    assert turns(first, second) == ("b" if free else "")
    assert waiting((first, second), NOW) == ({} if free else {second.server.id: WAITS})


def test_a_group_is_busy_while_another_host_has_one_of_it_on_its_way() -> None:
    elsewhere = replace(NOW, busy=frozenset({"g"}))
    assert turns(record("a", "g"), record("b"), now=elsewhere) == "b"
    assert waiting((record("a", "g"),), elsewhere) == {record("a").server.id: WAITS}


def test_who_waits_for_another_of_its_group_holds_up_no_later_rank() -> None:
    moving, second = record("a", "g", Stage.UNDER_WAY), record("b", "g")
    assert turns(moving, second, record("c", rank=2)) == "c"
    assert turns(second, record("c", rank=2)) == "b"


def test_who_failed_and_waits_for_its_next_attempt_lets_another_of_its_group_go() -> None:
    pause = record("a", "g", failures=1, not_before=at(20))
    assert turns(pause, record("b", "g")) == "b"
    assert turns(pause, record("b", "g"), now=context(20)) == "a"


def test_members_of_a_group_that_is_kept_apart_are_moved_one_after_the_other() -> None:
    walk = Moving("a", "b", "c").to_evacuating()
    walk.around = Around((PAIR,))
    assert walk.inspect().posts == [("a", 1), ("c", 1)]
    walk.accept()
    assert walk.posts == []
    walk.turns(1, "done").elapse(2).follow()
    assert walk.posts == [("b", 1)]
    walk.accept().turns(2, "done").turns(3, "done").elapse(2).calm().follow()
    assert walk.phase is Phase.DOWN


def test_who_waits_for_another_of_its_group_is_told_when_it_begins_and_when_it_is_too_long() -> (
    None
):
    walk = Moving("a").to_evacuating().given(busy=frozenset({PAIR.id}))
    walk.around = Around((PAIR,))
    walk.inspect()
    assert walk.said == f"a: {WAITS}"
    while walk.phase is Phase.EVACUATING:
        walk.guard(2).tell()
    assert walk.incident.held is not None
    assert walk.incident.held.why == f"no progress in 900 s of evacuating: a: {WAITS}"


def test_who_begins_to_wait_for_another_of_its_group_later_is_told_then_and_once() -> None:
    walk = Moving("a", "b", policy=Policy(backoff_s=10.0)).to_evacuating()
    walk.around = Around((PAIR,))
    walk.inspect().post(Outcome.UNSENT, "429")  # now the turn is the other one's
    assert walk.posts == [("b", 1)]
    lines = len(walk.incident.timeline)
    walk.elapse(2).calm().follow().elapse(2).calm().follow()
    assert (walk.said, len(walk.incident.timeline)) == (f"a: {WAITS}", lines + 1)
    assert walk.record("a").why == f"429; {WAITS}"


# where the others of a group are is not known


def unplaced() -> Moving:
    together = frozenset({guest("a").id, guest("far").id})
    walk = Moving("a", "b").to_evacuating()
    far = frozenset({guest("far").id})
    walk.around = Around((ServerGroup("g-2", "pair", "affinity", together, far),))
    return walk.inspect()


def test_who_may_have_others_of_its_group_in_reach_waits_a_while_and_is_told() -> None:
    walk = unplaced()
    assert walk.posts == [("b", 1)]
    assert walk.said == f"a: {UNPLACED}; without that they are asked for in 60 s"
    assert walk.record("a").why == UNPLACED


def test_who_has_waited_for_the_others_of_its_group_goes_without() -> None:
    walk = unplaced().guard(60).again()
    assert ("a", 1) in walk.posts


def test_who_has_no_other_of_its_group_in_reach_after_all_stays() -> None:
    walk = unplaced().guard(60)
    walk.around = Around((ServerGroup("g-2", "pair", "affinity", frozenset({guest("a").id})),))
    assert walk.again().stage("a") is Stage.SKIPPED


def test_what_is_put_off_holds_up_no_later_rank() -> None:
    assert turns(record("a", not_before=at(20)), record("c", rank=2)) == "c"
    assert turns(record("a", attempt=1, not_before=at(20)), record("c", rank=2)) == ""


# how old Nova's word is


def test_c7_who_waited_is_not_asked_for_on_an_inspection_that_took_long() -> None:
    walk = Moving().to_inspected().post(Outcome.UNSENT).elapse(6).calm().inspect(asked_s=-6)
    assert (walk.posts, walk.elapse(2).calm().posts) == ([], [])
    assert walk.inspect().posts == [("web", 2)]


def test_c7_an_inspection_that_took_long_counts_from_what_has_changed_since() -> None:
    walk = Moving().to_inspected().post(Outcome.UNSENT).elapse(6).calm()
    effect, told_at = walk.one(Inspect), walk.now.plus(-1)
    found = make.servers(*walk.there.values())
    walk.see(Inspected(effect.number, walk.now.plus(-6), (), found, told_at=told_at))
    assert walk.posts == [("web", 2)]


def test_where_nova_never_tells_in_time_a_human_is_asked_and_told_so() -> None:
    walk = Moving().to_inspected()
    walk.refuse(walk.one(Evacuate), "readback").wait(6).calm()
    while walk.phase is Phase.EVACUATING:
        walk.guard(2)
        if walk.all(Inspect):
            walk.inspect(asked_s=-6)
    assert walk.incident.held is not None
    assert walk.incident.held.why == (
        "no progress in 900 s of evacuating: Nova has not told in time how its servers stand"
    )


@pytest.mark.parametrize(
    ("changes", "waited"),
    [
        ({}, False),
        ({"attempt": 1}, True),
        ({"stage": Stage.POSTING, "attempt": 1, "since": at(5)}, False),
        ({"stage": Stage.POSTING, "attempt": 1, "since": at(4.75)}, True),
        ({"stage": Stage.POSTING, "attempt": 2, "since": at(9)}, True),
        ({"since": at(-99)}, False),
    ],
)
def test_c7_who_waited_for_an_attempt_or_its_turn_is_asked_for_on_a_young_word(
    changes: Fields, *, waited: bool
) -> None:
    """The attempt that is begun now is none that it has waited for."""
    assert outdated([record("a", **changes)], at(4.75), NOW) is waited
    assert not outdated([record("a", **changes)], at(5), NOW)


@pytest.mark.parametrize(
    ("changes", "waited"),
    [
        ({"tags": {"server:doctor-daemon:hold": "60"}}, True),
        ({"tags": {UNSURE: "pair"}}, True),
        ({"tags": {APART: "g"}}, True),
        ({"task_state": "rebuild_spawning"}, True),
        ({"tags": {"server:HA_Enabled": "True"}, "task_state": "migrating"}, False),
    ],
)
def test_c7_who_waited_for_others_is_asked_for_on_a_young_word(
    changes: Fields, *, waited: bool
) -> None:
    first = Evacuation(guest("a", **changes), Stage.WAITING, at(0), rank=1)
    assert outdated([record("b"), first], at(4.75), NOW) is waited


def test_c7_of_others_nova_s_word_may_be_as_old_as_that_of_the_flag() -> None:
    limit_s = NOW.policy.flag_age_s
    assert not outdated([record("a")], at(10 - limit_s), NOW)
    assert outdated([record("a")], at(9.75 - limit_s), NOW)
    assert outdated([], None, NOW)


# who waits


def test_who_waits_for_its_project_is_not_asked_for_and_holds_up_nobody() -> None:
    held = record("a", hold_until=at(10.25))
    assert turns(held, record("b"), record("c", rank=2)) == "b"
    assert turns(held, record("c", rank=2)) == "c"
    assert turns(replace(held, hold_until=at(10)), record("b")) == "ab"
    assert waiting((held,), NOW) == {held.server.id: "it waits for a word of its project"}
    assert waiting((replace(held, hold_until=at(10)),), NOW) == {}


@pytest.mark.parametrize("stage", [Stage.POSTING, Stage.CHECKING])
def test_a_request_that_was_not_taken_on_yet_holds_up_later_ranks(stage: Stage) -> None:
    begun = record("a", stage=stage)
    assert turns(begun, record("b"), record("c", rank=2)) == "b"
    assert turns(replace(begun, failures=1), record("c", rank=2)) == "c"
    assert turns(replace(begun, stage=Stage.UNDER_WAY), record("c", rank=2)) == "c"


def test_servers_of_no_group_wait_for_nobody() -> None:
    assert turns(record("a"), record("b"), record("c")) == "abc"


def test_only_who_waits_for_its_group_is_marked_so_and_named_once() -> None:
    first, second = record("a", "g", Stage.UNDER_WAY), record("b", "g", why="429")
    third, held = record("c"), record("d", hold_until=at(20))
    records = {one.server.id: one for one in (first, second, third, held)}
    marked, said = noticed(records, NOW)
    assert said == f"b: {WAITS}"
    assert [one.why for one in marked.values()] == ["", f"429; {WAITS}", "", ""]
    assert noticed(marked, NOW) == (marked, "")
    assert told(records.values(), NOW) == f"b: {WAITS}"
    assert told([third, held], NOW) == ""


def test_where_every_group_is_known_nobody_is_unsure() -> None:
    assert unsure([record("a", why="429")], NOW) == ""
    found = unsure([record("a", why="429"), record("b", why=UNPLACED)], NOW)
    assert found == f"b: {UNPLACED}; without that they are asked for in 60 s"
