"""The way back at its limits: how long each step may take, and what is said where it gets stuck."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Crashed, Look, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Enable, Lift, LiftEnded, Step, SwitchOn
from doctor_daemon.core.returning import superseded
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import REASON, Back
from tests.core.make import plan
from tests.core.moving import row
from tests.core.test_automatic import Alone
from tests.core.test_releasing_held import STALE, stuck
from tests.core.test_releasing_on import silent

# how long


@pytest.mark.parametrize(("most", "phase"), [(0, Phase.HELD), (1, Phase.FENCING)])
def test_a_host_that_fails_after_the_lift_is_fenced_as_often_as_the_policy_says(
    most: int, phase: Phase
) -> None:
    walk = Back(policy=Policy(refences_max=most)).to_watching().elapse(1).hear("zabbix")
    assert walk.show().elapse(10).phase is phase


def test_one_that_comes_back_by_itself_has_its_quarantine_besides() -> None:
    walk = Alone().rows_are(web="done").to_begun()
    began = walk.now
    walk.quarantine(1190)
    assert walk.phase is Phase.RELEASING
    walk.quarantine(20)
    assert (walk.phase, walk.incident.phase_at) == (Phase.HELD, began.plus(1200))


def test_a_request_that_cannot_be_read_back_does_not_shorten_the_time() -> None:
    walk = Back().to_lift().lift(Outcome.UNKNOWN).elapse(100)
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.LIFTING)


def test_the_end_of_the_watch_is_waited_for() -> None:
    assert 60.0 in Back().to_watching().waits
    assert 60.0 not in Back().to_releasing().waits


def test_the_look_has_to_be_as_young_as_the_list() -> None:
    walk = Back().to_watching().round(seconds=8).watch(40)
    walk.elapse(10).report().elapse(2).tell()
    until = (walk.incident.release.lifted_at or walk.now).plus(60)
    assert (walk.now, walk.incident.release.inspected_at) == (until, until)
    assert (walk.step, walk.all(Enable)) == (Step.WATCHING, [])
    assert walk.elapse(8).report().all(Enable)


def test_silence_ends_no_way_back_whose_lift_may_have_been_done() -> None:
    walk = Alone().to_begun().quarantine(320)
    assert walk.all(Lift)
    walk.resume().elapse(130)
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.LIFTING)


def test_a_host_whose_flag_others_have_cleared_is_not_called_forced_down_for_its_silence() -> None:
    walk = Alone().to_begun().identify().tell().show(forced_down=False, state="up").resume()
    for _ in range(14):
        walk.elapse(10).show()
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.CHECKING)


def test_whoever_calls_it_down_while_it_is_read_back_is_weighed_from_then_on() -> None:
    walk = Back().to_lift().lift()
    walk.show(asked_at=walk.now.plus(-0.25)).hear("zabbix")
    assert (walk.step, walk.incident.release.accused_at) == (Step.LIFTING, None)
    del walk.shown["asked_at"]
    walk.elapse(1).show()
    assert (walk.step, walk.incident.release.accused_at) == (Step.WATCHING, walk.now)
    assert walk.show().elapse(9.75).phase is Phase.RELEASING
    assert walk.elapse(0.25).phase is Phase.FENCING


def test_it_is_looked_at_calmly() -> None:
    walk = Back().to_releasing().show()
    assert walk.all(Look) == []
    assert walk.elapse(9.75).all(Look) == []
    assert walk.elapse(0.25).all(Look)


# what is missing


def test_an_old_evacuation_is_named_before_all_else_that_is_missing() -> None:
    walk = stuck(Back()).to_releasing()
    while walk.phase is Phase.RELEASING:
        walk.round(Power.OFF)
    assert walk.said == f"held: {STALE}; `doctor-daemon release HOST` tries again"


def test_one_of_which_nova_shows_nothing_since_a_restart_is_held_too() -> None:
    walk = Back().to_watching().resume().elapse(959)
    assert walk.phase is Phase.RELEASING
    assert walk.elapse(1).gate == "release"


def test_after_the_lift_only_what_keeps_it_from_being_enabled_is_missing() -> None:
    walk = Back().to_watching().resume()
    walk.rows = {1: row(1, "web")}
    silent(walk, 1000)
    assert walk.incident.release.open == (1,)
    assert walk.said == (
        "held: nova-compute of cmp-1 has reported in 0 times since the flag was lifted; 2 are "
        "needed, with no write to the service in between; `doctor-daemon release HOST` tries again"
    )


def test_that_nova_does_not_tell_its_evacuations_is_said() -> None:
    walk = Back().to_watching()
    while walk.phase is Phase.RELEASING:
        walk.elapse(5).report()
    assert "held: Nova has not told the evacuations from cmp-1 in the last 30 s;" in walk.said


def test_that_what_was_done_cannot_be_read_back_is_said() -> None:
    walk = Back(policy=Policy(progress_s=22.0, settle_s=1.0)).to_lift().lift(Outcome.UNKNOWN)
    while walk.phase is Phase.RELEASING:
        walk.elapse(0.25)
    assert "held: what was done to cmp-1 cannot be read back;" in walk.said


def test_a_flag_that_is_set_again_after_the_lift_is_told_as_somebody_elses() -> None:
    walk = Back().to_watching().elapse(10).report(forced_down=True, state="down")
    said = [entry.text for entry in walk.incident.timeline]
    assert "forced_down was set again by somebody else, and is theirs to clear" in said


def test_a_flag_that_is_shown_twice_while_it_is_read_back_is_told_once() -> None:
    theirs = {"forced_down": True, "state": "down", "status": "disabled", "reason": REASON}
    walk = Back().to_enable().enable(Outcome.UNKNOWN)
    walk.show(asked_at=walk.now.plus(-0.25), **theirs)
    assert walk.step is Step.ENABLING
    del walk.shown["asked_at"]
    walk.show()
    said = [entry.text for entry in walk.incident.timeline]
    assert walk.phase is Phase.HELD
    assert said.count("forced_down was set again by somebody else, and is theirs to clear") == 1


def test_evacuations_that_have_ended_before_the_lift_are_no_alarm() -> None:
    walk = Back().rows_are(web="accepted").to_releasing().tell()
    walk.rows_are(web="done").round()
    assert walk.incident.release.done == (1,)
    assert NoticeKind.ALARM not in walk.told


# enabling


def test_one_that_was_forced_down_again_is_not_called_disabled_still() -> None:
    walk = Back().to_enable().enable(Outcome.UNKNOWN)
    walk.show(forced_down=True, state="down", status="disabled", reason=REASON)
    assert walk.gate == "release"
    assert all("still disabled" not in entry.text for entry in walk.incident.timeline)


def test_one_that_is_enabled_is_not_enabled_whatever_reason_is_left_there() -> None:
    walk = Back().to_watching()
    walk.shown |= {"status": "enabled", "reason": REASON}
    walk.watch(80)
    assert (walk.phase, walk.said) == (
        Phase.RESOLVED,
        "back in service: Nova has it up and enabled",
    )


def test_while_it_is_called_down_its_incident_does_not_end() -> None:
    walk = Back().to_watching()
    walk.shown |= {"status": "enabled", "reason": ""}
    walk.elapse(1).hear("doctor", trust=Trust.OPEN).watch(280)
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.WATCHING)
    assert walk.watch(40).phase is Phase.RESOLVED


def test_what_neither_an_order_nor_the_policy_asks_for_any_more_is_not_enabled() -> None:
    walk = Alone().to_begun().quarantine(320).lift().show().given(plan=plan()).watch(80)
    assert (walk.phase, walk.all(Enable)) == (Phase.RESOLVED, [])
    assert walk.said == "back: Nova has it up; it stays disabled, as the policy says"


# answers and requests that come too late


def test_only_a_lift_that_may_have_been_done_is_remembered_as_one() -> None:
    assert Back().to_lift().lift(Outcome.REFUSED).incident.release.lift_at is None
    assert Back().to_lift().lift(Outcome.UNSENT).incident.release.lift_at is None
    walk = Back().to_enable()
    lift_at = walk.incident.release.lift_at
    assert lift_at is not None
    assert walk.enable().incident.release.lift_at == lift_at


def test_of_a_lift_that_is_answered_once_it_is_held_only_the_time_is_kept() -> None:
    walk = Back().to_lift()
    effect = walk.one(Lift)
    before = walk.see(Crashed("KeyError")).incident
    walk.wait(1).see(LiftEnded(effect, Outcome.ACCEPTED, "200", walk.now))
    release = replace(before.release, lift_at=walk.now)
    assert walk.incident == replace(before, release=release)
    assert superseded(before, effect) == "it is not wanted any more: the incident is held"


@pytest.mark.parametrize("phase", [Phase.HELD, Phase.FENCING, Phase.RESOLVED])
def test_a_host_that_is_held_or_cut_or_back_is_not_switched_on(phase: Phase) -> None:
    walk = Back().to_down().list("web").order(Order.POWER_ON).tell()
    effect = walk.one(SwitchOn)
    assert superseded(walk.incident, effect) == ""
    assert superseded(walk.incident, replace(effect, number=9)).endswith("the incident is down")
    elsewhere = replace(walk.incident, phase=phase)
    assert superseded(elsewhere, effect).endswith(f"the incident is {phase}")
