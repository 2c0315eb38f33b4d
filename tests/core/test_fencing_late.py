"""What comes late to fencing, or finds what a daemon of before has left: nothing is mistaken."""

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Latch
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.fencing import spanned_at, was_read
from doctor_daemon.core.incident import Incident, Waiting
from doctor_daemon.core.messages import Cut, Failed, Identified, Identify, Read, WasRead
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Release
from tests.core.gated import attempt
from tests.core.make import (
    BMC,
    OTHER_UUID,
    PDU,
    SECOND_BMC,
    at,
    context,
    evidence,
    identity,
    incident,
    level,
    plan,
    power_proof,
    reading,
)
from tests.core.walk import Walk

ON, OFF, UNKNOWN = Power.ON, Power.OFF, Power.UNKNOWN
TWO = plan(level(BMC, PDU))
ILO = replace(SECOND_BMC, name="ilo", tells_host=True)


# answers that come late


def test_without_a_try_nobody_has_failed_to_say_who_its_host_is() -> None:
    walk = Walk()
    before = walk.incident
    assert walk.fail(Identify(1, 1, "bmc")).incident is before


def test_a_reading_of_an_earlier_try_is_none_of_this_one() -> None:
    walk = Walk().to_reads().read(ON).elapse(30).elapse(1)
    assert (walk.attempt.number, walk.attempt.device("bmc").reads) == (2, 0)
    before = walk.incident
    assert walk.see(WasRead(Read(1, 1, "bmc", 0), reading(ON, 41))).incident is before


def test_no_identity_after_the_cut_was_sent_is_a_silence_and_no_failure() -> None:
    walk = Walk().to_cut()
    walk.see(Failed(Identify(1, 1, "bmc"), "time-out"))
    answer = walk.attempt.device("bmc")
    assert (answer.failure, answer.readings[-1].power) == ("", Power.UNKNOWN)
    assert walk.attempt.number == 1


# ON of a host that is down, or on its way back


def on(phase: Phase, **changes: object) -> Incident:
    """Read ON of a host in that phase, half a minute after its proof."""
    known = {"proof": power_proof(), "fencing": attempt(bmc=BMC.uuid), **changes}
    made = incident(phase=phase, **known)
    return was_read(made, WasRead(Read(1, 1, "bmc", 0), reading(ON, 30, 0.5)))


@pytest.mark.parametrize("phase", [Phase.DOWN, Phase.RELEASING])
def test_a_host_that_is_down_and_reads_on_is_not_proven_off_from_then_on(phase: Phase) -> None:
    assert on(phase).release.switched_at == at(30.5)
    assert on(phase).release.switched_since(power_proof().taken_at)


@pytest.mark.parametrize("phase", [Phase.FENCING, Phase.FORCING_DOWN, Phase.EVACUATING, Phase.HELD])
def test_elsewhere_on_is_held_against_the_proof_and_not_taken_for_a_switching_on(
    phase: Phase,
) -> None:
    assert on(phase).release == Release()
    assert on(phase).fencing != attempt(bmc=BMC.uuid)


def test_where_nothing_proves_it_off_on_takes_nothing_away() -> None:
    assert on(Phase.RELEASING, proof=None).release == Release()


def test_since_when_it_was_on_again_stays_what_it_was() -> None:
    first = Release(switched_at=at(7))
    assert on(Phase.DOWN, release=first).release == first


# what a daemon of before has left


def test_fencing_without_a_try_begins_with_the_first_level() -> None:
    walk = Walk(incident(phase=Phase.FENCING)).elapse(1)
    assert (walk.attempt.level, walk.attempt.nth) == (1, 1)


def test_a_level_that_is_not_there_any_more_has_failed() -> None:
    walk = Walk().to_fencing()
    walk.incident = replace(walk.incident, fencing=replace(walk.attempt, level=2))
    assert walk.elapse(1).gate == "fencing"
    assert "every fencing level has failed" in walk.said


# the looks before a cut


def test_a_host_that_is_in_use_again_is_looked_at_for_a_grace_whatever_was_cut_before() -> None:
    cut = {"phase": Phase.FENCING, "cut_started": at(0), "decided_at": at(0)}
    used = Release(again=True)
    assert spanned_at(incident(**cut), context(1)) is None
    assert spanned_at(incident(**cut, release=used), context(1)) == at(9)
    under_way = replace(attempt(), go_at=at(0))
    assert spanned_at(incident(**cut, release=used, fencing=under_way), context(1)) is None


# what a try comes to


def test_life_of_the_moment_of_the_cut_itself_contradicts_it() -> None:
    walk = Walk().to_cut().hear(verdict=Verdict.UP)
    assert walk.incident.life_at == walk.now
    assert (walk.phase, walk.gate) == (Phase.HELD, "fencing")


def test_a14_a_device_that_answers_for_another_host_after_the_cut_is_no_use() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_reads()
    walk.see(Identified(Identify(1, 1, "bmc"), identity(OTHER_UUID)))
    assert walk.said == "level 1, try 1: bmc answers for another host"
    assert (walk.attempt.level, walk.attempt.nth) == (2, 1)


def test_b3_whoever_says_off_when_the_time_is_over_is_read_to_the_end() -> None:
    walk = Walk().to_reads().elapse(29.5).read(OFF).elapse(0.5)
    assert (walk.phase, walk.attempt.number) == (Phase.FENCING, 1)
    assert walk.prove().phase is Phase.FORCING_DOWN


def test_b1_nor_is_it_given_up_for_an_error_while_a_witness_is_waited_for() -> None:
    walk = Walk(plan=plan(level(BMC), level(ILO))).to_reads().elapse(25).read(OFF, "bmc")
    walk.elapse(4).read(UNKNOWN, "bmc").elapse(1)
    assert (walk.phase, walk.attempt.number) == (Phase.FENCING, 1)
    assert walk.elapse(15.75).attempt.number == 1
    walk.elapse(0.25)
    assert walk.said == "level 1, try 1: not off 30 s after the cut"


def test_b1_at_the_end_of_its_time_a_witness_that_sees_it_on_fails_the_try() -> None:
    walk = Walk(plan=plan(level(BMC), level(ILO))).to_reads().elapse(25).read(OFF, "bmc")
    walk.identify().read(ON, "ilo").elapse(5)
    assert walk.said == "level 1, try 1: not off 30 s after the cut: ilo says that the power is on"


def test_b1_so_it_does_where_the_level_itself_is_silent() -> None:
    walk = Walk(plan=plan(level(BMC), level(ILO))).to_reads().elapse(29).identify()
    walk.read(UNKNOWN, "bmc").read(ON, "ilo").elapse(1)
    assert walk.said == "level 1, try 1: not off 30 s after the cut: ilo says that the power is on"


def test_a_silent_device_has_failed_whatever_gate_the_next_cut_will_wait_for() -> None:
    """Only where we may be cut off ourselves its silence says nothing of it."""
    latch = Latch("fleet", "12 of 20 hosts of the fleet look dead", at(11))
    walk = Walk().to_reads().given(latches=(latch,)).elapse(29.75)
    assert walk.said == "level 1, try 1: not off 30 s after the cut"
    assert (walk.attempt.number, walk.incident.waiting) == (2, None)


# a gate that is shut just before one of several cuts


def test_life_ends_no_try_while_another_device_may_still_be_cutting() -> None:
    """The next try would begin beside a cut that is under way."""
    walk = Walk(plan=TWO).to_cut()
    first, second = walk.all(Cut)
    walk.refuse(first, "armed").wait(1).hear(verdict=Verdict.UP)
    assert (walk.phase, walk.attempt.number) == (Phase.FENCING, 1)
    assert walk.all(Cut) == [second]
    walk.answer_cut(second)
    assert (walk.phase, walk.gate) == (Phase.HELD, "armed")


# life while a gate is waited for


def waiting(**changes: object) -> Walk:
    """Wait for a gate since second 10, and have life be known since second 20."""
    waits = Waiting("warm-up", "it warms up", "it goes on by itself", at(10))
    known = {"waiting": waits, "life_at": at(20), "fencing": attempt(), **changes}
    walk = Walk(incident(evidence(), phase=Phase.FENCING, progress_at=at(10), **known))
    return walk.given(warm_at=at(60)).elapse(20)


def test_a_host_that_may_have_been_cut_and_lives_asks_for_a_human_and_no_other_does() -> None:
    cut = {"cut_started": at(5), "decided_at": at(5)}
    assert waiting(**cut).gate == "contradiction"
    assert waiting().phase is Phase.FENCING
    assert waiting(release=Release(again=True), **cut).phase is Phase.FENCING


def test_life_of_before_the_wait_was_weighed_before_it() -> None:
    cut = {"cut_started": at(5), "decided_at": at(5)}
    assert waiting(**cut, life_at=at(9.75)).phase is Phase.FENCING
    assert waiting(**cut, life_at=at(10)).gate == "contradiction"
