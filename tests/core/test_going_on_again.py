"""Held incidents that do not go on, at the bounds of what lets one, and one held once more."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.corroboration import Corroboration, ServiceDown
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.going_on import goes_on_at, going_on
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from tests.core.make import at, context, evidence, incident, plan
from tests.core.test_going_on import GRACE_S, by_mass, lone, ping, refused_and_held, released
from tests.core.walk import Walk

DOWN = Verdict.DOWN


def test_who_is_held_for_nothing_that_is_known_stays_held() -> None:
    made = incident(phase=Phase.HELD)
    assert going_on(made, context(passes_left=1)) is made
    assert list(goes_on_at(made, context())) == []


def test_what_is_said_of_a_host_that_another_gate_holds_changes_nothing() -> None:
    walk = Walk(plan=plan(protected="the database")).to_fencing().identify().look()
    walk.wait(1).hear("zabbix")
    assert (walk.gate, walk.told[-1], walk.waits) == ("protected", NoticeKind.HELD, [])


def test_a4_life_of_the_moment_at_which_it_was_held_is_life_since() -> None:
    walk = refused_and_held()
    walk.incident = replace(walk.incident, life_at=walk.incident.phase_at)
    released(walk.hear()).elapse(1)
    assert "not this one, which was heard alive since it was held" in walk.said


def test_a4_hosts_that_no_word_is_left_for_stay_held() -> None:
    assert released(by_mass().hear(), left=0).elapse(1).phase is Phase.HELD


def test_a9_a_word_of_the_moment_at_which_it_was_held_is_none_since() -> None:
    walk = ping(lone(), DOWN)
    assert (walk.phase, walk.told[-1]) == (Phase.HELD, NoticeKind.HELD)


def test_a9_a_word_that_was_of_the_service_when_it_was_said_is_not_of_the_host_later() -> None:
    """The operator has taken its kind from those that speak of nova-compute alone."""
    said = evidence(source="nova", kind="nova")
    both = Corroboration(service=frozenset({"nova", "agent"}), service_down=ServiceDown.HOLD)
    walk = Walk(incident(said), plan=plan(corroboration=both)).look()
    ping(walk.hear("agent", kind="agent").wait(5))
    assert (walk.phase, walk.gate) == (Phase.HELD, "compute")
    walk.given(plan=plan(corroboration=replace(both, service=frozenset({"nova"}))))
    walk.elapse(walk.context.policy.life_age_s)
    assert (walk.phase, walk.told[-1]) == (Phase.HELD, NoticeKind.HELD)


def test_a9_nothing_is_waited_for_while_nobody_calls_the_host_itself_down() -> None:
    walk = lone()
    assert walk.now.since(walk.incident.grace_from) < GRACE_S
    assert walk.waits == []
    assert list(goes_on_at(walk.incident, walk.context)) == []


def test_a9_nor_after_a_human_had_seen_to_it() -> None:
    walk = lone().elapse(60)
    walk.incident = replace(walk.incident, cut_started=at(0))
    assert ping(walk, DOWN).waits == []


def test_a9_one_that_is_held_alone_a_second_time_is_suspected_anew() -> None:
    walk = ping(lone().elapse(60), DOWN).elapse(GRACE_S)
    assert walk.phase is Phase.FENCING
    ping(walk.wait(1).hear("nova", kind="nova").wait(1))
    assert (walk.phase, walk.gate) == (Phase.HELD, "compute")
    ping(walk.elapse(5), DOWN)
    assert (walk.phase, walk.told[-1]) == (Phase.HELD, NoticeKind.SUSPECTED)
    assert walk.order(Order.FENCE).phase is Phase.FENCING
