"""A host that writes its crash dump: the cut waits, for a bounded time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.dumping import KDUMP, SILENT_S, WAITS
from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.messages import Order, Wait
from doctor_daemon.core.phases import Phase
from tests.core.make import at
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
