"""The daemon as a process: stopped, with a clock that is stepped, and cut off from its networks."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from doctor_daemon.lab.world import Failure
from tests.clock import step, stepped
from tests.slice.process import RUN, Process, daemon, ready, started, stop
from tests.slice.script import Scenes, Stories
from tests.slice.site import QUICK, Site, free_port, site, story
from tests.standstill import stand_still

FIRST, SECOND = "compute-1", "compute-2"
GRACE_S = 3.0
SLOW = {"timing": {**QUICK, "grace_s": GRACE_S}}
HOUR_S = 3600
OWN = {"every_s": 0.5, "timeout_s": 0.5, "age_s": 2}
SCRIPT = Stories()


async def fail(place: Site, name: str) -> None:
    place.lab.world.fail(name, Failure.COMPUTE)
    await place.monitor.insist(name)


async def stopped(process: Process, seconds: float) -> None:
    """Stop the process for a time, as a debugger or a frozen guest does."""
    stand_still(process.pid)
    await asyncio.sleep(seconds)
    process.send_signal(signal.SIGCONT)


@SCRIPT.story
async def a12_a_pause(folder: Path) -> None:
    """While it stands still the grace ends; one host comes back meanwhile, another is dead."""
    async with site(folder, changes=SLOW) as place, daemon(place) as process:
        await place.arm()
        await fail(place, FIRST)
        await fail(place, SECOND)
        await place.until(FIRST, "suspected")
        await place.until(SECOND, "suspected")
        stop_ = asyncio.create_task(stopped(process, GRACE_S + 1))
        await asyncio.sleep(GRACE_S)
        place.lab.world.recover(FIRST)
        service = place.host(FIRST).service
        service.seen_at_s = service.written_at_s = service.written_at_s + 10
        await stop_
        alive = await place.until(FIRST, "dismissed", "nova-compute has reported in")
        assert "the daemon stood still for" in story(alive)
        assert place.host(FIRST).power
        await place.monitor.insist(SECOND)
        dead = await place.until(SECOND, "down", "the daemon stood still for")
        assert story(dead).count("cutting the power") == 1
        assert await place.metric("doctor_pauses_total") >= 1
        assert "the daemon stood still until" in (await place.get("/healthz"))[1]


async def _stepped(folder: Path, before_s: int, after_s: int) -> None:
    """Step the wall clock between the evidence and the cut, and see that all goes on as ever."""
    clock, changes = folder / "wall-clock", {**SLOW, "consumers": []}
    env = {**os.environ, **stepped(clock, before_s)}
    # No consumer: the signature of a message carries the wall time, and a far one is refused.
    async with site(folder, changes=changes) as place, started(place, RUN, env) as process:
        await ready(place, process)
        await place.arm()
        await fail(place, FIRST)
        await place.until(FIRST, "suspected")
        step(clock, after_s)
        incident = await place.until(FIRST, "down")
        assert not place.host(FIRST).power
        assert place.host(SECOND).power
        steps_s = [entry["after_s"] for entry in incident["timeline"]]
        assert steps_s == sorted(steps_s)
        assert steps_s[-1] < HOUR_S / 10
        assert await place.metric("doctor_clock_steps_total") == 1
        assert "the wall clock was stepped by" in (await place.get("/healthz"))[1]
        await place.logged("the wall clock was stepped: no decision depends on it")
        await stop(process)


@SCRIPT.story
async def i13_the_clock_jumps_ahead(folder: Path) -> None:
    await _stepped(folder, 0, HOUR_S)


@SCRIPT.story
async def i13_the_clock_jumps_back(folder: Path) -> None:
    """It was ahead before, for the lab's certificates are not valid from any earlier time on."""
    await _stepped(folder, HOUR_S, 0)


@SCRIPT.story
async def a1_cut_off(folder: Path) -> None:
    port = free_port()
    own = {**OWN, "reference_points": [f"127.0.0.1:{port}"], "interfaces": ["lo"]}
    async with site(folder, changes={"own_side": own}) as place, daemon(place):
        await place.arm()
        await fail(place, FIRST)
        await place.until(FIRST, "fencing", "0 of 1 reference points answer, 1 are needed")
        await asyncio.sleep(2.0)
        assert place.host(FIRST).power
        assert await place.metric('doctor_own_side{sign="reference"}') == 0
        assert await place.metric('doctor_own_side{sign="links"}') == 1
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
        async with server:
            await place.until(FIRST, "down", "every gate is open")
            assert await place.metric('doctor_own_side{sign="reference"}') == 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.stories)
async def test_story(scenes: Scenes, title: str) -> None:
    await scenes[title]
