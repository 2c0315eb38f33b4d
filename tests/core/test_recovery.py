"""Restarts and reboots: what is trusted, and what is asked for again."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import (
    Cut,
    ForceDown,
    Identify,
    ListServers,
    Look,
    Order,
    Read,
    Resumed,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Release
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from tests.core.make import BMC, MANUAL, OTHER_UUID, PDU, at, incident, level, plan, server
from tests.core.walk import Walk, Way

AGAIN = "taken up again after a restart"
THERE = {"state": "down", "forced_down": True, "status": "disabled"}
BLUE, OTHER = server("web"), server("db", "green")


def restart(walk: Walk) -> Walk:
    """Let the daemon come back on the same boot, ten seconds later."""
    return walk.wait(10).see(Resumed())


# restart


@pytest.mark.parametrize("way", [Walk.elapse, Walk.to_fencing, Walk.to_proof])
def test_c1_work_that_is_taken_up_again_is_noted(way: Way) -> None:
    walk = way(Walk())
    before = len(walk.incident.timeline)
    assert restart(walk).incident.timeline[before].text == AGAIN


@pytest.mark.parametrize("way", [Walk.to_down, Walk.to_held])
def test_what_only_waits_is_taken_up_again_without_a_word(way: Way) -> None:
    walk = way(Walk())
    before = walk.incident
    after = restart(walk).incident
    assert (after.timeline, after.fencing) == (before.timeline, before.fencing)


def test_c1_what_nova_showed_is_asked_for_again() -> None:
    walk = Walk().look()
    walk.fail(Look(1))
    assert walk.incident.look_at is not None
    restart(walk)
    assert walk.incident.sighting is None
    assert walk.all(Look) == [Look(2)]
    assert walk.incident.progress_at == walk.now


def test_c1_a_restart_on_the_same_boot_takes_nothing_from_the_grace() -> None:
    walk = Walk().wait(5)
    assert walk.see(Resumed()).waits == [5.0]


def test_a10_after_a_reboot_the_grace_begins_anew() -> None:
    walk = Walk().wait(5).reboot()
    assert walk.phase is Phase.SUSPECTED
    assert walk.incident.grace_from == walk.now
    assert walk.waits == [10.0]
    assert (walk.told, walk.said) == ([NoticeKind.SUSPECTED], AGAIN)


def test_a5_after_a_reboot_no_evidence_is_young_enough() -> None:
    walk = Walk().reboot().elapse(10)
    assert walk.phase is Phase.SUSPECTED
    assert walk.hear().phase is Phase.FENCING


def test_a_try_that_was_being_prepared_is_begun_anew() -> None:
    walk = restart(Walk().to_fencing().identify())
    assert (walk.attempt.number, walk.attempt.level, walk.attempt.nth) == (2, 1, 1)
    assert walk.all(Identify) == [Identify(2, 1, "bmc")]
    assert walk.all(Look) == [Look(0)]


def test_a_host_that_was_never_back_has_no_way_back_after_a_restart() -> None:
    assert restart(Walk().to_fencing()).incident.release == Release()


def test_c1_a_cut_that_was_not_answered_is_begun_anew() -> None:
    walk = restart(Walk().to_cut())
    assert (walk.attempt.number, walk.attempt.go_at) == (2, None)
    assert walk.all(Cut) == []
    assert walk.incident.cut_started is not None


def test_c1_one_cut_of_two_that_was_not_answered_is_begun_anew() -> None:
    walk = Walk(plan=plan(level(BMC, PDU))).to_cut()
    restart(walk.answer_cut(walk.all(Cut)[0]))
    assert walk.attempt.number == 2


@pytest.mark.parametrize(
    "half",
    [
        Try(1, 1, 1, "digest-1", at(0), go_at=at(1)),
        Try(1, 1, 1, "digest-1", at(0), devices={"bmc": DeviceTry(cut=Outcome.ACCEPTED)}),
    ],
)
def test_c1_a_try_that_is_not_whole_is_begun_anew(half: Try) -> None:
    walk = restart(Walk(incident(phase=Phase.FENCING, fencing=half)))
    assert (walk.attempt.number, walk.attempt.devices) == (1, {})
    assert walk.attempt.since == walk.now


def test_c1_when_every_cut_was_answered_only_the_reads_begin_anew() -> None:
    walk = Walk().to_reads().read().elapse(1).read()
    went_at = walk.attempt.go_at
    restart(walk)
    assert walk.attempt.number == 1
    bmc = walk.attempt.device("bmc")
    assert (bmc.cut_at, bmc.begun_at, bmc.identity) == (walk.now, walk.now, None)
    assert (walk.attempt.go_at, len(bmc.readings)) == (went_at, 2)
    assert walk.identify().all(Read) == [Read(1, 1, "bmc", 2)]
    assert walk.read().elapse(1).read().elapse(1).phase is Phase.FENCING
    assert walk.read().phase is Phase.FORCING_DOWN


def test_c1_after_a_reboot_those_reads_are_timed_anew_and_none_of_before_is_left() -> None:
    walk = Walk().to_reads().read().reboot()
    assert (walk.attempt.number, walk.attempt.go_at) == (1, walk.now)
    assert walk.attempt.device("bmc").readings == ()


def test_b5_after_a_restart_a_device_says_again_who_its_host_is() -> None:
    """It may have been plugged elsewhere while nobody watched."""
    walk = restart(Walk(plan=plan(level(BMC), level(PDU))).to_reads().read())
    assert walk.all(Identify) == [Identify(1, 1, "bmc")]
    assert walk.all(Read) == []
    walk.identify(OTHER_UUID)
    assert walk.said == "level 1, try 1: bmc answers for another host"
    assert walk.attempt.level == 2


def test_b5_a_proof_is_not_read_again_from_another_chassis() -> None:
    walk = restart(Walk().to_proof()).identify(OTHER_UUID)
    for _ in range(4):
        walk.read().elapse(1)
    assert walk.said == AGAIN
    assert walk.elapse(30).gate == "proof"


def test_a_try_that_waits_for_its_turn_still_waits_after_a_restart() -> None:
    walk = Walk().to_fencing()
    walk.fail(walk.one(Identify)).see(Resumed())
    assert walk.waits == [1.0]


def test_after_a_reboot_the_wait_begins_anew() -> None:
    walk = Walk().to_fencing()
    walk.fail(walk.one(Identify)).reboot()
    assert walk.waits == [1.0]
    assert walk.elapse(1).all(Identify) == [Identify(3, 1, "bmc")]


def test_after_a_reboot_nothing_waits_that_did_not_before() -> None:
    assert Walk().to_fencing().reboot().all(Identify) == [Identify(2, 1, "bmc")]


def test_c2_a_proof_of_before_the_reboot_is_taken_again() -> None:
    walk = Walk().to_proof().reboot()
    assert (walk.phase, walk.all(ForceDown)) == (Phase.FORCING_DOWN, [])
    assert walk.identify().all(Read) == [Read(1, 1, "bmc", 3)]
    walk.read().elapse(1).read().elapse(1).read()
    assert walk.said == "still proven off"
    assert walk.phase is Phase.FORCING_DOWN


def test_c2_even_a_fresh_proof_is_taken_again_after_a_restart() -> None:
    walk = restart(Walk().to_proof())
    assert (walk.phase, walk.all(ForceDown)) == (Phase.FORCING_DOWN, [])
    walk.identify().read().elapse(1).read().elapse(1)
    assert walk.all(ForceDown) == []
    assert walk.read().said == "still proven off"


def test_c1_a_proof_that_was_being_read_again_is_read_from_the_beginning() -> None:
    walk = Walk().to_proof().elapse(30).read().elapse(1).read()
    restart(walk)
    assert walk.incident.marking.rereading_since == walk.now
    assert walk.attempt.device("bmc").readings == ()
    walk.identify().read().elapse(1).read().elapse(1)
    assert walk.said == AGAIN
    assert walk.read().said == "still proven off"


def test_c2_a_proof_that_was_being_read_again_behind_an_answered_put_is_read_on() -> None:
    walk = Walk().to_proof().put(Outcome.UNKNOWN).elapse(30)
    assert walk.said == "the proof has grown old: reading the power again"
    restart(walk)
    assert (walk.said, walk.incident.marking.rereading_since) == (AGAIN, walk.now)


def test_d6_a_humans_word_outlives_a_restart() -> None:
    walk = restart(Walk(plan=plan(MANUAL)).to_fencing().order(Order.CONFIRM_OFF, 600))
    assert walk.phase is Phase.FORCING_DOWN
    assert walk.look().all(ForceDown) != []


def test_d6_a_humans_word_does_not_outlive_a_reboot() -> None:
    walk = Walk(plan=plan(MANUAL)).to_fencing().order(Order.CONFIRM_OFF, 600).reboot()
    assert (walk.phase, walk.gate) == (Phase.HELD, "proof")


def test_c2_a_put_that_was_answered_is_read_back_after_a_restart() -> None:
    walk = restart(Walk().to_proof().put(Outcome.UNKNOWN))
    assert (walk.all(ForceDown), walk.all(Look)) == ([], [Look(1)])
    assert walk.look(**THERE).phase is Phase.DOWN


def test_c2_a_put_that_did_not_come_about_is_sent_again_on_power_read_since_the_restart() -> None:
    walk = restart(Walk().to_proof().put(Outcome.UNKNOWN)).look().elapse(1)
    assert (walk.phase, walk.all(ForceDown)) == (Phase.FORCING_DOWN, [])
    assert walk.incident.marking.rereading_since == walk.now.plus(-1)
    walk.identify().prove_again()
    assert walk.said == "still proven off"
    assert walk.one(ForceDown).number == 2


def test_d6_a_put_on_a_humans_word_is_sent_again_after_a_restart() -> None:
    walk = Walk(plan=plan(MANUAL)).to_fencing().order(Order.CONFIRM_OFF, 600).look()
    restart(walk.put(Outcome.UNKNOWN)).look().elapse(1)
    assert walk.one(ForceDown).number == 2


def test_c5_failed_puts_are_counted_on_after_a_restart() -> None:
    walk = Walk().to_proof().put(Outcome.REFUSED).elapse(1)
    assert restart(walk).incident.marking.failures == 1


def test_c2_a_put_that_was_not_answered_gets_another_number_after_a_restart() -> None:
    walk = Walk().to_proof()
    assert walk.one(ForceDown).number == 1
    restart(walk).identify().prove_again().look()
    assert walk.one(ForceDown).number == 2


def test_a_device_that_does_not_say_who_it_is_after_a_restart_is_asked_at_its_pace() -> None:
    walk = restart(Walk().to_reads())
    walk.fail(walk.one(Identify), "time-out")
    assert walk.attempt.device("bmc").readings[-1].power is Power.UNKNOWN
    assert walk.attempt.number == 1
    assert walk.all(Identify) == []
    assert walk.elapse(0.75).all(Identify) == []
    assert walk.elapse(0.25).all(Identify) == [Identify(1, 1, "bmc")]
    assert walk.identify().elapse(1).prove().phase is Phase.FORCING_DOWN


def test_a_phase_without_a_try_is_taken_up_too() -> None:
    """None of these can come about; none of them may stop a daemon from starting."""
    bare = Walk(incident(phase=Phase.FENCING)).see(Resumed())
    assert bare.attempt.number == 1
    rereading = replace(incident().marking, rereading_since=bare.now)
    unread = Walk(incident(phase=Phase.FORCING_DOWN, marking=rereading)).see(Resumed())
    assert unread.phase is Phase.HELD


def test_an_incident_that_is_over_is_not_taken_up() -> None:
    walk = Walk().hear(verdict=Verdict.UP)
    before = walk.incident
    assert walk.see(Resumed()).incident is before


def test_an_unanswered_list_survives_a_restart() -> None:
    assert restart(Walk().to_down()).all(ListServers) == [ListServers(0)]


def test_a_late_reading_of_before_the_restart_means_nothing() -> None:
    walk = Walk().to_cut()
    late = Read(1, 1, "bmc", 0)
    before = restart(walk).incident
    assert walk.answer_read(late, Power.OFF).incident is before
