"""One host, from the first evidence to the end."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import Device, Level
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from tests.engine.instruments import HOST, OTHER, UUID
from tests.engine.rig import Rig, accuse, incident_of, server, until
from tests.simulation.virtual import run


def test_a_dead_host_is_fenced_proven_off_forced_down_and_told() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(1)  # the map is filled
            await accuse(rig, engine)
            began = rig.clock.now().boot_s
            down_at = await until(engine, Phase.DOWN)
            await asyncio.sleep(1)
            # grace 10, identify .1, cut .1, three reads of .1 a second apart, PUT .1, look .1
            assert 12.5 <= down_at - began <= 13.1
            incident = incident_of(engine)
            assert incident.proof is not None
            assert rig.device.cuts == 1
            assert rig.nova.puts[0][0] == "s-cmp-1"
            assert incident.id in rig.nova.puts[0][1]
            assert rig.consumer.kinds() == ["suspected", "confirmed"]
            assert rig.consumer.kinds("red") == ["suspected", "confirmed"]
            early_s = rig.consumer.heard[0][0] - began
            assert early_s < 0.1

    run(main())
    assert rig.bugs == []


def test_nothing_is_cut_while_disarmed_and_fence_takes_it_up_again() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.HELD)
            held = incident_of(engine).held
            assert held is not None
            assert held.gate == "armed"
            assert rig.device.cuts == 0
            operators = Operators(engine)
            await operators.arm("ann", "go")
            await operators.order(HOST, Order.FENCE, "ann", "it is dead")
            await until(engine, Phase.DOWN)
            assert rig.device.cuts == 1

    run(main())


def test_evidence_taken_back_in_the_grace_period_ends_it_and_is_told() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(5)
            await engine.desk.submit([rig.evidence(Verdict.WITHDRAWN)])
            await asyncio.sleep(60)
            assert HOST not in engine.desk.cases
            assert rig.device.cuts == 0
            assert rig.consumer.kinds() == ["suspected", "withdrawn"]

    run(main())


def test_a5_a_nova_compute_that_reports_in_ends_it_just_before_the_cut() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(5)
            rig.nova.beats += 1
            await asyncio.sleep(60)
            assert HOST not in engine.desk.cases
            assert rig.device.cuts == 0

    run(main())


def test_an_effect_that_ends_during_an_unrelated_save_is_not_done_twice() -> None:
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            rig.disk.commit_s = 0.15
            for _ in range(60):
                await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.DOWN)
            assert rig.device.cuts == 1
            assert len(rig.nova.puts) == 1

    run(main())


def test_c1_nothing_is_cut_before_the_intent_is_saved() -> None:
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            rig.disk.failures = 10**6
            await asyncio.sleep(60)
            assert rig.device.cuts == 0
            rig.disk.failures = 0
            await until(engine, Phase.DOWN)
            assert rig.device.cuts == 1

    run(main())


def test_b2_a_device_that_refuses_leads_to_the_next_level() -> None:
    first, second = Device("bmc", "redfish", UUID), Device("pdu", "redfish", UUID)
    rig = Rig(levels=(Level((first,)), Level((second,))))

    async def main() -> None:
        async with rig.running() as engine:
            rig.devices["bmc"].outcomes = [Outcome.REFUSED] * 9
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            assert rig.devices["bmc"].cuts == 2
            assert rig.devices["pdu"].cuts == 1

    run(main())


def test_b5_a_device_of_another_chassis_is_never_cut() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            rig.device.uuid = "ffffffff-0000-4000-8000-000000000001"
            await accuse(rig, engine)
            await until(engine, Phase.HELD)
            assert rig.device.cuts == 0

    run(main())


def test_b1_a_device_that_says_off_early_is_read_for_as_long_as_its_quirk_asks() -> None:
    rig = Rig(levels=(Level((Device("bmc", "redfish", UUID, hold_s=15.0),)),))

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            proof = incident_of(engine).proof
            assert proof is not None
            (part,) = proof.devices
            assert len(part.readings) == 3
            assert part.readings[-1].asked_at.since(part.readings[0].answered_at) >= 15.0

    run(main())


def test_a_bug_in_an_adapter_holds_its_host_and_no_other() -> None:
    rig = Rig(levels=(Level((Device("bmc", "redfish", UUID),)),))

    async def main() -> None:
        async with rig.running() as engine:
            rig.device.bug = RuntimeError("boom")
            await accuse(rig, engine)
            await until(engine, Phase.HELD)
            held = incident_of(engine).held
            assert held is not None
            assert held.gate == "internal"
            rig.device.bug = None
            await engine.desk.submit([rig.evidence(host=OTHER)])
            await until(engine, Phase.DOWN, OTHER)

    run(main())
    assert [str(bug) for bug in rig.bugs] == ["boom"]


def test_an_incident_that_cannot_be_saved_does_nothing_and_stops_no_other() -> None:
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            await Operators(engine).arm("ann", "test")
            rig.disk.unsaveable = HOST
            for why in ("is not driven any more", "keeps its incident from being saved"):
                with pytest.raises(Temporary, match=why):
                    await engine.desk.submit([rig.evidence()])
            await asyncio.sleep(60)
            assert rig.device.cuts == 0
            await engine.desk.submit([rig.evidence(host=OTHER)])
            await until(engine, Phase.DOWN, OTHER)

    run(main())
    assert [str(bug) for bug in rig.bugs] == ["too large"]


def test_the_fresh_list_corrects_what_was_told() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(1)  # the map is filled
            rig.nova.fresh = {HOST.name: (server(2, "blue"), server(3, "green"))}
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(2)
            assert rig.consumer.kinds("red") == ["suspected", "confirmed", "withdrawn"]
            assert rig.consumer.kinds("blue") == ["suspected", "confirmed"]
            assert rig.consumer.kinds("green") == ["confirmed"]

    run(main())
