"""What is over is dropped every hour, and sooner where much has come in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from typing_extensions import override

from doctor_daemon.core.context import Charge
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.incident import IncidentId, open_incident
from doctor_daemon.engine.pruning import EVERY_S, PIECES
from doctor_daemon.errors import Temporary
from tests.engine.moving import virtually
from tests.engine.rig import HOST, Rig, SlowDisk

BATCH = 1000


class Counted(SlowDisk):
    """A store that counts how often it is to drop what is over."""

    def __init__(self) -> None:
        super().__init__()
        self.prunes = 0
        self.locked = False

    @override
    async def prune(self, *, term: int) -> None:
        self.prunes += 1
        if self.locked:
            raise Temporary("another process has it locked")
        await super().prune(term=term)


@dataclass
class Bench(Rig):
    """A bench with such a store."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.counted = Counted()
        self.disk = self.counted


@virtually
async def test_it_is_looked_after_every_hour() -> None:
    rig = Bench()
    async with rig.running():
        await asyncio.sleep(EVERY_S - 1)
        assert rig.counted.prunes == 0
        await asyncio.sleep(2)
        assert rig.counted.prunes == 1
        await asyncio.sleep(EVERY_S)
        assert rig.counted.prunes == 2


@virtually
async def test_a_flood_has_it_looked_after_while_it_lasts() -> None:
    rig = Bench()
    async with rig.running() as engine:
        for round_ in range(3):
            for _ in range(PIECES // BATCH):
                await asyncio.sleep(1)
                assert rig.counted.prunes == round_
                await engine.desk.submit([rig.evidence(Verdict.UP) for _ in range(BATCH)])
        await asyncio.sleep(1)
        assert rig.counted.prunes == 3
        await asyncio.sleep(EVERY_S + 1)
        assert rig.counted.prunes == 4, "and every hour after it"


@virtually
async def test_one_that_fails_is_done_with_the_next() -> None:
    rig = Bench()
    rig.counted.locked = True
    async with rig.running():
        await asyncio.sleep(2 * EVERY_S + 1)
        assert rig.counted.prunes == 2
    assert rig.bugs == []


@virtually
async def test_what_no_budget_looks_back_to_is_forgotten_though_nobody_asks() -> None:
    rig = Bench()
    ward = rig.engine().ward
    ward.seed([Charge("old", 1, "rack-1", rig.clock.now())])
    await asyncio.sleep(rig.policy.budget_window_s + 1)
    now = rig.clock.now()
    opened = open_incident(IncidentId("new"), rig.evidence(), rig.plan(HOST), ward.servers(HOST))
    ward.reserve(None, replace(opened, charges=(now,)))
    assert [one.incident for one in ward.context(HOST).charges] == ["new"]
