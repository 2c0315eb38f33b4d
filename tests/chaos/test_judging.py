"""The judgement, the draw and the sums: a suite that cannot fail would show nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.lab.consumer import Receipt, Verdict
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.record import Entry, Kind
from tests.chaos.audit import contradictions
from tests.chaos.configuration import Json
from tests.chaos.judgement import EXPLAINED, Facts, Place, agreed, explained, judged
from tests.chaos.lab import rule
from tests.chaos.net import DROPS
from tests.chaos.plan import CONTROLLERS, STOP_S, WAYS, Death, Fault, Plan, Trouble, drawn
from tests.chaos.program import Program, kept
from tests.chaos.tally import COUNTED, Outcome, summary

DEAD, LIVING, SERVER = "compute-2", "compute-3", "server-1"
DIED_S = 100.0


def cut(host: str, at_s: float = DIED_S + 2) -> Entry:
    return Entry(at_s, Kind.POWER_OFF, host)


def forced(host: str) -> Entry:
    return Entry(DIED_S + 3, Kind.FORCED_DOWN, host, by="doctor")


def heard(host: str, verdict: Verdict = Verdict.NEW, kind: str = "confirmed") -> Receipt:
    event = {"data": {"host": host, "kind": kind}}
    return Receipt(DIED_S + 4, "operators", verdict, "n-1", event)


def trouble(fault: Fault, way: str = "") -> Trouble:
    return Trouble(fault, rank=1, way=way, from_s=1.0, length_s=5.0, slow_s=0.5)


GOOD = Facts(
    entries=(cut(DEAD), forced(DEAD)),
    died={DEAD: DIED_S},
    round_died=(DEAD,),
    accepted={DEAD},
    opened={DEAD},
    down={DEAD},
    places=(Place(SERVER, LIVING, (LIVING,)),),
    receipts=(heard(DEAD),),
    ends=(),
    log="compute-2 is down",
)
PLAN = Plan(7, (Death(3, 1.0),), (trouble(Fault.KILL), trouble(Fault.NOVA, "slow")))


def started(at_s: float, host: str) -> Entry:
    return Entry(at_s, Kind.GUEST_START, host, SERVER)


def test_a_round_in_which_all_is_well_is_right() -> None:
    assert judged(GOOD) == []


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (
            replace(GOOD, entries=(*GOOD.entries, cut(LIVING))),
            "compute-3 lived, and its power was cut",
        ),
        (
            replace(GOOD, entries=(cut(DEAD, DIED_S - 0.1), forced(DEAD))),
            "compute-2 lived, and its power was cut",
        ),
        (replace(GOOD, entries=(forced(DEAD),)), "forced_down was set while the host had power"),
        (
            replace(GOOD, entries=(Entry(DIED_S, Kind.EVACUATE, DEAD, SERVER), *GOOD.entries)),
            "an evacuation was asked for while the host had power",
        ),
        (
            replace(GOOD, entries=(*GOOD.entries, started(1, DEAD), started(2, LIVING))),
            "runs on 2 hosts at once",
        ),
        (replace(GOOD, accepted=set()), "no daemon has taken the alert"),
        (replace(GOOD, opened=set()), "the alert was taken, and there is no incident"),
        (replace(GOOD, down=set()), "not both off and forced down"),
        (replace(GOOD, places=(Place(SERVER, DEAD, (DEAD,)),)), "still on compute-2"),
        (replace(GOOD, places=(Place(SERVER, LIVING, ()),)), "server-1 of compute-3 runs on []"),
        (
            replace(GOOD, receipts=(heard(DEAD), heard(DEAD, Verdict.CHANGED))),
            "operators heard n-1, changed",
        ),
        (replace(GOOD, receipts=(heard(DEAD, kind="suspected"),)), "have not heard"),
        (replace(GOOD, receipts=(heard(DEAD, Verdict.REFUSED),)), "have not heard"),
        (replace(GOOD, ends=("ctl-1 ended with 70",)), "ctl-1 ended with 70"),
        (replace(GOOD, log="Traceback (most recent call last)"), "a log has 'Traceback'"),
    ],
)
def test_what_must_not_be_is_seen(facts: Facts, text: str) -> None:
    assert text in "\n".join(judged(facts))


def record(what: str, target: str = "", part: str = "intent", term: int = 1) -> Json:
    return {"id": "i/1", "part": part, "term": term, "what": what, "target": target, "host": DEAD}


AUDIT = (
    record("arm", part="order"),
    record("cut", "redfish, level 1, try 1"),
    record("cut", "redfish, level 1, try 1", part="result"),
    record("force_down", "service 4, and disable, request 1", term=2),
    record("evacuate", f"server {SERVER}, attempt 1", term=2),
)
MOVED = (*GOOD.entries, Entry(DIED_S + 4, Kind.EVACUATE, DEAD, SERVER))


def test_an_audit_with_an_intent_of_all_that_was_done_is_right() -> None:
    assert list(contradictions(AUDIT, MOVED)) == []


@pytest.mark.parametrize(
    ("records", "entries", "text"),
    [
        (AUDIT, (*MOVED, MOVED[-1]), "evacuate of compute-2 server-1 was done 2 times"),
        (AUDIT[:-1], MOVED, "evacuate of compute-2 server-1 was done 1 times, and the audit has 0"),
        ((*AUDIT[:3], AUDIT[4]), MOVED, "force_down of compute-2"),
        (AUDIT[2:], MOVED, "cut of compute-2  was done 1 times, and the audit has 0"),
        (AUDIT, (cut(LIVING),), "cut of compute-3"),
        (AUDIT[::-1], MOVED, "of term 1 was written after term 2"),
    ],
)
def test_what_an_audit_lacks_is_seen(
    records: Sequence[Json], entries: Sequence[Entry], text: str
) -> None:
    assert text in "\n".join(contradictions(records, entries))


def test_daemons_agree_on_one_incident_in_one_phase() -> None:
    down, held, other = ({"id": "a", "phase": "down"}, {"id": "a", "phase": "held"}, {"id": "b"})
    assert agreed([down, down, down]) == "down"
    assert agreed([None, None, None]) is None
    assert agreed([down, down, None]) is None
    assert agreed([down, held, down]) is None
    assert agreed([down, {**other, "phase": "down"}, down]) is None


def test_a_gate_is_explained_by_the_faults_of_its_round_alone() -> None:
    assert explained("evacuation", PLAN)
    assert not explained("mass", PLAN)
    assert not explained("evidence", PLAN), "whoever leads next has it said once more"
    assert not explained("manual", replace(PLAN, troubles=(trouble(Fault.NOVA, "503"),)))
    assert not any(explained(gate, replace(PLAN, troubles=())) for gate in EXPLAINED)


def test_every_fault_is_drawn_in_every_way_at_every_controller() -> None:
    plans = [drawn(seed) for seed in range(300)]
    troubles = [one for plan in plans for one in plan.troubles]
    ways = {(fault, way) for fault in Fault for way in WAYS.get(fault, ("",))}
    assert {(one.fault, one.way) for one in troubles} == ways
    assert set(WAYS[Fault.CUT_OFF]) == set(DROPS)
    assert {one.rank for one in troubles if one.fault is Fault.KILL} == set(range(CONTROLLERS))
    assert {len(plan.deaths) for plan in plans} == {1, 2}
    assert {len(plan.troubles) for plan in plans} == {1, 2, 3}
    stops = [one.length_s for one in troubles if one.fault is Fault.STOP]
    assert STOP_S[0] <= min(stops) < 5
    assert 25 < max(stops) <= STOP_S[1]
    assert [drawn(3), drawn(4)] == plans[3:5]


def test_a_longer_standstill_changes_nothing_else() -> None:
    seed = next(k for k in range(100) if Fault.STOP in {t.fault for t in drawn(k).troubles})
    short, long = drawn(seed), drawn(seed, 120.0)
    assert [one.fault for one in short.troubles] == [one.fault for one in long.troubles]
    assert short.deaths == long.deaths
    assert max(one.length_s for one in long.troubles) > max(one.length_s for one in short.troubles)


def test_two_hosts_die_and_never_the_same_one() -> None:
    both = replace(PLAN, deaths=(Death(5, 1.0), Death(5, 2.0)))
    assert [host for host, _ in both.victims(["a", "b", "c"])] == ["c", "b"]


def test_what_the_cloud_does_is_what_was_drawn() -> None:
    assert rule(trouble(Fault.BMC)) == Rule(
        service=Service.BMC, do=Do.SLOW, times=None, seconds=0.5
    )
    found = [rule(trouble(Fault.NOVA, way)) for way in WAYS[Fault.NOVA]]
    assert [one.do for one in found] == [Do.SLOW, Do.STATUS, Do.LOST_REPLY]
    assert {one.service for one in found} == {Service.NOVA}


def test_the_last_line_counts_every_fault_once() -> None:
    assert sorted(fault for some in COUNTED.values() for fault in some) == sorted(Fault)
    good = Outcome(PLAN, 40.0, (), ())
    bad = Outcome(replace(PLAN, seed=8), 40.0, ("compute-2 by nova: why",), ("a", "b"))
    assert summary([good, bad]) == (
        "rounds=2 kills=2 stops=0 partitions=0 members=0 clocks=0 disks=0 slow=2 "
        "incidents=2 held=1 violations=2"
    )
    felt = replace(good, felt=("nova (503): 3 requests",))
    assert felt.line.splitlines() == [good.line, "  felt: nova (503): 3 requests"]
    assert summary([], broken=1).endswith("incidents=0 held=0 broken=1 violations=0")


async def begun_anew(program: Program, before: int | None) -> int:
    """Wait until another process runs; return its id."""
    async with asyncio.timeout(10):
        while program.pid in (None, before):  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.02)
    assert program.pid is not None
    return program.pid


async def test_a_program_that_ends_is_begun_again_and_one_that_is_killed_is_not(
    tmp_path: Path,
) -> None:
    argv = (sys.executable, "-c", "import time; time.sleep(60)")
    with kept(Program(argv, tmp_path / "log")) as program:
        program.start()
        first = await begun_anew(program, None)
        program.start()
        assert program.pid == first
        os.kill(first, signal.SIGTERM)
        second = await begun_anew(program, first)
        assert program.ends == [-signal.SIGTERM]
        program.stand_still()
        program.kill()
        assert program.pid is None
        program.stand_still()
        program.start()
        assert program.pid not in (None, first, second)
        await program.stop()
        assert (program.pid, program.ends) == (None, [-signal.SIGTERM])
