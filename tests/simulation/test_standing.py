"""The loop on which the daemon stands still: the world goes on, and nothing of the daemon runs."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import cast

import pytest

from doctor_daemon.errors import Temporary
from tests.simulation.faults import PAUSED, Swarm
from tests.simulation.pauses import Pauses
from tests.simulation.processes import Process, within
from tests.simulation.standing import StandingLoop, answered, inside, later, run
from tests.simulation.tally import quiet


@pytest.fixture(autouse=True)
def _silent() -> None:
    quiet()


def stand_still(process: Process, seconds: float, *, asleep: bool = False, chance: int = 0) -> None:
    loop = cast("StandingLoop", asyncio.get_running_loop())
    loop.stand_still(process, seconds, Random(chance), asleep=asleep)


@pytest.fixture(name="daemon")
def _daemon() -> Process:
    return Process()


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(("asleep", "woke_s"), [(False, 60.0), (True, 61.0)])
def test_a_timer_of_the_daemon_ends_after_the_pause(
    daemon: Process, woke_s: float, *, asleep: bool
) -> None:
    told: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        told.append((name, round(now(), 3)))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        mine = loop.create_task(sleeper("daemon", 1.0), context=within(daemon))
        longer = loop.create_task(sleeper("daemon, later", 100.0), context=within(daemon))
        theirs = loop.create_task(sleeper("world", 1.0))
        await asyncio.sleep(0)
        stand_still(daemon, 60.0, asleep=asleep)
        await asyncio.gather(mine, longer, theirs)

    run(main())
    end_s = 160.0 if asleep else 100.0
    assert told == [("world", 1.0), ("daemon", woke_s), ("daemon, later", end_s)]


def test_an_answer_is_as_the_world_was_when_it_was_given_and_waits_for_the_daemon(
    daemon: Process,
) -> None:
    told: list[tuple[str, float]] = []

    async def main() -> None:
        host = ["on"]

        async def ask() -> None:
            told.append((await answered(1.0, lambda: host[0]), now()))

        asked = asyncio.get_running_loop().create_task(ask(), context=within(daemon))
        await asyncio.sleep(0.5)
        stand_still(daemon, 60.0)
        later(1.0, host.__setitem__, 0, "off")
        await asked

    run(main())
    assert told == [("on", 60.5)]


@pytest.mark.parametrize("chance", range(8))
def test_what_was_called_off_during_a_pause_does_not_happen_after_it(
    daemon: Process, chance: int
) -> None:
    told: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(1.0, told.append, "too late", context=within(daemon))
        loop.call_later(2.0, told.append, "in time", context=within(daemon))
        stand_still(daemon, 60.0, chance=chance)
        await asyncio.sleep(30.0)
        timer.cancel()
        await asyncio.sleep(40.0)

    run(main())
    assert told == ["in time"]


def test_after_a_pause_a_time_out_may_be_seen_before_the_answer_or_after_it() -> None:
    ends = Counter[str]()

    async def main(chance: int) -> None:
        daemon = Process()

        async def ask() -> str:
            try:
                async with asyncio.timeout(5.0):
                    return await answered(1.0, lambda: "answered")
            except TimeoutError:
                return "timed out"

        asked = asyncio.get_running_loop().create_task(ask(), context=within(daemon))
        await asyncio.sleep(0.5)
        stand_still(daemon, 60.0, chance=chance)
        ends[await asked] += 1

    for chance in range(40):
        run(main(chance))
    assert set(ends) == {"answered", "timed out"}


def test_whoever_asks_a_daemon_that_stands_still_gives_up_and_is_heard_after_all(
    daemon: Process,
) -> None:
    heard: list[float] = []

    async def hear() -> None:
        heard.append(now())

    async def main() -> None:
        stand_still(daemon, 60.0)
        with pytest.raises(Temporary):
            await inside(daemon, hear(), 10.0)
        assert (now(), heard) == (10.0, [])
        await asyncio.sleep(51.0)

    run(main())
    assert heard == [60.0]


def test_another_daemon_goes_on_while_one_stands_still(daemon: Process) -> None:
    told: list[tuple[str, float]] = []

    async def sleeper(name: str) -> None:
        await asyncio.sleep(1.0)
        told.append((name, round(now(), 3)))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        mine = loop.create_task(sleeper("daemon"), context=within(daemon))
        other = loop.create_task(sleeper("another"), context=within(Process()))
        await asyncio.sleep(0)
        stand_still(daemon, 60.0)
        await asyncio.gather(mine, other)

    run(main())
    assert told == [("another", 1.0), ("daemon", 60.0)]


def test_the_clocks_of_a_frozen_guest_stand_still_and_the_judge_knows_what_they_mean() -> None:
    async def main() -> None:
        clock = Process().clock
        await asyncio.sleep(10.0)
        before = clock.now()
        clock.freeze(60.0)
        await asyncio.sleep(30.0)
        assert (clock.frozen, clock.now()) == (True, before)
        await asyncio.sleep(35.0)
        assert not clock.frozen
        assert clock.now().since(before) == pytest.approx(5.0)
        assert clock.unaware_s() == pytest.approx(55.0)
        assert clock.world_s(before) == pytest.approx(10.0)
        assert clock.world_s(before, late=True) == pytest.approx(70.0)
        assert clock.world_s(clock.now()) == pytest.approx(75.0)

    run(main())


def test_a_guest_is_not_frozen_between_the_word_that_it_leads_and_the_first_byte() -> None:
    async def main() -> None:
        pauses, process = Pauses(Swarm(0)), Process()
        process.confirming = 1
        pauses.freeze(process, 5.0)
        process.confirming, process.out["permit"] = 0, 1
        pauses.freeze(process, 5.0)
        assert not process.still
        process.out["permit"] = 0
        pauses.freeze(process, 5.0)
        assert process.still
        assert process.clock.frozen

    run(main())


def test_every_place_that_a_pause_may_hit_is_counted() -> None:
    """What is on its way, and what the open incidents are at, is what a pause is counted for."""
    found: list[set[str]] = []

    async def main() -> None:
        pauses = Pauses(Swarm(0))
        for what in ("cut", "permit", "put", "post", "read", "look", "save", "lift", "switch_on"):
            with pauses.call(what):
                found.append(pauses.places(pauses.own()))
        assert pauses.places(pauses.own()) == set()

    run(main())
    places = {f"pause-{place}" for one in found for place in one}
    assert len(places) == len(found)
    assert places <= set(PAUSED)
