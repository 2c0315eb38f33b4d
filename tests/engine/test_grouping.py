"""One list of server groups for all hosts, which nobody waits for in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from typing_extensions import override

from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.grouping import ANSWER_S, KEPT_S, TRIES, Groups
from doctor_daemon.errors import Permanent, Temporary
from tests.engine.instruments import OTHER, ScriptedNova
from tests.engine.moving import bench as moving
from tests.engine.moving import comes, posted, virtually
from tests.engine.rig import Rig, accuse, server, until
from tests.engine.test_neighbours import group
from tests.simulation.virtual import VirtualClock

PAIR = ServerGroup("g-1", "pair", "anti-affinity", frozenset())


class CountingNova(ScriptedNova):
    """A Nova that counts how often its groups are asked for, and may take its time."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.groups = (PAIR,)
        self.asked = 0
        self.takes_s = 1.0
        self.bug: Exception | None = None

    @override
    async def server_groups(self) -> Sequence[ServerGroup]:
        self.asked += 1
        await asyncio.sleep(self.takes_s)
        if self.bug is not None:
            raise self.bug
        return await super().server_groups()


def bench(bugs: list[Exception] | None = None) -> tuple[CountingNova, Groups]:
    """Make them; without a list of bugs none may be met."""
    clock = VirtualClock()
    nova = CountingNova(clock)

    def met(_: str, error: Exception) -> None:
        if bugs is None:
            raise error
        bugs.append(error)

    return nova, Groups(nova, clock, met)


@virtually
async def test_all_hosts_share_a_list_and_it_is_kept_for_a_minute() -> None:
    nova, groups = bench()
    told = await asyncio.gather(*(groups.known() for _ in range(20)))
    assert (told, nova.asked) == ([((PAIR,), "")] * 20, 1)
    await asyncio.sleep(KEPT_S - 1)
    assert (await groups.known(), nova.asked) == (((PAIR,), ""), 1)
    await asyncio.sleep(1)
    assert (await groups.known(), nova.asked) == (((PAIR,), ""), 2)


@virtually
async def test_nobody_waits_long_for_it_and_the_last_list_is_better_than_none() -> None:
    nova, groups = bench()
    nova.takes_s = 3600.0
    began = asyncio.get_running_loop().time()
    why = "Nova has not listed its server groups in 10 s"
    assert await groups.known() == ((), why)
    assert asyncio.get_running_loop().time() - began == ANSWER_S * TRIES
    assert (await groups.known(), nova.asked) == (((), why), TRIES)
    nova.takes_s = 0.0
    await asyncio.sleep(KEPT_S)
    assert await groups.known() == ((PAIR,), "")
    nova.groups = Temporary("503")
    await asyncio.sleep(KEPT_S)
    assert await groups.known() == ((PAIR,), "503; as of 60 s ago they are")


@virtually
async def test_what_is_refused_is_not_asked_for_twice_and_what_fails_once_is() -> None:
    nova, groups = bench()
    nova.groups = Permanent("403")
    assert (await groups.known(), nova.asked) == (((), "403"), 1)
    await asyncio.sleep(KEPT_S)
    nova.groups, nova.errors = (PAIR,), [Temporary("502")]
    assert (await groups.known(), nova.asked) == (((PAIR,), ""), 3)


@virtually
async def test_who_is_cancelled_takes_nobody_along_and_the_end_ends_the_question() -> None:
    nova, groups = bench()
    first, second = (asyncio.create_task(groups.known()) for _ in range(2))
    await asyncio.sleep(0.1)
    first.cancel()
    assert await second == ((PAIR,), "")
    groups.close()
    await asyncio.sleep(KEPT_S)
    third = asyncio.create_task(groups.known())
    await asyncio.sleep(0.1)
    groups.close()
    await asyncio.wait((third,))
    assert (third.cancelled(), nova.asked) == (True, 2)


@virtually
async def test_a_bug_in_reading_them_is_counted_and_keeps_nobody() -> None:
    bugs: list[Exception] = []
    nova, groups = bench(bugs)
    bug = ValueError("password=swordfish")
    nova.takes_s, nova.bug = 0.0, bug
    why = "internal error: see the daemon's log"
    assert await groups.known() == ((), why)
    nova.bug = None
    await asyncio.sleep(KEPT_S + 1)
    assert await groups.known() == ((PAIR,), "")
    nova.bug = bug
    await asyncio.sleep(KEPT_S + 1)
    assert await groups.known() == ((PAIR,), f"{why}; as of 61 s ago they are")
    assert bugs == [bug, bug]


@virtually
async def test_a_host_is_evacuated_whatever_is_wrong_with_reading_the_groups() -> None:
    rig = moving(1)
    rig.nova.groups = KeyError("members")
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        assert posted(rig) == ["vm-0"]
    assert [type(bug) for bug in rig.bugs] == [KeyError]
    rig.bugs.clear()


async def moved_beside(rig: Rig) -> list[str]:
    """Let a host die whose only server is kept together with one of the other host."""
    rig.nova.there[OTHER.name] = (server(7, "red"),)
    rig.nova.groups = (group("affinity", 0, 7),)
    async with rig.running() as engine:
        await comes(lambda: bool(engine.ward.shown) and engine.poller.ready.is_set())
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        return posted(rig)


@virtually
async def test_who_is_kept_together_with_a_server_elsewhere_goes_there() -> None:
    assert await moved_beside(moving(1)) == ["vm-0"]


@virtually
async def test_who_is_kept_together_with_a_server_of_another_dead_host_stays() -> None:
    rig = moving(1)
    rig.nova.down.add(OTHER.name)
    assert await moved_beside(rig) == []
