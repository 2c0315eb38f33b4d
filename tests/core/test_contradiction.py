"""Contradiction: another kind of evidence has seen the host alive since it was called down."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.core.contradiction import lives
from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import WORDS_MAX, Trust, Verdict, fold
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Cut, Heard, Look, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from tests.core.make import OTHER_BOOT, at, evidence, incident, plan
from tests.core.walk import Walk

LIFE_S, WAIT_S = 60.0, 120.0
UP = Verdict.UP


def storage(walk: Walk, verdict: Verdict = UP) -> Walk:
    """Let the host be seen on the storage network."""
    return walk.hear("ping", kind="ping-storage", verdict=verdict, trust=Trust.SECOND)


def contradicted(seconds: float = 5) -> Walk:
    """Walk to where the storage network contradicts an alert."""
    return storage(Walk().wait(seconds))


# what begins and ends it


def test_a1_life_of_another_kind_delays_and_is_told() -> None:
    walk = contradicted()
    assert (walk.phase, walk.incident.contradicted_at) == (Phase.SUSPECTED, at(5))
    assert walk.said == (
        "contradicting evidence: ping (ping-storage) has seen it alive, and alertmanager "
        "(alertmanager-kind) calls it down: nothing is cut, for 120 s at most"
    )
    assert walk.told == [NoticeKind.SUSPECTED]


def test_a1_nothing_is_cut_while_it_is_seen_alive_and_then_a_human_is_asked() -> None:
    walk = contradicted()
    for _ in range(5):
        storage(walk.elapse(20).hear())
        assert (walk.phase, walk.incident.cut_started) == (Phase.SUSPECTED, None)
    walk.elapse(20).hear().elapse(0)
    assert (walk.phase, walk.gate) == (Phase.HELD, "contradiction")
    assert walk.incident.held is not None
    assert walk.incident.held.why == (
        "contradicting evidence: ping (ping-storage) has seen it alive, and alertmanager "
        "(alertmanager-kind) calls it down"
    )
    assert walk.incident.contradicted_at is None


@pytest.mark.parametrize(("later_s", "phase"), [(59.75, Phase.SUSPECTED), (60, Phase.FENCING)])
def test_life_that_is_not_repeated_grows_old(later_s: float, phase: Phase) -> None:
    walk = contradicted().wait(1).hear().elapse(later_s - 1)
    assert walk.phase is phase


def test_i14_what_was_said_before_the_life_never_counts_again() -> None:
    walk = contradicted().elapse(LIFE_S)
    assert walk.phase is Phase.DISMISSED
    assert walk.said == "it was seen alive, and nobody has called it down since"
    assert walk.told[-1] is NoticeKind.WITHDRAWN


def test_i14_who_is_alive_all_the_while_and_called_down_by_nobody_is_let_off() -> None:
    walk = contradicted()
    for _ in range(6):
        storage(walk.elapse(20))
    assert walk.phase is Phase.DISMISSED


def test_a7_life_that_its_source_takes_back_contradicts_no_more() -> None:
    walk = storage(contradicted().elapse(10), Verdict.DOWN)
    assert walk.phase is Phase.FENCING
    assert any("no fresh evidence contradicts any more" in e.text for e in walk.incident.timeline)


def test_who_was_seen_alive_was_so_though_the_source_withdraws_something() -> None:
    walk = storage(contradicted(), Verdict.WITHDRAWN)
    assert walk.incident.contradicted_at == at(5)
    assert walk.hear(verdict=Verdict.WITHDRAWN).phase is Phase.DISMISSED


@pytest.mark.parametrize("kind", ["alertmanager-kind", "another"])
def test_a_second_kind_of_accusers_decides_whether_life_ends_it(kind: str) -> None:
    walk = Walk().hear("zabbix", kind=kind).wait(1).hear(verdict=UP)
    same = kind == "alertmanager-kind"
    assert walk.phase is (Phase.DISMISSED if same else Phase.SUSPECTED)


def test_life_of_every_kind_that_accused_ends_it() -> None:
    walk = Walk().hear("zabbix").wait(1).hear(verdict=UP).hear("zabbix", verdict=UP)
    assert walk.phase is Phase.DISMISSED


def test_an_accusation_that_is_too_old_is_none_that_life_contradicts() -> None:
    assert storage(Walk().wait(300.25)).phase is Phase.DISMISSED


def test_a5_life_is_no_fresher_than_its_source_may_be() -> None:
    short = plan(corroboration=Corroboration(ages={"ping": 15.0}))
    walk = storage(Walk(plan=short).wait(5)).wait(1).hear()
    assert walk.elapse(13.75).phase is Phase.SUSPECTED
    assert walk.elapse(0.25).phase is Phase.FENCING


def test_life_just_when_it_is_called_down_answers_that() -> None:
    walk = contradicted().hear().elapse(LIFE_S)
    assert walk.phase is Phase.DISMISSED


# before the cut, and after it


def test_i14_life_that_comes_while_the_cut_is_prepared_keeps_it_waiting() -> None:
    walk = storage(Walk().to_fencing().identify())
    assert walk.incident.contradicted_at == walk.now
    walk.wait(1).hear().elapse(4).look()
    assert (walk.phase, walk.all(Cut)) == (Phase.FENCING, [])
    assert [context_gate(walk)] == ["contradiction"]
    walk.elapse(LIFE_S - 5).look()
    assert walk.incident.cut_started is not None


def context_gate(walk: Walk) -> str:
    refusal = refused(Act.CUT, walk.incident, walk.context)
    return refusal.gate if refusal else ""


def test_it_is_weighed_again_when_the_life_grows_old_and_at_the_end() -> None:
    grace_s = Policy().grace_s  # then looks begin anew
    walk = contradicted().look()
    assert walk.waits == [grace_s]
    assert walk.elapse(grace_s).look().waits == [LIFE_S - grace_s]
    for _ in range(4):
        storage(walk.elapse(20).hear())
    assert walk.look().waits == [grace_s]
    assert walk.elapse(grace_s).look().waits == [WAIT_S - 80 - 2 * grace_s]
    fencing = storage(Walk().to_fencing()).wait(1).hear()
    assert grace_s - 1 in fencing.waits


def test_i14_after_the_cut_life_contradicts_that_it_is_off_as_before() -> None:
    walk = storage(Walk().to_reads())
    assert walk.incident.contradicted_at is None
    assert walk.said.endswith("the host was heard alive after the cut") or walk.phase is Phase.HELD


def test_i14_nova_computes_own_report_ends_it_at_once_all_the_same() -> None:
    walk = Walk().look().hear("zabbix").to_fencing().identify().look(updated_s=1010.0)
    assert walk.phase is Phase.DISMISSED


# a human


def test_an_order_counts_more_than_life_that_was_heard_before_it() -> None:
    walk = contradicted().wait(1).order(Order.FENCE)
    assert walk.phase is Phase.FENCING
    assert lives(walk.incident, walk.context) == ()


def test_i14_life_after_an_order_keeps_it_waiting_and_what_was_ordered_is_done_in_the_end() -> None:
    walk = storage(Walk().order(Order.FENCE).wait(1))
    assert walk.incident.contradicted_at == walk.now
    walk.identify().look().elapse(LIFE_S)
    assert walk.phase is Phase.FENCING
    assert not lives(walk.incident, walk.context)


def test_an_order_counts_more_than_a_report_from_before_it() -> None:
    walk = held().wait(60).order(Order.FENCE).identify().look(updated_s=1010.0)
    assert walk.phase is Phase.FENCING
    assert len(walk.all(Cut)) == 1


def held() -> Walk:
    walk = contradicted()
    for _ in range(6):
        storage(walk.elapse(20).hear())
    assert walk.gate == "contradiction"
    return walk


def test_what_is_held_by_a_contradiction_stays_so_while_both_go_on() -> None:
    walk = held()
    assert storage(walk.wait(20).hear()).phase is Phase.HELD
    assert walk.hear(verdict=Verdict.WITHDRAWN).phase is Phase.DISMISSED


def test_what_is_held_by_another_gate_ends_with_life_as_before() -> None:
    walk = Walk(incident(evidence(trust=Trust.SECOND))).to_fencing().elapse(120)
    assert walk.gate == "evidence"
    assert storage(walk.hear(trust=Trust.SECOND)).phase is Phase.DISMISSED


def test_a_restart_trusts_no_life_that_has_grown_old() -> None:
    walk = contradicted()
    assert walk.reboot().incident.contradicted_at is None
    assert walk.phase is Phase.SUSPECTED
    fresh = contradicted()
    life = fresh.incident.words["ping/print"]
    other = replace(life, last=at(5, OTHER_BOOT))
    fresh.incident = replace(fresh.incident, words={**fresh.incident.words, "ping/print": other})
    assert lives(fresh.incident, fresh.context) == ()


def test_one_source_cannot_crowd_out_anothers_sign_of_life() -> None:
    words = fold({}, evidence(0, UP, "ping", kind="ping"))
    for n in range(3 * WORDS_MAX):
        words = fold(words, evidence(n, fingerprint=f"alert-{n}"))
    assert words["ping/print"].verdict is UP
    assert len(words) == WORDS_MAX


def test_i13_what_was_said_on_another_boot_insists_on_nothing() -> None:
    walk = Walk().hear("zabbix").reboot().hear().wait(1)
    storage(walk.given(policy=replace(walk.context.policy, grace_s=300.0)))
    assert walk.incident.contradicted_at == walk.now
    walk.elapse(LIFE_S)
    assert walk.phase is Phase.DISMISSED
    assert walk.said == "it was seen alive, and nobody has called it down since"


said = st.lists(
    st.tuples(
        st.sampled_from((0.25, 1.0, 5.0, 30.0)),
        st.sampled_from("abc"),
        st.sampled_from((Verdict.DOWN, Verdict.DOWN, UP, Verdict.WITHDRAWN)),
    ),
    max_size=25,
)


@given(story=said)
def test_i14_never_a_cut_against_fresh_life_nor_on_what_life_has_answered(
    story: list[tuple[float, str, Verdict]],
) -> None:
    walk = Walk()
    for pause_s, source, verdict in story:
        if walk.phase.final:
            break
        walk.wait(pause_s)
        walk.see(Heard(evidence(0, verdict, source, received_at=walk.now))).elapse(0)
        for ask in (Walk.identify, Walk.look):
            if walk.phase is Phase.FENCING and (ask is Walk.identify or walk.all(Look)):
                ask(walk)
        if walk.incident.cut_started is None:
            continue
        words = walk.incident.words.values()
        seen = [word.last for word in words if word.verdict is UP]
        assert all(walk.now.since(moment) >= LIFE_S for moment in seen)
        down = [word.last for word in words if word.verdict is Verdict.DOWN]
        assert any(all(one.since(moment) > 0 for moment in seen) for one in down)
        return
