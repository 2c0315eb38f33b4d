"""The power of hosts, read by their devices: who is found off, and by whose doing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from doctor_daemon.core.host import Device, HostId
from doctor_daemon.core.proof import Identity, Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.inspectors.redfish import PowerWatch
from doctor_daemon.ports import Permit
from doctor_daemon.ports.surroundings import Concern
from tests.contracts import rigs
from tests.contracts.rigs import Rig, SushyRig
from tests.engine.rig import HOST, OTHER
from tests.inspectors.looking import Scene, configured, told
from tests.inspectors.rig import Ledger, terms

UUID = "00112233-4455-6677-8899-aabbccddeeff"


class Shelf:
    """A power device that says what a test has it say."""

    def __init__(self, ledger: Ledger) -> None:
        self.name = "bmc"
        self.ledger = ledger
        self.power = Power.ON
        self.uuid = UUID
        self.error: Exception | None = None
        self.reads = 0

    async def identify(self) -> Identity:
        return Identity(self.uuid)

    async def read(self) -> Reading:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return Reading(self.power, self.power, self.ledger.now(), self.ledger.now())

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        raise AssertionError

    async def switch_on(self, permit: Permit) -> tuple[Outcome, str]:
        raise AssertionError

    async def close(self) -> None:
        return


class Stage:
    """A source and two hosts; the first has two devices on its level."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - options
        config = configured(PowerWatch.Config, Path(), every_s=10.0, **options)
        self.ledger, self.scene = Ledger(), Scene()
        self.first, self.second, self.other = (Shelf(self.ledger) for _ in range(3))
        device = Device("bmc", "redfish", UUID)
        levels = {
            HOST: (((device, self.first), (device, self.second)),),
            OTHER: (((device, self.other),), ((device, self.first),)),
        }
        self.source = PowerWatch(config, terms("power"))
        self.source.place(self.scene.around(levels=levels))

    async def look(self, seconds: int) -> str:
        trouble = ""
        for _ in range(seconds):
            self.ledger.clock.move(1)
            try:
                await self.source.look(self.ledger)
            except Temporary as error:
                trouble = str(error)
        return trouble

    def switch(self, power: Power) -> None:
        self.first.power = self.second.power = power

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return told(self.ledger.taken)


async def test_a_host_that_is_found_off_is_accused() -> None:
    stage = Stage()
    await stage.look(20)
    assert stage.told == []
    stage.switch(Power.OFF)
    await stage.look(15)
    assert stage.told == [("cmp-1", "power", "down")]
    stage.switch(Power.ON)
    await stage.look(15)
    assert stage.told[1:] == [("cmp-1", "power", "withdrawn")]


async def test_it_is_read_at_a_low_rate() -> None:
    stage = Stage()
    await stage.look(100)
    assert 9 <= stage.other.reads <= 11


async def test_b1_one_read_of_off_is_nothing() -> None:
    stage = Stage(suspected_every_s=3.0)
    await stage.look(20)
    stage.switch(Power.OFF)
    reads = stage.first.reads
    while stage.first.reads == reads:
        await stage.look(1)
    stage.switch(Power.ON)
    await stage.look(30)
    assert stage.told == []


async def test_b4_a_host_is_off_only_if_every_device_of_its_level_says_so() -> None:
    stage = Stage()
    await stage.look(20)
    stage.first.power = Power.OFF
    await stage.look(40)
    assert stage.told == []


@pytest.mark.parametrize("error", [None, Temporary("no answer"), Permanent("401")])
async def test_b2_unknown_is_nothing(error: Exception | None) -> None:
    stage = Stage()
    await stage.look(20)
    stage.switch(Power.UNKNOWN)
    stage.first.error = stage.second.error = error
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    await stage.look(60)
    assert stage.told == []


async def test_b5_another_machine_that_is_off_is_nothing() -> None:
    stage = Stage()
    await stage.look(20)
    stage.first.uuid = UUID[::-1]
    stage.switch(Power.OFF)
    await stage.look(60)
    assert stage.told == []


async def test_our_own_cut_is_no_evidence() -> None:
    """Neither while the daemon acts, nor when the incident is over and the host still off."""
    stage = Stage()
    await stage.look(20)
    stage.scene.concerns[HOST] = Concern.TOUCHED
    reads = stage.first.reads
    stage.switch(Power.OFF)
    await stage.look(60)
    assert stage.first.reads == reads  # no cut waits for a look
    stage.scene.concerns.clear()
    await stage.look(60)
    assert stage.told == []
    stage.switch(Power.ON)
    await stage.look(20)
    stage.switch(Power.OFF)
    await stage.look(20)
    assert stage.told == [("cmp-1", "power", "down")]


async def test_a_host_that_was_off_when_we_came_is_let_be_until_somebody_suspects_it() -> None:
    stage = Stage()
    stage.switch(Power.OFF)
    await stage.look(60)
    assert stage.told == []
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    await stage.look(5)
    assert stage.told == [("cmp-1", "power", "down")]


async def test_a_suspected_host_is_read_at_once() -> None:
    stage = Stage()
    await stage.look(11)
    stage.switch(Power.OFF)
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    await stage.look(5)
    assert stage.told == [("cmp-1", "power", "down")]


async def test_on_is_no_sign_of_life() -> None:
    stage = Stage()
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    await stage.look(60)
    assert ("cmp-1", "power", "up") not in stage.told


async def test_a1_no_device_that_answers_is_our_trouble() -> None:
    stage = Stage()
    for one in (stage.first, stage.second, stage.other):
        one.error = Temporary("no route")
    assert "no power device answers as it should" in await stage.look(30)
    assert stage.told == []


@pytest.mark.parametrize("kind", ["lab", "sushy-tools"])
async def test_a_real_bmc_is_read(tmp_path: Path, kind: str) -> None:
    """By the daemon's own adapter, over HTTP; it is somebody else who switches the host off."""
    async with AsyncExitStack() as stack:
        rig: Rig
        if kind == "lab":
            rig = await stack.enter_async_context(rigs.lab_rig(tmp_path))
        else:
            rig = SushyRig(stack.enter_context(rigs.emulator(tmp_path)), tmp_path)
        stack.push_async_callback(rig.device.close)
        stage = Stage(suspected_every_s=1.0)
        level = ((Device("bmc", "redfish", rig.uuid), rig.device),)
        stage.source.place(stage.scene.around(levels={HOST: (level,)}))
        await stage.look(11)
        await rig.device.cut(Permit(1, rig.clock.now().plus(10)))
        while rig.power is Power.ON:  # noqa: ASYNC110 - the emulator sets no event
            await asyncio.sleep(0.05)
        assert stage.told == []
        await stage.look(13)
    assert stage.told == [("cmp-1", "power", "down")]


async def test_a_reload_that_brings_a_host_in_forgets_no_other() -> None:
    stage = Stage()
    await stage.look(20)
    levels = stage.source._voice.around.levels  # noqa: SLF001 - as it was told
    more = {**levels, HostId("default", "cmp-3"): levels[OTHER]}
    stage.source.place(stage.scene.around(levels=more))
    stage.switch(Power.OFF)
    await stage.look(60)
    assert ("cmp-1", "power", "down") in stage.told


async def test_what_other_devices_have_read_is_forgotten() -> None:
    stage = Stage()
    await stage.look(20)
    other = {HOST: (((Device("other", "redfish", UUID), stage.first),),)}
    stage.source.place(stage.scene.around(levels=other))
    stage.switch(Power.OFF)
    await stage.look(60)
    assert stage.told == []


async def test_it_runs_by_itself() -> None:
    stage = Stage()
    task = asyncio.create_task(stage.source.run(stage.ledger))
    async with asyncio.timeout(10):
        while not stage.scene.looked:  # noqa: ASYNC110 - the scene sets no event
            await asyncio.sleep(0.02)
    task.cancel()


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValidationError, match="suspected_every_s: expected no more than every_s"):
        configured(PowerWatch.Config, Path(), every_s=10.0, suspected_every_s=20.0)
