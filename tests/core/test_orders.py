"""What operators may say in which phase, and what becomes of it."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.incident import Held, Incident, Marking, NoticeKind
from doctor_daemon.core.messages import ForceDown, Look, Order, Resumed
from doctor_daemon.core.orders import refusal
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import ProofKind
from doctor_daemon.core.tries import Outcome
from tests.core.make import (
    MANUAL,
    at,
    context,
    evidence,
    human_proof,
    incident,
    ordered,
    plan,
    sighting,
)
from tests.core.walk import Walk

ALLOWED = {
    Order.FENCE: {Phase.SUSPECTED, Phase.HELD},
    Order.DISMISS: {Phase.SUSPECTED, Phase.FENCING, Phase.RELEASING, Phase.HELD},
    Order.CONFIRM_OFF: {Phase.HELD},
    Order.CLOSE: {Phase.DOWN},
    Order.RELEASE: {Phase.DOWN, Phase.HELD},
    Order.POWER_ON: {Phase.DOWN, Phase.RELEASING},
    Order.DECOMMISSION: {Phase.DOWN},
}
THERE = {"state": "down", "forced_down": True, "status": "disabled"}


def by_hand() -> Walk:
    return Walk(plan=plan(MANUAL)).to_fencing()


# refusals


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("phase", Phase)
def test_which_order_is_for_which_phase(order: Order, phase: Phase) -> None:
    said = refusal(incident(phase=phase), ordered(order, until_s=60), context())
    assert bool(said) is (phase not in ALLOWED[order])
    assert not said or said.startswith(f"the incident is {phase}; {order} is for one that is ")


def test_a_refusal_names_every_phase_that_would_do() -> None:
    said = refusal(incident(phase=Phase.DOWN), ordered(Order.FENCE), context())
    assert said == "the incident is down; fence is for one that is suspected or held"


@pytest.mark.parametrize(
    ("until_s", "why"),
    [
        (None, "a confirmation needs an expiry in the future"),
        (0, "a confirmation needs an expiry in the future"),
        (-1, "a confirmation needs an expiry in the future"),
        (0.25, ""),
        (3600, ""),
        (3600.25, "a confirmation may last 3600 s at most"),
    ],
)
def test_d6_a_confirmation_lasts_for_a_limited_time(until_s: float | None, why: str) -> None:
    held = incident(phase=Phase.HELD)
    assert refusal(held, ordered(Order.CONFIRM_OFF, 0, until_s), context()) == why


def test_i14_once_the_cut_has_begun_it_cannot_be_called_off() -> None:
    assert Walk().to_fencing().identify().order(Order.DISMISS).phase is Phase.DISMISSED
    walk = Walk().to_cut().order(Order.DISMISS)
    assert walk.phase is Phase.FENCING
    assert walk.said == (
        "dismiss by ann not followed: the power cut has begun: it cannot be called off any more"
    )


def test_an_order_that_was_overtaken_by_events_is_noted_and_not_followed() -> None:
    walk = Walk().to_down()
    lines = len(walk.incident.timeline)
    walk.order(Order.FENCE)
    assert walk.phase is Phase.DOWN
    assert len(walk.incident.timeline) == lines + 1
    assert walk.said.startswith("fence by ann not followed: the incident is down")


def test_an_order_to_an_incident_that_is_over_changes_nothing() -> None:
    walk = Walk().order(Order.DISMISS)
    before = walk.incident
    assert walk.order(Order.FENCE).incident is before


# fence


def test_an_order_to_fence_a_suspect_is_recorded_with_the_person_and_the_reason() -> None:
    walk = Walk(incident(evidence(trust=Trust.OPEN))).order(Order.FENCE)
    assert walk.phase is Phase.FENCING
    assert [entry.text for entry in walk.incident.timeline[-2:]] == [
        "fence by ann: because I looked",
        "ordered to fence",
    ]
    assert walk.incident.ordered_at == walk.now


def test_an_order_to_fence_what_is_held_begins_at_the_first_level() -> None:
    walk = Walk().to_held().order(Order.FENCE)
    assert walk.said == "fence by ann: because I looked"
    assert (walk.attempt.level, walk.attempt.nth) == (1, 1)


def test_a5_an_order_stands_for_evidence_that_has_grown_old() -> None:
    walk = Walk().to_held().wait(1000).order(Order.FENCE).identify().look()
    assert walk.phase is Phase.FENCING


# dismiss


def test_what_has_done_nothing_is_dismissed_at_once() -> None:
    walk = by_hand().order(Order.DISMISS)
    assert walk.phase is Phase.DISMISSED
    assert walk.said == "dismiss by ann: because I looked"
    assert walk.told[-1] is NoticeKind.WITHDRAWN


def test_c10_what_has_cut_or_marked_is_dismissed_only_after_a_look_at_nova() -> None:
    walk = Walk().to_held().order(Order.DISMISS)
    assert walk.phase is Phase.HELD
    assert walk.said == "dismiss by ann: because I looked; looking at Nova first"
    assert walk.due == (Look(walk.incident.looks),)
    assert walk.look(forced_down=False).phase is Phase.DISMISSED
    assert walk.said == "ended by ann: because I looked; forced_down is not ours any more"
    assert walk.told[-1] is NoticeKind.WITHDRAWN


def marked(*, foreign: bool) -> Incident:
    """Make a held incident that has asked Nova to force the host down."""
    before = sighting(0, forced_down=foreign)
    return incident(
        phase=Phase.HELD,
        held=Held("nova", "why", "frees"),
        cut_started=at(0),
        marking=Marking(number=1, before=before),
    )


def test_c10_our_own_flag_must_be_cleared_before_it_can_be_dismissed() -> None:
    walk = Walk(marked(foreign=False)).order(Order.DISMISS).look(**THERE)
    assert walk.phase is Phase.HELD
    assert walk.said == "not ended: Nova still has the host forced down; clear the flag first"
    assert walk.due == ()


def test_i18_a_foreign_flag_does_not_keep_our_incident_open() -> None:
    walk = Walk(marked(foreign=True)).order(Order.DISMISS).look(**THERE)
    assert walk.phase is Phase.DISMISSED


def test_what_was_confirmed_is_not_taken_back() -> None:
    """The host did fail, and its servers may be down still: only what is in doubt is withdrawn."""
    told = marked(foreign=False).note(at(1), "it is down", NoticeKind.CONFIRMED)
    walk = Walk(told).order(Order.DISMISS).look(forced_down=False)
    assert walk.phase is Phase.DISMISSED
    assert walk.told[-1] is NoticeKind.CONFIRMED


# confirm-off


def test_d6_a_confirmation_is_a_proof_with_a_person_and_a_reason() -> None:
    walk = by_hand().order(Order.CONFIRM_OFF, 600)
    proof = walk.incident.proof
    assert proof is not None
    assert (proof.kind, proof.by, proof.why) == (ProofKind.HUMAN, "ann", "because I looked")
    assert (proof.taken_at, proof.valid_until) == (walk.now, walk.now.plus(600))
    assert (proof.incident, proof.attempt) == (walk.incident.id, 0)
    assert walk.incident.fencing is None
    assert walk.incident.marking == Marking()


def test_d6_what_is_heard_after_the_person_looked_counts_against_the_word() -> None:
    """The proof speaks for the moment of the order, not for the later one of its folding."""
    walk = by_hand()
    said = ordered(Order.CONFIRM_OFF, 10, 600)
    walk.incident = incident(phase=Phase.HELD, life_at=at(10), cut_started=at(1))
    assert walk.wait(5).see(said).phase is Phase.HELD
    assert "heard alive" in walk.said


def test_d6_a_confirmation_after_failed_levels_goes_on_to_force_down() -> None:
    walk = Walk().to_held().wait(6).order(Order.CONFIRM_OFF, 600).look()
    assert walk.all(ForceDown) != []


def test_d6_a_confirmation_after_a_put_uses_a_number_of_its_own() -> None:
    walk = Walk().to_proof().put(Outcome.UNKNOWN)
    before, late_at = walk.incident.marking.before, walk.now
    assert walk.elapse(900).gate == "progress"
    walk.order(Order.CONFIRM_OFF, 600)
    assert walk.incident.marking == Marking(number=2, before=before, late_at=late_at)
    assert walk.look().all(ForceDown)[0].number == 2


# close


def test_a_host_that_is_down_is_closed_when_nova_shows_the_flag_gone() -> None:
    walk = Walk().to_down().list("web").order(Order.CLOSE)
    assert walk.due == (Look(walk.incident.looks),)
    assert walk.look(forced_down=False).phase is Phase.RESOLVED
    assert walk.told[-1] is NoticeKind.CONFIRMED


def test_a_host_that_is_still_forced_down_is_not_closed() -> None:
    walk = Walk().to_down().list("web").order(Order.CLOSE).look(**THERE)
    assert (walk.phase, walk.incident.closing) == (Phase.DOWN, None)
    assert walk.said == "not ended: Nova still has the host forced down; clear the flag first"


def test_an_order_to_close_that_a_restart_has_overtaken_is_answered() -> None:
    walk = Walk().to_down().list("web").order(Order.CLOSE).see(Resumed())
    assert (walk.phase, walk.incident.closing) == (Phase.DOWN, None)
    assert walk.said == "not ended: the daemon was restarted; order it again"


def test_i18_a_foreign_flag_keeps_the_host_down() -> None:
    walk = Walk(reserved=frozenset({""})).to_fencing().identify().look(**THERE).cut().prove()
    assert walk.incident.marking.foreign_flag
    assert walk.order(Order.CLOSE).look(**THERE).phase is Phase.DOWN


def test_a_look_from_before_the_order_does_not_close() -> None:
    walk = Walk().to_down().list("web").order(Order.CLOSE)
    walk.look(asked_at=walk.now.plus(-0.25), forced_down=False)
    assert walk.phase is Phase.DOWN
    assert walk.look(forced_down=False).phase is Phase.RESOLVED


@pytest.mark.parametrize(("failures", "closing"), [(5, True), (6, False)])
def test_c5_a_nova_that_cannot_be_asked_ends_the_wish_and_not_the_incident(
    failures: int, *, closing: bool
) -> None:
    walk = Walk().to_down().list("web").order(Order.CLOSE)
    for _ in range(failures):
        walk.fail(walk.one(Look), "503").elapse(30)
    assert walk.phase is Phase.DOWN
    assert (walk.incident.closing is not None) is closing
    assert closing or walk.said == "not ended: Nova cannot be asked"


def test_c5_a_nova_that_could_not_be_asked_is_asked_again_for_the_next_order() -> None:
    walk = Walk().to_down().list("web").order(Order.CLOSE)
    while walk.incident.closing is not None:
        walk.fail(walk.one(Look), "503").elapse(30)
    assert walk.order(Order.CLOSE).all(Look) == [Look(walk.incident.looks)]
    assert walk.look(forced_down=False).phase is Phase.RESOLVED


def test_c5_a_nova_that_could_not_be_asked_does_not_stop_a_confirmation() -> None:
    walk = Walk(policy=replace(Policy(), proof_age_s=1e6, progress_s=1e6)).to_proof().put()
    while walk.phase is Phase.FORCING_DOWN:
        walk.fail(walk.one(Look), "503").elapse(30)
    assert walk.order(Order.CONFIRM_OFF, 600).all(Look) == [Look(walk.incident.looks)]


def test_a_human_proof_that_expired_is_no_reason_to_dismiss_without_a_look() -> None:
    held = incident(phase=Phase.HELD, proof=human_proof(), held=Held("proof", "w", "f"))
    walk = Walk(held).order(Order.DISMISS)
    assert walk.phase is Phase.HELD
    assert walk.hear(verdict=Verdict.UP).phase is Phase.HELD
