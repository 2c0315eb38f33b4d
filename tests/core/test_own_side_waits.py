"""A cut that waits at a gate: looked at meanwhile, cut when it opens, held when that lasts."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.messages import Cut, Identify, Look, Order
from doctor_daemon.core.ourselves import Check, Ourselves, Paused, Sign
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.waiting import asks_again, ends_waiting, wait, waited, waits
from tests.core.make import BMC, PDU, level, plan
from tests.core.walk import Walk


def isolated(walk: Walk, *, good: bool = False) -> Walk:
    """Have our own side checked just now."""
    check = Check(Sign.REFERENCE, good, "no reference point answers", walk.now)
    return walk.given(own=Ourselves((Sign.REFERENCE,), {Sign.REFERENCE: check}))


def waiting() -> Walk:
    """Bring an incident as far as a cut that waits."""
    return isolated(Walk().to_fencing()).identify().look()


def test_a1_a_cut_waits_while_we_may_be_cut_off() -> None:
    walk = waiting()
    assert walk.phase is Phase.FENCING
    assert walk.all(Cut) == []
    assert walk.incident.cut_started is None
    assert walk.said.startswith(
        "waiting: we may be cut off ourselves: no reference point answers; mend what is said"
    )


def test_a1_it_goes_on_by_itself_when_the_gate_opens() -> None:
    walk = waiting().elapse(5)
    isolated(walk, good=True).elapse(0.25)
    assert walk.said == "the gate isolation is open: it goes on"
    walk.identify().look()
    assert len(walk.all(Cut)) == 1


def test_a1_a_sign_of_life_ends_the_wait() -> None:
    walk = waiting().hear(verdict=Verdict.UP)
    assert walk.phase is Phase.DISMISSED


def test_l2_a_wait_that_lasts_ends_in_held_with_words() -> None:
    walk = waiting()
    walk.elapse(Policy().progress_s)
    assert walk.gate == "isolation"
    assert walk.incident.held is not None
    assert "no reference point answers" in walk.incident.held.why


def test_a1_a_gate_found_shut_just_before_the_cut_is_waited_for() -> None:
    walk = Walk().to_cut()
    isolated(walk).refuse(walk.one(Cut), "isolation", "no reference point answers")
    assert walk.phase is Phase.FENCING
    assert walk.all(Cut) == []
    assert walk.incident.waiting is not None


def test_i14_life_counts_while_a_cut_that_was_refused_waits() -> None:
    """The gates were open, and shut before anything was sent: nothing is past recall."""
    walk = Walk().to_cut()
    isolated(walk).refuse(walk.one(Cut), "isolation", "no reference point answers")
    assert walk.incident.untouched
    walk.elapse(20).hear("ping", kind="ping", verdict=Verdict.UP)
    isolated(walk, good=True).elapse(5)
    walk.identify().look()
    assert walk.all(Cut) == []
    assert walk.incident.contradicted_at is not None


def test_i14_a_report_of_nova_compute_ends_the_wait_of_a_cut_that_was_refused() -> None:
    walk = Walk().to_cut()
    isolated(walk).refuse(walk.one(Cut), "isolation", "no reference point answers")
    isolated(walk.elapse(20), good=True).elapse(5)
    assert walk.identify().look(updated_s=1060.0).phase is Phase.DISMISSED


def test_i14_beside_the_cut_of_another_device_the_point_of_no_return_stands() -> None:
    walk = Walk(plan=plan(level(BMC, PDU))).to_cut()
    first, second = walk.all(Cut)
    walk.answer_cut(first)
    isolated(walk).refuse(second, "isolation", "no reference point answers")
    assert not walk.incident.untouched
    assert (walk.phase, walk.gate) == (Phase.HELD, "isolation")
    assert isolated(walk, good=True).elapse(5).all(Cut) == []


def test_a12_a_pause_ends_a_wait_and_all_is_asked_anew() -> None:
    walk = waiting().wait(60).see(Paused(60.0))
    assert not waits(walk.incident)
    assert not asks_again(walk.incident), "no name is lost"
    assert walk.waits == [Policy().grace_s]


def stalled(walk: Walk, seconds: float, *, look: bool = True) -> Walk:
    """Have the daemon stand still, and its grace pass; everything is asked anew."""
    walk.wait(seconds).see(Paused(seconds))
    isolated(walk.hear().elapse(Policy().grace_s)).identify()
    return walk.look() if look and walk.all(Look) else walk


def test_l2_pauses_do_not_put_the_end_of_a_wait_off_for_ever() -> None:
    """And none counts for it: what was waited for could not be seen to open meanwhile."""
    walk, begun, paused_s = waiting(), waiting().now, 0.0
    while walk.phase is Phase.FENCING and paused_s < 1000:
        stalled(walk.hear().elapse(200), 100)
        paused_s += 100
    assert walk.gate == "isolation"
    assert walk.said.startswith("held: it has waited for 900 s: we may be cut off ourselves")
    assert 900 <= walk.now.since(begun) - paused_s <= 900 + 2 * Policy().grace_s + 200


def test_l2_a_long_pause_is_no_wait() -> None:
    walk = stalled(waiting(), 50_000)
    assert walk.phase is Phase.FENCING
    assert waits(walk.incident)
    assert isolated(walk.elapse(879.75)).elapse(0).phase is Phase.FENCING
    assert walk.elapse(10.25).gate == "isolation"


def test_l2_a_pause_that_was_told_late_is_not_counted_beyond_now() -> None:
    walk = waiting().see(Paused(60.0))
    assert walk.incident.waiting is not None
    assert walk.incident.waiting.since == walk.now
    assert walk.incident.progress_at == walk.now


def test_l2_pauses_that_leave_no_time_to_prepare_are_no_progress() -> None:
    walk = waiting()
    for _ in range(200):
        if walk.phase is not Phase.FENCING:
            break
        walk.wait(3).see(Paused(3.0)).hear().elapse(9)
    assert walk.phase is Phase.HELD
    assert walk.gate == "isolation"


def test_i14_life_beside_a_pause_is_heard_by_whoever_waits_again() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_cut().cut(Outcome.REFUSED).read(Power.ON)
    isolated(walk.elapse(1)).identify().look()
    assert waits(walk.incident)
    walk.wait(3).see(Paused(3.0)).hear(verdict=Verdict.UP).wait(1).hear()
    assert walk.phase is Phase.FENCING, "it is looked at anew"
    isolated(walk).identify().look()
    assert (walk.phase, walk.gate) == (Phase.HELD, "contradiction")


def test_whoever_does_not_wait_is_left_alone_by_the_wait() -> None:
    walk = Walk().to_fencing()
    assert waited(walk.incident, walk.attempt, walk.context) is walk.incident
    assert list(ends_waiting(walk.incident, walk.context)) == []


def test_one_gate_is_waited_for_after_the_other_and_each_is_told_once() -> None:
    walk = waiting()
    shut = refused(Act.CUT, walk.incident, walk.context)
    assert shut is not None
    lines = len(walk.incident.timeline)
    assert len(wait(walk.incident, shut, walk.now).timeline) == lines
    other = replace(walk.context.own, control=None)
    walk.given(own=other).elapse(5)
    assert walk.said.startswith("waiting: Nova has not shown yet")
    assert walk.incident.waiting is not None
    assert walk.incident.waiting.gate == "roster"


# pauses


def test_a12_a_suspicion_gets_its_whole_grace_again() -> None:
    walk = Walk().elapse(Policy().grace_s - 1)
    walk.wait(60).see(Paused(60.0))
    assert walk.phase is Phase.SUSPECTED
    assert walk.said == "the daemon stood still for 60 s: looking at the host anew"
    assert Policy().grace_s in walk.waits
    assert len(walk.all(Look)) == 1


def test_a12_a_cut_that_was_prepared_is_prepared_anew_after_its_grace() -> None:
    walk = Walk().to_fencing().identify()
    number = walk.attempt.number
    walk.wait(60).see(Paused(60.0))
    assert walk.attempt.number == number + 1
    assert walk.waits == [Policy().grace_s]
    walk.hear().elapse(Policy().grace_s)
    assert len(walk.all(Identify)) == 1
    walk.identify().look()
    assert len(walk.all(Cut)) == 1


def test_a12_life_that_shows_in_the_look_after_the_pause_ends_it() -> None:
    walk = Walk().to_fencing().identify()
    walk.wait(60).see(Paused(60.0)).elapse(Policy().grace_s).look(updated_s=1060.0)
    assert walk.phase is Phase.DISMISSED


def test_a12_an_order_has_no_grace() -> None:
    walk = Walk().order(Order.FENCE)
    assert walk.phase is Phase.FENCING
    walk.wait(60).see(Paused(60.0))
    assert len(walk.all(Identify)) == 1


def test_a12_a_cut_that_was_decided_is_not_unmade_but_looked_at_again() -> None:
    walk = Walk().to_cut()
    number = walk.attempt.number
    walk.wait(3).see(Paused(3.0))
    assert walk.attempt.number == number
    assert walk.incident.sighting is None
    assert len(walk.all(Cut)) == 1, "every gate is asked again just before it"


def test_a12_the_next_level_is_prepared_anew_without_a_grace() -> None:
    walk = Walk().to_cut().cut(Outcome.UNSENT)
    walk.wait(3).see(Paused(3.0))
    assert walk.attempt.number == 3
    assert len(walk.all(Identify)) == 1


def test_a12_what_rests_is_left_alone() -> None:
    walk = Walk().to_down()
    before = walk.incident
    assert walk.wait(60).see(Paused(60.0)).incident is before


def test_a1_a_device_that_is_not_heard_while_we_may_be_cut_off_ends_no_try() -> None:
    walk = isolated(Walk().to_fencing())
    first = walk.attempt
    walk.fail(walk.one(Identify))
    assert walk.said.startswith("waiting: we may be cut off ourselves")
    isolated(walk, good=True).elapse(5)
    assert (walk.attempt.level, walk.attempt.nth) == (first.level, first.nth)
    assert walk.attempt.number > first.number
    walk.fail(walk.one(Identify))
    assert walk.said == "level 1, try 1: bmc: no answer"


def test_a1_a_cut_whose_device_falls_silent_while_we_may_be_cut_off_is_made_again() -> None:
    walk = Walk().to_reads()
    first = walk.attempt
    while not walk.incident.waiting:
        isolated(walk).read(Power.UNKNOWN).elapse(1)
    assert walk.phase is Phase.FENCING
    assert walk.said.startswith("waiting: we may be cut off ourselves")
    isolated(walk, good=True).elapse(5)
    assert (walk.attempt.level, walk.attempt.nth) == (first.level, first.nth)
    walk.identify().look()
    assert len(walk.all(Cut)) == 1


def test_a1_a_device_that_says_on_has_failed_whoever_is_cut_off() -> None:
    walk = Walk().to_reads()
    while walk.attempt.nth == 1:
        isolated(walk).read(Power.ON).elapse(1)
    assert walk.incident.waiting is None
    assert "not off 30 s after the cut" in walk.incident.timeline[-1].text


def test_a1_what_is_not_heard_for_long_is_held_and_not_tried_for_ever() -> None:
    walk = isolated(Walk().to_fencing())
    walk.fail(walk.one(Identify)).elapse(Policy().progress_s)
    assert (walk.phase, walk.gate) == (Phase.HELD, "isolation")
