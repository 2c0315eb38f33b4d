"""A journalled request: what still keeps it from being sent, and what it goes back to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.decide import advance
from doctor_daemon.core.due import due
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.joining import TAKEN
from doctor_daemon.core.messages import Evacuate, EvacuateEnded, Inspect
from doctor_daemon.core.moves import GONE
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.posting import OVERTAKEN, overtaken
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.turns import TOLD_S
from tests.core.moving import Moving, many

OLD = "what is known of it has grown too old: Nova is asked about it again"


def why_not(walk: Moving) -> str:
    return overtaken(walk.incident, walk.one(Evacuate), walk.context)


def test_c7_a_request_that_waited_long_for_its_turn_is_sent_on_a_new_word_only() -> None:
    walk = Moving().to_inspected().wait(TOLD_S)
    assert why_not(walk) == ""
    assert why_not(walk.wait(0.1)) == OLD


def test_c7_one_that_is_asked_for_again_is_not_sent_on_a_word_that_was_old_already() -> None:
    walk = Moving().to_inspected().post(Outcome.UNSENT).elapse(1)
    assert (walk.posts, why_not(walk)) == ([("web", 2)], "")
    assert why_not(walk.wait(TOLD_S - 1)) == ""
    assert why_not(walk.wait(0.1)) == OLD


def test_c7_a_request_is_not_sent_while_nova_is_to_be_asked_again() -> None:
    walk = Moving().to_inspected()
    walk.incident = replace(walk.incident, rounds=replace(walk.incident.rounds, inspected_at=None))
    assert why_not(walk) == OLD


def test_c7_what_was_overtaken_is_planned_anew_by_another_inspection() -> None:
    walk = Moving().to_inspected().wait(TOLD_S + 1)
    walk.refuse(walk.one(Evacuate), OVERTAKEN, OLD)
    assert (walk.stage(), walk.record().why, walk.posts) == (Stage.WAITING, OLD, [])
    assert walk.elapse(1).calm().posts == []
    assert walk.leaves().inspect().all(Evacuate) == []
    assert (walk.phase, walk.stage(), walk.record().why) == (Phase.DOWN, Stage.SKIPPED, GONE)


def test_a_gate_that_was_shut_for_a_moment_asks_for_no_inspection() -> None:
    walk = Moving().to_inspected()
    walk.refuse(walk.one(Evacuate), "readback").elapse(1)
    assert (walk.posts, walk.all(Inspect)) == ([("web", 2)], [])


def test_c7_a_server_that_leaves_while_its_request_waits_is_not_asked_for() -> None:
    walk = Moving("web", "db").to_inspected()
    web, db = walk.all(Evacuate)
    assert web.server == "id-db"
    walk.answer_post(web, Outcome.REFUSED).leaves("web").elapse(2).calm().inspect()
    assert overtaken(walk.incident, db, walk.context) == GONE
    walk.refuse(db, OVERTAKEN, GONE).elapse(2).calm().inspect()
    assert (walk.stage("web"), walk.record("web").why) == (Stage.SKIPPED, GONE)


def test_c7_a_server_that_somebody_else_evacuates_while_its_request_waits_is_joined() -> None:
    walk = Moving("web", "db").to_inspected()
    db, web = walk.all(Evacuate)
    walk.answer_post(db).begins(1).elapse(2).calm().follow()
    assert overtaken(walk.incident, web, walk.context) == TAKEN
    walk.refuse(web, OVERTAKEN, TAKEN).elapse(2).calm().inspect()
    assert (walk.stage(), walk.record().migration) == (Stage.UNDER_WAY, 1)


def test_its_own_row_that_shows_before_the_answer_changes_nothing() -> None:
    walk = Moving("web", "db").to_inspected()
    db, web = walk.all(Evacuate)
    walk.answer_post(db).begins(1).elapse(2).calm().follow()
    assert walk.stage() is Stage.POSTING
    walk.answer_post(web)
    assert (walk.stage(), walk.record().why) == (Stage.UNDER_WAY, "")


@pytest.mark.parametrize(("turns", "posts"), [(1, 1), (3, 3), (100, 8)])
def test_no_more_is_journalled_than_soon_has_a_turn(turns: int, posts: int) -> None:
    walk = Moving(*map(str, range(9))).given(turns=turns).to_inspected()
    assert len(walk.posts) == posts
    walk.answer_post(walk.all(Evacuate)[0])
    assert len(walk.posts) == posts


def test_c12_answers_that_are_read_together_come_to_the_same_as_one_after_the_other() -> None:
    outcomes = (Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.REFUSED, Outcome.UNSENT)
    single, together = (Moving(*many(11)).to_inspected() for _ in range(2))
    effects = together.all(Evacuate)[: len(outcomes)]
    context, incident = together.context, together.incident
    for effect, outcome in zip(effects, outcomes, strict=True):
        single.answer_post(effect, outcome)
        ended = EvacuateEnded(effect, outcome, "200", together.now)
        incident = advance(incident, ended, context, more=effect is not effects[-1])
    assert incident.evacuations == single.incident.evacuations
    assert due(incident, context) == due(single.incident, single.context)
