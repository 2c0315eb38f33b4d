"""What is asked before servers are moved: how old it may be, and what nobody waits for."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.joining import UNPLACED
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.inspecting import ROOM_S
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import bench, comes, posted, stages, virtually
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.engine.test_neighbours import group


async def interfered(rig: Rig, takes_s: float) -> dict[str, Stage]:
    """Let somebody else evacuate a server while the groups are slow to be told."""
    rig.nova.grouping_s, rig.nova.rebuilds.takes_s = 8.0, takes_s
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.EVACUATING)
        await asyncio.sleep(1)
        rig.nova.rebuilds.take(ServerId("vm-1"))
        await until(engine, Phase.DOWN)
        assert rig.nova.rebuilds.twice == []
        return stages(engine)


@virtually
async def test_c7_who_was_moved_while_nova_was_being_asked_is_not_asked_for() -> None:
    """The list that shows it is older than its move, which has ended by the end of the list."""
    rig = bench(3)
    assert await interfered(rig, 4.0) == {"vm-0": Stage.MOVED, "vm-2": Stage.MOVED}
    assert sorted(posted(rig)) == ["vm-0", "vm-1", "vm-2"]


@virtually
async def test_c7_whose_move_began_while_nova_was_being_asked_is_joined() -> None:
    rig = bench(3)
    assert set((await interfered(rig, 30.0)).values()) == {Stage.MOVED}
    assert sorted(posted(rig)) == ["vm-0", "vm-1", "vm-2"]


@virtually
async def test_an_inspection_that_was_quick_asks_for_nothing_twice() -> None:
    rig = bench(3)
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: len(posted(rig)) == 3)
        assert rig.nova.asked_for_evacuations == 1


@virtually
async def test_nobody_waits_long_for_the_number_of_hosts_and_that_is_told() -> None:
    rig = bench(1)
    async with rig.running() as engine:
        await accuse(rig, engine)
        rig.nova.fleet_s = 3600.0
        began_s = await until(engine, Phase.EVACUATING)
        await until(engine, Phase.DOWN)
        ((at, _),) = rig.nova.rebuilds.posts
        assert at - began_s < ROOM_S + 1
        plan = next(e.text for e in incident_of(engine).timeline if e.text.startswith("plan: "))
        assert plan == (
            "plan: 1 of 1 servers are to be moved; how many hosts could be chosen is not known: "
            "Nova has not listed its hosts in 2 s"
        )


@virtually
async def test_whose_group_is_on_no_host_that_is_known_waits_a_while_and_goes_without() -> None:
    rig = bench(2)
    rig.nova.there[OTHER.name] = ()
    rig.nova.groups = (group("affinity", 0, 7),)
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: posted(rig) == ["vm-1"])
        assert incident_of(engine).evacuations[ServerId("vm-0")].why == UNPLACED
        await until(engine, Phase.DOWN)
        first, second = (at for at, _ in rig.nova.rebuilds.posts)
        assert posted(rig) == ["vm-1", "vm-0"]
        assert second - first >= 60
        assert rig.nova.there[HOST.name] == ()
