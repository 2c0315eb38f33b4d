"""Waiting before a gate that opens by itself: untouched, in words, and not for ever."""

import pytest

from doctor_daemon.core.decide import advance
from doctor_daemon.core.due import due
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.messages import Cut, Identify, Look, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.waiting import waits
from tests.core.gated import ready, shut
from tests.core.make import OTHER_BOOT, at, plan
from tests.core.walk import Walk

STARTED = (
    "the daemon has just started, and watches for 60 s before it cuts any power: 40 s are left"
)


def warming(until_s: float = 50) -> Walk:
    """Lead an incident to its gates while the daemon only watches."""
    return Walk(warm_at=at(until_s)).to_fencing().identify().look()


def test_a10_no_first_cut_before_the_warm_up_is_over() -> None:
    assert shut("warm-up", ready(), warm_at=at(40)) == STARTED
    assert shut("warm-up", ready(), warm_at=at(0)) == ""
    assert shut("warm-up", ready(), warm_at=None) == ""
    assert shut("warm-up", ready(), warm_at=at(40, OTHER_BOOT)) == ""


def test_a10_a_round_that_was_charged_before_the_restart_goes_on() -> None:
    paid = ready(cut_started=at(-9), charges=(at(-9),))
    assert shut("warm-up", paid, warm_at=at(40)) == ""
    anew = ready(cut_started=at(-9), charges=(at(-9),), refences=1)
    assert shut("warm-up", anew, warm_at=at(40)) == STARTED


def test_a10_an_incident_waits_untouched_and_says_so_once() -> None:
    walk = warming()
    assert walk.phase is Phase.FENCING
    assert walk.incident.untouched
    assert walk.said == f"waiting: {STARTED}; it goes on by itself"
    lines = len(walk.incident.timeline)
    assert not [*walk.all(Cut), *walk.all(Look), *walk.all(Identify)]
    before = walk.incident
    walk.elapse(5).elapse(5)
    assert walk.incident is before
    assert len(walk.incident.timeline) == lines
    assert walk.waits == [890, 5, 30]


def test_a10_it_goes_on_by_itself_and_asks_everything_anew() -> None:
    walk = warming().elapse(39.75)
    assert waits(walk.incident)
    walk.elapse(0.25)
    assert walk.said == "the gate warm-up is open: it goes on"
    assert not waits(walk.incident)
    assert walk.all(Cut) == []
    assert len(walk.all(Identify)) == len(walk.all(Look)) == 1
    walk.identify().look()
    assert len(walk.all(Cut)) == 1
    assert not waits(walk.incident)
    assert walk.cut().incident.waiting is None


def test_a10_life_ends_an_incident_that_waits() -> None:
    walk = warming().hear(verdict=Verdict.UP)
    assert walk.phase is Phase.DISMISSED
    assert walk.incident.waiting is None


def test_what_waits_for_too_long_is_held_in_the_words_of_its_gate() -> None:
    walk = warming(5000).elapse(899.75)
    assert waits(walk.incident)
    walk.elapse(0.25)
    assert walk.phase is Phase.HELD
    assert walk.gate == "warm-up"
    assert walk.said.startswith("held: it has waited for 900 s: the daemon has just started")
    assert walk.incident.waiting is None


def test_a_gate_that_shuts_again_does_not_begin_the_time_anew() -> None:
    walk = warming(500).elapse(490).identify()
    walk.given(warm_at=at(5000)).look()
    assert waits(walk.incident)
    walk.elapse(409.75)
    assert waits(walk.incident)
    walk.elapse(0.25)
    assert walk.phase is Phase.HELD
    assert walk.gate == "warm-up"


def test_a_gate_that_is_found_shut_just_before_the_cut_has_it_wait_with_a_new_try() -> None:
    walk = Walk().to_cut()
    number = walk.attempt.number
    walk.given(warm_at=at(50)).refuse(walk.one(Cut), "warm-up", "not yet")
    assert walk.said == "waiting: not yet; it goes on by itself"
    assert walk.elapse(40).said == "the gate warm-up is open: it goes on"
    assert walk.attempt.number > number
    assert walk.all(Cut) == []
    assert len(walk.all(Identify)) == 1


def test_nothing_waits_where_the_level_is_gone_meanwhile() -> None:
    walk = Walk().to_cut()
    effect = walk.one(Cut)
    walk.given(plan=plan(levels=())).refuse(effect, "warm-up", "not yet")
    assert walk.phase is Phase.HELD
    assert walk.gate == "fencing"


def test_after_a_restart_everything_is_asked_anew() -> None:
    walk = warming()
    after = advance(walk.incident, Resumed(), walk.context)
    assert after.phase is Phase.FENCING
    assert not waits(after)
    assert Identify(2, 1, "bmc") in due(after, walk.context)


def restarted(walk: Walk, *, reboot: bool) -> Walk:
    """Have the daemon begun anew, and everything asked anew, before a gate that is shut still."""
    if reboot:
        walk.reboot()
    else:
        walk.see(Resumed())
    walk.given(warm_at=walk.now.plus(5000)).hear().identify().look()
    return walk.elapse(9).look() if walk.all(Look) or 9 in walk.waits else walk


def test_restarts_do_not_put_the_end_of_a_wait_off_for_ever() -> None:
    walk = restarted(warming(5000).wait(500), reboot=False)
    assert waits(walk.incident)
    assert walk.elapse(399.75).phase is Phase.FENCING
    walk.elapse(0.25)
    assert (walk.phase, walk.gate) == (Phase.HELD, "warm-up")
    assert walk.said.startswith("held: it has waited for 900 s: the daemon has just started")


@pytest.mark.parametrize("away_s", [600.25, 50_000.0])
def test_a_wait_that_a_restart_takes_up_has_the_time_in_which_words_are_said_again(
    away_s: float,
) -> None:
    walk = restarted(warming(5000).wait(away_s), reboot=False)
    assert waits(walk.incident)
    assert walk.elapse(299.75).phase is Phase.FENCING
    assert walk.elapse(0.25).gate == "warm-up"


def test_after_a_reboot_the_wall_clock_tells_how_long_it_has_lasted() -> None:
    walk = warming(5000)  # and the boot takes 600 s
    walk = restarted(walk.wait(-100), reboot=True)
    assert waits(walk.incident)
    assert walk.elapse(390.75).phase is Phase.FENCING
    assert walk.elapse(0.25).gate == "warm-up"


def test_a_wall_clock_that_was_set_back_makes_no_wait_older_or_longer() -> None:
    walk = restarted(warming(5000).wait(-5000), reboot=True)
    assert waits(walk.incident)
    assert walk.elapse(890.75).phase is Phase.FENCING
    assert walk.elapse(0.25).gate == "warm-up"


def test_a_policy_of_short_waits_has_them_begin_anew() -> None:
    short = Policy(progress_s=200)
    walk = restarted(warming(5000).given(policy=short).wait(150), reboot=False)
    assert walk.elapse(199.75).phase is Phase.FENCING
    assert walk.elapse(0.25).gate == "warm-up"


def test_other_devices_have_the_wait_go_on() -> None:
    walk = warming().given(plan=plan(digest="digest-2")).elapse(1)
    assert waits(walk.incident)
    assert walk.attempt.digest == "digest-2"


def test_a_gate_that_is_not_waited_for_is_told_at_once() -> None:
    walk = Walk(warm_at=at(50), plan=plan(protected="the database")).to_fencing().identify().look()
    assert walk.phase is Phase.HELD
    assert walk.gate == "protected"
