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
from tests.simulation.standing import StandingLoop, answered, inside, later, run, within
from tests.simulation.tally import quiet


@pytest.fixture(autouse=True)
def _silent() -> None:
    quiet()


def stand_still(seconds: float, *, asleep: bool = False, chance: int = 0) -> None:
    loop = cast("StandingLoop", asyncio.get_running_loop())
    loop.stand_still(seconds, Random(chance), asleep=asleep)


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(("asleep", "woke_s"), [(False, 60.0), (True, 61.0)])
def test_a_timer_of_the_daemon_ends_after_the_pause(woke_s: float, *, asleep: bool) -> None:
    told: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        told.append((name, round(now(), 3)))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        mine = loop.create_task(sleeper("daemon", 1.0), context=within())
        longer = loop.create_task(sleeper("daemon, later", 100.0), context=within())
        theirs = loop.create_task(sleeper("world", 1.0))
        await asyncio.sleep(0)
        stand_still(60.0, asleep=asleep)
        await asyncio.gather(mine, longer, theirs)

    run(main())
    end_s = 160.0 if asleep else 100.0
    assert told == [("world", 1.0), ("daemon", woke_s), ("daemon, later", end_s)]


def test_an_answer_is_as_the_world_was_when_it_was_given_and_waits_for_the_daemon() -> None:
    told: list[tuple[str, float]] = []

    async def main() -> None:
        host = ["on"]

        async def ask() -> None:
            told.append((await answered(1.0, lambda: host[0]), now()))

        asked = asyncio.get_running_loop().create_task(ask(), context=within())
        await asyncio.sleep(0.5)
        stand_still(60.0)
        later(1.0, host.__setitem__, 0, "off")
        await asked

    run(main())
    assert told == [("on", 60.5)]


@pytest.mark.parametrize("chance", range(8))
def test_what_was_called_off_during_a_pause_does_not_happen_after_it(chance: int) -> None:
    told: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(1.0, told.append, "too late", context=within())
        loop.call_later(2.0, told.append, "in time", context=within())
        stand_still(60.0, chance=chance)
        await asyncio.sleep(30.0)
        timer.cancel()
        await asyncio.sleep(40.0)

    run(main())
    assert told == ["in time"]


def test_after_a_pause_a_time_out_may_be_seen_before_the_answer_or_after_it() -> None:
    ends = Counter[str]()

    async def main(chance: int) -> None:
        async def ask() -> str:
            try:
                async with asyncio.timeout(5.0):
                    return await answered(1.0, lambda: "answered")
            except TimeoutError:
                return "timed out"

        asked = asyncio.get_running_loop().create_task(ask(), context=within())
        await asyncio.sleep(0.5)
        stand_still(60.0, chance=chance)
        ends[await asked] += 1

    for chance in range(40):
        run(main(chance))
    assert set(ends) == {"answered", "timed out"}


def test_whoever_asks_a_daemon_that_stands_still_gives_up_and_is_heard_after_all() -> None:
    heard: list[float] = []

    async def hear() -> None:
        heard.append(now())

    async def main() -> None:
        stand_still(60.0)
        with pytest.raises(Temporary):
            await inside(hear(), 10.0)
        assert (now(), heard) == (10.0, [])
        await asyncio.sleep(51.0)

    run(main())
    assert heard == [60.0]


def test_every_place_that_a_pause_may_hit_is_counted() -> None:
    """What is on its way, and what the open incidents are at, is what a pause is counted for."""
    found: list[set[str]] = []

    async def main() -> None:
        pauses = Pauses(Swarm(0))
        for what in ("cut", "permit", "put", "post", "read", "look", "save", "lift", "switch_on"):
            with pauses.call(what):
                found.append(pauses.places())
        assert pauses.places() == set()

    run(main())
    places = {f"pause-{place}" for one in found for place in one}
    assert len(places) == len(found)
    assert places <= set(PAUSED)
