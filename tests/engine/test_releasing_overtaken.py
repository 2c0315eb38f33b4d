"""What comes between the decision and the request, or makes it a wrong one, on the way back."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Step
from doctor_daemon.engine.operators import Operators
from tests.engine.coming_back import NAME, give_back, host_down, is_back, order, over
from tests.engine.instruments import UUID
from tests.engine.moving import comes
from tests.engine.rig import Rig, incident_of, until
from tests.simulation.virtual import run


def test_a_bmc_that_answers_for_another_machine_is_not_told_to_switch_it_on() -> None:
    """The address may be another machine's by now; and what is asked next is this one again."""

    async def main() -> None:
        async with host_down() as (rig, engine):
            rig.device.uuid = UUID.replace("0001", "0002")
            await order(engine, Order.POWER_ON)
            await asyncio.sleep(5)
            assert (rig.device.switches, rig.device.on) == (0, False)
            said = incident_of(engine).timeline[-1].text
            assert said == (
                "bmc: switch on unsent: nothing was sent: "
                f"it answers for {rig.device.uuid}, not for {UUID}"
            )
            rig.device.uuid = UUID
            await order(engine, Order.POWER_ON)
            await comes(lambda: rig.device.switches == 1)

    run(main())


def test_a_bmc_that_does_not_say_who_it_is_is_not_told_to_switch_on() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            rig.device.locked_out = True
            await order(engine, Order.POWER_ON)
            await asyncio.sleep(5)
            assert rig.device.switches == 0
            said = incident_of(engine).timeline[-1].text
            assert said == "bmc: switch on unsent: nothing was sent: 401"

    run(main())


def test_while_a_bmc_is_asked_who_it_is_the_daemon_may_be_disarmed() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            rig.device.call_s = 3.0
            asked = rig.device.identities
            await order(engine, Order.POWER_ON)
            await comes(lambda: rig.device.identities > asked)
            await Operators(engine).disarm("ann", "wrong rack")
            await asyncio.sleep(10)
            assert rig.device.switches == 0
            assert "not sent: the daemon is disarmed" in incident_of(engine).timeline[-1].text

    run(main())


def test_while_a_bmc_is_asked_who_it_is_the_order_may_be_given_anew() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            rig.device.call_s = 3.0
            asked = rig.device.identities
            await order(engine, Order.POWER_ON)
            await comes(lambda: rig.device.identities > asked)
            await order(engine, Order.POWER_ON)
            await comes(lambda: rig.device.switches == 1)
            await asyncio.sleep(10)
            assert rig.device.switches == 1

    run(main())


def test_a_host_that_is_called_down_just_before_the_lift_is_not_lifted() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            await give_back(rig, engine)
            await engine.desk.submit([rig.evidence(Verdict.UP)])
            rig.disk.commit_s = 2.0
            await comes(lambda: journalling(rig))
            assert rig.nova.lifts == []
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.DOWN)
            assert rig.nova.lifts == []

    run(main())


def journalling(rig: Rig) -> bool:
    """Tell whether a Lift was decided, and is being saved."""
    head = rig.disk.writing.head if rig.disk.writing else None
    return head is not None and head.release.step is Step.LIFTING


def test_a_bug_on_the_way_back_is_no_end_of_it() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            rig.device.bug = KeyError("bug")
            await give_back(rig, engine)
            await until(engine, Phase.HELD)
            held = incident_of(engine).held
            assert held is not None
            assert (held.gate, held.out_of) == ("internal", Phase.RELEASING)
            assert {type(bug) for bug in rig.bugs} == {KeyError}
            rig.bugs.clear()
            rig.device.bug = None
            await order(engine, Order.RELEASE)
            await over(engine)
            assert is_back(rig)

    run(main())


def test_a_host_that_dies_with_the_lift_is_not_enabled() -> None:
    """Nova shows it up for a while yet, by its last report."""

    async def main() -> None:
        async with host_down() as (rig, engine):
            await give_back(rig, engine)
            await comes(lambda: bool(rig.nova.lifts))
            rig.nova.running.discard(NAME)
            await until(engine, Phase.HELD, limit_s=1200)
            assert NAME not in rig.nova.enabled
            held = incident_of(engine).held
            assert held is not None
            assert "has reported in 0 times since the flag was lifted" in held.why

    run(main())
