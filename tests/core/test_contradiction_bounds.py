"""A contradiction at its limits: life together with an order, words too old, and when it is due."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.contradiction import lives
from doctor_daemon.core.corroboration import Corroboration, ServiceDown
from doctor_daemon.core.evidence import Verdict, fold
from doctor_daemon.core.messages import Order, Resumed
from doctor_daemon.core.phases import Phase
from tests.core.make import context, evidence, incident, plan
from tests.core.test_contradiction import LIFE_S, WAIT_S, contradicted, storage
from tests.core.test_lone_service import lone
from tests.core.walk import Walk


def test_an_order_counts_more_than_life_of_the_very_same_moment() -> None:
    walk = storage(Walk().order(Order.FENCE))
    assert walk.incident.contradicted_at is None
    assert lives(walk.incident, walk.context) == ()


def test_a9_where_nobody_calls_it_down_any_more_no_service_is_fenced_for() -> None:
    """The group has hosts fenced whose nova-compute is down; of this one nobody says so now."""
    fenced = plan(corroboration=Corroboration(service_down=ServiceDown.FENCE))
    made = incident(evidence(0, source="nova", kind="nova"))
    words = fold(made.words, evidence(300.25, Verdict.UP, "ping", kind="ping"))
    (life,) = lives(replace(made, words=words), context(300.25, plan=fenced))
    assert life.source == "ping"


def test_a9_all_that_speak_of_the_service_speak_of_it_alone() -> None:
    walk = lone(service_down=ServiceDown.FENCE).hear("agent", kind="nova-service")
    assert lives(walk.incident, walk.context) == ()
    assert walk.elapse(5).phase is Phase.FENCING


def test_what_is_due_can_be_asked_just_when_the_life_has_grown_old() -> None:
    walk = contradicted().look().wait(LIFE_S)
    assert walk.waits == [WAIT_S - LIFE_S]


def test_life_that_nobody_denies_any_more_is_told_as_that() -> None:
    """Whoever calls it down has a word that counts for a short time only; then a restart."""
    walk = Walk(plan=plan(corroboration=Corroboration(ages={"alertmanager": 20.0})))
    storage(walk.wait(5)).wait(20).see(Resumed())
    assert walk.incident.contradicted_at == walk.now
    assert ", and nobody calls it down: nothing is cut" in walk.said
