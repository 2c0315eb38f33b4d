"""What is true only for a while, and the one lie that cannot be found out: that is told before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.config.check import check
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do
from doctor_daemon.lab.world import Timing
from tests.lying.stage import CHANGES, LIVELY, devices, lie, true_order
from tests.slice.process import daemon
from tests.slice.script import Act, Scenes, Stories
from tests.slice.site import LIMIT_S, LOOK_S, Site, site, story

HOST = "compute-1"
ALONE: Mapping[str, list[Any]] = {
    "no other contradicts: compute-1": [["bmc"], "manual"],
    "nothing contradicts a device of it": [["bmc"]],
}
"""Warning -> a host's levels, whose one device is believed alone."""
SLOW = replace(LIVELY, timing=Timing(evacuate_s=4.0))

SCRIPT = Stories()


async def seen(act: Act, kind: str, times: int) -> None:
    """Wait until something has truly happened so often to the scene's host."""
    entries = act.lab.record.entries
    for _ in range(int(LIMIT_S / LOOK_S)):
        if sum((e.kind, e.host) == (kind, act.name) for e in entries) >= times:
            return
        await asyncio.sleep(LOOK_S)
    raise AssertionError(entries)


@SCRIPT.story
async def b9_on_again_after_the_proof_is_fenced_again(folder: Path) -> None:
    async with site(folder, SLOW, mode="evacuate", changes=CHANGES) as place:
        act = Act(place, (HOST,))
        async with daemon(place):
            await place.arm()
            servers = len(act.host.guests)
            await act.fails()
            await seen(act, "evacuate", servers)
            act.lab.world.power_on(HOST)  # somebody, or a restore policy
            await seen(act, "power-off", 2)
            incident = await act.until("down")
        assert "power" in story(incident)
        power = [kind for kind in true_order(act) if kind.startswith("power")]
        assert power == ["power-off", "power-on", "power-off"]
        assert not act.host.power


@SCRIPT.story
async def b1_the_single_liar_is_the_limit_and_told(folder: Path) -> None:
    """One device, no other level, no sign of life: nobody could tell. `check-config` says so."""
    async with Lab(replace(LIVELY, folder=folder)) as lab:
        alone = Site(lab, folder, changes=CHANGES)
        for warning, levels in ALONE.items():
            alone.hosts = {HOST: {"levels": devices(alone, HOST, levels)}}
            assert any(warning in text for text in check(alone.config).warnings)
        alone.log.touch()
        act = Act(alone, (HOST,))
        lie(act, Do.STUCK, Do.LIE_OFF)
        async with daemon(alone):
            await alone.arm()
            await act.fails()
            await act.until("down")
        assert act.host.power
        assert [found.host for found in lab.violations()] == [HOST]


@SCRIPT.story
async def b1_with_a_second_level_there_is_no_such_warning(folder: Path) -> None:
    async with Lab(replace(LIVELY, folder=folder)) as lab:
        place = Site(lab, folder, changes=CHANGES)
        levels = [["bmc"], ["chassis"], "manual"]
        place.hosts = {name: {"levels": devices(place, name, levels)} for name in lab.world.hosts}
        found = check(place.config).warnings
        assert not any("contradicts" in text for text in found), found


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.stories)
async def test_story(scenes: Scenes, title: str) -> None:
    await scenes[title]
