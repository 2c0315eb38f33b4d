"""Held incidents that go on without an order: let through by a human, or of a host that died."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from doctor_daemon.core.context import Latch
from doctor_daemon.core.corroboration import Corroboration, ServiceDown
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Cut, Identify, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.sightings import Marking
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import Back
from tests.core.make import BMC, OTHER_BOOT, PDU, at, evidence, incident, level, plan
from tests.core.walk import Walk

UP, DOWN = Verdict.UP, Verdict.DOWN
LATCH = Latch("fleet", "12 of 20 hosts of the fleet look dead", at(-5))
GRACE_S = Policy().grace_s


# let through


def by_mass(walk: Walk | None = None) -> Walk:
    """Walk to where a host is held because so many look dead."""
    walk = walk or Walk()
    walk.given(latches=(LATCH,)).to_fencing().identify().look().elapse(Policy().progress_s)
    assert (walk.phase, walk.gate) == (Phase.HELD, "mass")
    return walk


def released(walk: Walk, left: int = 1) -> Walk:
    return walk.given(passes_left=left, passes_by="2 hosts, by ann: the rack has no power")


def test_a4_what_is_held_by_mass_failure_goes_on_when_hosts_are_let_through() -> None:
    walk = released(by_mass().hear()).elapse(1)
    assert walk.phase is Phase.FENCING
    said = "hosts are let through, 2 hosts, by ann: the rack has no power: it goes on"
    assert walk.said == said
    walk.identify().look()
    assert len(walk.all(Cut)) == 1
    assert walk.incident.passed == 1


def test_a4_those_who_are_too_many_wait_again() -> None:
    walk = released(by_mass().hear()).elapse(1).identify()
    walk.given(passes_left=0).look()
    assert (walk.phase, walk.all(Cut)) == (Phase.FENCING, [])
    assert walk.incident.waiting is not None
    assert walk.elapse(Policy().progress_s).gate == "mass"


def refused_and_held() -> Walk:
    """Have the first level refuse the cut, and the next one held because so many look dead."""
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_cut().cut(Outcome.REFUSED).read(Power.ON)
    walk.given(latches=(LATCH,)).elapse(1).hear().identify().look()
    assert walk.incident.waiting is not None
    walk.elapse(Policy().progress_s)
    assert (walk.phase, walk.gate) == (Phase.HELD, "mass")
    return walk


def test_a4_a_host_that_was_heard_alive_since_it_was_held_takes_an_order() -> None:
    walk = refused_and_held().wait(60).hear(verdict=UP).wait(1).hear()
    lines = len(walk.incident.timeline)
    released(walk).elapse(1)
    assert walk.phase is Phase.HELD
    assert walk.said == (
        "hosts are let through, 2 hosts, by ann: the rack has no power: not this one, which was "
        "heard alive since it was held; `fence HOST`, if its power is to be cut all the same"
    )
    assert len(walk.elapse(1).incident.timeline) == lines + 1
    walk.order(Order.FENCE).identify().look()
    assert len(walk.all(Cut)) == 1


def test_a4_life_of_before_it_was_held_is_weighed_with_what_it_waited_for() -> None:
    walk = refused_and_held()
    walk.incident = replace(walk.incident, life_at=walk.incident.phase_at.plus(-1))
    assert released(walk.hear()).elapse(1).gate == "contradiction"


def test_a4_a_host_whose_servers_may_run_elsewhere_is_let_through_alive_as_it_is() -> None:
    walk = refused_and_held()
    marking = Marking(number=1, put=Outcome.UNKNOWN, put_at=at(5))
    walk.incident = replace(walk.incident, marking=marking)
    assert released(walk.hear(verdict=UP).hear()).elapse(1).phase is Phase.FENCING


def test_a4_old_evidence_is_not_let_through() -> None:
    walk = released(by_mass()).elapse(1).identify().look()
    assert (walk.phase, walk.gate) == (Phase.HELD, "evidence")


def test_a4_nobody_goes_on_who_is_not_let_through_or_is_held_by_another_gate() -> None:
    assert by_mass().hear().elapse(60).phase is Phase.HELD
    walk = released(Walk(plan=plan(protected="the database"))).to_fencing().identify().look()
    assert walk.elapse(60).gate == "protected"


def test_a4_a_host_that_was_in_use_in_between_takes_an_order() -> None:
    walk = Back().to_watching().elapse(1).hear("zabbix").show().elapse(10)
    walk.given(latches=(LATCH,)).identify().show().elapse(Policy().progress_s)
    assert (walk.phase, walk.gate) == (Phase.HELD, "mass")
    assert released(walk).elapse(1).phase is Phase.HELD
    assert walk.order(Order.FENCE).phase is Phase.FENCING


# a lone service whose host dies


def lone(**need: Any) -> Walk:  # noqa: ANN401 - what the group says
    """Walk to where a human was asked about a host that is alive, and its service is not."""
    said = evidence(source="nova", kind="nova")
    need = {"service_down": ServiceDown.HOLD, **need}
    walk = Walk(incident(said), plan=plan(corroboration=Corroboration(**need)))
    ping(walk.look().wait(5))
    assert (walk.phase, walk.gate) == (Phase.HELD, "compute")
    return walk


def ping(walk: Walk, verdict: Verdict = UP) -> Walk:
    return walk.hear("ping", kind="ping", verdict=verdict, trust=Trust.SECOND)


def test_a9_a_host_that_dies_while_its_lone_service_is_held_becomes_a_failure() -> None:
    walk = ping(lone().elapse(60), DOWN)
    assert (walk.phase, walk.told[-1]) == (Phase.HELD, NoticeKind.SUSPECTED)
    assert walk.said == "not nova-compute alone, it seems: ping (ping) calls it down, too"
    assert walk.waits == [GRACE_S]
    assert walk.elapse(GRACE_S - 0.25).phase is Phase.HELD
    assert walk.elapse(0.25).phase is Phase.FENCING
    assert walk.told.count(NoticeKind.SUSPECTED) == 2  # at its beginning, and since it was held
    assert len(walk.all(Identify)) == 1
    walk.identify().look().elapse(GRACE_S).look()
    assert len(walk.all(Cut)) == 1


def test_a9_a_report_from_before_it_died_is_no_life_of_the_host_that_died() -> None:
    """nova-compute was back for a moment and has reported in, and nobody looked at it then."""
    walk = ping(lone().elapse(60), DOWN).elapse(GRACE_S)
    assert walk.phase is Phase.FENCING
    walk.identify().look(updated_s=1010.0)
    assert (walk.phase, walk.all(Cut)) == (Phase.FENCING, [])
    assert walk.elapse(GRACE_S).look(updated_s=1010.0).phase is Phase.FENCING
    assert len(walk.all(Cut)) == 1


def test_a9_a_report_after_it_went_on_is_life() -> None:
    walk = ping(lone().elapse(60), DOWN).elapse(GRACE_S).identify().look(updated_s=1010.0)
    assert walk.elapse(GRACE_S).look(updated_s=1020.0).phase is Phase.DISMISSED


def test_a9_life_in_that_grace_takes_the_suspicion_back_once() -> None:
    walk = ping(ping(lone().elapse(60), DOWN).elapse(5))
    assert (walk.phase, walk.told[-1]) == (Phase.HELD, NoticeKind.WITHDRAWN)
    assert walk.elapse(60).phase is Phase.HELD
    ping(ping(walk, DOWN).elapse(1))
    assert walk.told.count(NoticeKind.SUSPECTED) == 2
    ping(walk.hear("nova", kind="nova"), DOWN).elapse(GRACE_S)
    assert (walk.phase, walk.told[-1]) == (Phase.FENCING, NoticeKind.SUSPECTED)


def test_a9_beside_fresh_life_of_another_kind_nothing_goes_on() -> None:
    walk = ping(lone().elapse(60)).elapse(1).hear("zabbix").elapse(GRACE_S)
    assert (walk.phase, walk.told[-1]) == (Phase.HELD, NoticeKind.HELD)


def test_a9_what_speaks_of_nova_compute_alone_changes_nothing() -> None:
    walk = lone().elapse(100).hear("nova", kind="nova").elapse(GRACE_S)
    assert (walk.phase, walk.waits) == (Phase.HELD, [])


def test_a9_too_little_evidence_of_its_death_is_told_and_held() -> None:
    walk = ping(lone(kinds=3, alone=frozenset()).elapse(100), DOWN)
    assert walk.told[-1] is NoticeKind.SUSPECTED
    assert walk.elapse(GRACE_S).phase is Phase.HELD
    walk.hear("zabbix").elapse(GRACE_S)
    assert walk.phase is Phase.FENCING


def test_a9_another_boot_gives_the_grace_anew() -> None:
    walk = ping(lone().elapse(60), DOWN).reboot()
    assert walk.now.boot_id == OTHER_BOOT
    ping(walk.hear("nova", kind="nova"), DOWN)
    assert walk.phase is Phase.HELD
    assert walk.elapse(GRACE_S).phase is Phase.FENCING


@pytest.mark.parametrize("verdict", [UP, Verdict.WITHDRAWN])
def test_a9_the_service_that_is_back_still_ends_it(verdict: Verdict) -> None:
    walk = lone().elapse(60).hear("nova", kind="nova", verdict=verdict)
    assert walk.phase is Phase.DISMISSED


def test_a9_a_host_that_a_human_saw_to_is_left_to_humans() -> None:
    walk = lone().elapse(60)
    walk.incident = replace(walk.incident, cut_started=at(0))
    assert ping(walk, DOWN).elapse(60).phase is Phase.HELD
