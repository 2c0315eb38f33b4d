"""A server that had left the host by others' hands, and is there again, is moved like any other."""

from __future__ import annotations

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.messages import Evacuate, Resumed
from doctor_daemon.core.moves import GONE
from doctor_daemon.core.tries import Outcome
from tests.core.moving import Moving, guest


def test_a_server_that_was_gone_and_is_listed_again_is_moved() -> None:
    walk = Moving("web", "db").to_inspected()
    db, web = walk.all(Evacuate)
    walk.answer_post(db, Outcome.UNSENT).begins(1).answer_post(web)
    walk.leaves("db").see(Resumed()).calm().inspect()
    assert (walk.stage("db"), walk.record("db").why) == (Stage.SKIPPED, GONE)
    walk.there[guest("db").id] = guest("db")
    walk.guard(5).see(Resumed()).calm().inspect()
    for _ in range(3):
        walk.elapse(1).calm()
    assert [name for name, _ in walk.posts] == ["db"]
