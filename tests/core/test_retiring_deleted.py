"""What became of the request to delete: only what Nova has said and shows is believed."""

from dataclasses import replace

import pytest

from doctor_daemon.core.gates import Act, refused, verdicts
from doctor_daemon.core.messages import Crashed, Identify, Order, Read, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.retirement import Course, DeleteService, ServiceDeleted, Survey
from doctor_daemon.core.retiring import unwanted
from doctor_daemon.core.survey import Surveyed
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.leaving import Leaving
from tests.core.make import SERVICE, incident
from tests.core.test_retiring import not_done

CONFLICT = (
    "Nova answered 409 Unable to delete compute service that is hosting instances. Migrate or "
    "delete the instances first."
)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FORBIDDEN, Outcome.UNSENT])
def test_a_refusal_ends_the_order_in_novas_words(outcome: Outcome) -> None:
    walk = Leaving().to_delete().delete(outcome, "Nova answered 403 no")
    assert not_done(walk) == f"deleting the service {outcome}: Nova answered 403 no"


def test_a_409_is_explained() -> None:
    walk = Leaving().to_delete().delete(Outcome.REFUSED, CONFLICT)
    assert not_done(walk).startswith(f"deleting the service refused: {CONFLICT}; Nova sees servers")


def test_an_answer_that_got_lost_is_asked_for_again_by_the_same_id() -> None:
    walk = Leaving().to_delete()
    first = walk.one(DeleteService)
    walk.delete(Outcome.UNKNOWN, "no answer")
    assert walk.course is Course.COUNTING
    walk.listed = False
    walk.survey()
    assert [walk.phase] == [Phase.DOWN]
    assert walk.said == "Nova does not list the service; it is asked once more, to be certain"
    second = walk.one(DeleteService)
    assert (second.service, second.number > first.number) == (first.service, True)
    walk.delete(Outcome.ACCEPTED, "404").survey()
    assert walk.phase is Phase.RESOLVED


def test_nova_is_not_asked_for_ever() -> None:
    walk = Leaving().to_delete()
    for _ in range(3):
        walk.delete(Outcome.UNKNOWN, "no answer")
        walk.listed = False
        walk.survey()
    assert walk.course is Course.COUNTING
    walk.minutes(2.5)
    assert not_done(walk) == (
        "whether it is deleted is not known: Nova lists no such service, and has not said that it "
        "deleted it"
    )


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_a_service_that_is_still_listed_is_not_deleted(outcome: Outcome) -> None:
    walk = Leaving().to_delete().delete(outcome)
    walk.listed = True
    walk.survey().minutes(1)
    assert (walk.phase, walk.course) == (Phase.DOWN, Course.COUNTING)
    walk.minutes(1.5)
    assert not_done(walk) == "whether it is deleted is not known: Nova still lists the service"


def test_a_nova_that_does_not_tell_leaves_it_unknown() -> None:
    walk = Leaving().to_delete().delete()
    for _ in range(40):
        for effect in walk.all(Survey):
            walk.fail(effect, "is its cell down?")
        if walk.course is Course.OVER:
            break
        walk.elapse(5)
    assert not_done(walk) == "whether it is deleted is not known: is its cell down?"


def test_a_nova_compute_that_registers_anew_is_for_a_human() -> None:
    """It lives, beside what was proven off."""
    walk = Leaving().to_delete().delete()
    walk.listed = True
    walk.survey(uuid="another")
    assert (walk.phase, walk.gate) == (Phase.HELD, "service")


def test_while_it_is_read_back_the_power_is_not_read() -> None:
    walk = Leaving().to_delete().delete().identify()
    assert walk.course is Course.COUNTING
    assert (walk.all(Identify), walk.all(Read)) == ([], [])


def test_a_report_while_it_is_read_back_is_not_forgotten_and_keeps_the_next_request() -> None:
    walk = Leaving().to_delete().delete(Outcome.UNKNOWN, "no answer").survey()
    walk.elapse(10).survey(updated_s=1010.0).elapse(10).survey(updated_s=1020.0, reason="theirs")
    walk.listed = False
    walk.elapse(10).survey()
    assert walk.course is Course.DELETING
    refusal = refused(Act.DELETE, walk.incident, walk.context)
    assert refusal is not None
    assert refusal.why == "nova-compute of cmp-1 has reported in"


def test_what_is_answered_late_is_noted_and_means_nothing() -> None:
    walk = Leaving().to_delete()
    effect = walk.one(DeleteService)
    walk.see(Crashed("KeyError"))
    assert (walk.phase, walk.course) == (Phase.HELD, Course.OVER)
    walk.see(ServiceDeleted(effect, Outcome.ACCEPTED, "204", walk.now))
    assert (walk.phase, walk.said) == (Phase.HELD, "deleting the service accepted: 204")
    assert (walk.course, walk.wish.put) == (Course.OVER, None)
    other = Leaving().to_down().list("web")
    other.see(ServiceDeleted(effect, Outcome.ACCEPTED, "204", other.now))
    assert other.phase is Phase.DOWN


def test_answers_to_other_questions_mean_nothing() -> None:
    walk = Leaving().to_ordered()
    before = walk.incident
    assert walk.see(Surveyed(9, walk.now, None)).incident is before
    assert walk.fail(Survey(9)).incident is before
    assert walk.refuse(DeleteService(9, SERVICE), "armed").incident is before
    walk = Leaving().to_down().list("web")
    before = walk.incident
    assert walk.see(Surveyed(1, walk.now, None)).incident is before
    assert walk.fail(Survey(1)).incident is before
    assert walk.refuse(DeleteService(1, SERVICE), "armed").incident is before


def test_a_gate_that_is_shut_just_before_ends_the_order() -> None:
    walk = Leaving().to_delete()
    walk.refuse(walk.one(DeleteService), "armed", "the daemon is disarmed")
    assert not_done(walk) == "nothing was sent: the daemon is disarmed"


def test_what_is_wanted_no_more_is_not_sent() -> None:
    walk = Leaving().to_delete()
    effect = walk.one(DeleteService)
    assert unwanted(walk.incident, effect) == ""
    assert unwanted(walk.incident, replace(effect, number=1)) == (
        "it is not wanted any more: the incident is down"
    )
    walk.see(Crashed("KeyError"))
    assert unwanted(walk.incident, effect) == "it is not wanted any more: the incident is held"
    assert unwanted(Leaving().to_down().incident, effect)


def test_a_request_is_sent_for_a_host_that_is_down_only() -> None:
    walk = Leaving().to_delete()
    released = replace(walk.incident, phase=Phase.RELEASING)
    assert unwanted(released, walk.one(DeleteService)).endswith("the incident is releasing")


def test_a_host_without_a_service_is_asked_to_be_deleted_all_the_same() -> None:
    """Somebody else was there before: only a 404 tells for certain."""
    walk = Leaving()
    walk.listed = False
    walk.to_ordered().survey().off()
    walk.delete(Outcome.ACCEPTED, "404").survey()
    assert walk.phase is Phase.RESOLVED


# restarts


def test_a_restart_before_the_request_ends_the_order() -> None:
    walk = Leaving().to_ordered().survey().resume()
    assert not_done(walk).startswith("the daemon was restarted, and nothing was sent")


@pytest.mark.parametrize("rebooted", [False, True])
def test_a_restart_after_the_request_reads_it_back(*, rebooted: bool) -> None:
    walk = Leaving().to_delete()
    if rebooted:
        walk.reboot()
    else:
        walk.wait(10).see(Resumed())
    assert (walk.course, walk.wish.put) == (Course.COUNTING, Outcome.UNKNOWN)
    walk.listed = False
    walk.survey()
    assert [walk.course] == [Course.DELETING]
    walk.delete(Outcome.ACCEPTED, "404").survey()
    assert walk.phase is Phase.RESOLVED


def test_a_restart_while_it_is_read_back_reads_it_back() -> None:
    walk = Leaving().to_delete().delete().resume()
    assert (walk.course, walk.wish.put) == (Course.COUNTING, Outcome.ACCEPTED)
    assert walk.survey().phase is Phase.RESOLVED


def test_an_order_that_is_over_is_not_taken_up_after_a_way_back_that_was_called_off() -> None:
    walk = Leaving().to_delete()
    walk.see(Crashed("KeyError")).order(Order.RELEASE).order(Order.DISMISS)
    assert (walk.phase, walk.course) == (Phase.DOWN, Course.OVER)
    assert (walk.all(DeleteService), walk.all(Survey)) == ([], [])


# gates


def test_without_an_order_and_a_proof_its_gates_are_shut() -> None:
    walk = Leaving().to_down()
    shut = {gate.name for gate, why in verdicts(Act.DELETE, walk.incident, walk.context) if why}
    assert shut == {"asleep", "off", "surveyed"}
    refusal = refused(Act.DELETE, incident(), walk.context)
    assert refusal is not None
    assert (refusal.gate, refusal.why) == ("asleep", "nobody has ordered it")
    told = dict(verdicts(Act.DELETE, replace(walk.incident, proof=None), walk.context))
    assert "there is no proof that cmp-1 is off" in told.values()


def test_a_list_that_may_leave_it_out_shows_nothing_before_it_is_deleted() -> None:
    """Before 2.69 a cell that is down looks like hosts that are gone, and so without servers."""
    walk = Leaving().to_ordered()
    walk.listed = walk.whole = False
    walk.survey().off()
    assert (walk.all(DeleteService), walk.wish.left) == ([], None)
    walk.minutes(2.5)
    assert "before 2.69 it leaves out those of a cell" in not_done(walk)


def test_a_list_that_may_leave_others_out_is_enough_where_it_shows_the_host() -> None:
    walk = Leaving().to_ordered()
    seen = make.sighting(0, **{**walk.shown, "asked_at": walk.now})
    walk.see(Surveyed(walk.wish.number, walk.now, seen, whole=False))
    assert walk.wish.left is not None
    assert walk.off().course is Course.DELETING


def test_once_nova_has_said_that_it_is_deleted_such_a_list_is_enough() -> None:
    walk = Leaving().to_delete().delete()
    walk.whole = False
    assert walk.survey().phase is Phase.RESOLVED
