"""A cut that a daemon of before had decided is weighed anew: the host may be mended by now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.inherited import inherited
from doctor_daemon.core.messages import Cut, Look, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Release
from doctor_daemon.core.sightings import Marking
from doctor_daemon.core.tries import Outcome
from tests.core.gated import shut
from tests.core.make import BMC, OTHER_BOOT, PDU, Fields, at, context, level, plan, sighting
from tests.core.test_repeated import taken_over
from tests.core.walk import Walk

REPORTED_S = 1030.0
NOW = context(at(52, OTHER_BOOT))
FLAGGED = sighting(0, forced_down=True)


def known(walk: Walk) -> bool:
    return inherited(walk.incident, walk.context)


def test_a10_life_meanwhile_is_for_a_human_to_weigh() -> None:
    walk = taken_over().wait(1).hear(verdict=Verdict.UP)
    assert walk.phase is Phase.HELD
    assert walk.gate == "contradiction"
    assert walk.said.startswith("held: it was heard alive, and what became of the cut")


def test_a10_it_is_heard_before_there_is_anything_to_wait_for() -> None:
    walk = Walk().to_cut().reboot().hear(verdict=Verdict.UP)
    assert walk.phase is Phase.HELD
    assert walk.gate == "contradiction"


def test_a10_a_report_of_nova_compute_meanwhile_is_one() -> None:
    walk = taken_over().wait(30).hear().identify().look(updated_s=REPORTED_S)
    assert walk.phase is Phase.HELD
    assert walk.gate == "contradiction"
    assert walk.all(Cut) == []


def test_a10_the_looks_before_it_span_the_grace() -> None:
    walk = Walk().to_cut().reboot().hear().identify().look()
    assert walk.all(Cut) == []
    assert 9 in walk.waits
    walk.elapse(8.75)
    assert walk.all(Look) == []
    walk.elapse(0.25).look()
    assert len(walk.all(Cut)) == 1


def test_a10_so_they_do_where_a_human_had_ordered_it_on_another_boot() -> None:
    walk = Walk().order(Order.FENCE).identify().look()
    assert len(walk.all(Cut)) == 1
    walk.reboot().hear().identify().look()
    assert walk.all(Cut) == []
    assert known(walk)


def test_a10_it_takes_enough_evidence_anew() -> None:
    two = plan(corroboration=Corroboration(alone=frozenset()))
    walk = Walk(plan=two).hear("masakari").to_cut().hear("masakari", verdict=Verdict.WITHDRAWN)
    assert shut("evidence", walk.incident, now=walk.now, plan=two) == "", "it was enough"
    walk.reboot().hear()
    assert shut("evidence", walk.incident, now=walk.now, plan=two) == (
        "the evidence against cmp-1 is not enough any more: 1 kind of evidence "
        "(alertmanager-kind), and it takes 2"
    )
    walk.hear("masakari")
    assert shut("evidence", walk.incident, now=walk.now, plan=two) == ""


def test_d6_a_human_may_end_it_while_it_waits() -> None:
    walk = taken_over().order(Order.DISMISS)
    assert (walk.phase, walk.gate) == (Phase.HELD, "contradiction")
    assert walk.said == "dismiss by ann: because I looked; looking at Nova first"
    assert walk.look().phase is Phase.DISMISSED


def test_d6_not_while_nova_has_it_forced_down() -> None:
    walk = taken_over().order(Order.DISMISS).look(forced_down=True)
    assert walk.phase is Phase.HELD
    assert walk.all(Cut) == []


def test_a10_an_order_of_this_boot_decides_it_anew_whatever_lives() -> None:
    walk = taken_over().wait(1).hear(verdict=Verdict.UP).order(Order.FENCE)
    assert walk.phase is Phase.FENCING
    assert not known(walk)
    walk.identify().look()
    assert len(walk.all(Cut)) == 1


def test_a10_a_cut_of_this_boot_is_nobody_elses() -> None:
    levels = (level(BMC), level(PDU))
    walk = Walk(plan=plan(*levels)).to_cut().reboot()
    assert known(walk)
    walk.hear().identify().look().elapse(9).look()
    assert not known(walk)
    walk.cut().hear("agent", verdict=Verdict.UP)
    assert walk.phase is Phase.FENCING, "the next level is tried, as ever"
    assert walk.attempt.level == 2
    assert not known(walk)
    walk.wait(1).identify().look()
    assert [effect.device for effect in walk.all(Cut)] == ["pdu"]


def test_a10_one_that_was_not_sent_is_inherited_still() -> None:
    walk = Walk().to_cut().reboot().hear().identify().look().elapse(9).look()
    assert not known(walk)
    walk.refuse(walk.one(Cut), "look", "it is old")
    assert known(walk)


def test_a10_before_the_point_of_no_return_there_is_nothing_to_inherit() -> None:
    assert not known(Walk().to_fencing().reboot())
    assert not known(Walk().to_cut())


def test_a10_a_host_that_was_forced_down_is_cut_all_the_same() -> None:
    walk = Walk().to_reread()
    walk.read(Power.ON)
    assert walk.incident.refences == 1
    walk.reboot()
    assert not known(walk)
    walk.hear(verdict=Verdict.UP)
    assert walk.phase is Phase.FENCING


@pytest.mark.parametrize(
    "changes",
    [
        {"refences": 1, "shown": FLAGGED},
        {"marking": Marking(number=1), "shown": FLAGGED},
        {"marking": Marking(number=1, put=Outcome.UNKNOWN, put_at=at(12))},
        {"marking": Marking(number=1, disable=True)},
        {"marking": Marking(number=2, late_at=at(12))},
        {"release": Release(again=True)},
        {"phase": Phase.HELD},
        {"decided_at": at(51, OTHER_BOOT)},
        {"decided_at": at(-248, OTHER_BOOT)},
        {"ordered_at": at(51, OTHER_BOOT)},
        {"ordered_at": at(-248, OTHER_BOOT)},
    ],
    ids=str,
)
def test_a10_what_it_is_not(changes: Fields) -> None:
    made = Walk().to_cut().reboot().incident
    assert inherited(made, NOW)
    assert not inherited(replace(made, **changes), NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"refences": 1},
        {"shown": FLAGGED},
        {"marking": Marking(number=2)},
        {"marking": Marking(number=1, put=Outcome.REFUSED, put_at=at(12))},
        {"marking": Marking(number=1, put=Outcome.UNSENT, disable=True, put_at=at(12))},
        {"ordered_at": at(0)},
        {"ordered_at": at(-248.25, OTHER_BOOT)},
        {"decided_at": None},
        {"decided_at": at(-248.25, OTHER_BOOT)},
        {"fencing": None},
    ],
    ids=str,
)
def test_a10_what_it_is_all_the_same(changes: Fields) -> None:
    assert inherited(replace(Walk().to_cut().reboot().incident, **changes), NOW)


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_a10_where_the_cut_was_answered_it_is_read_on(outcome: Outcome) -> None:
    walk = Walk().to_cut().cut(outcome).reboot()
    assert not known(walk)
    assert walk.all(Cut) == []
