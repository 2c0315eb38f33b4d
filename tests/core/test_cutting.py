"""The point of no return: what waits its turn, what is refused, and who still hears of life."""

from __future__ import annotations

from doctor_daemon.core.cutting import overtaken
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.messages import Cut, Failed, Look, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.recall import unsent
from doctor_daemon.core.tries import Lined, Outcome
from tests.core.make import BMC, PDU, level, plan
from tests.core.test_own_side_waits import isolated
from tests.core.walk import Walk

UP = Verdict.UP
OLD = "cmp-1 has not been looked at in the last 5 s"


def two() -> Walk:
    """Walk to where the cuts of a level of two devices are due."""
    return Walk(plan=plan(level(BMC, PDU))).to_cut()


def line_up(walk: Walk, effect: Cut | None = None, *, over: bool = False) -> Walk:
    """Let the cut that is due wait for its turn, or let that have come."""
    cut = effect or walk.one(Cut)
    return walk.see(Lined(cut.try_, cut.device, walk.now, over))


def lined() -> Walk:
    return line_up(Walk().to_cut())


# waiting its turn


def test_b13_a_cut_that_waits_its_turn_is_no_failed_try_however_long_that_takes() -> None:
    walk = lined()
    effect, limit_s = walk.one(Cut), Policy().look_age_s
    for _ in range(60):
        if walk.elapse(1).all(Look):
            walk.look()
        assert walk.incident.sighting is not None
        assert walk.now.since(walk.incident.sighting.asked_at) < limit_s
    assert (walk.one(Cut), walk.attempt.number) == (effect, 1)
    line_up(walk, over=True).cut()
    assert walk.prove().phase is Phase.FORCING_DOWN


def test_l1_the_time_for_a_proof_begins_with_the_turn() -> None:
    walk = lined().elapse(60).look()
    line_up(walk, over=True)
    walk.elapse(Policy().off_timeout_s - 0.25)
    assert walk.attempt.number == 1
    assert walk.elapse(0.25).attempt.number == 2


def test_l2_a_turn_that_never_comes_ends_with_a_human() -> None:
    walk = lined().elapse(Policy().progress_s)
    assert (walk.phase, walk.gate) == (Phase.HELD, "progress")


def test_i14_life_counts_while_a_cut_waits_its_turn() -> None:
    walk = lined()
    effect = walk.one(Cut)
    walk.hear(verdict=UP)
    assert walk.phase is Phase.DISMISSED
    assert overtaken(walk.incident, effect)


def test_i14_a_report_of_nova_compute_counts_while_a_cut_waits_its_turn() -> None:
    walk = lined().elapse(2)
    assert walk.look(updated_s=1060.0).phase is Phase.DISMISSED


def test_i14_life_that_another_kind_denies_keeps_a_cut_from_being_sent() -> None:
    walk = lined()
    effect = walk.one(Cut)
    walk.hear("ping", kind="ping", verdict=UP)
    assert walk.incident.untouched
    assert walk.incident.contradicted_at is not None
    assert overtaken(walk.incident, effect)
    assert walk.identify().all(Cut) == []


def test_i14_what_is_taken_back_while_a_cut_waits_its_turn_ends_it() -> None:
    assert lined().hear(verdict=Verdict.WITHDRAWN).phase is Phase.DISMISSED


def test_i14_once_its_turn_has_come_life_does_not_cancel() -> None:
    walk = line_up(lined(), over=True).hear(verdict=UP)
    assert (walk.phase, walk.gate) == (Phase.HELD, "fencing")


def test_i14_beside_one_that_was_sent_a_cut_that_waits_is_past_the_point_too() -> None:
    walk = two()
    first, second = walk.all(Cut)
    line_up(walk, second).answer_cut(first)
    assert not unsent(walk.incident, walk.context)
    assert walk.hear(verdict=UP).phase is Phase.HELD
    assert overtaken(walk.incident, second)


def test_c1_a_restart_does_not_believe_that_nothing_was_sent() -> None:
    walk = lined().see(Resumed())
    assert not walk.incident.untouched
    assert walk.hear(verdict=UP).phase is Phase.FENCING


def test_a_turn_of_an_earlier_try_means_nothing() -> None:
    walk = Walk().to_cut().cut(Outcome.UNSENT)
    before = walk.incident
    assert walk.see(Lined(1, "bmc", walk.now, over=True)).incident is before


def test_nothing_is_sent_before_the_gates_were_passed() -> None:
    walk = Walk().to_fencing()
    assert not unsent(walk.incident, walk.context)
    assert overtaken(walk.incident, Cut(1, 1, "bmc"))
    assert not overtaken(Walk().to_cut().incident, Cut(1, 1, "bmc"))
    assert overtaken(Walk().to_cut().incident, Cut(2, 1, "bmc"))


# refused just before it is sent


def test_b13_a_look_that_grew_old_is_no_try() -> None:
    walk = Walk().to_cut()
    for number in range(1, Policy().looks_max):
        assert (walk.attempt.number, walk.attempt.nth) == (number, 1)
        walk.wait(6).refuse(walk.one(Cut), "look", OLD)
        assert walk.incident.untouched
        assert walk.incident.retry_at is None
        walk.identify().look()
    assert len(walk.all(Cut)) == 1


def test_l2_a_look_that_grows_old_again_and_again_is_one() -> None:
    walk = Walk().to_cut()
    for _ in range(Policy().looks_max - 1):
        walk.wait(6).refuse(walk.one(Cut), "look", OLD).identify().look()
    walk.refuse(walk.one(Cut), "look", OLD)
    assert walk.attempt.nth == 2
    assert walk.incident.retry_at is not None


def test_a_permit_that_ran_out_is_a_try() -> None:
    walk = Walk().to_cut()
    walk.refuse(walk.one(Cut), "permit", "the permit has run out")
    assert (walk.attempt.nth, walk.incident.untouched) == (2, True)


def test_a1_two_cuts_that_were_both_refused_wait_and_hear_of_life() -> None:
    walk = two()
    for effect in walk.all(Cut):
        isolated(walk).refuse(effect, "isolation", "no reference point answers")
    assert walk.incident.untouched
    assert walk.incident.waiting is not None
    assert walk.hear(verdict=UP).phase is Phase.DISMISSED


def test_a1_beside_one_that_waits_its_turn_a_refused_cut_takes_the_point_back() -> None:
    walk = two()
    first, second = walk.all(Cut)
    isolated(line_up(walk, second)).refuse(first, "isolation", "no reference point answers")
    assert walk.incident.untouched
    assert overtaken(walk.incident, second)


def test_l2_whoever_never_says_how_its_cut_ended_is_waited_for_no_longer_than_for_a_proof() -> None:
    walk = two()
    first, _ = walk.all(Cut)
    isolated(walk).refuse(first, "isolation", "no reference point answers")
    assert walk.phase is Phase.FENCING
    walk.elapse(Policy().off_timeout_s)
    assert (walk.phase, walk.gate) == (Phase.HELD, "isolation")


def test_b13_beside_a_device_that_was_cut_the_look_is_repeated_and_both_are_cut() -> None:
    """It is past the point of no return, and goes on to the proof."""
    walk = two()
    first, second = walk.all(Cut)
    walk.answer_cut(first).wait(6).refuse(second, "look", OLD)
    assert (walk.attempt.nth, walk.incident.untouched) == (1, False)
    walk.identify().look()
    assert [effect.device for effect in walk.all(Cut)] == ["bmc", "pdu"]
    assert walk.cut().prove().phase is Phase.FORCING_DOWN


def test_a_refusal_after_the_end_of_its_cut_means_nothing() -> None:
    walk = Walk().to_cut()
    effect = walk.one(Cut)
    before = walk.answer_cut(effect).incident
    assert walk.refuse(effect, "armed").incident is before


def test_a_cut_that_fails_without_an_outcome_may_have_been_done() -> None:
    walk = Walk().to_cut()
    walk.see(Failed(walk.one(Cut), "lost"))
    assert walk.all(Cut) == []
    assert walk.attempt.device("bmc").cut is Outcome.UNKNOWN


def test_l1_a_cut_that_ends_while_it_waits_its_turn_gives_its_try_no_more_time() -> None:
    """Its turn was never told to have come: the time is counted from the go."""
    walk = two()
    first, second = walk.all(Cut)
    line_up(walk.elapse(2), second).answer_cut(first).answer_cut(second, Outcome.UNKNOWN)
    walk.elapse(Policy().off_timeout_s - 2.25)
    assert walk.attempt.number == 1
    assert walk.elapse(0.25).attempt.number == 2
