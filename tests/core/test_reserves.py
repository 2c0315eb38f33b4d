"""A host in reserve: which one is enabled for an incident, and when it is given back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import Reserve, Server, ServerId
from doctor_daemon.core.incident import Incident, IncidentId, Sighting
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.reserves import (
    HELD_RETRY_S,
    STORY_MAX,
    ReserveStage,
    ReserveTask,
    Stand,
    choose,
    ended,
    failed,
    looked,
    opened,
    resumed,
    returned,
    unfit,
    unshown,
    wants_reserve,
)
from doctor_daemon.core.tries import Outcome
from tests.core.make import HOST, OTHER_BOOT, at

RESERVE = Reserve(("cmp-8", "cmp-9"))
LIMITS = Policy(force_down_tries=4)
IDLE = Sighting(
    "s-8", "up", "disabled", forced_down=False, reason="reserved", updated_s=1.0, asked_at=at(2)
)
ENABLED = replace(IDLE, status="enabled", reason="")
S = ReserveStage
TAKEN = "it is an incident's already, or in maintenance"


def incident(phase: Phase = Phase.EVACUATING, stage: Stage = Stage.WAITING) -> Incident:
    now = at(0)
    made = Incident(IncidentId("one"), HOST, now, now, now, now, phase=phase)
    server = Server(ServerId("vm-1"), "vm-1", "red")
    return replace(made, evacuations={server.id: Evacuation(server, stage, now)})


def task(stage: ReserveStage = S.CHOOSING, *, sent: bool = False) -> ReserveTask:
    one = opened(incident(), RESERVE, at(1))
    if stage is S.CHOOSING:
        return one
    return replace(one, stage=stage, reserve="cmp-8", service="s-8", sent=sent)


def stand(**services: Sighting) -> Stand:
    found = {name.replace("_", "-"): seen for name, seen in services.items()}
    return Stand(found, {HOST.name: "az-1", **dict.fromkeys(found, "az-1")}, frozenset())


def said(one: ReserveTask) -> str:
    return one.story[-1].text


def test_a_reserve_is_wanted_once_servers_are_to_be_moved() -> None:
    assert wants_reserve(incident(), RESERVE)
    assert not wants_reserve(incident(), Reserve())
    assert not wants_reserve(incident(Phase.DOWN), RESERVE)
    assert not wants_reserve(incident(stage=Stage.MOVED), RESERVE)
    one = task()
    assert (one.stage, one.settled, one.over) == (S.CHOOSING, False, False)
    assert said(one) == "servers of cmp-1 are to be moved: a reserve is looked for"


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (IDLE, ""),
        (replace(IDLE, uuid="s-x"), "its compute service is another one now"),
        (replace(IDLE, forced_down=True), "it is forced down"),
        (replace(IDLE, state="down"), "its nova-compute is down"),
        (ENABLED, "it is enabled already"),
        (replace(IDLE, reason="broken"), "it is disabled by 'broken', not by 'reserved'"),
        (replace(IDLE, reason=""), "it is disabled by 'no reason', not by 'reserved'"),
    ],
)
def test_only_a_host_that_is_idle_by_the_operator_s_word_may_be_enabled(
    seen: Sighting, why: str
) -> None:
    assert unfit(task(S.ENABLING), seen) == why


def test_the_first_that_can_be_taken_is_chosen() -> None:
    one = choose(task(), RESERVE, stand(cmp_8=IDLE, cmp_9=IDLE), at(2))
    assert (one.stage, one.reserve, one.service) == (S.ENABLING, "cmp-8", "s-8")
    assert said(one) == "cmp-8 is chosen from the reserve, in zone az-1"
    nine = replace(IDLE, uuid="s-9")
    two = choose(task(), RESERVE, stand(cmp_8=ENABLED, cmp_9=nine), at(2))
    assert (two.reserve, two.service) == ("cmp-9", "s-9")


def test_of_each_that_cannot_be_taken_it_is_said_why() -> None:
    tried = replace(task(), tried=("cmp-8",))
    one = choose(tried, RESERVE, stand(), at(2))
    assert (one.stage, one.reserve, one.warns) == (S.DONE, "", True)
    assert said(one) == (
        "none of the hosts in reserve can be taken: cmp-8: it was tried; "
        "cmp-9: Nova does not say how it stands"
    )
    taken = replace(stand(cmp_8=IDLE, cmp_9=IDLE), taken=frozenset({"cmp-8", "cmp-9"}))
    assert said(choose(task(), RESERVE, taken, at(2))).count(TAKEN) == 2
    own = Reserve((HOST.name,))
    assert TAKEN in said(choose(task(), own, stand(), at(2)))


def test_a_host_in_another_zone_or_in_none_that_is_known_is_not_taken() -> None:
    there = stand(cmp_8=IDLE)
    for zones, words in (
        ({HOST.name: "az-1", "cmp-8": "az-2"}, "it is in zone az-2, and not in az-1"),
        ({HOST.name: "az-1"}, "it is in zone unknown, and not in az-1"),
        ({"cmp-8": "az-2"}, "it is in zone az-2, and not in an unknown one"),
        ({}, "it is in zone unknown"),
    ):
        assert words in said(choose(task(), RESERVE, replace(there, zones=zones), at(2)))


def test_an_enabling_counts_once_it_is_shown() -> None:
    one = looked(task(S.ENABLING, sent=True), ENABLED, at(3))
    assert (one.stage, one.settled) == (S.LENT, True)
    assert said(one) == "cmp-8 is enabled, for the servers of cmp-1"
    before = task(S.ENABLING)
    assert looked(before, IDLE, at(3)) is before


def test_one_that_somebody_else_has_enabled_meanwhile_is_not_ours() -> None:
    one = looked(task(S.ENABLING), ENABLED, at(3))
    assert (one.stage, one.tried) == (S.CHOOSING, ("cmp-8",))
    assert said(one) == "cmp-8 cannot be taken: it is enabled already"


def test_one_that_changes_once_the_request_was_sent_is_left() -> None:
    for seen in (replace(IDLE, reason="broken"), replace(ENABLED, uuid="s-x")):
        one = looked(task(S.ENABLING, sent=True), seen, at(3))
        assert (one.stage, one.warns) == (S.DONE, True)
        assert "cmp-8 was to be enabled, and" in said(one)


def test_an_enabling_that_does_not_show_is_tried_a_few_times_and_then_another_is() -> None:
    one = task(S.ENABLING, sent=True)
    for failures in (1, 2):
        one = unshown(one, Outcome.REFUSED, "409", at(3), LIMITS)
        assert (one.stage, one.failures) == (S.ENABLING, failures)
        assert one.retry_at is not None
    one = unshown(one, Outcome.UNSENT, "no connection", at(3), LIMITS)
    assert (one.stage, one.tried, one.retry_at) == (S.CHOOSING, ("cmp-8",), None)


def test_one_that_may_be_enabled_yet_stays_the_only_one() -> None:
    one = task(S.ENABLING, sent=True)
    for outcome in (Outcome.UNKNOWN, Outcome.REFUSED, Outcome.REFUSED):
        one = unshown(one, outcome, "lost", at(3), LIMITS)
    assert (one.stage, one.reserve, one.warns) == (S.LENT, "cmp-8", True)
    assert said(one) == "whether cmp-8 is enabled is not known: lost"


def test_it_is_given_back_once_its_incident_is_over() -> None:
    one = ended(task(S.LENT), at(5))
    assert (one.stage, one.sent) == (S.GIVING_BACK, False)
    assert ended(task(S.ENABLING, sent=True), at(5)).stage is S.GIVING_BACK
    for unsent in (task(), task(S.ENABLING)):
        assert said(ended(unsent, at(5))) == "the incident is over, and none was needed"
    assert ended(one, at(6)) is one


def test_one_that_is_being_given_back_already_is_not_asked_for_again() -> None:
    one = task(S.GIVING_BACK, sent=True)
    assert ended(one, at(6)) is one
    held = one.hold(at(7), "503", "see to that")
    assert ended(held, at(8)) is held


def test_one_that_is_held_while_it_is_lent_is_given_back_all_the_same() -> None:
    held = task(S.LENT).hold(at(4), "internal error", "see whether it is to be given back")
    one = ended(held, at(400))
    assert (one.stage, one.doing, one.retry_at) == (S.GIVING_BACK, S.GIVING_BACK, None)


def test_one_that_carries_no_servers_is_given_back() -> None:
    one = task(S.GIVING_BACK)
    assert returned(one, ENABLED, None, at(6), accused=False) is one
    assert returned(one, ENABLED, 0, at(6), accused=False) is one
    done = returned(one, IDLE, None, at(6), accused=False)
    assert (done.stage, said(done), done.warns) == (S.DONE, "cmp-8 is in reserve again", False)


@pytest.mark.parametrize(
    ("seen", "servers", "why"),
    [
        (replace(ENABLED, uuid="s-x"), None, "its compute service is another one now"),
        (replace(ENABLED, forced_down=True), None, "it has failed itself"),
        (replace(ENABLED, state="down"), None, "it has failed itself"),
        (ENABLED, 3, "it carries 3 servers: it stays enabled until a human sees to it"),
    ],
)
def test_one_that_cannot_be_given_back_is_told(
    seen: Sighting, servers: int | None, why: str
) -> None:
    one = returned(task(S.GIVING_BACK), seen, servers, at(6), accused=False)
    assert (one.stage, one.warns) == (S.DONE, True)
    assert said(one) == f"cmp-8 is not given back: {why}"


def test_one_that_is_called_down_itself_is_not_given_back() -> None:
    one = returned(task(S.GIVING_BACK), ENABLED, None, at(6), accused=True)
    assert said(one) == "cmp-8 is not given back: it has failed itself"


def test_what_somebody_else_has_disabled_is_left_as_it_is() -> None:
    theirs = replace(IDLE, reason="broken")
    one = returned(task(S.GIVING_BACK), theirs, None, at(6), accused=False)
    assert (one.stage, said(one)) == (S.DONE, "somebody has disabled cmp-8")


def test_nobody_waits_for_a_reserve_that_nova_cannot_be_asked_for() -> None:
    one = task()
    for _ in range(2):
        one = failed(one, "503", at(3), LIMITS)
        assert (one.stage, said(one)) == (S.CHOOSING, "503")
    done = failed(one, "the daemon is disarmed", at(3), LIMITS)
    assert (done.stage, done.warns) == (S.DONE, True)
    assert said(done) == "no host in reserve is enabled for this incident: the daemon is disarmed"
    lent = failed(replace(task(S.ENABLING, sent=True), failures=2), "503", at(3), LIMITS)
    assert (lent.stage, lent.warns) == (S.LENT, True)
    assert said(lent) == "whether cmp-8 is enabled is not known: 503"


def test_one_that_cannot_be_given_back_yet_is_held_in_the_end_and_tried_again() -> None:
    one = task(S.GIVING_BACK)
    for _ in range(3):
        one = failed(one, "503", at(3), LIMITS)
        assert one.stage is S.GIVING_BACK
    held = failed(one, "503", at(3), LIMITS)
    assert (held.stage, held.doing, held.why) == (S.HELD, S.GIVING_BACK, "503")
    assert held.retry_at == at(3 + HELD_RETRY_S)
    again = failed(held, "504", at(400), LIMITS)
    assert (again.stage, again.doing, again.why) == (S.HELD, S.GIVING_BACK, "504")
    done = returned(again, IDLE, None, at(500), accused=False)
    assert (done.over, done.why, done.out_of) == (True, "", None)


def test_what_a_bug_has_held_stays_held_when_it_fails_and_is_tried_as_seldom() -> None:
    held = task(S.GIVING_BACK).hold(at(4), "internal error", "see whether it is to be given back")
    one = failed(held, "503", at(400), LIMITS)
    assert (one.stage, one.why, one.retry_at) == (S.HELD, "503", at(400 + HELD_RETRY_S))


def test_what_was_to_wait_on_another_boot_waits_no_more() -> None:
    one = failed(task(), "503", at(3), LIMITS)
    assert resumed(one, at(4)) is one
    assert resumed(one, replace(at(4), boot_id=OTHER_BOOT)).retry_at is None


def test_the_story_is_bounded_and_says_nothing_twice_in_a_row() -> None:
    one = task()
    for number in range(STORY_MAX * 2):
        one = one.note(at(number), f"line {number // 2}")
    assert len(one.story) == STORY_MAX
    assert one.note(at(999), said(one)) is one
