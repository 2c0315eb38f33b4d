"""The daemon is stopped, killed and switched in the middle of its work, and takes it up again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.redfish import RedfishOptions
from doctor_daemon.lab.world import Failure
from tests.slice.process import daemon, kill, ready, started, stop
from tests.slice.script import Scenes, Stories
from tests.slice.site import LAB, ME, Site, site, story

SLOW_S = 2.0
FIRST, SECOND = "compute-1", "compute-2"
SCRIPT = Stories()


async def when(met: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110 - the lab gives no event for it
            await asyncio.sleep(0.02)


async def fail(place: Site, *names: str) -> None:
    for name in names:
        place.lab.world.fail(name, Failure.COMPUTE)
        await place.monitor.insist(name)


def put(do: Do, host: str = "*", seconds: float = 30.0) -> Rule:
    """Describe a fault of the PUT that forces down."""
    return Rule(service=Service.NOVA, do=do, method="PUT", host=host, seconds=seconds)


def forced_down(place: Site, host: str) -> int:
    return sum((e.kind, e.host) == ("forced-down", host) for e in place.lab.record.entries)


@SCRIPT.story
async def stopped_in_mid_fencing(folder: Path) -> None:
    """SIGTERM between the cut and its proof: the next daemon reads on and comes to the end."""
    slow = replace(LAB, redfish=RedfishOptions(power_s=1.0))
    async with site(folder, slow) as place:
        async with daemon(place) as process:
            await place.arm()
            await fail(place, FIRST)
            await place.until(FIRST, "fencing", "cut accepted")
            await stop(process)
        assert not place.host(FIRST).service.forced_down
        async with daemon(place):
            incident = await place.until(FIRST, "down", "taken up again after a restart")
            assert story(incident).count("cutting the power") == 1
            await place.told("operators", FIRST, "suspected", "confirmed")
        assert forced_down(place, FIRST) == 1


@SCRIPT.story
async def stopped_in_mid_put(folder: Path) -> None:
    """SIGTERM while Nova works on the PUT: its end is waited for and saved."""
    async with site(folder) as place:
        place.lab.faults.add(put(Do.SLOW, FIRST, SLOW_S))
        async with daemon(place) as process:
            await place.arm()
            await fail(place, FIRST)
            await when(lambda: len(place.lab.faults.applied) == 1)
            process.send_signal(signal.SIGTERM)
            while (await place.get("/readyz"))[0] == 200:  # noqa: ASYNC110 - another process gives no event
                await asyncio.sleep(0.02)
            assert await place.get("/readyz") == (503, "stopping\n")
            assert (await place.get("/healthz"))[0] == 200
            assert 'doctor_incidents{phase="forcing_down"} 1.0' in (await place.get("/metrics"))[1]
            assert forced_down(place, FIRST) == 0
            await stop(process)
        assert forced_down(place, FIRST) == 1
        assert not place.socket.exists()
        async with daemon(place):
            await place.until(FIRST, "down")
        assert forced_down(place, FIRST) == 1


@SCRIPT.story
async def killed_while_forcing_down(folder: Path) -> None:
    """SIGKILL while the answers to two PUTs are held back, of which one had its effect."""
    async with site(folder) as place:
        place.lab.faults.add(put(Do.TIMEOUT_AFTER, FIRST), put(Do.TIMEOUT_BEFORE, SECOND))
        async with started(place) as process:
            await ready(place, process)
            await place.arm()
            await fail(place, FIRST, SECOND)
            await when(lambda: len(place.lab.faults.applied) == 2)
            await kill(process)
        assert (forced_down(place, FIRST), forced_down(place, SECOND)) == (1, 0)
        assert place.socket.is_socket()
        async with daemon(place):
            for name in (FIRST, SECOND):
                incident = await place.until(name, "down", "taken up again after a restart")
                assert incident["proof"]["kind"] == "power"
                await place.told("operators", name, "suspected", "confirmed")
        assert (forced_down(place, FIRST), forced_down(place, SECOND)) == (1, 1)


@SCRIPT.story
async def disarmed_then_armed(folder: Path) -> None:
    """Nothing is cut while it is disarmed, as at the first start; a restart changes nothing."""
    async with site(folder) as place:
        async with daemon(place):
            await fail(place, FIRST)
            held = (await place.until(FIRST, "held"))["held"]
            assert held["why"] == "the daemon is disarmed: never armed"
            assert held["frees"].startswith("`doctor-daemon arm`")
            await place.told("operators", FIRST, "suspected", "held")
            await place.arm()
            await place.until(FIRST, "held")
            await place.order(FIRST, "fence")
            await place.until(FIRST, "down")
        async with daemon(place):
            assert (await place.ask("GET", "/v1/status"))["armed"]["on"]
            await place.ask("POST", "/v1/disarm", {"why": "a storm"})
            await fail(place, SECOND)
            held = (await place.until(SECOND, "held"))["held"]
            assert held["why"] == f"the daemon is disarmed by {ME}: a storm"
            assert place.host(SECOND).power


@SCRIPT.story
async def a_dry_run(folder: Path) -> None:
    """With the whole daemon on observe, even an armed one touches nothing and tells nobody."""
    async with site(folder, changes={"mode": "observe"}) as place, daemon(place):
        await place.arm()
        await fail(place, FIRST)
        incident = await place.until(FIRST, "held")
        assert "mode is observe: would have cut the power of compute-1 by" in story(incident)
        assert place.host(FIRST).power
        assert not place.host(FIRST).service.forced_down
        assert not place.host(FIRST).service.disabled
        assert place.lab.consumer.receipts == []
        await place.logged("[observe, armed]")


@SCRIPT.story
async def keystone_is_gone(folder: Path) -> None:
    """While a token lives, a Keystone that answers nothing delays no fencing: it is not asked."""
    async with site(folder) as place, daemon(place):
        await place.arm()
        place.lab.faults.add(Rule(service=Service.KEYSTONE, do=Do.HANG, times=None))
        await fail(place, FIRST)
        await place.until(FIRST, "down")
        assert not [a for a in place.lab.faults.applied if a.rule.service is Service.KEYSTONE]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.stories)
async def test_story(scenes: Scenes, title: str) -> None:
    await scenes[title]
