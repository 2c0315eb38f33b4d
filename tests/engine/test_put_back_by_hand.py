"""A host that an operator puts back without the daemon: nothing stays open, and nothing unheard."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from doctor_daemon.core.host import WayBack
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.engine import Engine
from tests.engine.coming_back import NAME, host_down, order, over, repair
from tests.engine.instruments import HOST
from tests.engine.moving import comes
from tests.engine.rig import Rig, incident_of, until
from tests.simulation.virtual import run

QUICK = Policy(grace_s=1.0, budget_per_domain=9, budget_total=9)


def put_back(rig: Rig) -> None:
    """Repair the host, start it, clear its flag and enable it."""
    repair(rig)
    rig.nova.down.discard(NAME)
    rig.nova.enabled.add(NAME)


async def fails_again(rig: Rig, engine: Engine) -> None:
    rig.nova.running.discard(NAME)
    await engine.desk.submit([rig.evidence()])
    await until(engine, Phase.DOWN)


def test_its_incident_ends_by_itself_and_its_next_failure_is_a_new_one() -> None:
    async def main() -> None:
        async with host_down(QUICK) as (rig, engine):
            first = incident_of(engine).id
            put_back(rig)
            await over(engine)
            await comes(lambda: rig.consumer.kinds()[-1] == "recovered")
            assert (rig.nova.lifts, engine.ward.context(HOST).returns) == ([], 1)
            await fails_again(rig, engine)
            assert incident_of(engine).id != first
            assert rig.device.cuts == 2

    run(main())


def test_one_that_fails_before_its_incident_has_ended_is_fenced_once_more() -> None:
    async def main() -> None:
        async with host_down(QUICK) as (rig, engine):
            put_back(rig)
            await comes(lambda: incident_of(engine).release.used_at is not None)
            await asyncio.sleep(1)
            rig.nova.running.discard(NAME)
            await engine.desk.submit([rig.evidence()])
            await comes(lambda: rig.device.cuts == 2)
            await until(engine, Phase.DOWN)
            assert NAME in rig.nova.down

    run(main())


def test_one_whose_failure_is_a_false_alarm_is_not_cut() -> None:
    async def main() -> None:
        async with host_down(replace(QUICK, grace_s=15.0)) as (rig, engine):
            put_back(rig)
            await comes(lambda: incident_of(engine).release.used_at is not None)
            await asyncio.sleep(1)
            await engine.desk.submit([rig.evidence()])
            await over(engine)
            assert rig.device.cuts == 1

    run(main())


def test_an_incident_that_was_only_closed_is_no_return_of_its_host() -> None:
    async def main() -> None:
        async with host_down(QUICK) as (rig, engine):
            rig.nova.down.discard(NAME)
            await order(engine, Order.CLOSE)
            await over(engine)
            assert engine.ward.context(HOST).returns == 0
        async with rig.running() as second:
            assert second.ward.context(HOST).returns == 0

    run(main())


def test_a_host_that_was_switched_on_and_does_not_come_up_is_held() -> None:
    async def main() -> None:
        async with host_down(QUICK, WayBack(power_on=True)) as (rig, engine):
            await comes(lambda: rig.device.switches == 1)
            await asyncio.sleep(901)
            held = incident_of(engine).held
            assert held is not None
            assert "nova-compute has not reported in since" in held.why

    run(main())
