"""No more requests are journalled than soon have a turn, and each host gets its share."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.crowd import Crowd
from tests.core import make
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import SOON, bench, comes, first_post, posted, stages, virtually
from tests.engine.rig import accuse, incident_of, server, until

WIDTH = 16


def incident(
    host: HostId, posting: int = 0, waiting: int = 0, phase: Phase = Phase.EVACUATING
) -> Incident:
    found = [Stage.POSTING] * posting + [Stage.WAITING] * waiting + [Stage.MOVED]
    records = (
        Evacuation(server(number, "red"), stage, make.at(0)) for number, stage in enumerate(found)
    )
    made = make.incident(phase=phase, evacuations={one.server.id: one for one in records})
    return replace(made, host=host)


def host(number: int) -> HostId:
    return HostId("default", f"cmp-{number}")


def turns(*others: Incident) -> int:
    crowd = Crowd()
    for one in others:
        crowd.saw(one)
    return crowd.turns(HOST, WIDTH)


def test_who_is_alone_may_have_as_many_as_can_be_let_in_and_the_next() -> None:
    assert turns() == turns(incident(HOST, 8, 9)) == WIDTH + 1


@pytest.mark.parametrize(("count", "share"), [(1, 9), (2, 6), (3, 5), (15, 2), (16, 1), (99, 1)])
def test_hosts_that_have_as_much_to_send_share_the_turns(count: int, share: int) -> None:
    assert turns(*(incident(host(number), 8, 9) for number in range(100, 100 + count))) == share


def test_what_others_do_not_use_is_left_to_who_has_more() -> None:
    assert turns(incident(OTHER, 1, 0), incident(host(7), 2, 30)) == WIDTH - 3
    assert turns(incident(OTHER, 0, 3)) == WIDTH
    assert turns(incident(OTHER, 0, 0)) == turns(incident(OTHER, 0, 3, Phase.HELD)) == WIDTH + 1


def test_of_an_incident_that_is_over_nothing_counts() -> None:
    """Nothing more is heard of it: what it had journalled would count for ever."""
    assert turns(incident(OTHER, 2, 0), incident(OTHER, 2, 0, Phase.DISMISSED)) == WIDTH + 1


def test_a_request_that_is_out_counts_whatever_its_incident_has_come_to() -> None:
    others = [incident(host(number), 5, 0, Phase.HELD) for number in (7, 8, 9)]
    assert turns(*others) == WIDTH // 4 + 1
    crowd = Crowd()
    for one in (*others, *(incident(host(number)) for number in (7, 8, 9))):
        crowd.saw(one)
    assert crowd.turns(HOST, WIDTH) == WIDTH + 1


@virtually
async def test_c7_who_was_moved_by_others_while_its_request_waited_is_not_asked_for() -> None:
    rig = bench(4, replace(SOON, posts_total=1))
    rig.nova.posting_s, rig.nova.rebuilds.takes_s = 20.0, 30.0
    async with rig.running() as engine:
        await accuse(rig, engine)
        await first_post(rig)
        await asyncio.sleep(5)
        assert list(stages(engine).values()).count(Stage.POSTING) == 2
        rig.nova.there[HOST.name] = tuple(server(number, "red") for number in (0, 3))
        await until(engine, Phase.DOWN)
        assert posted(rig) == ["vm-0", "vm-3"]
        assert stages(engine)["vm-1"] is stages(engine)["vm-2"] is Stage.SKIPPED


@virtually
async def test_c12_of_twenty_hosts_that_die_at_once_few_requests_wait() -> None:
    rig = bench(10, replace(SOON, posts_total=4))
    hosts = [HOST, OTHER]
    rig.nova.there[OTHER.name] = tuple(server(number, "blue") for number in range(100, 110))
    rig.nova.posting_s = 1.0
    most = 0
    async with rig.running() as engine:
        await accuse(rig, engine)
        await engine.desk.submit([rig.evidence(host=OTHER)])

        def over() -> bool:
            nonlocal most
            found = [engine.desk.cases[one].incident for one in hosts if one in engine.desk.cases]
            records = [record for one in found for record in one.evacuations.values()]
            most = max(most, [record.stage for record in records].count(Stage.POSTING))
            return all(one.phase is Phase.DOWN for one in found)

        await comes(over)
        assert incident_of(engine).phase is Phase.DOWN
    assert 4 <= most <= 8
    assert len(posted(rig)) == len(set(posted(rig))) == 20


@virtually
async def test_no_turn_is_left_empty_while_the_next_request_is_being_saved() -> None:
    rig = bench(40, replace(SOON, posts_total=4))
    rig.nova.posting_s = rig.disk.commit_s = 0.1
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: len(posted(rig)) >= 8)
        began = engine.ward.tools.clock.now()
        await comes(lambda: len(posted(rig)) >= 32)
        took_s = engine.ward.tools.clock.now().since(began)
    assert took_s == pytest.approx(24 / 4 * 0.1, abs=0.03)
