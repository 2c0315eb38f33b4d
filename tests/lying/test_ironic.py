"""An Ironic that remembers wrongly, and that undoes what others do to a host's power."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.lab.faults import Do, Service
from doctor_daemon.lab.ironic import OFF, IronicOptions
from tests.lying.stage import CHANGES, LIVELY, lie, prepare, proven, true_order, unproven
from tests.slice.script import Act, Scenes, Script
from tests.slice.site import story

SYNC_S = 0.5
LAB = replace(LIVELY, ironic=IronicOptions(sync_s=SYNC_S))
SCRIPT = Script(lab=LAB, changes=CHANGES, prepare=prepare)


@SCRIPT.scene(levels=[["ironic", "bmc"], "manual"])
async def b9_a_host_that_ironic_has_cut_too_stays_off(act: Act) -> None:
    await act.fails()
    await proven(act, "ironic", "bmc")
    await asyncio.sleep(3 * SYNC_S)
    assert true_order(act) == ["power-off", "forced-down"]
    assert act.lab.ironic.nodes[act.name].power_state == OFF


@SCRIPT.scene(levels=[["bmc"], "manual"])
async def b9_a_host_that_is_cut_past_ironic_comes_back(act: Act) -> None:
    """What docs/power-devices.md warns of. It never stays off for long enough to be proven."""
    await act.fails()
    await unproven(act)
    order = true_order(act)
    assert order[:2] == ["power-off", "power-on"]
    assert "forced-down" not in order


@SCRIPT.scene(levels=[["ironic", "bmc"], "manual"])
async def b1_what_ironic_remembers_outweighs_no_reading(act: Act) -> None:
    lie(act, Do.STUCK)
    for do, method in ((Do.STUCK, "PUT"), (Do.LIE_OFF, "GET")):
        act.fault(Service.IRONIC, do, times=None, method=method, path="*/nodes/*")
    await act.fails()
    await unproven(act, "not off 9 s after the cut")
    assert act.host.power


@SCRIPT.scene(levels=[["ironic", "bmc"], [{"as": "bmc", "name": "bmc-2"}], "manual"])
async def b2_without_ironic_the_next_level_is_taken(act: Act) -> None:
    act.fault(Service.IRONIC, Do.STATUS, times=None)
    act.lab.ironic.nodes[act.name].maintenance = True  # it leaves the power alone, then
    await act.fails()
    assert "level 1, try 1: ironic: " in story(await proven(act, "bmc-2"))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.scenes)
async def test_scene(scenes: Scenes, title: str) -> None:
    await scenes[title]
