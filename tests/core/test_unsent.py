"""Requests that cannot be sent: what waits for them, what is said, and how it ends."""

from __future__ import annotations

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.messages import Evacuate
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.tries import Outcome
from tests.core.moving import Moving, guest

WORDS = "Nova answered 429"
FIRST = guest("first", tags={"server:instanceha:restart_priority": "900"})


def refusing_the_first(walk: Moving, seconds: float) -> Moving:
    """Let time pass in which requests for the first rank cannot be sent, and others are taken."""
    until = walk.now.plus(seconds)
    while not walk.now.reached(until) and walk.phase is Phase.EVACUATING:
        for effect in walk.all(Evacuate):
            if effect.server == FIRST.id:
                walk.answer_post(effect, Outcome.UNSENT, WORDS)
            else:
                walk.begins(max(walk.rows, default=0) + 1, effect.server.removeprefix("id-"))
                walk.answer_post(effect)
        walk.tell().calm().elapse(0.5)
    return walk


def said(walk: Moving) -> list[str]:
    return [e.text for e in walk.incident.timeline if "cannot be sent" in e.text]


def test_a_first_rank_that_cannot_be_sent_is_passed_over_in_time_and_it_is_said_why() -> None:
    walk = refusing_the_first(Moving(FIRST, "late", "last").to_inspected(), 20)
    assert (walk.stage("first"), walk.stage("late")) == (Stage.WAITING, Stage.WAITING)
    assert walk.record("late").attempt == 0
    refusing_the_first(walk, 20)
    assert (walk.stage("late"), walk.stage("last")) == (Stage.UNDER_WAY, Stage.UNDER_WAY)
    why = f"1 requests cannot be sent: {WORDS}; later ranks do not wait for them any longer"
    assert said(walk) == [why]
    refusing_the_first(walk, 60)
    assert said(walk) == [why]


def test_what_is_sent_at_last_begins_to_count_anew() -> None:
    walk = refusing_the_first(Moving(FIRST).to_inspected(), 10)
    assert walk.record("first").unsent > 2
    while not walk.posts:
        walk.tell().calm().elapse(0.5)
    walk.accept()
    assert (walk.stage("first"), walk.record("first").unsent) == (Stage.UNDER_WAY, 0)


def test_l2_where_nothing_can_be_sent_for_ever_a_human_hears_why() -> None:
    walk = refusing_the_first(Moving(FIRST).to_inspected(), 1000)
    held = walk.incident.held
    assert held is not None
    why = f"no progress in 900 s of evacuating: 1 requests cannot be sent: {WORDS}"
    assert (held.gate, held.why) == ("progress", why)
