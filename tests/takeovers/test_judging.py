"""What is drawn, what is seen of it, and what is called wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.lab.faults import Do, Service
from doctor_daemon.lab.record import Entry, Kind
from doctor_daemon.lab.witness import Seen
from tests.false_positives.results import append, rows
from tests.takeovers.judgement import Facts, Outcome, wrong
from tests.takeovers.plan import ALL, MARKS, Call, Moment, call_of, drawn
from tests.takeovers.results import code, passed, percentile, summary, times_s

HOST, OTHER, SERVER = "compute-1", "compute-2", "a-server"
SYSTEM, ACTION = "/redfish/v1/Systems/an-id", "/v2.1/servers/an-id/action"
READING = next(plan for plan in map(drawn, range(99)) if plan.moment is Moment.READING)
BEGAN_S = 100.0


def seen(service: Service, method: str, path: str = SYSTEM, done_s: float = 0.0) -> Seen:
    return Seen(BEGAN_S + 1, service, method, path, HOST, done_s=done_s)


CUT = seen(Service.BMC, "POST", done_s=BEGAN_S + 1)
READ = seen(Service.BMC, "GET")
ENTRIES = (
    Entry(1.0, Kind.GUEST_START, HOST, SERVER),
    Entry(BEGAN_S + 2, Kind.GUEST_STOP, HOST, SERVER),
    Entry(BEGAN_S + 2, Kind.POWER_OFF, HOST),
    Entry(BEGAN_S + 3, Kind.FORCED_DOWN, HOST, by="doctor"),
    Entry(BEGAN_S + 4, Kind.EVACUATE, HOST, SERVER, "doctor"),
    Entry(BEGAN_S + 5, Kind.GUEST_START, OTHER, SERVER),
)
GOOD = Facts(HOST, BEGAN_S, ENTRIES, (CUT, READ), {SERVER: [OTHER]}, power=False, forced_down=True)


def test_a_round_in_which_all_is_right() -> None:
    assert list(wrong(READING, GOOD)) == []


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (replace(GOOD, power=True), "is not down: power True, forced_down True"),
        (replace(GOOD, forced_down=False), "is not down: power False, forced_down False"),
        (replace(GOOD, asked=(CUT, READ, CUT)), "2 orders to cut were sent, and not 1 to 1"),
        (replace(GOOD, asked=(READ,)), "0 orders to cut were sent"),
        (replace(GOOD, entries=ENTRIES[:4]), "0 evacuations of a-server were taken on"),
        (replace(GOOD, entries=(*ENTRIES, ENTRIES[4])), "2 evacuations of a-server were taken on"),
        (replace(GOOD, entries=(ENTRIES[0], *ENTRIES[2:])), "the server runs on 2 hosts at once"),
        (replace(GOOD, runs_on={SERVER: []}), "a-server runs on no host"),
        (replace(GOOD, runs_on={SERVER: [HOST]}), "a-server runs on compute-1"),
        (replace(GOOD, runs_on={SERVER: [OTHER, "c"]}), "a-server runs on compute-2, c"),
        (
            replace(GOOD, entries=(*ENTRIES, Entry(BEGAN_S + 9, Kind.POWER_OFF, OTHER))),
            "power was cut of compute-2",
        ),
    ],
)
def test_what_must_not_be_is_seen(found: Facts, text: str) -> None:
    assert text in "\n".join(wrong(READING, found))


def test_only_a_cut_whose_answer_may_not_be_saved_is_sent_again() -> None:
    twice = replace(GOOD, asked=(CUT, CUT))
    plans = [drawn(seed) for seed in range(len(Moment))]
    allowed = {plan.moment for plan in plans if not list(wrong(plan, twice))}
    assert allowed == {Moment.CUT_HELD, Moment.CUT_LOST, Moment.CUT_ANSWERED}


def test_every_moment_takes_its_turn_and_every_call_of_several_is_drawn() -> None:
    plans = [drawn(seed) for seed in range(len(Moment) * 40)]
    assert [plan.moment for plan in plans[: len(Moment)]] == [*Moment]
    assert [drawn(17), drawn(18)] == plans[17:19]
    for moment, mark in MARKS.items():
        numbers = {plan.number for plan in plans if plan.moment is moment}
        assert numbers == ({*range(1, mark.most + 1)} or {ALL})
    assert all(0 <= plan.delay_s <= plan.mark.delay_s for plan in plans)


def test_the_lab_does_something_to_just_the_call_in_question() -> None:
    held = next(plan for plan in map(drawn, range(99)) if plan.moment is Moment.POST_HELD)
    (rule,) = replace(held, number=3).rules(HOST)
    found = (rule.service, rule.method, rule.host, rule.after, rule.times, rule.do)
    assert found == (Service.NOVA, "POST", HOST, 2, 1, Do.SLOW)
    assert READING.rules(HOST) == ()


@pytest.mark.parametrize(
    ("one", "call"),
    [
        (CUT, Call.CUT),
        (READ, Call.READ),
        (seen(Service.BMC, "GET", "/redfish/v1"), None),
        (seen(Service.NOVA, "PUT"), Call.FORCE_DOWN),
        (seen(Service.NOVA, "POST", ACTION), Call.EVACUATE),
        (seen(Service.NOVA, "GET"), None),
    ],
)
def test_a_call_is_told_from_a_question(one: Seen, call: Call | None) -> None:
    assert call_of(one) is call


def test_a_read_counts_once_the_cut_was_answered() -> None:
    plan = replace(READING, number=2)
    later = replace(READ, at_s=BEGAN_S + 2)
    early = replace(READ, at_s=BEGAN_S + 0.5)
    assert not plan.reached([early, early, later], 3)
    assert not plan.reached([early, CUT, later], 3)
    assert not plan.reached([early, replace(CUT, done_s=0.0), later, later], 3)
    assert plan.reached([early, CUT, later, later], 3)


def test_all_servers_are_waited_for_and_an_answer_where_it_is_asked_for() -> None:
    moving = next(plan for plan in map(drawn, range(99)) if plan.moment is Moment.MOVING)
    asked, answered = (seen(Service.NOVA, "POST", ACTION, done_s) for done_s in (0.0, 9.0))
    assert not moving.reached([answered, answered, asked], 3)
    assert moving.reached([answered, answered, answered], 3)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([3.0], 99, 3.0),
        ([1.0, 2.0, 3.0, 4.0], 50, 2.0),
        ([*map(float, range(1, 101))], 99, 99.0),
        ([*map(float, range(1, 201))], 99, 198.0),
        ([1.0, math.inf], 99, math.inf),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(
    values: Sequence[float], percent: float, expected: float
) -> None:
    assert percentile(values, percent) == expected


def test_results_add_up_by_seed_and_by_code(tmp_path: Path) -> None:
    path = tmp_path / "new" / "takeovers.jsonl"
    assert summary(rows(path, "a"), 5) == "kills=0 lease_s=5 violations=0"
    assert not passed([], 5)
    good = Outcome(1, "reading", 5.5, "read", 9.0, ())
    for outcome, of in (
        (good, "a"),
        (replace(good, seed=2, takeover_s=6.5), "a"),
        (replace(good, seed=3, takeover_s=60.0), "b"),
        (replace(good, seed=4, takeover_s=None, wrong=("it is held",)), "a"),
    ):
        append(path, {**outcome.row(), "code": of})
    found = rows(path, "a")
    assert summary(found, 5) == (
        "kills=3 takeover_p50_s=6.50 p99_s=inf max_s=inf lease_s=5 violations=1"
    )
    append(path, {**replace(good, seed=4, takeover_s=7.0).row(), "code": "a"})
    found = rows(path, "a")
    assert summary(found, 5).endswith("p99_s=7.00 max_s=7.00 lease_s=5 violations=0")
    assert times_s(found) == [5.5, 6.5, 7.0]
    assert passed(found, 5)
    assert not passed(rows(path, "b"), 5), "it came too late"
    assert not passed([{**found[0], "wrong": ["it is held"]}, *found[1:]], 5)
    assert len({code(5, 3), code(5, 2), code(10, 3)}) == 3
