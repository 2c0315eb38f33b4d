"""Switches, maintenance, orders and explanations."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Permanent, Temporary
from tests.engine.instruments import HOST, OTHER
from tests.engine.rig import Rig, incident_of, until
from tests.simulation.virtual import run


def test_d2_disarm_is_in_force_at_once_even_if_it_cannot_be_saved() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            await operators.arm("ann", "go")
            rig.disk.failures = 1
            with pytest.raises(Temporary):
                await operators.disarm("bob", "stop")
            assert engine.ward.armed.on is False
            rig.disk.failures = 1
            with pytest.raises(Temporary):
                await operators.arm("ann", "go")
            assert engine.ward.armed.on is False

    run(main())


def test_the_switch_survives_a_restart() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            assert engine.ward.armed.on is False
            await Operators(engine).arm("ann", "go")
        async with rig.running() as engine:
            assert engine.ward.armed.on
            assert engine.ward.armed.by == "ann"

    run(main())


def test_d1_a_host_under_maintenance_is_held_and_its_owners_are_not_alarmed() -> None:
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            await operators.arm("ann", "go")
            await operators.maintain(HOST, "bob", "new disk", 3600.0)
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.HELD)
            assert rig.device.cuts == 0
            assert "suspected" not in rig.consumer.kinds("red")
            assert await operators.end_maintenance(HOST)
            assert not await operators.end_maintenance(HOST)
            await operators.order(HOST, Order.FENCE, "ann", "it is really dead")
            await until(engine, Phase.DOWN)

    run(main())


def test_a_maintenance_outlives_a_restart_and_a_reboot_and_ends_in_time() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await Operators(engine).maintain(HOST, "bob", "new disk", 600.0)
        rig.clock.reboot()
        await asyncio.sleep(100)
        async with rig.running() as engine:
            assert engine.ward.context(HOST).maintenance is not None
            assert engine.ward.context(OTHER).maintenance is None
            await asyncio.sleep(501)
            assert engine.ward.context(HOST).maintenance is None

    run(main())


@pytest.mark.parametrize("seconds", [0.0, -1.0, 10**9])
def test_a_maintenance_has_an_end(seconds: float) -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            with pytest.raises(Permanent, match="expected up to 720 hours"):
                await Operators(engine).maintain(HOST, "bob", "new disk", seconds)

    run(main())


def test_orders_about_nothing_are_refused_in_words() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            with pytest.raises(Permanent, match="cmp-1 has no open incident"):
                await operators.order(HOST, Order.DISMISS, "ann", "nothing there")
            await engine.desk.submit([rig.evidence()])
            with pytest.raises(Permanent, match="confirm-off is for one that is held"):
                await operators.order(HOST, Order.CONFIRM_OFF, "ann", "it is off", 60.0)

    run(main())


def test_b2_a_human_frees_what_the_devices_could_not_prove() -> None:
    rig = Rig(policy=Policy(grace_s=1.0), levels=())

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            await operators.arm("ann", "go")
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.HELD)
            assert rig.nova.puts == []
            await operators.order(HOST, Order.CONFIRM_OFF, "ann", "I pulled the plug", 600.0)
            await until(engine, Phase.DOWN)
            proof = incident_of(engine).proof
            assert proof is not None
            assert (proof.kind, proof.by) == ("human", "ann")
            assert len(rig.nova.puts) == 1

    run(main())


def test_an_operator_can_order_a_host_fenced_of_which_nobody_has_said_anything() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            await operators.arm("ann", "go")
            began = rig.clock.now().boot_s
            await operators.order(HOST, Order.FENCE, "ann", "it smokes")
            assert await until(engine, Phase.DOWN) - began < 5  # no grace

    run(main())


def test_d5_observe_says_what_would_have_been_done_and_tells_nobody() -> None:
    rig = Rig(policy=Policy(grace_s=1.0), mode=Mode.OBSERVE)

    async def main() -> None:
        async with rig.running() as engine:  # as shipped: never armed
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.HELD)
            held = incident_of(engine).held
            assert held is not None
            assert held.gate == "mode"
            assert "would have cut the power of cmp-1 by redfish bmc" in held.why
            assert rig.device.cuts == 0
            assert rig.consumer.heard == []

    run(main())


def test_explain_shows_gates_proof_and_timeline_even_when_it_is_over() -> None:
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            nothing = await operators.explain(HOST)
            assert nothing["incident"] is None
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.HELD)
            found = await operators.explain(HOST)
            assert found["incident"]["held"]["gate"] == "armed"
            assert "disarmed" in found["gates"]["cut"]["armed"]
            assert found["gates"]["cut"]["protected"] == "open"
            await operators.order(HOST, Order.DISMISS, "ann", "a test")
            await asyncio.sleep(1)
            over = await operators.explain(HOST)
            assert over["incident"]["phase"] == "dismissed"
            assert over["incident"]["timeline"][-1]["text"] == "dismiss by ann: a test"
            assert [h.phase for h in await operators.incidents(HOST, 10)] == ["dismissed"]
            status = operators.status()
            assert status["ready"]
            assert status["armed"]["on"] is False

    run(main())
