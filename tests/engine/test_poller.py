"""The host map: filled at once, refreshed calmly, and kept up with changes all the while."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest

from doctor_daemon.core.host import Server
from doctor_daemon.engine.hostmap import HostMap
from doctor_daemon.ports import Fleet
from tests.engine.instruments import ScriptedNova
from tests.engine.moving import comes
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


class DarkCloud(LargeCloud):
    """A cell of it does not answer now and then: its hosts are unknown, its servers missing."""

    dark: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()
    """Hosts of it that the list of services leaves out."""
    missed: frozenset[str] = frozenset()
    """Hosts of it that a calm pass has missed, however its cell is by the end of it."""
    read = False
    """Whether a calm pass has been read to its end."""

    async def fleet(self) -> Fleet:
        shown = await super().fleet()
        services = {n: one for n, one in shown.services.items() if n not in self.unlisted}
        return Fleet(services, self.dark, self.blind)

    async def all_servers(self, *, calm: bool = False) -> Mapping[str, tuple[Server, ...]]:
        found = await super().all_servers(calm=calm)
        self.read = calm
        gone = self.dark | (self.missed if calm else frozenset())
        return {host: servers for host, servers in found.items() if host not in gone}


def test_trap_2_a_pass_while_a_cell_is_down_empties_no_host_of_it() -> None:
    rig = Rig()
    cloud = DarkCloud(rig.clock)
    cloud.there, cloud.passes, cloud.changes = rig.nova.there, [], []
    rig.nova = cloud
    before = cloud.there[HOST.name]

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(60)
            assert set(engine.ward.servers(HOST).servers) == set(before)
            cloud.dark = frozenset({HOST.name})
            await asyncio.sleep(3600 + PASS_S)
            assert len(cloud.passes) == 2
            assert set(engine.ward.servers(HOST).servers) == set(before), "it is not empty"
            cloud.dark, cloud.there[HOST.name] = frozenset(), before[:1]
            await asyncio.sleep(3600 + PASS_S)
            assert set(engine.ward.servers(HOST).servers) == set(before[:1]), "and then it is seen"

    run(main())
    assert rig.bugs == []


def dark_cloud(rig: Rig) -> DarkCloud:
    cloud = DarkCloud(rig.clock)
    cloud.there, cloud.passes, cloud.changes = rig.nova.there, [], []
    rig.nova = cloud
    return cloud


def test_trap_2_a_cell_that_is_down_in_the_middle_of_a_pass_empties_no_host() -> None:
    rig = Rig()
    cloud = dark_cloud(rig)
    cloud.missed = frozenset({HOST.name})

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(3610)
            assert len(cloud.passes) == 2
            cloud.dark = cloud.missed
            await asyncio.sleep(60)
            cloud.dark = frozenset()
            await asyncio.sleep(PASS_S)
            assert len(engine.ward.servers(HOST).servers) == 2

    run(main())
    assert rig.bugs == []


def test_trap_2_a_cell_that_goes_down_at_the_end_of_a_pass_empties_no_host() -> None:
    rig = Rig()
    cloud = dark_cloud(rig)
    cloud.missed = frozenset({HOST.name})

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(3900)
            await comes(lambda: cloud.read)  # and no list of services has come since
            cloud.dark = cloud.missed
            await asyncio.sleep(5)
            assert len(engine.ward.servers(HOST).servers) == 2

    run(main())
    assert rig.bugs == []


@pytest.mark.parametrize("blind", [True, False])
def test_trap_2_before_2_69_a_host_that_is_not_listed_is_not_empty(*, blind: bool) -> None:
    """From then on it is: a service that Nova does not list has been deleted."""
    rig = Rig()
    cloud = dark_cloud(rig)
    cloud.blind = blind
    cloud.there["unplanned"] = (server(3, "red"),)

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(60)
            cloud.missed = cloud.unlisted = frozenset({HOST.name, "unplanned"})
            await asyncio.sleep(3600 + PASS_S)
            assert len(cloud.passes) == 2
            found = [engine.ward.hostmap.servers(name).servers for name in sorted(cloud.missed)]
            assert list(map(len, found)) == ([2, 1] if blind else [0, 0])

    run(main())
    assert rig.bugs == []


def test_a_server_that_left_a_host_that_is_not_seen_is_on_one_host_only() -> None:
    hostmap = HostMap()
    stays, moves = server(1, "red"), server(2, "red")
    hostmap.replace({"a": [stays, moves], "b": []}, 1.0)
    hostmap.replace({"b": [moves]}, 2.0, {"a", "never-heard-of"})
    assert hostmap.servers("a").servers == (stays,)
    assert hostmap.servers("b").servers == (moves,)
    hostmap.change([(moves, "")], 3.0)
    assert hostmap.servers("b").servers == ()
