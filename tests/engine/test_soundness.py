"""Before it is known that what is stored is sound nothing is begun that changes the world."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import Mode
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.port_tasks import PortStage
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.right import UNSEEN
from doctor_daemon.errors import LateError, Permanent
from tests.engine.moving import SOON, comes, virtually
from tests.engine.neutron import BenchNeutron, names, reach, story
from tests.engine.rig import Rig, SlowDisk, accuse, incident_of, until

LONG_S = 120.0


class Unread(SlowDisk):
    """A store that is looked through beside the daemon's work: its `ports.soundness.Soundness`."""

    def __init__(self) -> None:
        super().__init__()
        self.over = asyncio.Event()
        self.fault: Exception | None = None

    @property
    def soundness(self) -> Unread:
        return self

    @property
    def sound(self) -> bool:
        return self.over.is_set() and self.fault is None

    async def ended(self) -> None:
        await self.over.wait()
        if self.fault is not None:
            raise self.fault


def unread(rig: Rig) -> Unread:
    """Have a daemon of this bench begin with a store that is being looked through."""
    rig.disk = disk = Unread()
    return disk


async def accused(rig: Rig, engine: Engine) -> None:
    """Have the cut be decided, and give it time."""
    await accuse(rig, engine)
    await until(engine, Phase.FENCING)
    await asyncio.sleep(LONG_S)


def told(rig: Rig, engine: Engine) -> float | None:
    """Return what the metric says."""
    engine._gauges()  # noqa: SLF001 - what a scrape does
    return rig.metrics.registry.get_sample_value("doctor_store_sound")


@virtually
async def test_what_is_decided_waits_and_is_done_once_all_is_sound() -> None:
    rig = Rig(policy=SOON)
    disk = unread(rig)
    async with rig.running() as engine:
        await accused(rig, engine)
        assert incident_of(engine).phase is Phase.FENCING
        assert (rig.device.cuts, rig.nova.puts) == (0, [])
        with pytest.raises(LateError, match=UNSEEN):
            engine.ward.permit()
        with pytest.raises(LateError, match=UNSEEN):
            await engine.ward.confirm()
        assert told(rig, engine) == 0
        disk.over.set()
        await until(engine, Phase.DOWN)
        assert rig.device.cuts == 1
        assert told(rig, engine) == 1
    assert rig.bugs == []


@virtually
async def test_what_is_disarmed_meanwhile_is_weighed_anew_and_not_done() -> None:
    rig = Rig(policy=SOON)
    disk = unread(rig)
    async with rig.running() as engine:
        await accused(rig, engine)
        await engine.desk.submit([rig.evidence(Verdict.UP)])  # it is heard, and saved
        await Operators(engine).disarm("ann", "wait")
        disk.over.set()
        await asyncio.sleep(LONG_S)
        assert rig.device.cuts == 0
    assert rig.bugs == []


@virtually
async def test_damage_ends_the_daemon_though_nothing_is_saved_or_begun() -> None:
    rig = Rig(policy=SOON)
    disk = unread(rig)
    engine = rig.engine()
    task = asyncio.create_task(engine.run())
    await engine.ready.wait()
    disk.fault = Permanent("it is corrupt: page 7")
    disk.over.set()
    await asyncio.wait((task,), timeout=1)
    found = task.exception()
    assert isinstance(found, BaseExceptionGroup)
    assert found.subgroup(Permanent) is not None
    with pytest.raises(LateError, match=UNSEEN):
        engine.ward.permit()


@virtually
async def test_an_end_does_not_wait_for_it() -> None:
    rig = Rig(policy=SOON)
    unread(rig)
    async with rig.running() as engine:
        await accused(rig, engine)
    assert rig.device.cuts == 0
    assert rig.bugs == []


def test_a_task_of_before_is_not_gone_on_with_without_being_saved_anew() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        disk = unread(rig)
        disk.over.set()
        rig.mode, neutron.stuck = Mode.FENCE, names(0, 1, 2)
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await comes(lambda: bool(neutron.asked))
        await rig.crash(task)
        neutron.stuck, neutron.asked = set(), []
        disk.over.clear()
        async with rig.running() as engine:
            await asyncio.sleep(LONG_S)
            assert neutron.asked == []
            disk.over.set()
            await reach(engine, PortStage.MARKED)
            assert neutron.is_down() == names(0, 1, 2)

    story(main)
