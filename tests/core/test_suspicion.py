"""Suspicion: when it is enough to fence, when it is not, and what a sign of life does to it."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.incident import Incident, NoticeKind
from doctor_daemon.core.messages import Cut, Elapsed, Look, Looked, Order, Read
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from tests.core.make import BMC, PDU, at, evidence, incident, level, plan, sighting
from tests.core.walk import Walk

WEAK = evidence(trust=Trust.SECOND)
ALIVE = "this contradicts that its power is off"


# grace and corroboration


@pytest.mark.parametrize(
    ("waited_s", "phase"),
    [(0, Phase.SUSPECTED), (9.75, Phase.SUSPECTED), (10, Phase.FENCING), (50, Phase.FENCING)],
)
def test_nothing_is_fenced_before_the_grace_is_over(waited_s: float, phase: Phase) -> None:
    assert Walk().elapse(waited_s).phase is phase


def test_the_grace_is_said_when_it_is_over() -> None:
    assert Walk().to_fencing().incident.timeline[-1].text == (
        "still down after 10 s of grace, and the evidence is enough"
    )


@pytest.mark.parametrize(
    ("waited_s", "phase"),
    [(10, Phase.SUSPECTED), (129.75, Phase.SUSPECTED), (130, Phase.HELD), (999, Phase.HELD)],
)
def test_a_second_kind_is_waited_for_and_then_a_human_is_asked(
    waited_s: float, phase: Phase
) -> None:
    assert Walk(incident(WEAK)).elapse(waited_s).phase is phase


def test_a_suspicion_that_is_not_enough_names_its_sources() -> None:
    walk = Walk(incident(WEAK)).hear(source="zabbix", kind=WEAK.kind, trust=Trust.SECOND)
    held = walk.elapse(130).incident.held
    assert held is not None
    why = (
        "alertmanager, zabbix: not enough to fence: 1 kind of evidence (alertmanager-kind), and it "
        "takes 2, or one that is enough alone; no other came in time"
    )
    assert (held.why, held.frees) == (why, "`fence` it or `dismiss` it")


def test_a_second_kind_that_comes_in_time_is_enough() -> None:
    walk = Walk(incident(WEAK)).elapse(60).hear(source="ping", trust=Trust.OPEN)
    assert walk.phase is Phase.FENCING


def test_a5_evidence_that_grew_old_while_it_waited_does_not_fence() -> None:
    walk = Walk().given(policy=replace(Walk().context.policy, grace_s=310.0))
    assert walk.elapse(310).phase is Phase.SUSPECTED
    assert walk.elapse(119.75).phase is Phase.SUSPECTED
    assert walk.elapse(0.25).gate == "evidence"


def test_an_operator_needs_no_grace_and_no_second_kind() -> None:
    walk = Walk(incident(WEAK)).order(Order.FENCE)
    assert walk.phase is Phase.FENCING
    assert walk.said == "ordered to fence"


def test_a_host_without_a_level_is_held_at_once() -> None:
    held = Walk(plan=plan(levels=())).to_fencing().incident.held
    assert held is not None
    assert held.why == "no fencing level is configured: cmp-1 may be running"


# words


def test_a6_the_same_word_again_changes_no_phase_and_tells_nobody() -> None:
    walk = Walk().wait(5).hear()
    assert (walk.phase, walk.told) == (Phase.SUSPECTED, [NoticeKind.SUSPECTED])
    assert walk.incident.words["alertmanager/print"].last == at(5)


@pytest.mark.parametrize("verdict", [Verdict.UP, Verdict.WITHDRAWN])
def test_a7_a_late_word_of_its_source_changes_nothing(verdict: Verdict) -> None:
    walk = Walk(incident(evidence(claimed_s=100.0)))
    before = walk.incident
    assert walk.hear(verdict=verdict, claimed_s=99.0).incident is before


def test_a_word_taken_back_ends_it_only_when_nobody_accuses_any_more() -> None:
    walk = Walk().hear(source="zabbix").hear(verdict=Verdict.WITHDRAWN)
    assert not walk.phase.final
    assert walk.hear(source="zabbix", verdict=Verdict.WITHDRAWN).phase is Phase.DISMISSED
    assert walk.said == "zabbix takes it back; nobody calls the host down any more"
    assert walk.told[-1] is NoticeKind.WITHDRAWN


def test_one_sign_of_life_ends_it_whoever_else_of_its_kind_accuses() -> None:
    walk = Walk().hear(source="zabbix", kind="alertmanager-kind").hear(verdict=Verdict.UP)
    assert walk.phase is Phase.DISMISSED
    assert walk.said == "alertmanager has seen it alive"
    assert walk.told[-1] is NoticeKind.WITHDRAWN


# I-14: before the cut life ends it, after it life contradicts


def untouched() -> list[Walk]:
    held = Walk(incident(WEAK)).to_fencing().elapse(120)
    return [Walk(), Walk().to_fencing(), Walk().to_fencing().identify(), held]


@pytest.mark.parametrize("verdict", [Verdict.UP, Verdict.WITHDRAWN])
def test_i14_until_the_point_of_no_return_it_can_be_called_off(verdict: Verdict) -> None:
    for walk in untouched():
        assert walk.hear(verdict=verdict).phase is Phase.DISMISSED


def test_i14_after_the_first_cut_life_contradicts_that_try() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_reads().read()
    walk.hear(verdict=Verdict.UP)
    assert walk.phase is Phase.FENCING
    lines = [entry.text for entry in walk.incident.timeline[-2:]]
    assert lines == [
        f"alertmanager has seen it alive: {ALIVE}",
        "level 1, try 1: the host was heard alive after the cut",
    ]
    assert walk.attempt.level == 2


def test_i14_what_contradicted_one_try_does_not_contradict_the_next() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_reads().hear(verdict=Verdict.UP)
    walk.elapse(1).hear().identify().look().cut().prove()
    assert walk.phase is Phase.FORCING_DOWN
    assert walk.elapse(1).phase is Phase.FORCING_DOWN


def test_i14_after_the_first_cut_taking_a_word_back_means_nothing() -> None:
    walk = Walk().to_reads()
    lines = len(walk.incident.timeline)
    walk.hear(verdict=Verdict.WITHDRAWN)
    assert (walk.phase, len(walk.incident.timeline)) == (Phase.FENCING, lines)
    assert walk.prove().phase is Phase.FORCING_DOWN


@pytest.mark.parametrize("verdict", [Verdict.UP, Verdict.WITHDRAWN])
def test_life_does_not_end_what_was_held_after_the_cut(verdict: Verdict) -> None:
    assert Walk().to_held().hear(verdict=verdict).phase is Phase.HELD


def test_a_host_that_is_down_is_not_dismissed_by_life() -> None:
    assert Walk(incident(phase=Phase.DOWN)).hear(verdict=Verdict.UP).phase is Phase.DOWN


def test_life_of_a_host_that_is_down_is_remembered_and_told_to_nobody() -> None:
    walk = Walk().to_down()
    lines = len(walk.incident.timeline)
    walk.wait(9).hear(verdict=Verdict.UP)
    assert (walk.phase, walk.incident.life_at) == (Phase.DOWN, walk.now)
    assert len(walk.incident.timeline) == lines


# what Nova shows


def test_the_first_look_remembers_which_service_it_is() -> None:
    walk = Walk().look()
    assert walk.incident.service == sighting(0).uuid
    assert walk.incident.sighting == sighting(0)


def test_another_service_of_the_same_name_asks_for_a_human() -> None:
    held = Walk().look().to_fencing().identify().look(uuid="another").incident.held
    assert held is not None
    assert (held.gate, held.why) == (
        "service",
        "Nova's compute service of cmp-1 is another one than before",
    )


def test_a_service_that_is_shown_by_another_kind_of_id_asks_for_a_human_in_its_own_words() -> None:
    held = Walk().look(uuid="6@cmp-1").to_fencing().identify().look(uuid="a-uuid").incident.held
    assert held is not None
    assert held.gate == "service"
    assert held.why == (
        "Nova shows the compute service of cmp-1 as a-uuid, and before as 6@cmp-1: the dialect "
        "has changed that its API offers, and nobody can tell whether it is the same one"
    )
    anew = Walk().look(uuid="6@cmp-1").to_fencing().identify().look(uuid="7@cmp-1").incident.held
    assert anew is not None
    assert anew.why.endswith("is another one than before")


def test_a_held_incident_is_not_held_again_for_another_service() -> None:
    walk = Walk().to_held().order(Order.DISMISS).look(uuid="another", forced_down=True)
    assert (walk.phase, walk.gate) == (Phase.HELD, "fencing")


def test_a9_nova_compute_that_reports_in_ends_the_suspicion() -> None:
    walk = Walk().look().to_fencing().identify().look(updated_s=1010.0)
    assert walk.phase is Phase.DISMISSED
    assert walk.said == "nova-compute has reported in to Nova since the suspicion"


def test_the_first_look_says_nothing_about_life() -> None:
    unseen = Walk(incident(first=None))
    assert unseen.look(updated_s=9e9, state="up").phase is Phase.SUSPECTED


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"reason": "ticket"}])
def test_somebody_elses_write_to_the_service_is_no_sign_of_life(change: dict[str, str]) -> None:
    walk = Walk().look().to_fencing().identify().look(updated_s=1010.0, **change)
    assert walk.phase is Phase.FENCING


def reading(walk: Walk, updated_s: float) -> Walk:
    """Look along while the power is read, and find the service so."""
    return walk.elapse(1).look(updated_s=updated_s)


def test_a_report_after_every_cut_contradicts_off() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_reads()
    reading(walk, 1000.0)
    assert walk.incident.life_at is None
    reading(walk, 1010.0)
    assert walk.incident.life_at == walk.now
    assert walk.attempt.level == 2


def test_a_report_that_may_have_been_sent_before_the_cut_is_no_contradiction() -> None:
    walk = Walk().to_reads()
    assert reading(walk, 1010.0).incident.life_at is None  # compared with the look before the cut


def test_a_look_at_the_very_end_of_the_cut_is_after_it() -> None:
    walk = Walk().to_reads()
    seen = sighting(0, asked_at=walk.attempt.device("bmc").cut_at)
    walk.incident = replace(walk.incident, sighting=seen)
    assert reading(walk, 1010.0).incident.life_at is not None


def cut_of_two() -> Walk:
    """Walk to where the first of two supplies is cut, and the other call has not come back."""
    walk = Walk(plan=plan(level(BMC, PDU))).to_cut()
    first, _ = walk.all(Cut)
    return walk.answer_cut(first)


def test_b4_while_one_cut_is_still_out_a_report_is_no_contradiction() -> None:
    walk = cut_of_two().elapse(1)
    walk.incident = replace(walk.incident, sighting=sighting(0, asked_at=walk.now))
    walk.wait(1)
    seen = sighting(0, asked_at=walk.now, updated_s=1010.0)
    walk.see(Looked(walk.incident.looks, seen))
    assert walk.incident.life_at is None


def test_a_report_between_two_tries_is_no_contradiction() -> None:
    """The try that follows has not cut anything yet, and no proof of the last one is left."""
    for identified in (Walk.identify, Walk.elapse):
        walk = identified(Walk().to_cut().cut().read(Power.ON).elapse(30).elapse(1))
        assert walk.incident.tries == 2
        assert walk.look(updated_s=2000.0).incident.life_at is None


def test_b4_what_moved_while_our_put_was_out_is_no_report_and_what_moves_later_is_one() -> None:
    walk = Walk().to_proof().elapse(1).put().look(updated_s=1010.0)
    assert walk.incident.life_at is None
    assert walk.elapse(6).look(updated_s=1020.0).incident.life_at is not None


def test_a_suspicion_is_weighed_at_the_end_of_the_grace_and_then_once_more() -> None:
    walk = Walk(incident(WEAK)).look()
    assert walk.waits == [10.0]
    assert walk.elapse(9.75).waits == [0.25]
    assert walk.elapse(0.25).waits == [120.0]
    assert walk.elapse(100).waits == [20.0]


def test_a_suspicion_looks_at_the_host_once() -> None:
    walk = Walk()
    assert walk.all(Look) == [Look(0)]
    assert walk.look().all(Look) == []


def test_waiting_alone_changes_nothing() -> None:
    walk = Walk()
    before: Incident = walk.incident
    assert walk.wait(3).see(Elapsed()).incident is before
    assert walk.all(Read) == []
