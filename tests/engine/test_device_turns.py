"""Turns at power devices: one call a device, so many in all, and fencing before probes (B13)."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.host import Device, Level
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.device_turns import DeviceTurns, Overtaken
from doctor_daemon.engine.powering import bounded
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Permit
from tests.engine.instruments import UUID, ScriptedDevice
from tests.engine.rig import Rig, accuse, until
from tests.simulation.virtual import run


class Busy:
    """Counts who is at work, in all and at the most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.order: list[str] = []

    async def work(self, name: str, seconds: float = 1.0) -> str:
        self.now += 1
        self.most = max(self.most, self.now)
        self.order.append(name)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.now -= 1
        return name


async def _fence(turns: DeviceTurns, line: str, busy: Busy, name: str = "") -> None:
    async with turns.turn(line):
        await busy.work(name or line)


def test_b13_a_device_is_called_once_at_a_time_in_order() -> None:
    turns, busy = DeviceTurns(), Busy()

    async def main() -> None:
        await asyncio.gather(*(_fence(turns, "pdu", busy, str(n)) for n in range(4)))

    run(main())
    assert (busy.most, busy.order) == (1, ["0", "1", "2", "3"])


def test_b13_a_rack_that_fails_makes_no_stampede() -> None:
    turns, busy = DeviceTurns(at_once=3), Busy()

    async def main() -> None:
        await asyncio.gather(*(_fence(turns, f"bmc-{n}", busy) for n in range(12)))
        assert asyncio.get_running_loop().time() == pytest.approx(4.0)

    run(main())
    assert busy.most == 3


def test_b13_a_turn_is_waited_for_where_its_line_is_taken_or_all_are() -> None:
    turns = DeviceTurns(at_once=2)

    async def main() -> None:
        async with turns.turn("bmc-1"):
            assert (turns.busy("bmc-1"), turns.busy("bmc-2")) == (True, False)
            async with turns.turn("bmc-2"):
                assert turns.busy("bmc-3")
        assert not turns.busy("bmc-1")

    run(main())


def test_b17_a_probe_yields_to_fencing_and_is_not_begun_beside_it() -> None:
    turns, busy = DeviceTurns(), Busy()

    async def main() -> None:
        probe = asyncio.create_task(turns.probe("bmc", lambda: busy.work("probe", 60.0)))
        await asyncio.sleep(1)
        fencing = asyncio.create_task(_fence(turns, "bmc", busy, "cut"))
        with pytest.raises(Overtaken):
            await probe
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)
        with pytest.raises(Overtaken):
            await turns.probe("bmc", lambda: busy.work("late"))
        await fencing
        assert await turns.probe("bmc", lambda: busy.work("after")) == "after"

    run(main())
    assert (busy.most, busy.order) == (1, ["probe", "cut", "after"])


def test_probes_of_one_line_wait_for_each_other_and_end_with_who_asked() -> None:
    turns, busy = DeviceTurns(), Busy()

    async def main() -> None:
        probes = [
            asyncio.create_task(turns.probe("bmc", lambda: busy.work("probe"))) for _ in range(3)
        ]
        await asyncio.sleep(1.5)
        probes[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await probes[1]
        assert await probes[0] == "probe"
        assert await probes[2] == "probe"

    run(main())
    assert busy.most == 1


def test_b16_a_call_without_an_end_is_given_up() -> None:
    async def main() -> None:
        with pytest.raises(Temporary, match="no answer within 120 s"):
            await bounded(asyncio.Event().wait())

    run(main())


class Endless(ScriptedDevice):
    """Its first cut is never answered, and does nothing."""

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        if not self.cuts:
            self.cuts += 1
            await asyncio.Event().wait()
        return await super().cut(permit)


def test_b16_a_cut_without_an_end_keeps_no_turn_for_ever() -> None:
    rig = Rig()
    rig.devices["bmc"] = device = Endless("bmc", rig.clock)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            assert 120 < asyncio.get_running_loop().time() < 150

    run(main())
    assert (rig.bugs, device.cuts) == ([], 2)


def test_b13_devices_that_share_a_line_are_called_one_after_the_other() -> None:
    rig = Rig(levels=(Level((Device("outlet", "pdu", UUID, line="pdu-7"),)),))

    async def main() -> None:
        async with rig.running() as engine:
            turns = engine.ward.tools.device_turns
            async with turns.turn("line pdu-7"):
                await accuse(rig, engine)
                await asyncio.sleep(60)
                assert rig.device.identities == 0  # somebody else has the line
            await until(engine, Phase.DOWN)
            assert rig.device.cuts == 1

    run(main())
    assert rig.bugs == []
