"""What a restart, a reboot, a bug and a second beginning leave of evacuations that were begun."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import Held
from doctor_daemon.core.messages import (
    Crashed,
    Evacuate,
    Follow,
    Identify,
    Inspect,
    Look,
    Order,
    Read,
    Resumed,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.posting import overtaken
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from tests.core.make import Fields, server
from tests.core.moving import THERE, Moving

WAITING, POSTING, CHECKING = Stage.WAITING, Stage.POSTING, Stage.CHECKING
UNDER_WAY = Stage.UNDER_WAY


def restart(walk: Moving, seconds: float = 10) -> Moving:
    return walk.wait(seconds).see(Resumed())


def fenced_again(walk: Moving) -> Moving:
    """Let an operator order it again, and everything go well up to the evacuation."""
    return walk.order(Order.FENCE).fence()


def unsent(*servers: str) -> Moving:
    """Walk to where the first requests were not sent, and are due again in a second."""
    return Moving(*servers).to_inspected().post(Outcome.UNSENT)


# restart


def test_c7_what_was_being_sent_is_looked_for_after_a_restart() -> None:
    walk = restart(Moving("web", "db").to_inspected())
    for name in ("web", "db"):
        record = walk.record(name)
        assert (record.stage, record.since, record.attempt) == (CHECKING, walk.now, 1)
        assert record.not_before == walk.now.plus(60)
    assert (walk.posts, walk.all(Inspect)) == ([], [Inspect(3)])
    assert walk.incident.timeline[-1].text == "taken up again after a restart"


def test_c3_after_a_restart_nothing_is_sent_before_power_flag_and_evacuations_were_read() -> None:
    walk = restart(unsent())
    old = walk.incident.proof
    assert old is not None
    assert not walk.now.reached(old.valid_until)
    assert walk.inspect().posts == []
    walk.flag()
    assert (walk.posts, walk.all(Read), walk.all(Identify)) == ([], [], [Identify(1, 1, "bmc")])
    walk.identify()
    for _ in range(3):
        assert walk.posts == []
        walk.read().elapse(1)
    assert walk.posts == [("web", 2)]
    assert walk.incident.rounds.renew_from is not None


@pytest.mark.parametrize("again", [1, 2])
def test_c3_after_a_restart_while_it_is_forced_down_the_power_is_read_before_a_request(
    again: int,
) -> None:
    """The PUT was answered: it is read back at once, and its proof is of before."""
    walk = Moving("web").to_proof().put()
    for _ in range(again):
        restart(walk, 2)
    walk.look(**THERE)
    old = walk.incident.proof
    assert (walk.phase, old is not None) == (Phase.EVACUATING, True)
    assert old is not None
    assert not walk.now.reached(old.valid_until)
    assert walk.inspect().posts == []
    walk.identify()
    for _ in range(3):
        assert walk.posts == []
        walk.read().elapse(1)
    assert walk.posts == [("web", 1)]


@pytest.mark.parametrize("left_out", ["power", "flag", "evacuations"])
def test_c3_each_of_the_three_is_needed(left_out: str) -> None:
    walk = restart(unsent())
    for _ in range(8):
        if left_out != "power":
            walk.identify().read()
        if left_out != "flag" and walk.all(Look):
            walk.flag()
        if left_out != "evacuations" and walk.all(Inspect):
            walk.inspect()
        walk.elapse(1)
    assert walk.posts == []
    walk.calm()
    if walk.all(Inspect):
        walk.inspect()
    for _ in range(3):
        walk.calm().elapse(1)
    if left_out == "power":
        walk.again()
    assert walk.posts == [("web", 2)]


def test_c9_power_that_came_back_during_the_restart_is_fenced_again() -> None:
    walk = restart(Moving().to_inspected()).identify().read(Power.ON)
    assert (walk.phase, walk.posts) == (Phase.FENCING, [])


def test_l2_what_ended_while_the_daemon_was_gone_is_told_as_it_ended() -> None:
    walk = Moving("web", "db").to_posted().turns(2, "done").turns(1, "pre-migrating")
    restart(walk, 700)
    assert walk.outcomes == []
    walk.inspect()
    assert walk.outcomes == [("moved", ["web"]), ("unknown", ["db"])]


def test_the_questions_of_before_the_restart_are_not_answered_by_late_answers() -> None:
    walk = Moving().to_posted()
    before = walk.incident.rounds
    rounds = restart(walk).incident.rounds
    assert rounds.inspections == before.inspections + 1
    assert rounds.follows == before.follows + 1
    assert rounds.guarded_from == rounds.renew_from == walk.now
    assert (rounds.inspected_at, rounds.failures, rounds.ask_at) == (None, 0, None)


def test_what_stopped_it_is_asked_again_after_a_restart() -> None:
    walk = Moving("web", "db").to_inspected()
    db, web = walk.all(Evacuate)
    walk.begins(1).answer_post(web).answer_post(db, Outcome.UNSENT)
    walk.given(mode=Mode.FENCE).guard(2)
    assert walk.incident.rounds.barred is not None
    restart(walk.given(mode=Mode.EVACUATE))
    assert walk.incident.rounds.barred is None


def test_a_restart_leaves_outcomes_alone() -> None:
    walk = Moving("web", "db").to_posted().turns(2, "done").elapse(2).follow()
    before = walk.record("web")
    assert restart(walk).record("web") is before
    assert walk.reboot().record("web") is before


# reboot


def test_a11_after_a_reboot_every_time_is_counted_anew() -> None:
    walk = Moving("web", "db", "app").to_inspected()
    _, db, web = walk.all(Evacuate)
    walk.begins(1).answer_post(web).answer_post(db, Outcome.UNSENT).reboot()
    records = [walk.record(name) for name in ("web", "db", "app")]
    assert [record.stage for record in records] == [UNDER_WAY, WAITING, CHECKING]
    assert {record.since for record in records} == {walk.now}
    assert {record.not_before for record in records} == {walk.now.plus(60)}
    assert walk.outcomes == []
    assert all(0 < left_s <= 900 for left_s in walk.waits)


def test_c1_after_a_reboot_the_proof_is_too_old_until_it_is_renewed() -> None:
    walk = unsent().reboot()
    walk.inspect().flag()
    for _ in range(64):
        assert walk.posts == []
        walk.calm().tell().elapse(1)
        if walk.posts:
            break
    assert walk.posts == [("web", 2)]
    assert walk.incident.proof is not None
    assert walk.incident.proof.taken_at.boot_id == walk.now.boot_id


def test_b2_after_a_reboot_the_power_has_its_time_to_be_read_again() -> None:
    walk = Moving().to_posted().reboot().elapse(59.75)
    assert walk.incident.rounds.barred is None
    walk.elapse(0.25)
    assert walk.incident.rounds.barred is not None


@pytest.mark.parametrize("rebooted", [False, True])
def test_c7_what_was_being_sent_is_doubted_in_whatever_phase_it_is_taken_up(
    *, rebooted: bool
) -> None:
    walk = Moving().to_inspected().elapse(1).read(Power.ON)
    assert (walk.phase, walk.stage()) == (Phase.FENCING, POSTING)
    walk.reboot() if rebooted else restart(walk)
    assert walk.stage() is CHECKING


# a bug


def test_c7_a_request_whose_end_a_bug_has_swallowed_is_looked_for() -> None:
    walk = Moving("web", "db").to_inspected()
    db, web = walk.all(Evacuate)
    walk.see(Crashed("KeyError", web))
    assert (walk.phase, walk.gate) == (Phase.HELD, "internal")
    assert walk.record("web").stage is CHECKING
    assert walk.record("web").not_before == walk.now.plus(60)
    assert walk.stage("db") is POSTING  # it is still out, and will be heard of
    walk.begins(2, "db").answer_post(db)
    assert walk.stage("db") is UNDER_WAY
    fenced_again(walk).inspect()
    assert (walk.posts, walk.stage("web")) == ([], CHECKING)


def test_a_bug_elsewhere_leaves_the_requests_alone() -> None:
    walk = Moving().to_inspected()
    walk.see(Crashed("KeyError", Follow(1))).see(Crashed("KeyError"))
    assert walk.stage() is POSTING


def test_a_bug_in_an_earlier_request_does_not_touch_the_present_one() -> None:
    walk = unsent().elapse(1)
    assert walk.posts == [("web", 2)]
    walk.see(Crashed("KeyError", Evacuate(server("web").id, 1)))
    assert walk.stage() is POSTING


# what waited too long for its turn


def test_c7_a_request_is_sent_only_while_it_is_the_one_that_is_saved() -> None:
    walk = Moving("web", "db").to_inspected()
    web, _ = walk.all(Evacuate)
    assert overtaken(walk.incident, web, walk.context) == ""
    for other in (Evacuate(web.server, 2), Evacuate(server("x").id, 1)):
        why = f"{other.server} is not to be evacuated any more"
        assert overtaken(walk.incident, other, walk.context) == why
    assert overtaken(replace(walk.incident, phase=Phase.HELD), web, walk.context)
    assert overtaken(walk.answer_post(web).incident, web, walk.context)


def test_what_waits_for_its_turn_is_not_sent_once_nothing_more_is_evacuated() -> None:
    walk = Moving("web", "db").to_inspected()
    web, _ = walk.all(Evacuate)
    barred = Held("flag", "Nova does not have it forced down any more", "ask who cleared it")
    incident = replace(walk.incident, rounds=replace(walk.incident.rounds, barred=barred))
    assert overtaken(incident, web, walk.context) == f"nothing more is evacuated: {barred.why}"


# a second beginning


def failed_once(**changes: Fields) -> Moving:
    """Walk to where the only try of one server has failed, and a human is asked."""
    walk = Moving(policy=Policy(evacuation_tries=1), **changes).to_posted()
    walk.turns(1, "error", vm_state="error").elapse(2).follow().elapse(2).inspect()
    assert (walk.phase, walk.gate, walk.stage()) == (Phase.HELD, "evacuation", Stage.FAILED)
    return walk
