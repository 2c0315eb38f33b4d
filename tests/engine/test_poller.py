"""The host map: filled at once, refreshed calmly, and kept up with changes all the while."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import pairwise

from doctor_daemon.core.host import Server
from tests.engine.instruments import ScriptedNova
from tests.engine.rig import HOST, Rig, server
from tests.simulation.virtual import run

PASS_S = 500.0


class LargeCloud(ScriptedNova):
    """A pass over all its servers takes minutes, if it is calm; remembers when it was asked."""

    passes: list[tuple[float, bool]]
    changes: list[float]
    moved: Sequence[tuple[Server, str]] = ()

    async def all_servers(self, *, calm: bool = False) -> Mapping[str, tuple[Server, ...]]:
        self.passes.append((asyncio.get_running_loop().time(), calm))
        there = dict(self.there)
        await asyncio.sleep(PASS_S if calm else 1.0)
        return there

    async def changed_servers(self, since_wall_s: float) -> Sequence[tuple[Server, str]]:
        self.changes.append(asyncio.get_running_loop().time())
        await self._call()
        return self.moved


def test_changes_are_read_while_a_calm_pass_takes_its_time() -> None:
    rig = Rig()
    cloud = LargeCloud(rig.clock)
    cloud.there, cloud.passes, cloud.changes = rig.nova.there, [], []
    rig.nova = cloud
    new = server(3, "red")

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(2)
            assert cloud.passes == [(0.0, False)]
            assert len(engine.ward.servers(HOST).servers) == 2
            await asyncio.sleep(3700)
            assert [calm for _, calm in cloud.passes] == [False, True]
            cloud.moved = ((new, HOST.name),)
            await asyncio.sleep(60)
            assert new in engine.ward.servers(HOST).servers
            await asyncio.sleep(PASS_S)  # the pass ends, and has not seen it
            assert new in engine.ward.servers(HOST).servers
            assert max(later - one for one, later in pairwise(cloud.changes)) < 31

    run(main())
    assert rig.bugs == []


def test_a_pass_that_fails_is_made_again_soon() -> None:
    rig = Rig()
    rig.nova.bug = None

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(200)
            assert len(engine.ward.servers(HOST).servers) == 2

    rig.nova.errors = [ConnectionError("as the test wants it")] * 4
    run(main())
    assert len(rig.bugs) > 0
