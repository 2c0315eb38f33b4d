"""Switching on: only by an order, only when nothing is on its way elsewhere, and never for long."""

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.messages import Crashed, Inspect, Inspected, Order, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Lift, Release, SwitchedOn, SwitchOn
from doctor_daemon.core.returning import superseded
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import Back
from tests.core.gated import ready, shut
from tests.core.make import (
    BMC,
    MANUAL,
    OTHER_UUID,
    PDU,
    SECOND_BMC,
    SERVICE,
    UUID,
    at,
    level,
    plan,
    power_proof,
    servers,
)
from tests.core.walk import Walk


def asked(walk: Back) -> Back:
    """Let an operator order it of a host that is down."""
    return walk.to_down().list("web").order(Order.POWER_ON)


def answered(walk: Walk, outcome: Outcome = Outcome.ACCEPTED) -> Walk:
    for effect in walk.all(SwitchOn):
        walk.see(SwitchedOn(effect, outcome, "204", walk.now))
    return walk


def test_nova_is_asked_first() -> None:
    walk = asked(Back())
    assert (walk.all(SwitchOn), walk.one(Inspect)) == ([], Inspect(1))
    walk.tell()
    assert walk.all(SwitchOn) == [SwitchOn(1, 1, "bmc", UUID)]
    answered(walk)
    assert walk.said == "bmc: switch on accepted: 204"
    assert (walk.phase, walk.due) == (Phase.DOWN, ())


@pytest.mark.parametrize("status", ["done", "completed", "failed"])
def test_an_evacuation_that_has_ended_does_not_keep_it_off(status: str) -> None:
    assert asked(Back().rows_are(web=status)).tell().all(SwitchOn)


def test_trap_9_it_stays_off_while_a_server_is_on_its_way() -> None:
    walk = asked(Back().rows_are(web="pre-migrating")).tell()
    assert walk.said == "not switched on: evacuations 1 are not over"
    assert walk.due == ()


def test_an_order_that_nova_does_not_answer_is_given_up() -> None:
    walk = asked(Back())
    for _ in range(4):
        walk.fail(walk.one(Inspect), "503")
        walk.elapse(8)
    assert walk.said.startswith("not switched on: Nova has not told the evacuations")
    assert walk.due == ()


def test_every_device_through_which_it_was_cut_is_asked() -> None:
    walk = Back(plan=plan(level(BMC, SECOND_BMC), level(PDU), MANUAL))
    assert asked(walk).tell().all(SwitchOn) == [
        SwitchOn(1, 1, "bmc", UUID),
        SwitchOn(1, 1, "bmc-2", UUID),
    ]
    first, second = walk.all(SwitchOn)
    walk.see(SwitchedOn(first, Outcome.UNKNOWN, "no answer", walk.now))
    assert walk.all(SwitchOn) == [second]
    before = walk.incident
    assert walk.see(SwitchedOn(first, Outcome.ACCEPTED, "204", walk.now)).incident == before
    walk.refuse(second, "armed", "disarmed")
    assert walk.said == "bmc-2: switch on not sent: disarmed"
    assert walk.due == ()


def test_levels_that_had_failed_before_are_asked_too() -> None:
    walk = Back(plan=plan(level(BMC), level(PDU)))
    walk.to_fencing()
    while walk.attempt.level == 1:
        walk.identify().look().cut(Outcome.REFUSED).read(Power.ON).elapse(1)
    walk.identify().look().cut().prove().put()
    walk.look(state="down", forced_down=True, status="disabled")
    walk.list("web").order(Order.POWER_ON).tell()
    assert walk.all(SwitchOn) == [SwitchOn(1, 1, "bmc", UUID), SwitchOn(1, 2, "pdu", UUID)]


def test_without_a_device_nobody_can() -> None:
    walk = asked(Back()).given(plan=plan(levels=())).tell()
    assert walk.said == "not switched on: no power device is configured"


def test_a_host_that_a_human_vouched_for_is_switched_on_by_its_first_level() -> None:
    walk = Back(plan=plan(MANUAL)).to_fencing().order(Order.CONFIRM_OFF, 600).look()
    walk.put().look(state="down", forced_down=True, status="disabled")
    walk.given(plan=plan(level(BMC))).list("web").order(Order.POWER_ON)
    assert walk.incident.fencing is None
    (effect,) = walk.all(Inspect)
    walk.see(Inspected(effect.number, walk.now, (), servers()))
    assert walk.all(SwitchOn) == [SwitchOn(1, 1, "bmc", UUID)]


def test_disarmed_nothing_is_switched_on() -> None:
    walk = asked(Back()).given(armed=Armed()).tell()
    assert walk.said == "not switched on: the daemon is disarmed: never armed"


def test_on_its_way_back_too() -> None:
    walk = Back().to_releasing().order(Order.POWER_ON).tell()
    assert walk.all(SwitchOn) == [SwitchOn(1, 1, "bmc", UUID)]
    answered(walk)
    assert walk.all(SwitchOn) == []
    walk.identify().read(Power.ON).round().round().round()
    assert walk.all(SwitchOn) == []


def test_an_order_to_release_does_not_call_it_off() -> None:
    walk = asked(Back()).order(Order.RELEASE).tell()
    assert walk.all(SwitchOn)


def test_an_answer_that_nobody_waits_for_means_nothing() -> None:
    walk = Back().to_down().list("web")
    before = walk.incident
    walk.see(SwitchedOn(SwitchOn(1, 1, "bmc", UUID), Outcome.ACCEPTED, "204", walk.now))
    assert walk.refuse(SwitchOn(1, 1, "bmc", UUID), "armed").incident is before
    walk.order(Order.POWER_ON).order(Order.POWER_ON)
    before = walk.incident
    walk.see(SwitchedOn(SwitchOn(1, 1, "bmc", UUID), Outcome.REFUSED, "503", walk.now))
    assert walk.incident is before
    walk.see(SwitchedOn(SwitchOn(1, 1, "bmc", UUID), Outcome.ACCEPTED, "204", walk.now))
    assert walk.incident == replace(before, release=replace(before.release, switched_at=walk.now))


def test_after_a_restart_it_has_to_be_ordered_again() -> None:
    walk = asked(Back()).tell().wait(1)
    walk.see(Resumed())
    assert walk.said == (
        "whether it was switched on is not known, and the daemon has restarted: "
        "`doctor-daemon power-on HOST` asks again"
    )
    assert walk.due == ()


def test_after_a_restart_nobody_is_left_in_doubt_about_what_was_never_sent() -> None:
    walk = Back().to_down().list("web").order(Order.POWER_ON)
    walk.see(Resumed())
    assert walk.said.startswith("it has not been switched on yet, and the daemon has restarted: ")
    assert walk.due == ()


def test_each_device_is_to_answer_for_the_machine_that_is_configured() -> None:
    """Who answers is asked just before: the address may be another machine's by now."""
    other = replace(SECOND_BMC, uuid=OTHER_UUID)
    walk = asked(Back()).given(plan=plan(level(BMC, other))).tell()
    assert [effect.uuid for effect in walk.all(SwitchOn)] == [UUID, OTHER_UUID]


# what it does to a proof


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_may_have_been_switched_on_is_not_proven_off_any_more(outcome: Outcome) -> None:
    walk = asked(Back()).tell()
    answered(walk, outcome)
    certain = outcome in (Outcome.REFUSED, Outcome.UNSENT)
    assert walk.incident.release.switched_at == (None if certain else walk.now)
    assert walk.incident.proof is not None
    assert walk.incident.release.switched_since(walk.incident.proof.taken_at) is not certain


def test_nor_is_one_of_which_nobody_knows_after_a_restart() -> None:
    walk = asked(Back()).tell().wait(1)
    walk.see(Resumed())
    assert walk.incident.release.switched_at == walk.now
    walk = asked(Back())
    walk.see(Resumed())
    assert walk.incident.release.switched_at is None, "nothing was sent"


def test_a_proof_of_afterwards_holds_on_another_boot_too() -> None:
    walk = answered(asked(Back()).tell())
    proof = power_proof(walk.now.since(at(0)) + 1)
    walk.incident = replace(walk.incident, proof=proof)
    assert not walk.reboot().incident.release.switched_since(proof.taken_at)
    walk = answered(asked(Back()).tell()).reboot()
    assert walk.incident.release.switched_at == walk.now
    walk = answered(asked(Back()).tell())
    walk.incident = replace(walk.incident, proof=None)
    assert walk.reboot().incident.release.switched_at == walk.now


def late(walk: Walk) -> Walk:
    """Let the answer to a request come that was under way when the host was fenced again."""
    walk.incident = replace(walk.incident, release=replace(walk.incident.release, number=1))
    effect = SwitchOn(1, 1, "bmc", UUID)
    return walk.elapse(1).see(SwitchedOn(effect, Outcome.ACCEPTED, "204", walk.now))


def test_power_that_comes_on_late_by_our_own_hand_is_fenced_again() -> None:
    walk = late(Walk().to_proof())
    assert walk.phase is Phase.FENCING
    assert "the power is on again after the proof" in walk.said


def test_power_that_comes_on_late_voids_a_humans_word() -> None:
    walk = Back(plan=plan(MANUAL)).to_fencing().order(Order.CONFIRM_OFF, 600)
    walk.elapse(1)
    assert late(walk).phase is Phase.HELD
    assert walk.gate == "proof"
    assert "cmp-1 was switched on by us after ann had made sure that it was off" in walk.said


def test_nothing_is_moved_off_a_host_that_was_switched_on() -> None:
    switched = ready(release=Release(switched_at=at(1)))
    assert shut("proof", switched) == "cmp-1 was switched on after the proof"


# overtaken


def test_what_is_still_wanted_is_sent() -> None:
    walk = asked(Back()).tell()
    assert superseded(walk.incident, walk.one(SwitchOn)) == ""
    assert superseded(Back().to_lift().incident, Lift(1, SERVICE)) == ""


def test_a_host_that_is_to_be_cut_meanwhile_is_not_switched_on() -> None:
    walk = Back().to_releasing().order(Order.POWER_ON).tell()
    effect = walk.one(SwitchOn)
    walk.elapse(900)
    assert walk.phase is Phase.HELD
    why = "it is not wanted any more: the incident is held"
    assert superseded(walk.incident, effect) == why
    walk.order(Order.FENCE)
    assert superseded(walk.incident, effect) == why.replace("held", "fencing")
    assert walk.incident.release.switching is None


def test_an_earlier_order_is_not_followed_any_more() -> None:
    walk = asked(Back()).tell()
    effect = walk.one(SwitchOn)
    walk.order(Order.POWER_ON)
    assert superseded(walk.incident, effect)
    assert superseded(answered(asked(Back()).tell()).incident, effect)


def test_a_lift_that_is_not_waited_for_is_not_sent() -> None:
    assert superseded(Back().to_watching().incident, Lift(1, SERVICE))
    assert superseded(Back().to_lift().incident, Lift(7, SERVICE))


def test_an_order_from_before_it_was_held_is_not_followed_after_it() -> None:
    walk = asked(Back()).tell().see(Crashed("KeyError")).order(Order.RELEASE)
    assert (walk.phase, walk.all(SwitchOn)) == (Phase.RELEASING, [])
    assert walk.incident.release.switching is None
