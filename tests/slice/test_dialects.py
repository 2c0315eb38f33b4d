"""A Nova of before 2.53 before a whole daemon: the same end, or none at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.world import Failure, Timing
from tests.slice.process import daemon
from tests.slice.script import Scenes, Stories
from tests.slice.site import LAB, Json, Site, site, story

SCRIPT = Stories()
HOST = "compute-1"


async def fallen(place: Site, phase: str, text: str = "") -> Json:
    """Let the host's nova-compute die, and see what comes of it."""
    await place.arm()
    place.lab.world.fail(HOST, Failure.COMPUTE)
    await place.monitor.insist(HOST)
    return await place.until(HOST, phase, text)


@SCRIPT.story
async def by_name_from_the_alert_to_the_last_server(folder: Path) -> None:
    options = replace(LAB, nova=NovaOptions(highest=(2, 52)), timing=Timing(evacuate_s=0.3))
    async with site(folder, options, mode="evacuate") as place, daemon(place):
        incident = await fallen(place, "down", "2 moved")
        told, service = story(incident), place.host(HOST).service
        assert "force-down accepted: Nova answered that the service is forced down; " in told
        assert "Nova has it forced down and disabled (read back)" in told
        assert incident["id"] in (service.disabled_reason or "")
        assert not [one for one in place.lab.world.servers.values() if one.host == HOST]
        assert place.lab.violations() == []


@SCRIPT.story
async def before_2_29_nobody_is_moved(folder: Path) -> None:
    options = replace(LAB, nova=NovaOptions(highest=(2, 28)))
    async with site(folder, options, mode="evacuate") as place, daemon(place):
        incident = await fallen(place, "held")
        assert incident["held"]["gate"] == "evacuation"
        assert "it was not asked for: this Nova offers microversions" in incident["held"]["why"]
        assert place.host(HOST).service.forced_down
        assert place.lab.violations() == []


@SCRIPT.story
async def below_2_11_nobody_loses_power(folder: Path) -> None:
    options = replace(LAB, nova=NovaOptions(highest=(2, 10)))
    async with site(folder, options) as place, daemon(place):
        incident = await fallen(place, "held")
        assert incident["held"]["gate"] == "look"
        assert place.host(HOST).power
        assert not place.host(HOST).service.forced_down
        assert "2.11 to 2.69 is needed" in place.log.read_text()
        assert place.lab.violations() == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.stories)
async def test_story(scenes: Scenes, title: str) -> None:
    await scenes[title]
