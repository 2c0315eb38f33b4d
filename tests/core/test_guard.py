"""The proof is guarded while servers are evacuated, and what is seen or heard stops it."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import Mode
from doctor_daemon.core.messages import (
    Evacuate,
    Follow,
    Inspect,
    Look,
    Order,
    Read,
    WasRead,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power, Reading
from doctor_daemon.core.tries import Outcome
from tests.core.make import (
    BMC,
    MANUAL,
    PDU,
    at,
    incident,
    level,
    plan,
    power_proof,
    sighting,
)
from tests.core.moving import Moving

ON, OFF, UNKNOWN = Power.ON, Power.OFF, Power.UNKNOWN
ALARM = "ALARM: the power is on again after the proof: fencing again"
TWO = plan(level(BMC, PDU), mode=Mode.EVACUATE)


def by_hand(lasts_s: float = 600) -> Moving:
    """Walk to where servers are evacuated by a human's word."""
    walk = Moving(plan=plan(MANUAL, mode=Mode.EVACUATE))
    walk.to_fencing().order(Order.CONFIRM_OFF, lasts_s).look()
    walk.put()
    return walk.flag()


# renewing


def test_c9_the_proof_is_renewed_by_what_is_read_and_read_calmly_then() -> None:
    walk = Moving().to_evacuating()
    first, began = walk.incident.proof, walk.now
    assert first is not None
    for seconds in (0, 1, 2):
        walk.elapse(began.plus(1 + seconds).since(walk.now)).read()
        assert (walk.incident.proof is first) is (seconds < 2)
    renewed = walk.incident.proof
    assert renewed is not None
    assert renewed.taken_at == walk.now
    assert [reading.asked_at for reading in renewed.devices[0].readings] == [
        began.plus(seconds) for seconds in (1, 2, 3)
    ]
    assert walk.wait(4.75).all(Read) == []
    assert walk.wait(0.25).all(Read) != []
    walk.read()
    assert walk.incident.proof is not None
    assert walk.incident.proof.taken_at == walk.now


def test_c9_reads_from_before_do_not_renew_it() -> None:
    walk = Moving().to_evacuating().elapse(1)
    first = walk.incident.proof
    walk.answer_read(walk.one(Read), OFF, asked_s=-1.25).elapse(1).read().elapse(1).read()
    assert walk.incident.proof is first
    walk.elapse(1).read()
    assert walk.incident.proof is not first


def test_c9_a_guarded_proof_never_grows_old() -> None:
    walk = Moving().to_posted().guard(200)
    assert walk.incident.proof is not None
    assert walk.now.since(walk.incident.proof.taken_at) <= 5
    assert walk.incident.refences == 0


def test_c9_a_proof_of_a_hold_that_is_long_beside_the_guard_s_pace_is_renewed() -> None:
    """No more readings are kept than span it."""
    device = replace(BMC, hold_s=20.0)
    rules = Policy(guard_every_s=1.0, proof_age_s=40.0)
    walk = Moving(plan=plan(level(device), mode=Mode.EVACUATE), policy=rules).to_reads()
    while walk.read().phase is Phase.FENCING:
        walk.look() if walk.all(Look) else walk.elapse(1)
    walk.put().see_flag().inspect().accept().guard(200)
    assert walk.incident.proof is not None
    assert walk.now.since(walk.incident.proof.taken_at) <= 5
    assert walk.incident.rounds.barred is None


def test_c9_nothing_is_sent_by_an_old_proof_until_it_is_renewed() -> None:
    walk = Moving().to_inspected().post(Outcome.UNSENT)
    walk.elapse(1).answer_post(walk.one(Evacuate), Outcome.UNSENT)
    walk.elapse(29)
    assert (walk.posts, walk.phase) == ([], Phase.EVACUATING)
    assert walk.incident.rounds.barred is None
    walk.flag()
    for _ in range(3):
        assert walk.posts == []
        walk.read().elapse(1)
    assert [name for name, _ in walk.again().posts] == ["web"]


@pytest.mark.parametrize(("waited_s", "barred"), [(59.75, False), (60, True)])
def test_b2_power_that_cannot_be_read_any_more_stops_it(waited_s: float, *, barred: bool) -> None:
    """Counted from the entering: the proof is a little older than that."""
    walk = Moving().to_posted()
    assert walk.incident.proof is not None
    assert walk.now.since(walk.incident.proof.taken_at) == 0.25
    walk.elapse(waited_s)
    assert (walk.incident.rounds.barred is not None) is barred
    if barred:
        assert walk.incident.rounds.barred is not None
        assert walk.incident.rounds.barred.why == (
            "the power of cmp-1 could not be read again in time"
        )
        walk.turns(1, "done").follow()
        assert walk.phase is Phase.DOWN  # all that was to be moved has moved


def test_b2_after_the_last_renewal_it_is_counted_from_there() -> None:
    walk = Moving().to_posted().guard(10)
    proof = walk.incident.proof
    assert proof is not None
    walk.elapse(proof.taken_at.plus(59.75).since(walk.now))
    assert walk.incident.rounds.barred is None
    walk.elapse(0.25)
    assert walk.incident.rounds.barred is not None


def test_waits_say_when_a_proof_is_too_old_and_when_it_is_lost() -> None:
    walk = Moving().to_posted()
    proof = walk.incident.proof
    assert proof is not None
    assert min(walk.waits) <= proof.valid_until.since(walk.now)
    walk.elapse(proof.valid_until.since(walk.now))
    walk.follow().flag()
    assert 60 - proof.valid_until.since(at(0)) + walk.incident.phase_at.since(at(0)) in walk.waits


def test_a_device_that_is_gone_cannot_be_read() -> None:
    for changes in ({"fencing": None}, {"rounds": replace(incident().rounds, inspections=1)}):
        walk = Moving().to_evacuating()
        walk.incident = replace(walk.incident, **changes)
        assert walk.all(Read) == []
        walk.elapse(1)
        assert walk.gate == "proof"
        assert "the power cannot be read any more" in walk.said


def test_a_level_that_is_gone_cannot_be_read() -> None:
    walk = Moving().to_evacuating()
    walk.incident = replace(walk.incident, fencing=replace(walk.attempt, level=9))
    assert walk.all(Read) == []
    walk.elapse(1)
    assert walk.gate == "proof"


def test_i6_evacuating_without_a_proof_is_held() -> None:
    walk = Moving(incident=incident(phase=Phase.EVACUATING))
    assert [type(effect).__name__ for effect in walk.due] == ["Wait", "Look", "Inspect"]
    walk.elapse(1)
    assert (walk.phase, walk.gate) == (Phase.HELD, "proof")
    assert walk.said.startswith("held: there is no proof that the host is off")


def test_a_proof_without_a_round_is_not_read() -> None:
    bare = incident(phase=Phase.EVACUATING, proof=power_proof(), sighting=sighting(0))
    assert Moving(incident=bare).all(Read) == []


# power that comes back


def test_b9_power_that_comes_back_stops_what_was_not_sent_and_is_fenced_again() -> None:
    walk = Moving("web", "db").to_inspected()
    db, web = walk.all(Evacuate)
    walk.answer_post(web).begins(1).elapse(1).read(ON)
    assert (walk.phase, walk.said) == (Phase.FENCING, ALARM)
    assert (walk.incident.refences, walk.incident.proof, walk.posts) == (1, None, [])
    walk.refuse(db, "proof", "there is no proof")  # it had still waited for its turn
    assert walk.stage("db") is Stage.WAITING
    assert walk.stage("web") is Stage.UNDER_WAY


def test_b9_a_request_that_was_out_already_is_heard_of_while_fencing() -> None:
    walk = Moving().to_inspected()
    post = walk.one(Evacuate)
    walk.elapse(1).read(ON).answer_post(post)
    assert (walk.phase, walk.stage()) == (Phase.FENCING, Stage.UNDER_WAY)


def test_b9_one_device_that_sees_it_on_is_enough() -> None:
    walk = Moving(plan=TWO).to_evacuating().elapse(1)
    assert walk.read(OFF, "bmc").read(ON, "pdu").phase is Phase.FENCING


@pytest.mark.parametrize(("asked_s", "phase"), [(-0.25, Phase.EVACUATING), (0, Phase.FENCING)])
def test_b9_on_counts_from_the_moment_for_which_the_proof_speaks(
    asked_s: float, phase: Phase
) -> None:
    """Also when it was asked for before the first server was to be moved."""
    walk = Moving().to_proof()
    proof, number = walk.incident.proof, walk.attempt.device("bmc").reads
    assert proof is not None
    walk.put().flag()
    assert walk.incident.rounds.guarded_from == proof.taken_at.plus(0.25)
    seen = Reading(ON, "On", proof.taken_at.plus(asked_s), walk.now)
    assert walk.see(WasRead(Read(1, 1, "bmc", number), seen)).phase is phase


def test_b9_unknown_is_not_on() -> None:
    assert Moving().to_evacuating().elapse(1).read(UNKNOWN).phase is Phase.EVACUATING


def test_b9_after_another_round_what_is_left_is_moved() -> None:
    walk = Moving("web", "db").to_posted().turns(2, "done").guard(2).follow().guard(4)
    walk.elapse(5).read(ON)
    lines = len(walk.incident.timeline)
    assert walk.fence().phase is Phase.EVACUATING
    told = [e for e in walk.incident.timeline[lines:] if e.tell]
    assert [entry.text for entry in told] == ["1 servers are still to be moved"]
    assert told[0].servers is not None
    assert [one.name for one in told[0].servers] == ["db"]
    assert (walk.all(Inspect), walk.all(Follow), walk.posts) == ([Inspect(3)], [], [])
    assert walk.incident.rounds.guarded_from == walk.now
    walk.turns(1, "done").inspect()
    assert (walk.phase, walk.said) == (Phase.DOWN, "2 servers: 2 moved")


def test_b9_after_some_rounds_a_human_is_asked() -> None:
    walk = Moving(policy=Policy(refences_max=0)).to_posted().elapse(1).read(ON)
    assert (walk.phase, walk.gate) == (Phase.HELD, "power")


# life, and another topology


def test_i14_life_while_servers_are_moved_voids_the_proof() -> None:
    walk = Moving(plan=plan(level(BMC), level(PDU), mode=Mode.EVACUATE)).to_inspected()
    walk.hear(verdict=Verdict.UP)
    assert (walk.phase, walk.attempt.level, walk.posts) == (Phase.FENCING, 2, [])


def test_d6_life_after_a_humans_word_asks_the_human_again() -> None:
    walk = by_hand().inspect().wait(1).hear(verdict=Verdict.UP)
    assert (walk.phase, walk.gate, walk.posts) == (Phase.HELD, "proof", [])


def test_a_changed_topology_voids_the_proof() -> None:
    walk = Moving().to_inspected()
    changed = plan(level(PDU), digest="digest-2", mode=Mode.EVACUATE)
    walk.given(plan=changed).elapse(1)
    assert (walk.phase, walk.attempt.digest, walk.posts) == (Phase.FENCING, "digest-2", [])


def test_another_service_of_that_name_is_held() -> None:
    walk = Moving().to_posted().elapse(10).flag(uuid="another")
    assert (walk.phase, walk.gate) == (Phase.HELD, "service")


# a human's word
