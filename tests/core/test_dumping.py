"""A host that writes its crash dump: the cut waits, for a bounded time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.dumping import KDUMP, SILENT_S, WAITS
from doctor_daemon.core.evidence import Trust, Verdict, fold
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.messages import Cut, Look, Order, Wait
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Lined, Outcome
from tests.core.gated import ready, shut
from tests.core.make import at, evidence
from tests.core.walk import Walk


def dump(walk: Walk) -> Walk:
    return walk.hear(source="kdump", kind=KDUMP, trust=Trust.OPEN)


def test_b14_a_cut_waits_while_the_dump_is_written() -> None:
    walk = dump(Walk())
    for _ in range(10):
        walk = dump(walk.elapse(10))
        assert walk.phase is Phase.SUSPECTED
    texts = [entry.text for entry in walk.incident.timeline]
    assert texts.count(WAITS) == 1
    assert walk.elapse(SILENT_S - 1).phase is not Phase.HELD


def test_b14_the_dump_is_over_when_nothing_more_is_heard() -> None:
    walk = dump(Walk()).elapse(10)
    assert walk.phase is Phase.SUSPECTED
    assert Wait(at(SILENT_S)) in walk.due
    assert walk.elapse(SILENT_S - 10.25).phase is Phase.SUSPECTED
    assert walk.elapse(0.25).phase is Phase.FENCING


def test_b14_there_is_a_hard_cap() -> None:
    walk = dump(Walk())
    for _ in range(12):
        walk = dump(walk.elapse(10)) if walk.phase is Phase.SUSPECTED else walk
    assert walk.phase is Phase.FENCING
    assert walk.context.now == at(120)


def test_b14_kdump_alone_fences_nobody() -> None:
    """It is evidence that anybody can send: a human is asked."""
    walk = Walk().hear(source="alertmanager", trust=Trust.OPEN)
    assert dump(walk).elapse(300).gate == "evidence"


@pytest.mark.parametrize("wait_s", [0.0, 5.0])
def test_b14_the_wait_can_be_taken_away(wait_s: float) -> None:
    walk = Walk()
    walk = walk.given(policy=replace(walk.context.policy, dump_wait_s=wait_s))
    assert dump(walk).elapse(10).phase is Phase.FENCING


def test_b14_an_operator_does_not_wait() -> None:
    assert dump(Walk()).order(Order.FENCE).phase is Phase.FENCING


def test_b14_a_dump_that_grew_old_is_over() -> None:
    walk = Walk()
    walk = dump(walk.given(policy=replace(walk.context.policy, evidence_age_s=15.0)))
    assert walk.elapse(10).phase is Phase.SUSPECTED
    assert walk.elapse(5.25).phase is not Phase.FENCING


# once the cut is prepared


def begun(walk: Walk) -> Walk:
    """Hear the first message of kdump when the grace is over."""
    return dump(walk.to_fencing())


def test_b14_a_dump_that_begins_while_the_cut_is_prepared_is_waited_for() -> None:
    walk = begun(Walk()).identify().look()
    assert (walk.phase, walk.all(Cut)) == (Phase.FENCING, [])
    assert walk.said == f"waiting: {WAITS}; it goes on by itself"
    assert SILENT_S in walk.waits
    assert walk.elapse(SILENT_S - 0.25).all(Cut) == []
    walk.elapse(0.25).identify().look()
    assert len(walk.all(Cut)) == 1


def test_b14_the_hard_cap_holds_while_the_cut_is_prepared_too() -> None:
    walk = begun(Walk()).identify().look()
    while not walk.all(Cut) and walk.now.since(at(0)) < 200:
        dump(walk.hear().elapse(10)).identify()
        if walk.all(Look):
            walk.look()
    assert walk.now.since(at(0)) == walk.context.policy.dump_wait_s


def test_b14_a_dump_that_begins_while_a_cut_waits_its_turn_keeps_it_from_being_sent() -> None:
    walk = Walk().to_cut()
    cut = walk.one(Cut)
    dump(walk.see(Lined(cut.try_, cut.device, walk.now)))
    assert refused(Act.CUT, walk.incident, walk.context) is not None
    walk.refuse(cut, "dumping", WAITS)
    assert walk.incident.untouched
    assert (walk.said, walk.all(Cut)) == (f"waiting: {WAITS}; it goes on by itself", [])


def test_b14_what_was_cut_is_cut_to_the_end() -> None:
    walk = dump(Walk().to_cut().cut(Outcome.REFUSED).read(Power.ON).elapse(1))
    assert len(walk.identify().look().all(Cut)) == 1


def test_b14_who_orders_the_cut_does_not_wait_for_a_dump_that_begins_then() -> None:
    walk = dump(Walk().order(Order.FENCE))
    assert len(walk.identify().look().all(Cut)) == 1


def test_b14_life_ends_the_wait() -> None:
    walk = begun(Walk()).identify().look().elapse(1)
    walk.hear(verdict=Verdict.UP).hear("kdump", kind=KDUMP, verdict=Verdict.WITHDRAWN)
    assert walk.phase is Phase.DISMISSED


def test_b14_who_orders_it_does_not_wait_as_long_as_that_word_counts() -> None:
    dumps = fold({}, evidence(0, source="kdump", kind=KDUMP))
    assert shut("dumping", ready(words=dumps)) == "", "it was proven off"
    assert shut("dumping", ready(words=dumps, proof=None)) == WAITS
    assert shut("dumping", ready(words=dumps, proof=None, ordered_at=at(-300))) == ""
    assert shut("dumping", ready(words=dumps, proof=None, ordered_at=at(-300.25))) == WAITS
