"""What systemd is told by a daemon, and when its watchdog is not fed any more."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from doctor_daemon.cli.client import Unanswered
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.world import Failure
from tests.slice.listener import Heard, listening
from tests.slice.process import RUN, Process, ready, started, stop
from tests.slice.script import Scenes, Stories
from tests.slice.site import Site, site

HOST = "compute-1"
WATCHDOG_S = 3.0
TIGHT_S = 1.2
"""A question that is not answered counts soon."""
QUIET_S = 2 * TIGHT_S
SCRIPT = Stories()


@asynccontextmanager
async def served(
    place: Site, how: str = "", watchdog_s: float = WATCHDOG_S
) -> AsyncIterator[tuple[Heard, Process]]:
    """Run a daemon as systemd would; one that goes wrong in a manner, once `wrong` is there."""
    argv = ("tests.slice.hanging", how, str(place.folder / "wrong")) if how else RUN
    async with (
        listening(place.folder) as heard,
        started(place, argv, heard.environ(watchdog_s)) as process,
    ):
        await ready(place, process)
        await heard.until("READY", "1")
        yield heard, process


async def struck(place: Site) -> None:
    """Wait until a fault of the lab has taken place."""
    async with asyncio.timeout(20):
        while not place.lab.faults.applied:  # noqa: ASYNC110 - the lab gives no event for it
            await asyncio.sleep(0.02)


def go_wrong(place: Site) -> None:
    (place.folder / "wrong").touch()


async def starved(heard: Heard) -> None:
    """See that no ping comes any more."""
    await asyncio.sleep(TIGHT_S)  # those that were on their way
    known = heard.count("WATCHDOG")
    await asyncio.sleep(QUIET_S)
    assert heard.count("WATCHDOG") == known


@SCRIPT.story
async def from_the_start_to_the_end(folder: Path) -> None:
    """The order of what is said, and a status that follows what happens."""
    async with site(folder) as place, served(place) as (heard, process):
        await heard.until("WATCHDOG", "1", times=3)
        assert heard.keys[:2] == ["STATUS", "READY"]
        assert heard.said[0] == ("STATUS", "starting")
        await heard.until("STATUS", "mode fence, disarmed; 0 open incidents, 0 held")
        place.lab.world.fail(HOST, Failure.COMPUTE)
        await place.monitor.insist(HOST)
        await heard.until("STATUS", "mode fence, disarmed; 1 open incidents, 1 held")
        await place.arm()
        await heard.until("STATUS", "mode fence, ARMED; 1 open incidents, 1 held")
        assert heard.count("STOPPING") == 0
        await stop(process)
        assert heard.keys == ["STATUS", "READY", "WATCHDOG", "STOPPING"]
        assert heard.count("READY") == 1


@SCRIPT.story
async def while_it_ends(folder: Path) -> None:
    """A stop that takes its time is told, and still fed: systemd has another limit for that."""
    async with site(folder) as place, served(place) as (heard, process):
        put = Rule(service=Service.NOVA, do=Do.SLOW, method="PUT", host=HOST, seconds=2.5)
        place.lab.faults.add(put)
        await place.arm()
        place.lab.world.fail(HOST, Failure.COMPUTE)
        await place.monitor.insist(HOST)
        await struck(place)
        process.send_signal(signal.SIGTERM)
        await heard.until("STOPPING", "1")
        await heard.until("WATCHDOG", "1", times=2)
        assert heard.status.startswith("stopping: ")
        await stop(process)
        assert place.host(HOST).service.forced_down


@SCRIPT.story
async def without_a_watchdog(folder: Path) -> None:
    async with site(folder) as place, served(place, watchdog_s=0) as (heard, process):
        await heard.until("STATUS", "0 open incidents")
        await stop(process)
        assert heard.count("WATCHDOG") == 0


@SCRIPT.story
async def a_store_without_answers(folder: Path) -> None:
    """The loop turns and the engine ticks; but nothing can be saved, nor even fail to be."""
    async with site(folder) as place, served(place, "unanswered", TIGHT_S) as (heard, _):
        await heard.until("WATCHDOG", "1", times=3)
        go_wrong(place)
        await place.logged("no progress: the watchdog is not fed any more")
        assert (await place.get("/healthz"))[0] == 200
        await starved(heard)
        assert "the store has not answered 15 times in a row" in place.log.read_text()


@SCRIPT.story
async def an_engine_that_does_not_tick(folder: Path) -> None:
    """The loop turns, and answers; but the engine waits for a switch that is never saved."""
    async with site(folder) as place:
        async with served(place, "unanswered", TIGHT_S) as (heard, _):
            await heard.until("WATCHDOG", "1", times=3)
            go_wrong(place)
            order = asyncio.create_task(place.ask("POST", "/v1/disarm", {"why": "a test"}))
            await place.logged("the engine has not ticked")
            await starved(heard)
        with pytest.raises(Unanswered):
            await order


@SCRIPT.story
async def an_event_loop_that_is_blocked(folder: Path) -> None:
    async with site(folder) as place, served(place, "blocked", TIGHT_S) as (heard, _):
        await heard.until("WATCHDOG", "1", times=3)
        go_wrong(place)
        await starved(heard)


@SCRIPT.story
async def loops_that_have_ended(folder: Path) -> None:
    """What is cancelled by somebody else ends without an exception that anybody hears of."""
    async with site(folder) as place, served(place, "cancelled", TIGHT_S) as (heard, _):
        await heard.until("WATCHDOG", "1", times=3)
        go_wrong(place)
        await place.logged("a loop of the engine has ended: Poller.run")
        await starved(heard)


@SCRIPT.story
async def trouble_outside(folder: Path) -> None:
    """A full disk and a Nova that hangs starve nobody: a restart would mend neither."""
    async with site(folder) as place, served(place, "full", TIGHT_S) as (heard, _):
        place.lab.faults.add(Rule(service=Service.NOVA, do=Do.HANG, times=None))
        go_wrong(place)
        await struck(place)
        assert (await place.monitor.send(HOST))[0] == 503
        await heard.until("WATCHDOG", "1", times=45)
        assert "no progress" not in place.log.read_text()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.stories)
async def test_story(scenes: Scenes, title: str) -> None:
    await scenes[title]
