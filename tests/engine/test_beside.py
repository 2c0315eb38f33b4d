"""Hosts that fail together are no destinations of each other: servers wait until all are down."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.evidence import Trust, Verdict, fold
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, Sighting
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.turns import BESIDE, longest_wait_s
from doctor_daemon.engine.neighbours import Neighbours
from tests.core import make
from tests.core.make import OTHER_BOOT, Fields
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import SOON, bench, posted, virtually
from tests.engine.rig import accuse, incident_of, server, until

POLICY, NOW = Policy(), make.at(8)
THIRD = HostId("default", "cmp-3")
UP = make.sighting(1, state="up")
DOWN: dict[str, Fields] = {"state": "down", "forced_down": True}


def dead(host: HostId = OTHER, **changes: Fields) -> Incident:
    """Return the incident of a host that was accused at 0 s."""
    said = {"words": fold({}, make.evidence()), "sighting": UP}
    return replace(make.incident(), host=host, **{**said, **changes})


def down(host: HostId = HOST, *records: Evacuation) -> Incident:
    """Return the incident of a host whose servers are being moved."""
    made = make.incident(phase=Phase.EVACUATING, proof=make.power_proof())
    evacuations = {one.server.id: one for one in records}
    return replace(made, host=host, sighting=make.sighting(0, **DOWN), evacuations=evacuations)


def neighbours(*incidents: Incident) -> Neighbours:
    made = Neighbours()
    for one in (down(), *incidents):
        made.saw(one, NOW)
    return made


def found(
    of: Neighbours,
    host: HostId = HOST,
    seconds: float = 8,
    shown: Mapping[str, Sighting] | None = None,
    policy: Policy = POLICY,
) -> set[str]:
    return set(of.choosable(host, make.at(seconds), policy, shown or {}))


def test_a_host_can_be_chosen_for_as_long_as_nova_may_take_it_for_alive() -> None:
    assert found(neighbours(dead()), seconds=59.75) == {OTHER.name}
    assert found(neighbours(dead()), seconds=60) == set()
    assert found(neighbours(dead()), policy=replace(POLICY, others_wait_s=0)) == set()
    assert found(neighbours(dead(), dead(THIRD))) == {OTHER.name, THIRD.name}


def test_only_the_servers_of_a_host_of_the_same_cloud_that_is_down_wait() -> None:
    assert found(neighbours(dead()), OTHER) == set()
    assert found(neighbours(dead()), THIRD) == set()
    foreign = HostId("another", HOST.name)
    assert found(neighbours(dead(), down(foreign)), foreign) == set()


@pytest.mark.parametrize("state", [{"state": "down"}, {"status": "disabled"}])
def test_a_host_that_nova_has_shown_down_since_is_not_waited_for(state: dict[str, Fields]) -> None:
    late = dead(words=fold({}, make.evidence(5)))
    for seconds, waits in ((4.75, True), (5, False)):
        look = replace(make.sighting(seconds, state="up"), **state)
        assert bool(found(neighbours(late), shown={OTHER.name: look})) is waits
    assert found(neighbours(late), shown={OTHER.name: make.sighting(6, state="up")})


def test_a_host_that_was_suspected_before_a_reboot_is_so_since_then() -> None:
    old = dead(words=fold({}, make.evidence(received_at=make.at(0, OTHER_BOOT))))
    made = neighbours()
    made.resumed(old, make.at(100))
    made.saw(old, make.at(130))
    assert found(made, seconds=159.75) == {OTHER.name}
    assert found(made, seconds=160) == set()


def test_a_look_of_an_earlier_run_says_nothing_of_now() -> None:
    made = neighbours()
    made.resumed(dead(sighting=make.sighting(1)), NOW)
    assert found(made) == {OTHER.name}


def test_it_is_told_when_a_host_is_waited_for_no_more() -> None:
    made = Neighbours()
    assert not made.saw(down(OTHER), NOW)  # nobody had waited for it
    assert not made.saw(dead(), NOW)
    assert not made.saw(dead(), NOW)
    assert made.saw(down(OTHER), NOW)
    assert not made.saw(down(OTHER), NOW)


def test_nobody_waits_for_longer_than_a_third_of_what_a_phase_has() -> None:
    waits = Evacuation(server(1, "red"), Stage.WAITING, make.at(8), why=f"429; {BESIDE}")
    limit_s = longest_wait_s(POLICY)
    made = neighbours(down(HOST, waits))
    made.saw(down(HOST, waits), make.at(limit_s))
    made.saw(dead(words=fold({}, make.evidence(limit_s))), make.at(limit_s))
    assert found(made, seconds=8 + limit_s - 0.25) == {OTHER.name}
    assert found(made, seconds=8 + limit_s) == set()
    made.saw(down(HOST, replace(waits, why="429")), make.at(8 + limit_s))
    assert found(made, seconds=8 + limit_s) == {OTHER.name}
    made.saw(down(HOST, replace(waits, stage=Stage.MOVED)), make.at(8 + limit_s))
    assert found(made, seconds=8 + limit_s) == {OTHER.name}


# with a daemon around them

CALM = replace(SOON, follow_every_s=60.0, guard_every_s=25.0)
"""Nobody looks again by himself soon."""


@virtually
async def test_the_servers_of_the_first_host_wait_for_the_second_and_go_at_once_then() -> None:
    rig, loop = bench(2, CALM), asyncio.get_running_loop()
    rig.nova.there[OTHER.name] = (server(7, "red"),)
    async with rig.running() as engine:
        await accuse(rig, engine)
        await asyncio.sleep(0.9)
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await until(engine, Phase.EVACUATING)
        first_s = loop.time()
        await until(engine, Phase.EVACUATING, OTHER)
        second_s = loop.time()
        assert second_s - first_s > 0.5
        await until(engine, Phase.DOWN)
        await until(engine, Phase.DOWN, OTHER)
        assert sorted(posted(rig)) == ["vm-0", "vm-1", "vm-7"]
        assert all(second_s - 0.1 < at < second_s + 0.2 for at, _ in rig.nova.rebuilds.posts)
        texts = [entry.text for entry in incident_of(engine).timeline]
        assert f"vm-0, vm-1: {BESIDE}: {OTHER.name}" in texts


@virtually
async def test_a_second_host_is_waited_for_until_nova_would_not_choose_it() -> None:
    rig, loop = bench(1), asyncio.get_running_loop()
    async with rig.running() as engine:
        await accuse(rig, engine)
        word = replace(rig.evidence(host=OTHER), trust=Trust.SECOND)
        await engine.desk.submit([word])
        await until(engine, Phase.EVACUATING)
        await asyncio.sleep(20)
        assert posted(rig) == []
        rig.nova.disabled[OTHER.name] = "by hand"
        disabled_s = loop.time()
        await until(engine, Phase.DOWN)
        assert rig.nova.rebuilds.posts[0][0] - disabled_s < 15


@virtually
async def test_those_who_wait_go_as_soon_as_the_other_was_a_false_alarm() -> None:
    rig, loop = bench(1, CALM), asyncio.get_running_loop()
    async with rig.running() as engine:
        await accuse(rig, engine)
        await engine.desk.submit([replace(rig.evidence(host=OTHER), trust=Trust.SECOND)])
        await until(engine, Phase.EVACUATING)
        await asyncio.sleep(3.3)
        assert posted(rig) == []
        await engine.desk.submit([rig.evidence(Verdict.UP, OTHER)])
        taken_back_s = loop.time()
        await until(engine, Phase.DOWN)
        assert rig.nova.rebuilds.posts[0][0] - taken_back_s < 0.1
