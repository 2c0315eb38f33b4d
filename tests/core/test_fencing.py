"""Fencing: what is asked before a cut, the point of no return, and what a try comes to."""

import pytest

from doctor_daemon.core.context import Armed, Charge
from doctor_daemon.core.fencing import prepared, seen, unknown_devices
from doctor_daemon.core.messages import (
    Cut,
    CutEnded,
    Failed,
    Identified,
    Identify,
    Look,
    Read,
    WasRead,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from tests.core.make import (
    BMC,
    OTHER_UUID,
    PDU,
    at,
    context,
    identity,
    incident,
    level,
    plan,
    reading,
    sighting,
)
from tests.core.walk import Walk

TWO = plan(level(BMC, PDU))
ON, OFF, UNKNOWN = Power.ON, Power.OFF, Power.UNKNOWN


# prepare


def test_every_device_is_asked_who_its_host_is_before_anything_is_cut() -> None:
    walk = Walk(plan=TWO).to_fencing()
    assert walk.all(Identify) == [Identify(1, 1, "bmc"), Identify(1, 1, "pdu")]
    assert walk.all(Cut) == []
    assert walk.identify().look().all(Cut) == [Cut(1, 1, "bmc"), Cut(1, 1, "pdu")]


def test_c1_the_point_of_no_return_is_passed_before_the_first_cut_is_due() -> None:
    walk = Walk().to_fencing().identify()
    assert (walk.incident.cut_started, walk.incident.charges) == (None, ())
    walk.look()
    assert walk.all(Cut) == [Cut(1, 1, "bmc")]
    assert (walk.incident.cut_started, walk.attempt.go_at) == (walk.now, walk.now)
    assert walk.incident.charges == (walk.now,)
    assert walk.incident.progress_at == walk.now


def test_one_device_that_has_not_answered_holds_back_every_cut() -> None:
    walk = Walk(plan=TWO).to_fencing()
    walk.see(Identified(Identify(1, 1, "bmc"), identity())).look()
    assert walk.all(Cut) == []
    assert list(unknown_devices(walk.attempt, level(BMC, PDU))) == [PDU]


@pytest.mark.parametrize(
    ("looked_s", "began_s", "now_s", "counts"),
    [
        (0, 0, 0, True),
        (-0.25, 0, 0, False),  # before the try began
        (0, 0, 5, True),
        (0, 0, 5.25, False),  # too long ago
        (2, 0, 5.25, True),
    ],
)
def test_a5_the_host_is_seen_once_more_since_the_try_began_and_just_now(
    looked_s: float, began_s: float, now_s: float, *, counts: bool
) -> None:
    known = {"bmc": DeviceTry(identity=identity())}
    attempt = Try(1, 1, 1, "digest-1", at(began_s), devices=known)
    looked = incident(sighting=sighting(looked_s), first=None)
    assert seen(looked, attempt, context(now_s)) is counts
    assert prepared(looked, attempt, level(BMC), context(now_s)) is counts
    assert not seen(incident(), attempt, context(now_s))
    assert not prepared(looked, attempt, level(BMC, PDU), context(now_s))


def test_a5_the_looks_before_a_cut_span_the_grace() -> None:
    """Nova answered no look during the grace: two in quick succession would show no report."""
    walk = Walk(incident(first=None)).to_fencing().identify().look()
    assert (walk.all(Cut), walk.waits[-1]) == ([], 9.0)
    walk.elapse(9)
    assert walk.look(updated_s=1010.0).phase is Phase.DISMISSED


def test_a5_without_a_report_the_cut_follows_the_second_look() -> None:
    walk = Walk(incident(first=None)).to_fencing().identify().look().elapse(9).look()
    assert walk.all(Cut) == [Cut(1, 1, "bmc")]


def test_a_look_that_grew_old_while_a_device_was_asked_is_repeated() -> None:
    walk = Walk().to_fencing().look()
    assert walk.all(Look) == []
    walk.elapse(6).identify()
    assert (walk.all(Cut), walk.all(Look)) == ([], [Look(1)])
    assert walk.look().all(Cut) != []


def test_a5_a_look_from_the_suspicion_does_not_do() -> None:
    walk = Walk().elapse(9.75).look().elapse(0.25).identify()
    assert (walk.all(Cut), walk.all(Look)) == ([], [Look(1)])


@pytest.mark.parametrize(("failures", "phase"), [(5, Phase.FENCING), (6, Phase.HELD)])
def test_c5_a_nova_that_cannot_be_asked_before_the_cut_asks_for_a_human(
    failures: int, phase: Phase
) -> None:
    walk = Walk().to_fencing().identify()
    for _ in range(failures):
        walk.elapse(30).fail(walk.one(Look), "503")
    assert walk.phase is phase
    if phase is Phase.HELD:
        assert walk.gate == "look"
        assert walk.incident.untouched


def test_a14_another_chassis_is_never_cut_and_its_level_is_not_tried_again() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_fencing().identify(OTHER_UUID)
    assert walk.said == (f"level 1, try 1: bmc answers for {OTHER_UUID}, not for {BMC.uuid}")
    assert (walk.attempt.level, walk.attempt.nth) == (2, 1)
    assert walk.all(Identify) == [Identify(2, 2, "pdu")]


def test_b2_a_device_that_does_not_answer_fails_its_try() -> None:
    walk = Walk().to_fencing()
    walk.fail(walk.one(Identify), "time-out")
    assert walk.said == "level 1, try 1: bmc: time-out"
    assert (walk.attempt.number, walk.attempt.level, walk.attempt.nth) == (2, 1, 2)


# gates


@pytest.mark.parametrize(
    ("world", "gate"),
    [
        ({"armed": Armed()}, "armed"),
        ({"plan": plan(protected="the database")}, "protected"),
        ({"charges": (Charge("a", 1, "rack-1", at(9)), Charge("b", 1, "rack-1", at(9)))}, "budget"),
    ],
)
def test_a_shut_gate_holds_the_incident_untouched(world: dict[str, object], gate: str) -> None:
    walk = Walk().to_fencing().identify().given(**world).look()
    assert (walk.phase, walk.gate) == (Phase.HELD, gate)
    assert walk.incident.untouched
    assert walk.due == ()


def test_a_shut_gate_just_before_the_cut_holds_the_incident() -> None:
    walk = Walk().to_cut()
    walk.refuse(walk.one(Cut), "armed", "the daemon is disarmed")
    held = walk.incident.held
    assert held is not None
    assert (held.gate, held.why) == ("armed", "the daemon is disarmed")
    assert "see to the gate armed" in held.frees


def test_a_look_that_grew_old_just_before_the_cut_begins_the_try_anew() -> None:
    walk = Walk().to_cut()
    walk.refuse(walk.one(Cut), "look", "not looked at in the last 5 s")
    assert walk.phase is Phase.FENCING
    assert (walk.attempt.number, walk.attempt.go_at) == (2, None)


def test_a2_retries_and_further_levels_are_charged_once() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_held()
    assert walk.incident.tries == 4
    assert len(walk.incident.charges) == 1
    assert walk.incident.cut_started == walk.incident.charges[0]


# cut and read


def test_b6_a_device_is_read_only_after_its_cut_was_answered() -> None:
    walk = Walk(plan=TWO).to_cut()
    first, second = walk.all(Cut)
    assert walk.all(Read) == []
    walk.answer_cut(first)
    assert (walk.all(Read), walk.all(Cut)) == ([Read(1, 1, "bmc", 0)], [second])


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN])
def test_b8_whatever_a_cut_is_answered_with_only_reads_prove(outcome: Outcome) -> None:
    """Already off may be refused, and an answer may be lost: three reads of OFF say it all."""
    walk = Walk().to_cut().cut(outcome)
    assert walk.said == f"bmc: cut {outcome}: 204"
    assert walk.phase is Phase.FENCING
    assert walk.prove().phase is Phase.FORCING_DOWN


def test_a_cut_that_was_not_sent_has_failed() -> None:
    walk = Walk().to_cut().cut(Outcome.UNSENT)
    assert walk.said == "level 1, try 1: bmc: nothing was sent"
    assert walk.attempt.number == 2


def test_b7_a_device_that_refuses_and_says_on_has_failed() -> None:
    walk = Walk().to_cut().cut(Outcome.REFUSED).read(ON)
    assert walk.said == "level 1, try 1: bmc refuses, and the power is on"
    assert walk.attempt.number == 2


@pytest.mark.parametrize(
    ("outcome", "powers"),
    [
        (Outcome.ACCEPTED, [ON]),
        (Outcome.UNKNOWN, [ON]),
        (Outcome.REFUSED, []),
        (Outcome.REFUSED, [UNKNOWN]),
        (Outcome.REFUSED, [OFF]),
    ],
)
def test_b7_else_the_power_is_read_on(outcome: Outcome, powers: list[Power]) -> None:
    walk = Walk().to_cut().cut(outcome)
    for power in powers:
        walk.read(power)
    assert walk.attempt.number == 1


def test_b7_a_host_that_does_not_go_off_in_time_has_failed_the_try() -> None:
    walk = Walk().to_cut()
    began = walk.now
    walk.cut()
    while walk.attempt.number == 1:
        assert walk.now.since(began) < 30
        walk.read(ON).elapse(0.25)
    assert walk.now.since(began) == 30
    assert walk.said == "level 1, try 1: not off 30 s after the cut"


def test_b2_silence_is_never_taken_for_off() -> None:
    walk = Walk().to_reads()
    while walk.attempt.number == 1:
        walk.read(UNKNOWN).elapse(1)
    assert walk.said == "level 1, try 1: not off 30 s after the cut"


# late answers


def test_what_belongs_to_an_earlier_try_means_nothing() -> None:
    walk = Walk().to_reads().read(ON).elapse(30).elapse(1)
    assert walk.attempt.number == 2
    before = walk.incident
    walk.see(Identified(Identify(1, 1, "bmc"), identity()))
    walk.see(Failed(Identify(1, 1, "bmc"), "401"))
    walk.see(CutEnded(Cut(1, 1, "bmc"), Outcome.REFUSED, "400", walk.now))
    walk.see(WasRead(Read(1, 1, "bmc", 1), reading(OFF, 41)))
    walk.refuse(Cut(1, 1, "bmc"), "armed")
    assert walk.incident is before


def test_a_read_counts_once() -> None:
    walk = Walk().to_reads()
    first = WasRead(walk.one(Read), reading(OFF, 11))
    walk.see(first)
    before = walk.incident
    assert walk.see(first).incident is before
    assert walk.see(WasRead(Read(1, 1, "bmc", 2), reading(OFF, 12))).incident is before


def test_without_a_try_no_answer_means_anything() -> None:
    walk = Walk()
    before = walk.incident
    walk.see(Identified(Identify(1, 1, "bmc"), identity()))
    walk.see(CutEnded(Cut(1, 1, "bmc"), Outcome.ACCEPTED, "204", walk.now))
    walk.see(WasRead(Read(1, 1, "bmc", 0), reading(OFF, 1)))
    walk.refuse(Cut(1, 1, "bmc"), "armed")
    assert walk.incident is before


def test_a_cut_that_ends_after_the_incident_was_held_is_recorded() -> None:
    walk = Walk(plan=TWO).to_cut()
    first, second = walk.all(Cut)
    walk.refuse(first, "armed")
    assert walk.all(Cut) == [second]
    walk.answer_cut(second)
    assert (walk.phase, walk.gate) == (Phase.HELD, "armed")
    assert "pdu: cut accepted: 204" in [entry.text for entry in walk.incident.timeline]
