"""What is heard while the daemon is busy with something else, is killed, or stands still."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import Device, HostId, Level, Mode
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.lanes import UNDER_WAY_MAX
from doctor_daemon.engine.operators import Operators
from doctor_daemon.ports import Permit
from tests.engine.rig import HOST, UUID, Rig, accuse, incident_of, until
from tests.engine.test_pauses import freeze
from tests.simulation.virtual import run

BESIDE = (
    Level((Device("bmc", "redfish", UUID),)),
    Level((Device("ilo", "redfish", UUID, tells_host=True),)),
)


def speaking(rig: Rig, silent: asyncio.Event) -> None:
    """Have the witness say ON until it is silent."""
    ilo = rig.devices["ilo"]

    async def read() -> Reading:
        asked_at = rig.clock.now()
        await asyncio.sleep(60.0 if silent.is_set() else 0.1)
        ilo.reads += 1
        power = Power.UNKNOWN if silent.is_set() else Power.ON
        return Reading(power, str(power), asked_at, rig.clock.now())

    ilo.read = read  # type: ignore[method-assign]  # a fake, and what it does is the test's


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_c1_a_daemon_that_ends_forgets_no_on_of_a_witness(how: str) -> None:
    """Only the BMC says that the host is off, and the witness is silent after it has said ON."""
    rig, silent = Rig(levels=BESIDE), asyncio.Event()
    speaking(rig, silent)

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await until(engine, Phase.FENCING)
        await asyncio.sleep(2.2)
        assert rig.devices["ilo"].reads >= 2
        assert incident_of(engine).phase is Phase.FENCING
        if how == "killed":
            await rig.crash(task)
        else:
            engine.stop()
            await task
        silent.set()
        await asyncio.sleep(5)
        async with rig.running() as engine:
            for _ in range(60):
                await asyncio.sleep(1)
                assert incident_of(engine).proof is None
                if incident_of(engine).tries > 1:
                    break

    run(main())


def test_a12_evidence_that_waits_in_line_over_a_pause_leads_to_a_cut() -> None:
    """Its incident begins after the pause was told to those that there were."""
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await Operators(engine).arm("ann", "test")
            await asyncio.sleep(3)
            rig.disk.commit_s = 2.0
            others = [
                replace(rig.evidence(Verdict.UP, HostId("default", f"x-{n}")), fingerprint=str(n))
                for n in range(UNDER_WAY_MAX)
            ]
            before = [asyncio.create_task(engine.desk.submit([one])) for one in others]
            await asyncio.sleep(0.1)
            last = asyncio.create_task(engine.desk.submit([rig.evidence()]))
            await asyncio.sleep(0.1)
            freeze(8.0)
            await last
            await asyncio.gather(*before, return_exceptions=True)  # some were not saved in time
            rig.disk.commit_s = 0.0
            await until(engine, Phase.FORCING_DOWN, limit_s=60.0)

    run(main())


def test_a12_a_cut_that_is_being_saved_over_a_pause_has_its_grace() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            rig.disk.commit_s = 0.5
            while True:
                await asyncio.sleep(0.01)
                writing = rig.disk.writing.head if rig.disk.writing else None
                if writing and writing.fencing and writing.fencing.go_at:
                    break
            freeze(60.0)
            woke_at = rig.clock.now()
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.FORCING_DOWN, limit_s=60.0)
            cut_at = incident_of(engine).cut_started
            assert cut_at is not None
            assert cut_at.since(woke_at) >= Policy().grace_s

    run(main())


def test_b4_a_host_that_reports_in_while_nova_refuses_is_not_forced_down() -> None:
    rig = Rig(mode=Mode.EVACUATE)
    accepts, force_down = asyncio.Event(), rig.nova.force_down

    async def refusing(
        service: str, reason: str, permit: Permit, *, disable: bool
    ) -> tuple[Outcome, str]:
        if accepts.is_set():
            return await force_down(service, reason, permit, disable=disable)
        await asyncio.sleep(0.1)
        return Outcome.REFUSED, "503"

    rig.nova.force_down = refusing  # type: ignore[method-assign]  # a fake, and what it does is the test's

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.FORCING_DOWN)
            rig.nova.running.add(HOST.name)  # it reports in from now on
            await asyncio.sleep(60)
            accepts.set()
            await asyncio.sleep(60)
            assert (rig.nova.puts, len(rig.nova.rebuilds.rows)) == ([], 0)

    run(main())


def test_b4_reports_are_heard_behind_a_put_whose_answer_was_lost() -> None:
    rig = Rig(mode=Mode.EVACUATE)
    force_down = rig.nova.force_down

    async def slowly(
        service: str, reason: str, permit: Permit, *, disable: bool
    ) -> tuple[Outcome, str]:
        answer = await force_down(service, reason, permit, disable=disable)
        await asyncio.sleep(5)
        return answer

    rig.nova.force_down = slowly  # type: ignore[method-assign]  # a fake, and what it does is the test's

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await until(engine, Phase.FORCING_DOWN)
        await asyncio.sleep(1)
        assert rig.nova.puts
        await rig.crash(task)
        async with rig.running() as engine:
            await until(engine, Phase.EVACUATING)
            rig.nova.running.add(HOST.name)
            rig.nova.posting_s = 30.0
            await asyncio.sleep(60)
            said = [entry.text for entry in incident_of(engine).timeline]
            assert any("nova-compute has reported in" in text for text in said)

    run(main())


def test_a3_what_is_heard_while_the_disk_is_slow_comes_before_the_cut_is_decided() -> None:
    """The looks are answered, and a save keeps them waiting: then the host is heard alive."""
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            rig.disk.commit_s = 3.0
            await asyncio.sleep(3.0)
            assert incident_of(engine).phase is Phase.SUSPECTED
            id_ = incident_of(engine).id
            await engine.desk.submit([rig.evidence(Verdict.UP)])
            found = await rig.disk.find(id_)
            assert found is not None
            assert found.phase is Phase.DISMISSED
            assert found.cut_started is None
            assert not any(one.text.startswith("every gate") for one in found.timeline)

    run(main())
    assert rig.device.cuts == 0
