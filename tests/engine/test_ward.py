"""What all cases share: the plans, the windows of maintenance, and the ledger of the budget."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.context import Charge, Maintenance
from doctor_daemon.core.evidence import fold
from doctor_daemon.core.host import HostId
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.ward import Ward
from tests.core.make import evidence, incident, power_proof
from tests.engine.instruments import HOST
from tests.engine.neutron import BenchNeutron
from tests.engine.rig import Rig
from tests.fakes.clock import HandClock
from tests.simulation.virtual import VirtualClock


class Still(HandClock, VirtualClock):
    """A clock that stands still until it is moved, so that a test may stand right on a limit."""


@pytest.fixture
def rig() -> Rig:
    return Rig(clock=Still())


@pytest.fixture
def ward(rig: Rig) -> Ward:
    return rig.engine().ward


async def test_only_services_that_are_configured_are_there(rig: Rig) -> None:
    assert dict(rig.engine().ward.tools.beside) == {}
    rig.network = network = BenchNeutron(rig.clock, rig.nova)
    assert dict(rig.engine().ward.tools.beside) == {"network": network}


async def test_a_host_that_is_not_configured_may_not_be_touched(ward: Ward) -> None:
    assert ward.context(HOST).plan.known
    unknown = ward.context(HostId("default", "nobody"))
    assert (unknown.plan.known, unknown.plan.levels) == (False, ())


async def test_a_daemon_that_is_to_stop_gives_no_turns(ward: Ward) -> None:
    assert ward.context(HOST).turns > 0
    ward.stopping = True
    assert ward.context(HOST).turns == 0


@pytest.mark.parametrize(("left_s", "counts"), [(60.0, True), (0.25, True), (0.0, False)])
async def test_a_window_of_maintenance_counts_until_its_end(
    rig: Rig, ward: Ward, left_s: float, *, counts: bool
) -> None:
    window = Maintenance(HOST, "ben", "new memory", rig.clock.now().plus(left_s))
    assert ward.context(HOST).maintenance is None
    ward.maintenance[HOST] = window
    assert ward.context(HOST).maintenance == (window if counts else None)


@pytest.mark.parametrize(("age_s", "counts"), [(-0.25, True), (0.0, False), (0.25, False)])
async def test_a_charge_counts_until_the_window_of_the_budget_is_over(
    rig: Rig, ward: Ward, age_s: float, *, counts: bool
) -> None:
    window_s = ward.rules.policy.budget_window_s
    charge = Charge("inc-1", 1, "rack-1", rig.clock.now().plus(-window_s - age_s))
    ward.seed([charge])
    assert ward.context(HOST).charges == (charge,)
    assert ward.charges() == ((charge,) if counts else ())
    assert ward.context(HOST).charges == ward.charges()


async def test_a_step_takes_what_it_has_added_once_and_drops_what_is_over(
    rig: Rig, ward: Ward
) -> None:
    now = rig.clock.now()
    over = Charge("inc-0", 1, "rack-1", now.plus(-ward.rules.policy.budget_window_s))
    ward.seed([over])
    before = incident(charges=(now,))
    assert ward.reserve(before, before) == ()
    assert ward.context(HOST).charges == (over,)
    after = replace(before, charges=(now, now.plus(1.0)))
    assert [charge.number for charge in ward.reserve(before, after)] == [2]
    assert [charge.incident for charge in ward.context(HOST).charges] == [after.id]
    assert [charge.number for charge in ward.reserve(None, after)] == [1, 2]


async def test_who_would_number_notices_waits_for_who_saves_some(ward: Ward) -> None:
    ward.telling[HOST] = saved = asyncio.Event()
    waiting = asyncio.create_task(ward.quiet(HOST))
    await asyncio.sleep(0)
    assert not waiting.done()
    del ward.telling[HOST]
    saved.set()
    await waiting


async def test_it_is_told_when_the_last_host_that_others_wait_for_is_down(ward: Ward) -> None:
    others = [HostId("default", f"cmp-{number}") for number in (7, 8)]
    now = ward.tools.clock.now()
    dead = replace(incident(), words=fold({}, evidence(received_at=now)))
    down = replace(incident(phase=Phase.EVACUATING), proof=power_proof())
    for other in others:
        assert not ward.saw(replace(dead, host=other))
    assert not ward.saw(replace(down, host=others[0]))
    assert ward.saw(replace(down, host=others[1]))
    assert not ward.saw(replace(down, host=others[1]))
