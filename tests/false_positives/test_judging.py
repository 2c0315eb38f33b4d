"""The judgement, the draw and the sums: a suite that cannot fail would show nothing."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.lab.record import Entry, Kind
from tests.false_positives.judgement import Outcome, judged
from tests.false_positives.names import answered
from tests.false_positives.plan import RACKS, WAYS, Death, Fault, Plan, drawn
from tests.false_positives.results import append, code, rows, summary

DEAD, LIVING = "compute-2", "compute-3"
PLAN = Plan(
    seed=7,
    fault=Fault.DNS,
    way="silent",
    length_s=10.0,
    nova_deaf=False,
    death=Death.IN,
    dies=2,
    dies_s=5.0,
)
BEGAN_S = 100.0
DIED_S = BEGAN_S + PLAN.dies_s


def judge(*entries: Entry, log: str = "") -> Outcome:
    return judged(PLAN, entries, BEGAN_S, {DEAD: DIED_S}, log)


def cut(host: str, at_s: float) -> Entry:
    return Entry(at_s, Kind.POWER_OFF, host)


def forced(host: str, at_s: float) -> Entry:
    return Entry(at_s, Kind.FORCED_DOWN, host, by="doctor")


IN_TIME = BEGAN_S + PLAN.from_s + PLAN.bound_s
GOOD = (cut(DEAD, DIED_S + 3), forced(DEAD, IN_TIME))


def test_a_dead_host_that_is_forced_down_in_time_is_right() -> None:
    found = judge(*GOOD)
    assert (found.wrong, found.living_cut, found.fenced) == ((), (), True)
    assert found.fenced_s == PLAN.bound_s


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ((*GOOD, cut(LIVING, BEGAN_S + 1)), "compute-3 lived, and its power was cut"),
        ((cut(DEAD, DIED_S - 0.1), *GOOD), "compute-2 lived, and its power was cut"),
        (GOOD[:1], "compute-2 is dead, and was never forced down"),
        ((GOOD[0], forced(DEAD, IN_TIME + 0.2)), "was forced down after 30.2 s and not 30 s"),
        ((forced(DEAD, DIED_S + 1),), "forced_down was set while the host had power"),
        ((*GOOD, forced(LIVING, IN_TIME)), "forced_down was set while the host had power"),
    ],
)
def test_what_must_not_be_is_seen(entries: tuple[Entry, ...], text: str) -> None:
    assert text in "\n".join(judge(*entries).wrong)


def test_a_bug_that_the_daemon_has_contained_is_seen() -> None:
    assert judge(*GOOD, log="Traceback (most recent call last)").wrong != ()


def test_the_bound_counts_from_the_end_of_a_fault_that_touches_the_death() -> None:
    assert PLAN.from_s == 10.0
    assert replace(PLAN, death=Death.AFTER, dies_s=12.0).from_s == 12.0
    assert replace(PLAN, fault=Fault.CLOCK).from_s == 5.0


def test_every_fault_is_drawn_in_every_way_and_every_death() -> None:
    plans = [drawn(seed) for seed in range(200)]
    assert {(plan.fault, plan.way) for plan in plans} == {
        (fault, way) for fault, ways in WAYS.items() for way in ways
    }
    assert {(plan.fault, plan.death) for plan in plans} == {(f, d) for f in Fault for d in Death}
    stops = [plan for plan in plans if plan.fault is Fault.STOP]
    minutes = [plan for plan in stops if plan.length_s == 60.0]
    assert {plan.death for plan in minutes} == {*Death}
    assert {plan.way for plan in minutes} == {*WAYS[Fault.STOP]}
    assert len(stops) / 2 < len(minutes) < len(stops)
    assert all(plan.length_s == 10.0 for plan in plans if plan.fault is Fault.BEATS)
    half = {plan.way for plan in plans if plan.fault is Fault.SWITCH}
    assert len(half) == len(RACKS) == 2
    assert [drawn(3), drawn(4)] == plans[3:5]


def test_results_add_up_by_seed_and_by_code(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.jsonl"
    assert rows(path, "a") == []
    good = {**judge(*GOOD).row(), "fenced": True}
    bad = {**judge(*GOOD, cut(LIVING, BEGAN_S)).row(), "fenced": True}
    for row, of in ((good, "a"), ({**bad, "seed": 8}, "a"), ({**good, "seed": 9}, "b")):
        append(path, {**row, "code": of})
    assert summary(rows(path, "a")) == (
        "runs=2 faults={dns:2} living_cut=1 dead_fenced=2/2 violations=1"
    )
    append(path, {**good, "seed": 8, "code": "a"})
    assert summary(rows(path, "a")).endswith("living_cut=0 dead_fenced=2/2 violations=0")
    assert len(code()) == 12


def test_the_name_server_answers_as_one_does() -> None:
    asked = bytes.fromhex("abcd0100000100000000000004436f7265036c616200") + b"\0\1\0\1"
    zone = {"core.lab": "10.0.0.1"}
    found = answered(asked, zone)
    assert found[:2] == asked[:2]
    assert found[6:8] == b"\0\1"
    assert found[-4:] == socket.inet_aton("10.0.0.1")
    assert [answered(asked, zone, fault)[3] & 15 for fault in ("SERVFAIL", "NXDOMAIN")] == [2, 3]
    assert answered(asked, {})[3] & 15 == 3
    other = asked[:-4] + b"\0\x1c\0\1"
    assert answered(other, zone)[3:8] == b"\x80\0\1\0\0"
    assert len(answered(other, zone)) == len(asked)
