"""Evacuating: what fails, what takes too long, and what is told of it."""

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import (
    Evacuate,
    Follow,
    Followed,
    Inspect,
    Inspected,
    Look,
    Wait,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome
from tests.core.make import server, servers
from tests.core.moving import ELSEWHERE, Moving, guest, many, row

WAITING, POSTING, CHECKING = Stage.WAITING, Stage.POSTING, Stage.CHECKING
UNDER_WAY, MOVED, SKIPPED = Stage.UNDER_WAY, Stage.MOVED, Stage.SKIPPED


def test_c8_a_failed_evacuation_is_tried_three_times_and_then_a_human_is_asked() -> None:
    walk = Moving("web", "db").to_inspected().begins(90, "db")
    walk.answer_post(walk.all(Evacuate)[0])
    for number in (1, 2, 3):
        assert walk.posts == [("web", number)]
        walk.begins(number).post().turns(number, "error", vm_state="error", fault="no disk is left")
        walk.guard(2).follow().guard(2).inspect()
        walk.guard(4)
        if number == 2:
            assert walk.all(Follow) != []
    assert walk.stage() is Stage.FAILED
    assert walk.phase is Phase.EVACUATING
    walk.turns(90, "done").guard(2).follow()
    assert (walk.phase, walk.gate) == (Phase.HELD, "evacuation")
    assert walk.outcomes == [("failed", ["web"]), ("moved", ["db"])]
    assert walk.said == (
        "held: 2 servers: 1 moved, 1 failed: web: its evacuation ended as error: no disk is left; "
        "`doctor-daemon fence HOST` tries again"
    )


def test_c16_a_server_that_our_own_attempt_left_in_error_is_tried_again() -> None:
    walk = Moving().to_posted().turns(1, "error", vm_state="error")
    walk.elapse(2).follow().elapse(2).inspect()
    assert walk.record().server.vm_state == "error"
    assert walk.elapse(1).posts == [("web", 2)]


SLOW = Policy(backoff_s=4.0)


def test_c7_somebody_elses_evacuation_is_joined_while_a_server_waits() -> None:
    walk = Moving(policy=SLOW).to_inspected().post(Outcome.UNSENT).begins(7)
    walk.elapse(2).follow()
    assert walk.stage() is UNDER_WAY
    assert walk.elapse(2).posts == []


def test_c7_nothing_is_sent_while_nova_does_not_say_how_the_evacuations_stand() -> None:
    walk = Moving(policy=SLOW).to_inspected().post(Outcome.UNSENT)
    walk.elapse(2).fail(walk.one(Follow), "503")
    assert walk.elapse(2).posts == []
    assert walk.elapse(2).follow().posts == []
    assert walk.again().posts == [("web", 2)]


def test_nova_is_asked_at_its_pace_and_only_as_much_as_is_needed() -> None:
    walk = Moving().to_inspected()
    assert (walk.all(Inspect), walk.all(Follow)) == ([], [])  # the request is out: nothing to ask
    walk.begins(1).post()
    assert walk.wait(1.75).all(Follow) == []
    assert walk.wait(0.25).all(Follow) == [Follow(1)]
    walk.follow()
    assert walk.wait(1.75).all(Follow) == []
    assert walk.wait(0.25).all(Follow) == [Follow(2)]
    assert walk.all(Inspect) == []


@pytest.mark.parametrize("number", [0, 2])
def test_late_answers_of_nova_mean_nothing(number: int) -> None:
    walk = Moving().to_evacuating()
    before = walk.incident
    gone = servers()
    assert before.rounds.inspections == before.rounds.follows == 1
    assert walk.see(Inspected(number, walk.now, (), gone)).incident is before
    assert walk.see(Followed(number, (row(1, "web", "done"),), gone)).incident is before
    assert walk.fail(Inspect(number)).fail(Follow(number)).incident is before


def test_answers_that_come_when_it_is_over_mean_nothing() -> None:
    walk = Moving().to_posted().turns(1, "done").elapse(2).follow()
    before, rounds = walk.incident, walk.incident.rounds
    walk.see(Inspected(rounds.inspections, walk.now, (), servers(guest("late"))))
    assert walk.see(Followed(rounds.follows, (), servers())).incident is before


def test_a_server_that_comes_to_the_list_later_is_moved_too() -> None:
    walk = Moving().to_inspected().begins(1).post(Outcome.UNKNOWN)
    late = guest("late")
    walk.there[late.id] = late
    walk.elapse(2).inspect()
    assert walk.posts == [("late", 1)]
    assert walk.stage() is UNDER_WAY


# Nova out of reach


def test_c5_questions_that_fail_are_asked_again_later_and_not_for_ever() -> None:
    walk = Moving().to_evacuating()
    for number, pause_s in enumerate((1.0, 2.0, 4.0), 1):
        assert walk.one(Inspect) == Inspect(number)
        walk.fail(walk.one(Inspect), "503")
        assert walk.all(Inspect) == []
        assert walk.incident.rounds.ask_at == walk.now.plus(pause_s)
        walk.guard(pause_s)
    for _ in range(3, 19):
        walk.fail(walk.one(Inspect), "503").guard(30)
    assert walk.phase is Phase.EVACUATING
    walk.fail(walk.one(Inspect), "503")
    assert (walk.phase, walk.gate) == (Phase.HELD, "nova")
    assert "Nova could not be asked about the evacuations of cmp-1" in walk.said


def test_c5_an_answer_forgets_the_failures() -> None:
    walk = Moving().to_evacuating()
    walk.fail(walk.one(Inspect)).elapse(1).fail(walk.one(Inspect)).elapse(2).inspect()
    assert (walk.incident.rounds.failures, walk.incident.rounds.inspections) == (0, 4)
    assert walk.incident.rounds.follows == 3
    walk.begins(1).post().elapse(2).fail(walk.one(Follow))
    assert walk.incident.rounds.failures == 1
    assert walk.elapse(1).follow().incident.rounds.failures == 0


def test_c5_what_is_under_way_is_followed_although_nova_was_out_of_reach_for_long() -> None:
    walk = Moving(policy=Policy(force_down_tries=2)).to_posted().guard(2)
    walk.fail(walk.one(Follow)).guard(1).fail(walk.one(Follow))
    assert (walk.phase, walk.incident.rounds.barred is not None) == (Phase.EVACUATING, True)
    walk.turns(1, "done").guard(2).follow()
    assert walk.phase is Phase.DOWN


# time


def test_l2_an_evacuation_without_end_is_unknown_and_a_human_is_asked() -> None:
    walk = Moving().to_posted().turns(1, "pre-migrating")
    began = walk.now
    while walk.phase is Phase.EVACUATING:
        walk.calm()
        if walk.all(Follow):
            walk.follow()
        walk.elapse(min(walk.waits))
    assert walk.now.since(began) == 600
    assert (walk.gate, walk.outcomes) == ("evacuation", [("unknown", ["web"])])
    assert "its evacuation to cmp-9 has not ended in 600 s" in walk.said


def test_l2_trying_for_ever_is_no_progress() -> None:
    walk = Moving().to_evacuating()
    began = walk.incident.progress_at
    walk.inspect()
    while walk.phase is Phase.EVACUATING:
        walk.post(Outcome.UNSENT).calm()
        if walk.all(Follow):
            walk.follow()
        walk.elapse(min(walk.waits))
    assert (walk.gate, walk.now.since(began)) == ("progress", 900)


@pytest.mark.parametrize("stage", [UNDER_WAY, MOVED])
def test_l2_a_server_that_gets_on_is_progress(stage: Stage) -> None:
    walk = Moving("web", "db").to_inspected()
    db, web = walk.all(Evacuate)
    began = walk.incident.progress_at
    walk.elapse(0.5).answer_post(db, Outcome.UNKNOWN)
    assert walk.incident.progress_at == began
    walk.begins(1).answer_post(web)
    if stage is MOVED:
        walk.turns(1, "done").elapse(2).inspect()
    assert walk.stage() is stage
    assert walk.incident.progress_at == walk.now


def test_waits_are_for_what_time_alone_brings() -> None:
    walk = Moving("web", "db").to_inspected()
    db, web = walk.all(Evacuate)
    proof = walk.incident.proof
    assert proof is not None
    walk.answer_post(web, Outcome.UNSENT)
    assert walk.all(Wait)[0] == Wait(walk.now.plus(1))  # its next attempt
    walk.elapse(1).answer_post(db).post()
    assert walk.all(Wait)[0] == Wait(proof.valid_until)
    walk.guard(28)
    assert {walk.stage("web"), walk.stage("db")} == {UNDER_WAY}


def test_a_moment_that_has_come_is_not_waited_for() -> None:
    late = Moving().to_inspected().wait(9999)
    assert [wait for wait in late.waits if wait <= 0] == []
    assert late.waits == []


def test_a_looked_for_request_is_waited_for_as_long_as_one_under_way() -> None:
    walk = Moving(policy=Policy(progress_s=2000.0, proof_age_s=1000.0, off_timeout_s=900.0))
    walk.to_inspected().post(Outcome.UNKNOWN)
    assert walk.all(Wait)[0] == Wait(walk.record().since.plus(600))


# telling


def test_outcomes_of_one_kind_are_told_in_one_line_with_few_names() -> None:
    walk = Moving(*many(7)).to_posted()
    for id_ in range(1, 8):
        walk.turns(id_, "done", ELSEWHERE if id_ < 7 else "cmp-8")
    walk.elapse(2).follow()
    moved, last = walk.incident.timeline[-3:-1]
    assert moved.text == "moved to cmp-9: vm-00, vm-01, vm-02, vm-03, vm-04 and 1 more"
    assert last.text == "moved to cmp-8: vm-06"
    assert moved.servers is not None
    assert [one.name for one in moved.servers] == many(6)
    assert (moved.tell, moved.outcome) == (NoticeKind.OUTCOME, "moved")


def test_five_names_are_told_in_full_and_a_server_without_a_name_by_its_id() -> None:
    walk = Moving(*many(4), guest("", id=server("x").id)).to_posted()
    for id_ in range(1, 6):
        walk.turns(id_, "done", "")
    walk.elapse(2).follow()
    assert walk.incident.timeline[-2].text == "moved: vm-00, vm-01, vm-02, vm-03, id-x"


def test_what_failed_on_its_way_to_a_host_does_not_tell_of_it() -> None:
    walk = Moving(policy=Policy(evacuation_tries=1)).to_posted().turns(1, "failed")
    walk.elapse(2).follow().elapse(2).inspect()
    said = [entry.text for entry in walk.incident.timeline if entry.outcome]
    assert said == ["failed: web: its evacuation ended as failed: Nova gives no reason"]


def test_an_evacuation_without_an_end_names_the_host_only_in_its_reason() -> None:
    walk = Moving().to_posted().turns(1, "pre-migrating").guard(2).follow().elapse(600)
    said = [entry.text for entry in walk.incident.timeline if entry.outcome]
    assert said == ["unknown: web: its evacuation to cmp-9 has not ended in 600 s"]


def test_looks_go_on_while_servers_are_moved() -> None:
    walk = Moving().to_posted()
    assert walk.wait(9.75).all(Look) == []
    assert walk.wait(0.25).all(Look) != []
