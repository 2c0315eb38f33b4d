"""What the world does to an evacuation that is under way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import cast

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.messages import Observation, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.inbox import Letter
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import SOON, bench, comes, first_post, posted, stages, standing
from tests.engine.rig import accuse, incident_of, server, until
from tests.simulation.virtual import run


def test_b9_power_that_comes_back_stops_it_and_the_host_is_fenced_again() -> None:
    rig = bench(12, replace(SOON, posts_per_host=2))
    rig.nova.posting_s = 3.0

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await standing(engine, Stage.UNDER_WAY)
            rig.device.on = True
            seen_s = await until(engine, Phase.FENCING)
            before = len(posted(rig))
            again_s = await until(engine, Phase.EVACUATING)
            await until(engine, Phase.DOWN)
            between = [at for at, _ in rig.nova.rebuilds.posts if seen_s < at < again_s]
            assert (between, rig.device.cuts) == ([], 2)
            assert before < 12
        assert len(posted(rig)) == len(set(posted(rig))) == 12
        assert rig.nova.there[HOST.name] == ()

    run(main())


@pytest.mark.parametrize("hangs_s", [0.0, 6.0])
def test_b9_power_seen_on_stops_what_waits_for_its_turn_whatever_the_disk_does(
    hangs_s: float,
) -> None:
    """What was read waits until it is saved, or for a save that has nothing to do with it."""
    rig = bench(60, replace(SOON, posts_total=1, posts_per_host=60))
    rig.nova.posting_s = 0.3

    async def main() -> None:
        async with rig.running() as engine:
            rig.disk.commit_s = 0.2
            await accuse(rig, engine)
            await first_post(rig)
            rig.disk.commit_s = max(rig.disk.commit_s, hangs_s)
            await asyncio.sleep(0.05)
            rig.device.on, reads = True, rig.device.reads
            await comes(lambda: rig.device.reads > reads)
            read_s = asyncio.get_running_loop().time()
            await until(engine, Phase.FENCING)
            last_s = max(at for at, _ in rig.nova.rebuilds.posts)
            assert last_s <= read_s
            assert len(posted(rig)) < 60

    run(main())
    assert rig.bugs == []


def test_c1_nothing_is_sent_while_what_has_come_since_cannot_be_understood() -> None:
    """A bug in one letter that waits for a save: what it says may be that the power is on."""
    rig = bench(20, replace(SOON, posts_total=1, posts_per_host=20))
    rig.nova.posting_s = 0.5

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await first_post(rig)
            rig.disk.commit_s = 6.0
            await asyncio.sleep(1.0)
            engine.desk.cases[HOST].post(Letter(cast("Observation", object())))
            sent = len(posted(rig))
            await asyncio.sleep(5.0)
            assert 0 < len(posted(rig)) <= sent < 20
            rig.disk.commit_s = 0.0
            await until(engine, Phase.HELD)
            held = incident_of(engine).held
            assert held is not None
            assert (held.gate, len(posted(rig))) == ("internal", sent)

    run(main())
    assert {type(bug) for bug in rig.bugs} == {AssertionError}


def test_d2_a_disarm_stops_it_and_what_is_under_way_is_followed_to_its_end() -> None:
    rig = bench(6, replace(SOON, posts_per_host=2))
    rig.nova.posting_s = 3.0
    rig.nova.rebuilds.takes_s = 40.0

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await standing(engine, Stage.UNDER_WAY)
            operators = Operators(engine)
            await operators.disarm("bob", "stop")
            sent = len(posted(rig))
            held_s = await until(engine, Phase.HELD)
            held = incident_of(engine).held
            assert held is not None
            assert (held.gate, len(posted(rig))) == ("armed", sent)
            assert held_s - rig.nova.rebuilds.posts[-1][0] >= 40
            counts = list(stages(engine).values())
            assert (counts.count(Stage.MOVED), counts.count(Stage.WAITING)) == (sent, 6 - sent)
            await operators.arm("ann", "go on")
            await operators.order(HOST, Order.FENCE, "ann", "go on")
            await until(engine, Phase.DOWN)
            assert len(posted(rig)) == len(set(posted(rig))) == 6

    run(main())


def test_c4_a_flag_that_is_cleared_meanwhile_stops_it() -> None:
    rig = bench(20, replace(SOON, posts_per_host=1))
    rig.nova.posting_s = 5.0

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await first_post(rig)
            rig.nova.down.clear()
            await until(engine, Phase.HELD)
            held = incident_of(engine).held
            assert held is not None
            assert held.gate == "flag"
            assert len(posted(rig)) < 20

    run(main())


def test_c5_nova_out_of_reach_stops_nothing_for_good() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.EVACUATING)
            rig.nova.errors = [Temporary("503")] * 6
            await until(engine, Phase.DOWN)
            assert sorted(posted(rig)) == ["vm-0", "vm-1", "vm-2"]

    run(main())


def test_c7_a_bug_after_a_request_holds_its_host_and_nothing_is_sent_again() -> None:
    """Those that still waited for their turn are not sent any more either."""
    rig = bench(3, replace(SOON, posts_total=1))
    rig.nova.bug = KeyError("adapter")
    rig.nova.posting_s = 5.0
    rig.nova.rebuilds.takes_s = 100.0

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.HELD)
            await asyncio.sleep(10)
            assert posted(rig) == ["vm-0"]
            assert stages(engine) == {
                "vm-0": Stage.CHECKING,
                "vm-1": Stage.WAITING,
                "vm-2": Stage.WAITING,
            }
            await Operators(engine).order(HOST, Order.FENCE, "ann", "looked at the log")
            await until(engine, Phase.DOWN)
            assert sorted(posted(rig)) == ["vm-0", "vm-1", "vm-2"]

    run(main())
    assert [repr(bug) for bug in rig.bugs] == ["KeyError('adapter')"]


def test_c12_a_large_host_does_not_make_a_small_one_wait() -> None:
    rig = bench(40, replace(SOON, posts_total=2, posts_per_host=20))
    rig.nova.there[OTHER.name] = tuple(server(number, "blue") for number in range(100, 103))
    rig.nova.posting_s = 1.0

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await engine.desk.submit([rig.evidence(host=OTHER)])
            await until(engine, Phase.DOWN, OTHER)
            assert len(rig.nova.there[HOST.name]) > 10
            await until(engine, Phase.DOWN)
        order = posted(rig)
        small = [place for place, name in enumerate(order) if int(name[3:]) >= 100]
        assert small[-1] - small[0] <= 6  # in turn, two at a time
        times = [at for at, _ in rig.nova.rebuilds.posts]
        assert all(late - early > 0.99 for early, late in zip(times, times[2:], strict=False))

    run(main())


def test_two_hosts_share_the_question_for_what_changed() -> None:
    rig = bench(4)
    rig.nova.there[OTHER.name] = tuple(server(number, "blue") for number in range(100, 104))
    rig.nova.rebuilds.takes_s = 60.0

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await engine.desk.submit([rig.evidence(host=OTHER)])
            await until(engine, Phase.DOWN)
            await until(engine, Phase.DOWN, OTHER)
        asked = rig.nova.asked_for_changes
        gaps = [late - early for early, late in pairwise(asked)]
        assert min(gaps) >= SOON.follow_every_s

    run(main())
