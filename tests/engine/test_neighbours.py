"""What incidents know of each other: groups that are kept apart, and destinations that die."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.around import APART, ServerGroup
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.neighbours import Neighbours
from doctor_daemon.errors import Permanent, Temporary
from tests.core import make
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import bench, comes, posted, stages, virtually
from tests.engine.rebuilds import ELSEWHERE
from tests.engine.rig import accuse, incident_of, server, until

GROUP = "g-1"


def record(number: int, stage: Stage, group: str = GROUP) -> Evacuation:
    tags = {APART: group} if group else {}
    return Evacuation(replace(server(number, "red"), tags=tags), stage, make.at(0))


def incident(
    *records: Evacuation, host: HostId = HOST, phase: Phase = Phase.EVACUATING
) -> Incident:
    evacuations = {one.server.id: one for one in records}
    made = make.incident(phase=phase, evacuations=evacuations, proof=make.power_proof())
    return replace(made, host=host)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_server_on_its_way_has_its_groups_turn(stage: Stage) -> None:
    neighbours = Neighbours()
    neighbours.saw(incident(record(1, stage)))
    on_its_way = stage in (Stage.POSTING, Stage.CHECKING, Stage.UNDER_WAY)
    assert neighbours.busy(OTHER) == ({GROUP} if on_its_way else set())
    assert neighbours.busy(HOST) == frozenset()
    assert neighbours.claim(OTHER, record(2, Stage.POSTING)) is not on_its_way


def test_only_one_of_two_that_were_decided_at_once_is_sent() -> None:
    neighbours = Neighbours()
    one, two = record(1, Stage.POSTING), record(2, Stage.POSTING)
    assert neighbours.claim(HOST, one)
    assert not neighbours.claim(OTHER, two)
    neighbours.saw(incident(one))
    neighbours.saw(incident(two, host=OTHER))
    assert neighbours.claim(HOST, one)
    assert not neighbours.claim(OTHER, two)
    neighbours.saw(incident(record(1, Stage.MOVED)))
    assert neighbours.claim(OTHER, two)


def test_without_a_group_nobody_waits() -> None:
    neighbours = Neighbours()
    assert neighbours.claim(HOST, record(1, Stage.POSTING, ""))
    assert neighbours.claim(OTHER, record(2, Stage.POSTING, ""))


@pytest.mark.parametrize("phase", [Phase.HELD, Phase.FENCING, Phase.DOWN, Phase.RESOLVED])
def test_what_is_not_followed_any_more_keeps_no_turn(phase: Phase) -> None:
    neighbours = Neighbours()
    neighbours.saw(incident(record(1, Stage.CHECKING)))
    neighbours.saw(incident(record(1, Stage.CHECKING), phase=phase))
    assert neighbours.busy(OTHER) == frozenset()


@pytest.mark.parametrize("phase", list(Phase))
def test_a_host_is_off_while_it_is_proven_and_forced_down(phase: Phase) -> None:
    neighbours = Neighbours()
    neighbours.saw(incident(host=OTHER))
    neighbours.saw(incident(host=OTHER, phase=phase))
    off = phase in (Phase.EVACUATING, Phase.DOWN)
    assert neighbours.off(HOST) == ({OTHER.name: make.at(0)} if off else {})
    assert neighbours.off(OTHER) == neighbours.off(HostId("another", HOST.name)) == {}


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
async def test_groups_that_may_be_told_later_are_asked_for_again() -> None:
    rig = bench(1)
    rig.nova.groups = Temporary("503")
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: incident_of(engine).rounds.failures > 1)
        assert posted(rig) == []
        rig.nova.groups = ()
        await until(engine, Phase.DOWN)
        assert posted(rig) == ["vm-0"]


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
        assert engine.ward.neighbours.busy(OTHER) == {GROUP}
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await until(engine, Phase.DOWN, OTHER)
        await until(engine, Phase.DOWN)
        (first, _), (second, _) = rig.nova.rebuilds.posts
        assert second - first >= 60.0
