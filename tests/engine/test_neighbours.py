"""What incidents know of each other: groups that are kept apart, and destinations that die."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.around import APART, ServerGroup
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, Sighting
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.neighbours import Neighbours
from doctor_daemon.errors import Permanent, Temporary
from tests.core import make
from tests.core.make import Fields
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import SOON, bench, comes, posted, stages, virtually
from tests.engine.rebuilds import ELSEWHERE
from tests.engine.rig import accuse, incident_of, server, until

GROUP = "g-1"
POLICY, NOW = Policy(), make.at(8)
DOWN: dict[str, Fields] = {"state": "down", "forced_down": True}


def record(number: int, stage: Stage, group: str = GROUP) -> Evacuation:
    tags = {APART: group} if group else {}
    return Evacuation(replace(server(number, "red"), tags=tags), stage, make.at(0))


def incident(
    *records: Evacuation,
    host: HostId = HOST,
    phase: Phase = Phase.EVACUATING,
    look: Sighting | None = None,
) -> Incident:
    evacuations = {one.server.id: one for one in records}
    made = make.incident(phase=phase, evacuations=evacuations, proof=make.power_proof())
    return replace(made, host=host, sighting=look or make.sighting(0, **DOWN))


@pytest.mark.parametrize("phase", list(Phase))
def test_a_host_is_off_while_it_is_proven_and_forced_down(phase: Phase) -> None:
    neighbours = Neighbours()
    neighbours.saw(incident(host=OTHER), NOW)
    neighbours.saw(incident(host=OTHER, phase=phase), NOW)
    off = phase in (Phase.EVACUATING, Phase.DOWN)
    assert neighbours.off(HOST, NOW, POLICY) == ({OTHER.name: make.at(0)} if off else {})
    assert neighbours.off(OTHER, NOW, POLICY) == {}
    assert neighbours.off(HostId("another", HOST.name), NOW, POLICY) == {}


def test_a_host_whose_service_reports_in_is_not_off_until_it_is_proven_so_again() -> None:
    neighbours, down = Neighbours(), incident(host=OTHER, phase=Phase.DOWN)
    neighbours.saw(down, NOW)
    neighbours.noticed(OTHER, make.sighting(5, **DOWN))
    assert OTHER.name in neighbours.off(HOST, NOW, POLICY)
    neighbours.noticed(OTHER, make.sighting(6, **{**DOWN, "updated_s": 9e9}))
    neighbours.noticed(OTHER, make.sighting(4, **DOWN))  # one that is late
    assert neighbours.off(HOST, NOW, POLICY) == {}
    again = replace(make.power_proof(), taken_at=make.at(7))
    neighbours.saw(replace(down, proof=again), NOW)
    assert neighbours.off(HOST, NOW, POLICY) == {OTHER.name: make.at(7)}


def test_a12_a_host_is_off_after_a_pause_once_it_was_looked_at_since() -> None:
    neighbours, awake_at = Neighbours(), make.at(10)
    neighbours.saw(incident(host=OTHER, phase=Phase.DOWN), NOW)
    neighbours.noticed(OTHER, make.sighting(9, **DOWN))
    assert neighbours.off(HOST, make.at(11), POLICY, awake_at) == {}
    neighbours.noticed(OTHER, make.sighting(10, **DOWN))
    assert OTHER.name in neighbours.off(HOST, make.at(11), POLICY, awake_at)


def test_a_host_of_which_the_flag_is_not_seen_any_more_is_not_off() -> None:
    neighbours = Neighbours()
    neighbours.noticed(OTHER, make.sighting(5, **DOWN))  # not of a host that is down
    neighbours.saw(incident(host=OTHER, phase=Phase.DOWN), NOW)
    assert neighbours.off(HOST, make.at(31), POLICY) == {}
    neighbours.noticed(OTHER, make.sighting(20, **DOWN))
    assert OTHER.name in neighbours.off(HOST, make.at(31), POLICY)
    neighbours.noticed(OTHER, make.sighting(21))
    assert neighbours.off(HOST, make.at(31), POLICY) == {}


# with a daemon around them


def group(policy: str, *numbers: int) -> ServerGroup:
    members = frozenset(server(number, "").id for number in numbers)
    return ServerGroup(GROUP, "pair", policy, members)


@virtually
async def test_servers_that_are_kept_apart_are_moved_one_after_the_other_from_two_hosts() -> None:
    rig = bench(2)
    rig.nova.there[OTHER.name] = (server(7, "red"), server(8, "red"))
    rig.nova.groups = (group("anti-affinity", 0, 7, 99),)
    rig.nova.rebuilds.takes_s = 30.0
    async with rig.running() as engine:
        await accuse(rig, engine)
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await until(engine, Phase.DOWN)
        await until(engine, Phase.DOWN, OTHER)
        sent = {name: at for at, name in rig.nova.rebuilds.posts}
        assert sorted(sent) == ["vm-0", "vm-1", "vm-7", "vm-8"]
        assert abs(sent["vm-0"] - sent["vm-7"]) >= 30.0
        assert max(sent["vm-1"], sent["vm-8"]) < max(sent["vm-0"], sent["vm-7"])


@virtually
async def test_servers_of_an_affinity_group_stay_and_it_is_said_why() -> None:
    rig = bench(2)
    rig.nova.groups = (group("affinity", 0),)
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        assert (posted(rig), stages(engine)["vm-0"]) == (["vm-1"], Stage.SKIPPED)
        assert "its group pair (affinity)" in incident_of(engine).evacuations[server(0, "").id].why


@virtually
async def test_the_plan_says_how_many_hosts_there_are_and_what_is_not_known() -> None:
    rig = bench(1)
    rig.nova.groups = Permanent("GET os-server-groups: Nova answered 403")
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        (plan,) = [e.text for e in incident_of(engine).timeline if e.text.startswith("plan: ")]
        assert plan == (
            "plan: 1 of 1 servers are to be moved; 1 other host is enabled and up; who has "
            "room Nova alone knows; which servers are kept apart is not known: "
            "GET os-server-groups: Nova answered 403"
        )
        assert stages(engine) == {"vm-0": Stage.MOVED}


@virtually
async def test_groups_that_are_not_told_keep_nobody_from_being_moved() -> None:
    rig = bench(1)
    rig.nova.groups = Temporary("503")
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        assert posted(rig) == ["vm-0"]
        said = " ".join(entry.text for entry in incident_of(engine).timeline)
        assert "which servers are kept apart is not known: 503" in said


@virtually
async def test_who_waits_for_a_server_that_is_stuck_elsewhere_is_moved_in_the_end() -> None:
    rig = bench(1)
    rig.nova.there[OTHER.name] = (server(7, "red"),)
    rig.nova.groups = (group("anti-affinity", 0, 7),)
    rig.nova.rebuilds.stuck.add("vm-0")
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: bool(posted(rig)))
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await until(engine, Phase.DOWN, OTHER, limit_s=400)
        (first, _), (second, name) = rig.nova.rebuilds.posts
        assert name == "vm-7"
        assert 300 <= second - first < 330
        texts = [entry.text for entry in incident_of(engine, OTHER).timeline]
        assert "vm-7: another server of its group, which is kept apart, is being moved" in texts


@virtually
async def test_a_destination_that_dies_is_an_incident_of_its_own_and_all_of_it_is_moved() -> None:
    """One server had arrived there, another was on its way; both go elsewhere in the end."""
    rig = bench(2)
    rig.nova.rebuilds.takes_s = 4.0
    rig.nova.rebuilds.to = OTHER.name
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: any(row.to for row in rig.nova.rebuilds.rows))
        rig.nova.rebuilds.stuck.add(rig.nova.rebuilds.rows[0].server)
        await comes(lambda: len(rig.nova.there.get(OTHER.name, ())) == 1)
        rig.nova.rebuilds.to = ELSEWHERE
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await until(engine, Phase.DOWN, OTHER)
        await until(engine, Phase.DOWN)
        assert rig.nova.there[HOST.name] == rig.nova.there[OTHER.name] == ()
        assert len(rig.nova.there[ELSEWHERE]) == 2
        assert rig.nova.rebuilds.twice == []
        assert set(stages(engine).values()) == {Stage.MOVED}


@virtually
async def test_a_restart_remembers_whose_turn_it_is() -> None:
    rig = bench(1)
    rig.nova.there[OTHER.name] = (server(7, "red"),)
    rig.nova.groups = (group("anti-affinity", 0, 7),)
    rig.nova.rebuilds.takes_s = 60.0
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: Stage.UNDER_WAY in stages(engine).values())
    async with rig.running() as engine:
        assert engine.ward.neighbours.busy(OTHER, rig.clock.now(), SOON) == {GROUP}
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await until(engine, Phase.DOWN, OTHER)
        await until(engine, Phase.DOWN)
        (first, _), (second, _) = rig.nova.rebuilds.posts
        assert second - first >= 60.0


@virtually
async def test_trap_14_a_destination_that_was_put_back_by_hand_goes_on_with_what_it_is_given() -> (
    None
):
    rig = bench(1)
    rig.nova.rebuilds.takes_s = 400.0
    rig.nova.rebuilds.to = OTHER.name
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: bool(posted(rig)))
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await until(engine, Phase.DOWN, OTHER)
        rig.nova.down.discard(OTHER.name)
        rig.nova.enabled.add(OTHER.name)
        rig.nova.running.add(OTHER.name)
        await until(engine, Phase.DOWN, limit_s=500)
        assert (rig.nova.rebuilds.twice, posted(rig)) == ([], ["vm-0"])
        assert stages(engine) == {"vm-0": Stage.MOVED}


@virtually
async def test_trap_14_after_a_restart_a_destination_that_dies_is_seen() -> None:
    rig = bench(1)
    rig.nova.rebuilds.takes_s = 4.0
    rig.nova.rebuilds.to = OTHER.name
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: any(row.to for row in rig.nova.rebuilds.rows))
        rig.nova.rebuilds.stuck.add(rig.nova.rebuilds.rows[0].server)
        await asyncio.sleep(130)
    rig.nova.rebuilds.to = ELSEWHERE
    async with rig.running() as engine:
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await until(engine, Phase.DOWN)
        assert (rig.nova.rebuilds.twice, len(posted(rig))) == ([], 2)
