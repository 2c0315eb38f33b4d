"""A host in use that is called down: it is fenced only if it shows no sign of life after that."""

from collections.abc import Callable

import pytest

from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.gates import refused
from doctor_daemon.core.messages import Cut, Look, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.recall import recallable
from doctor_daemon.core.release import Enable, Step
from tests.core.coming_back import Back
from tests.core.make import level, plan
from tests.core.test_gates import CUT

ALIVE = "nova-compute has reported in to Nova since the suspicion"


def accused() -> Back:
    """Let a host whose flag was lifted be called down, and be looked at."""
    return Back().to_watching().elapse(1).hear("zabbix").show()


def fencing() -> Back:
    """Let the grace pass in silence: it is to be fenced once more."""
    walk = accused().elapse(10)
    assert (walk.phase, recallable(walk.incident)) == (Phase.FENCING, True)
    return walk


# in its grace


def test_it_is_looked_at_at_once() -> None:
    walk = Back().to_watching().show().elapse(1)
    assert walk.all(Look) == []
    assert walk.hear("zabbix").all(Look)


def test_a_source_that_sees_it_alive_answers_who_called_it_down() -> None:
    walk = accused()
    for _ in range(3):
        walk.elapse(4).report().hear("prometheus", verdict=Verdict.UP)
    assert walk.phase is Phase.RELEASING


def test_a_report_since_then_answers_who_called_it_down() -> None:
    walk = accused().elapse(3).report()
    assert walk.incident.release.accused_at is None
    assert walk.elapse(60).phase is Phase.RELEASING


def test_a_report_from_before_does_not() -> None:
    """What a look shows that had been asked for before the word may be as old as that look."""
    walk = Back().to_watching().show().elapse(10)
    asked_at = walk.now
    walk.wait(0.25).hear("zabbix")
    walk.report(asked_at=asked_at)
    del walk.shown["asked_at"]
    assert walk.all(Look), "it is asked again at once"
    walk.show().elapse(10)
    assert walk.phase is Phase.FENCING


def test_a_report_beside_a_look_from_before_does_not_either() -> None:
    walk = Back().to_watching().show().elapse(10)
    asked_at = walk.now
    walk.wait(0.25).hear("zabbix").show(asked_at=asked_at)
    del walk.shown["asked_at"]
    accused_at = walk.incident.release.accused_at
    walk.elapse(1).report()
    assert (walk.incident.release.accused_at, walk.incident.release.alive_at) == (accused_at, None)
    assert walk.elapse(3).report().incident.release.accused_at is None


def test_the_repetitions_of_who_had_called_it_down_before_count_from_the_lift_on() -> None:
    walk = Back().to_watching()
    assert walk.incident.release.accused_at is None
    walk.elapse(1).hear().show().elapse(10)
    assert walk.phase is Phase.FENCING
    assert walk.said == "ALARM: alertmanager says down again, and the flag is lifted"


def test_a_repetition_from_before_a_restart_still_counts_after_it() -> None:
    walk = Back().to_watching().elapse(1).hear()
    walk.resume()
    assert walk.show().incident.release.accused_at == walk.now


def test_an_alert_that_never_ends_of_a_host_that_lives_holds_and_says_so() -> None:
    walk = Back().to_watching()
    while walk.phase is Phase.RELEASING:
        walk.hear().show().elapse(4).report().round()
        assert not walk.all(Enable)
    said = "held: alertmanager calls cmp-1 down again and again, and it is seen alive"
    assert (walk.phase, walk.said.startswith(said)) == (Phase.HELD, True)


def test_a_word_that_anybody_can_forge_fences_nothing_beside_an_old_one() -> None:
    """Who is enough alone has said nothing since the lift."""
    walk = Back().to_watching().elapse(1).hear("doctor", trust=Trust.OPEN).show().elapse(60)
    assert walk.phase is Phase.RELEASING


def test_two_kinds_of_evidence_since_the_lift_are_enough() -> None:
    walk = Back().to_watching().elapse(1).hear("doctor", trust=Trust.OPEN)
    walk.hear("zabbix", trust=Trust.SECOND).show().elapse(10)
    assert walk.phase is Phase.FENCING


def test_a_word_that_came_while_the_lift_was_under_way_counts() -> None:
    walk = Back().to_lift().hear("zabbix").lift().show()
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.WATCHING)
    walk.show().elapse(10)
    assert walk.phase is Phase.FENCING


# before its cut


def test_a_host_that_is_heard_alive_is_not_cut() -> None:
    walk = fencing().identify()
    walk.hear("prometheus", verdict=Verdict.UP)
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.WATCHING)
    assert walk.said == "prometheus has seen it alive: it is not cut, and watched on"
    assert walk.all(Cut) == []
    assert walk.watch(400).step is Step.ENABLING


def test_a_host_that_reports_in_is_not_cut() -> None:
    walk = fencing().identify().report()
    assert (walk.phase, walk.said) == (Phase.RELEASING, f"{ALIVE}: it is not cut, and watched on")
    assert walk.incident.release.reports == 0


def test_whoever_called_it_down_may_take_it_back() -> None:
    walk = fencing().hear("zabbix", verdict=Verdict.WITHDRAWN)
    assert walk.phase is Phase.RELEASING
    walk = fencing().hear("nagios").hear("zabbix", verdict=Verdict.WITHDRAWN)
    assert walk.phase is Phase.FENCING


def test_an_operator_may_call_it_off() -> None:
    walk = fencing().order(Order.DISMISS)
    assert walk.phase is Phase.RELEASING
    assert walk.said == "dismiss by ann: because I looked: it is not cut, and watched on"


def test_its_silence_has_to_span_a_grace() -> None:
    walk = Back().to_watching().elapse(1).hear("zabbix").elapse(10).identify().show()
    assert (walk.phase, walk.all(Cut)) == (Phase.FENCING, [])
    walk.elapse(9)
    assert walk.show().all(Cut)


def test_once_it_is_cut_nothing_leads_back() -> None:
    walk = fencing().identify().show()
    assert walk.all(Cut)
    assert not recallable(walk.incident)
    walk.order(Order.DISMISS)
    assert "the power cut has begun" in walk.said
    walk.hear("prometheus", verdict=Verdict.UP)
    assert (walk.phase, walk.gate) == (Phase.HELD, "fencing")


def test_what_had_moved_before_is_forgotten_only_with_the_cut() -> None:
    walk = fencing()
    assert walk.incident.release.began is not None
    walk.identify().show()
    assert walk.incident.release.began is not None
    assert walk.cut().incident.release.began is None


def test_back_on_its_way_it_may_be_called_down_anew() -> None:
    walk = fencing().hear("prometheus", verdict=Verdict.UP).elapse(1).hear("zabbix").show()
    assert walk.elapse(10).phase is Phase.FENCING
    walk.fence()
    assert (walk.phase, len(walk.incident.charges)) == (Phase.DOWN, 2)


def test_a_watch_that_is_interrupted_again_and_again_ends_all_the_same() -> None:
    walk = Back().to_watching()
    for _ in range(100):
        walk.elapse(1).hear("zabbix").show().elapse(10)
        if walk.phase is Phase.FENCING:
            walk.hear("prometheus", verdict=Verdict.UP)
    assert walk.phase is Phase.HELD


@pytest.mark.parametrize("way", [Back.resume, Back.reboot])
def test_a_daemon_that_dies_before_the_cut_still_lets_it_live(way: Callable[[Back], Back]) -> None:
    walk = way(fencing())
    assert recallable(walk.incident)
    walk.hear("prometheus", verdict=Verdict.UP)
    assert walk.phase is Phase.RELEASING


def test_what_a_first_look_after_a_restart_shows_is_no_sign_of_life_and_the_next_is() -> None:
    """It is compared with nothing from before: nobody has looked at the host meanwhile."""
    walk = fencing().resume().report()
    assert (walk.phase, recallable(walk.incident)) == (Phase.FENCING, True)
    assert walk.identify().elapse(10).report().phase is Phase.RELEASING


def test_a_gate_that_keeps_it_from_being_cut_says_what_had_happened() -> None:
    walk = fencing().given(plan=plan(protected="runs the database"))
    walk.identify().show()
    why = "it failed once its flag was lifted, and it is not cut again: cmp-1 is protected"
    assert (walk.phase, why in walk.said) == (Phase.HELD, True)


def test_a_host_that_is_held_before_that_cut_is_left_to_the_human_who_was_asked() -> None:
    walk = fencing().given(plan=plan(protected="runs the database")).identify().show()
    assert not recallable(walk.incident)
    walk.hear("prometheus", verdict=Verdict.UP)
    assert (walk.phase, walk.gate) == (Phase.HELD, "protected")
    assert walk.said == "prometheus has seen it alive: this contradicts that its power is off"


def test_a_level_that_is_a_human_asks_one() -> None:
    walk = accused().given(plan=plan(level()))
    walk.elapse(10)
    assert (walk.phase, walk.gate) == (Phase.HELD, "manual")
    walk.order(Order.CONFIRM_OFF, 600)
    assert (walk.phase, walk.incident.release.began) == (Phase.FORCING_DOWN, None)


def test_a_sign_of_life_is_what_the_gates_of_a_cut_do_not_ask_for() -> None:
    """So that nothing but the phase keeps a living host from being cut."""
    walk = fencing().identify().show()
    assert refused(CUT, walk.incident, walk.context) is None
