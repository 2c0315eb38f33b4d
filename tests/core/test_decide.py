"""The machine as a whole: what comes late, what fails, what is refused, and what is a bug."""

from dataclasses import replace

import pytest

from doctor_daemon.core.decide import advance, decide
from doctor_daemon.core.due import due
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostPlan, ServerId
from doctor_daemon.core.incident import Rounds
from doctor_daemon.core.messages import (
    Crashed,
    Cut,
    Elapsed,
    Evacuate,
    EvacuateEnded,
    Failed,
    Followed,
    ForceDown,
    Heard,
    Identify,
    Inspect,
    Inspected,
    Listed,
    ListServers,
    Look,
    Looked,
    Observation,
    Order,
    Read,
    Refused,
    Resumed,
    Wait,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.topology import NEVER, fail
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import Back
from tests.core.make import (
    BMC,
    MANUAL,
    PDU,
    at,
    context,
    evidence,
    incident,
    level,
    ordered,
    plan,
    power_proof,
    servers,
    sighting,
)
from tests.core.walk import Walk, Way

# late and repeated answers


@pytest.mark.parametrize("number", [0, 2])
def test_the_answer_of_another_look_means_nothing(number: int) -> None:
    walk = Walk().look()
    before = walk.incident
    assert before.looks == 1
    assert walk.see(Looked(number, sighting(9, state="up"))).incident is before
    assert walk.fail(Look(number), "503").incident is before


@pytest.mark.parametrize("number", [-1, 1])
def test_the_answer_of_another_list_means_nothing(number: int) -> None:
    walk = Walk().to_down()
    before = walk.incident
    assert walk.see(Listed(number, servers())).incident is before
    assert walk.fail(ListServers(number), "503").incident is before


def test_a_failure_of_what_cannot_fail_means_nothing() -> None:
    walk = Walk()
    before = walk.incident
    for effect in (Wait(at(1)), Read(1, 1, "bmc", 0), ForceDown(1, "", disable=True)):
        assert walk.fail(effect).refuse(effect, "armed").incident is before


POST = Evacuate(ServerId("id-web"), 1)
EVERY: tuple[Observation, ...] = (
    Resumed(),
    Elapsed(),
    Heard(evidence()),
    Looked(0, sighting(0)),
    Noticed(sighting(0)),
    Listed(0, servers()),
    Failed(Look(0), "503"),
    Refused(ForceDown(0, "", disable=True), "armed", "disarmed"),
    ordered(Order.FENCE),
    Crashed("KeyError"),
    Crashed("KeyError", POST),
    Inspected(0, at(0), (), servers()),
    Followed(0, ()),
    EvacuateEnded(POST, Outcome.ACCEPTED, "200", at(0)),
)


@pytest.mark.parametrize("phase", [Phase.RESOLVED, Phase.DISMISSED])
def test_nothing_moves_an_incident_that_is_over(phase: Phase) -> None:
    over = incident(phase=phase)
    for observation in EVERY:
        assert advance(over, observation, context()) is over
        assert decide(over, observation, context()) == (over, ())


# looks that fail


def test_c5_failed_looks_wait_longer_and_longer() -> None:
    walk = Walk().to_fencing().identify()
    for number, pause_s in enumerate((1.0, 2.0, 4.0)):
        assert walk.one(Look).number == number
        walk.fail(walk.one(Look), "503")
        assert walk.all(Look) == []
        assert min(walk.waits) == pause_s
        walk.elapse(pause_s)


def test_c5_a_look_that_succeeds_forgets_the_failures() -> None:
    walk = Walk().to_fencing().identify()
    walk.fail(walk.one(Look), "503").elapse(1).fail(walk.one(Look), "503").elapse(2)
    walk.look()
    assert (walk.incident.look_failures, walk.incident.look_at) == (0, None)


def test_a_failed_effect_is_never_due_again_unchanged() -> None:
    walk = Walk().to_fencing()
    asked: list[Identify | Look] = [*walk.all(Identify), *walk.all(Look)]
    for effect in asked:
        walk.fail(effect)
        walk.elapse(600)
        assert effect not in walk.due


# no progress


@pytest.mark.parametrize(("waited_s", "phase"), [(899.75, Phase.FENCING), (900, Phase.HELD)])
def test_l2_fencing_without_progress_asks_for_a_human(waited_s: float, phase: Phase) -> None:
    walk = Walk().to_fencing().elapse(waited_s)
    assert walk.phase is phase
    if phase is Phase.HELD:
        assert walk.said.startswith("held: no progress in 900 s of fencing")


def test_l2_forcing_down_without_progress_asks_for_a_human() -> None:
    walk = Walk(plan=plan(MANUAL)).to_fencing().order(Order.CONFIRM_OFF, 3600)
    assert walk.elapse(899.75).phase is Phase.FORCING_DOWN
    assert walk.elapse(0.25).gate == "progress"


@pytest.mark.parametrize("way", [Walk.to_down, Walk.to_held])
def test_what_waits_for_a_human_waits_as_long_as_it_takes(way: Way) -> None:
    walk = way(Walk())
    before = walk.incident
    assert walk.elapse(1e7).incident is before


# bugs


@pytest.mark.parametrize("way", [Walk.elapse, Walk.to_fencing, Walk.to_proof, Walk.to_down])
def test_a_bug_holds_its_incident_and_says_so(way: Way) -> None:
    walk = way(Walk()).see(Crashed("KeyError"))
    held = walk.incident.held
    assert held is not None
    assert (held.gate, held.why) == ("internal", "internal error: KeyError")


def test_a_cut_that_is_refused_when_it_is_held_already_means_nothing() -> None:
    walk = Walk().to_cut()
    cut = walk.one(Cut)
    before = walk.see(Crashed("KeyError")).incident
    for gate in ("look", "armed"):
        assert walk.refuse(cut, gate).incident is before


def test_a_bug_while_it_is_held_is_noted() -> None:
    walk = Walk().to_held().see(Crashed("KeyError"))
    assert (walk.phase, walk.gate) == (Phase.HELD, "fencing")
    assert walk.said == "internal error: KeyError"


class Restless(str):
    """A digest that is never the same twice."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __ne__(self, other: object) -> bool:
        return True


def test_a_machine_that_never_settles_is_stopped() -> None:
    restless: HostPlan = plan(digest=Restless("digest"))
    with pytest.raises(RuntimeError, match="fencing does not settle"):
        advance(incident(ordered_at=at(0)), Elapsed(), context(plan=restless))


def test_a_try_that_is_not_there_fails_into_a_first_one() -> None:
    failed = fail(incident(phase=Phase.FENCING), context(), "gone")
    assert failed.fencing is not None
    assert failed.fencing.number == 1


# due


def test_a_restarted_daemon_asks_due_and_carries_on() -> None:
    """What is due depends on the incident and its context alone."""
    for walk in (Walk(), Walk().to_cut(), Walk().to_reads(), Walk().to_proof(), Walk().to_down()):
        assert walk.due == walk.due
        copy = replace(walk.incident, timeline=(), version=99)
        assert due(copy, walk.context) == walk.due


def test_i14_a_signal_of_life_and_a_cut_in_one_breath() -> None:
    """Life that is folded in first wins; folded in after the gates, it contradicts."""
    first = Walk().to_fencing().identify().hear(verdict=Verdict.UP)
    assert first.phase is Phase.DISMISSED
    after = Walk().to_cut().hear(verdict=Verdict.UP)
    assert (after.phase, after.gate) == (Phase.HELD, "fencing")
    assert after.incident.cut_started is not None


def test_c2_the_put_is_never_due_without_a_proof_that_stands() -> None:
    walk = Walk().to_reads()
    while walk.phase is Phase.FENCING:
        assert walk.all(ForceDown) == []
        walk.read().elapse(0.5)
    assert walk.all(ForceDown) != []
    assert walk.elapse(30).all(ForceDown) == []


def test_i12_the_order_of_two_words_in_one_moment_leads_to_one_end() -> None:
    one = Walk().hear(source="zabbix").hear(verdict=Verdict.WITHDRAWN).to_fencing()
    two = Walk().hear(verdict=Verdict.WITHDRAWN)
    assert one.phase is Phase.FENCING
    assert two.phase is Phase.DISMISSED


# two of one moment


def test_what_is_folded_in_together_with_another_takes_no_step_in_between() -> None:
    """The grace is over, and life was heard at the same moment: it never comes to fencing."""
    walk = Walk().wait(10)
    both = advance(walk.incident, Elapsed(), walk.context, more=True)
    assert both.phase is Phase.SUSPECTED
    life = evidence(verdict=Verdict.UP, received_at=walk.now)
    after = advance(both, Heard(life), walk.context)
    assert after.phase is Phase.DISMISSED
    assert Phase.FENCING not in [entry.phase for entry in after.timeline]


def test_a_force_down_that_is_refused_after_life_was_heard_means_nothing() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_proof()
    effect = walk.one(ForceDown)
    walk.wait(1).hear(verdict=Verdict.UP)
    before = walk.incident
    assert (walk.phase, before.marking.number) == (Phase.FENCING, effect.number)
    assert walk.refuse(effect, "armed").incident is before


def test_l2_what_is_not_evacuated_yet_is_not_held_for_its_servers() -> None:
    assert Walk().to_fencing().elapse(900).said == f"held: no progress in 900 s of fencing; {NEVER}"


def test_l2_where_nothing_is_known_to_keep_servers_nothing_is_said_of_them() -> None:
    seen = Rounds(inspected_at=at(1))
    made = incident(phase=Phase.EVACUATING, proof=power_proof(), rounds=seen)
    held = advance(made, Elapsed(), context(900)).held
    assert held is not None
    assert held.why == "no progress in 900 s of evacuating"


def test_on_its_way_back_a_nova_that_does_not_tell_bars_nothing() -> None:
    walk = Back(policy=Policy(force_down_tries=2)).to_releasing()
    for _ in range(3):
        walk.fail(walk.one(Inspect), "503").elapse(60)
    assert (walk.phase, walk.incident.rounds.barred) == (Phase.RELEASING, None)
