"""The way back from the Lift on: read back, watched, enabled; and all that comes in between."""

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.messages import Inspect, Look, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Enable, Lift, Step
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import REASON, Back
from tests.core.make import SERVICE

# the Lift


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_a_lift_is_believed_when_it_is_read_back(outcome: Outcome) -> None:
    walk = Back().to_lift().lift(outcome)
    assert walk.due[1:] == (Look(walk.incident.looks),)
    walk.show()
    assert (walk.step, walk.incident.release.lifted_at) == (Step.WATCHING, walk.now)


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_a_lift_that_has_done_nothing_is_tried_again_later(outcome: Outcome) -> None:
    walk = Back().to_lift().lift(outcome)
    walk.show(forced_down=True, state="down")
    assert (walk.step, walk.said) == (Step.CHECKING, "the flag is still there when read back")
    assert not walk.all(Look)
    assert not walk.all(Inspect)
    walk.round()
    assert walk.one(Lift) == Lift(2, SERVICE)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNSENT])
def test_trap_8_novas_refusal_is_told_in_its_words_and_not_hammered(outcome: Outcome) -> None:
    walk = Back().to_lift().lift(outcome, "400: done evacuation records remain")
    said = f"lifting the flag {outcome}: 400: done evacuation records remain"
    assert (walk.step, walk.said) == (Step.CHECKING, said)
    assert walk.waits.count(10) == 2
    assert walk.round().all(Lift) == [Lift(2, SERVICE)]


def test_a_gate_that_shuts_just_before_is_asked_again() -> None:
    walk = Back().to_lift()
    walk.refuse(walk.one(Lift), "armed", "disarmed")
    assert (walk.step, walk.said) == (Step.CHECKING, "not sent: disarmed")
    lines = len(walk.incident.timeline)
    walk.given(armed=Armed()).round()
    assert walk.all(Lift) == []
    assert len(walk.incident.timeline) == lines


def test_the_same_refusal_is_told_once_in_a_row() -> None:
    walk = Back().to_enable()
    walk.refuse(walk.one(Enable), "armed", "disarmed")
    lines = len(walk.incident.timeline)
    walk.incident = replace(walk.incident, release=walk.incident.release.at(Step.ENABLING))
    walk.refuse(walk.one(Enable), "armed", "disarmed")
    assert len(walk.incident.timeline) == lines


def test_while_a_lift_is_on_its_way_nothing_else_is_decided() -> None:
    walk = Back().to_lift().hear("zabbix").elapse(200)
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.LIFTING)
    assert walk.all(Lift)
    walk.lift(Outcome.UNSENT)
    assert walk.phase is Phase.DOWN


def test_a_lift_is_waited_for_however_long_it_takes() -> None:
    walk = Back().to_lift().elapse(2000)
    assert walk.due == (Lift(1, SERVICE),)


def test_a_look_from_before_the_end_of_a_lift_does_not_read_it_back() -> None:
    walk = Back().to_lift()
    walk.lift()
    before = walk.now.plus(-0.25)
    walk.show(asked_at=before)
    assert walk.step is Step.LIFTING
    del walk.shown["asked_at"]
    assert walk.show().step is Step.WATCHING


def test_a_flag_that_cannot_be_read_back_holds() -> None:
    walk = Back().to_lift().lift(Outcome.UNKNOWN)
    walk.elapse(900)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")


# the watch


def test_what_is_missing_at_the_end_of_the_watch_is_told() -> None:
    walk = Back().to_watching().show(state="down")
    walk.shown["state"] = "down"
    while walk.phase is Phase.RELEASING:
        walk.round()
    assert walk.said.startswith("held: Nova does not show cmp-1 up; `doctor-daemon release HOST`")


def test_trap_9_a_row_that_turns_back_to_done_is_an_alarm_and_keeps_it() -> None:
    walk = Back().to_watching().rows_are(web="done").watch(70)
    alarms = [e.text for e in walk.incident.timeline if e.text.startswith("ALARM")]
    (alarm,) = alarms
    assert alarm == (
        "ALARM: evacuations 1 have ended after nova-compute was started: "
        "it must be restarted on cmp-1 once more"
    )
    assert (walk.step, walk.all(Enable)) == (Step.WATCHING, [])
    walk.rows_are(web="completed").round()
    assert walk.step is Step.ENABLING


def test_a_row_that_stays_done_holds() -> None:
    walk = Back().to_watching().rows_are(web="done")
    while walk.phase is Phase.RELEASING:
        walk.round()
    assert "evacuations 1 are done: nova-compute must be restarted there" in walk.said


def test_somebody_who_forces_it_down_again_is_not_contradicted() -> None:
    walk = Back().to_watching().elapse(10).report(forced_down=True, state="down")
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    assert "somebody has forced cmp-1 down again" in walk.said


def test_the_list_has_to_be_as_young_as_the_look() -> None:
    walk = Back().to_watching().tell()
    for _ in range(8):
        walk.elapse(10).report()
    assert (walk.step, walk.all(Enable)) == (Step.WATCHING, [])
    assert walk.tell().round().all(Enable)


# enabling


def test_enabled_by_somebody_meanwhile() -> None:
    walk = Back().to_watching().show()
    walk.shown |= {"status": "enabled", "reason": ""}
    walk.watch(80)
    assert (walk.phase, walk.said) == (
        Phase.RESOLVED,
        "back in service: Nova has it up and enabled",
    )


def test_a_foreign_disable_is_left_alone() -> None:
    walk = Back().to_watching()
    walk.shown |= {"reason": "the rack is moved"}
    walk.watch(80)
    assert (walk.phase, walk.said) == (
        Phase.RESOLVED,
        "back: Nova has it up; it stays disabled, not by us: the rack is moved",
    )


def test_the_policy_may_leave_it_disabled() -> None:
    walk = Back(policy=Policy(enable=False)).to_watching().watch(80)
    assert (walk.phase, walk.said) == (
        Phase.RESOLVED,
        "back: Nova has it up; it stays disabled, as the policy says",
    )


def test_disarmed_it_stays_disabled_and_then_is_held() -> None:
    walk = Back().to_watching().given(armed=Armed()).watch(80)
    assert (walk.step, walk.all(Enable)) == (Step.WATCHING, [])
    while walk.phase is Phase.RELEASING:
        walk.round()
    assert "the daemon is disarmed" in walk.said


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNSENT])
def test_an_enable_that_is_refused_is_tried_again_later(outcome: Outcome) -> None:
    walk = Back().to_enable().enable(outcome, "503")
    assert (walk.step, walk.said) == (Step.WATCHING, f"enabling {outcome}: 503")
    assert walk.round().one(Enable) == Enable(3, SERVICE)


def test_an_enable_that_has_done_nothing_is_tried_again_later() -> None:
    walk = Back().to_enable().enable(Outcome.UNKNOWN)
    walk.show(status="disabled", reason=REASON)
    assert (walk.step, walk.said) == (Step.WATCHING, "it is still disabled when read back")
    assert walk.round().one(Enable) == Enable(3, SERVICE)
    assert walk.enable().show().phase is Phase.RESOLVED


def test_an_enable_that_somebody_forestalls_is_not_repeated() -> None:
    walk = Back().to_enable()
    walk.refuse(walk.one(Enable), "reason", "not ours")
    walk.shown |= {"reason": "theirs"}
    assert walk.round().phase is Phase.RESOLVED


def test_forced_down_while_it_was_being_enabled() -> None:
    walk = Back().to_enable().enable(Outcome.UNKNOWN)
    walk.show(forced_down=True, state="down", status="disabled", reason=REASON)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")


# heard since the lift


def silent(walk: Back, seconds: float) -> Back:
    """Let the watch go on, with the service said to be up, and no report of it."""
    until = walk.now.plus(seconds)
    while not walk.now.reached(until) and walk.phase is Phase.RELEASING:
        walk.elapse(10).tell().show()
    return walk


def test_that_nova_shows_it_up_after_the_lift_is_no_sign_of_life() -> None:
    """It does so for `service_down_time`, by a last report from before."""
    walk = silent(Back().to_watching(), 100)
    assert (walk.step, walk.all(Enable)) == (Step.WATCHING, [])
    assert walk.round().all(Enable) == []
    assert walk.round().all(Enable)


def test_without_a_report_since_the_lift_it_is_not_even_over() -> None:
    walk = Back().to_watching()
    walk.shown |= {"status": "enabled", "reason": ""}
    assert silent(walk, 100).phase is Phase.RELEASING
    assert walk.round().round().phase is Phase.RESOLVED


def test_a_host_that_is_silent_since_the_lift_is_held() -> None:
    walk = silent(Back().to_watching(), 1000)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    said = "nova-compute of cmp-1 has reported in 0 times since the flag was lifted; 2 are needed"
    assert said in walk.said


def test_a_report_between_the_lift_and_its_reading_back_is_not_counted() -> None:
    walk = Back().to_lift().lift().report()
    assert (walk.step, walk.incident.release.reports) == (Step.WATCHING, 0)
    assert walk.report().incident.release.reports == 0
    assert walk.round().incident.release.reports == 1


def test_a_write_of_somebody_takes_nothing_away_after_the_lift() -> None:
    walk = Back().to_watching().show().round()
    assert walk.incident.release.reports == 1
    walk.elapse(10).tell().report(reason="theirs")
    assert walk.incident.release.reports == 1
    assert walk.round().incident.release.reports == 2


def test_a_flag_that_somebody_else_cleared_is_watched_as_closely() -> None:
    walk = Back().to_releasing().identify().read(Power.ON).tell().show(forced_down=False)
    walk.round().round()
    assert (walk.step, walk.incident.release.reports) == (Step.WATCHING, 0)


# called down


def test_a_lift_that_was_overtaken_by_an_accusation_is_not_sent() -> None:
    walk = Back().to_lift().hear("zabbix")
    refusal = refused(Act.LIFT, walk.incident, walk.context)
    assert refusal is not None
    assert (refusal.gate, refusal.why) == ("accused", "zabbix calls cmp-1 down")
    walk.refuse(walk.one(Lift), refusal.gate, refusal.why)
    assert walk.phase is Phase.DOWN


def test_a_flag_that_is_gone_already_does_not_stand_when_it_is_called_down() -> None:
    walk = Back().to_releasing().identify().read(Power.ON).tell().show(forced_down=False)
    walk.hear("zabbix")
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.CHECKING)
    walk.elapse(9).hear("zabbix")
    assert walk.phase is Phase.RELEASING
    assert walk.elapse(1).phase is Phase.FENCING
    assert walk.said == "ALARM: zabbix says down again, and the flag is lifted"


def test_whether_the_flag_stands_is_looked_at_first_after_a_restart() -> None:
    walk = Back().to_releasing().resume().hear("zabbix")
    assert walk.phase is Phase.RELEASING
    assert walk.show().phase is Phase.DOWN


def test_a_release_is_not_called_off_once_the_flag_is_gone() -> None:
    walk = Back().to_releasing().tell().show(forced_down=False).order(Order.DISMISS)
    assert walk.phase is Phase.RELEASING
    assert "the flag is being lifted, or is: it is too late for that" in walk.said
    assert walk.order(Order.POWER_ON).incident.release.switching is not None
