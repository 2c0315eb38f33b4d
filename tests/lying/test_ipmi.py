"""IPMI BMCs that lie, and fence agents that are lied to: ipmi_sim, and ClusterLabs' own agents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from doctor_daemon.lab.faults import Do
from tests.lying.simulators import OTHER, Simulators
from tests.lying.stage import CHANGES, LIVELY, lie, proven, unproven
from tests.slice.script import Act, Scenes, Script
from tests.slice.site import story

TIMING = {**CHANGES["timing"], "off_timeout_s": 11}
"""An agent is a program, and waits a second between two looks."""
SCRIPT = Script(lab=LIVELY, changes={"timing": TIMING})
BMCS: dict[str, Simulators] = {}
"""The simulators of the module, once they run."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scenes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scenes]:
    """Play the script before simulators of its own."""
    folder = tmp_path_factory.mktemp("scenes")
    BMCS["all"] = simulators = Simulators(tmp_path_factory.mktemp("bmcs"))
    try:
        async with replace(SCRIPT, prepare=simulators.prepare).played(folder) as tasks:
            yield tasks
    finally:
        await simulators.close()


def at_fault(act: Act, fault: str) -> None:
    BMCS["all"].bmcs[act.name].fault = fault


@SCRIPT.scene(levels=[["ipmi"], ["chassis"], "manual"])
async def b1_off_at_once_but_on_is_contradicted(act: Act) -> None:
    at_fault(act, "liar")
    await act.fails()
    assert "chassis says that the power is on" in story(await proven(act, "chassis"))


@SCRIPT.scene(levels=[["bmc"], ["witness"], "manual"])
async def b1_a_redfish_service_that_lies_is_contradicted_by_ipmi(act: Act) -> None:
    lie(act, Do.STUCK, Do.LIE_OFF)
    await act.fails()
    assert "ipmi says that the power is on" in story(await proven(act, "ipmi"))


@SCRIPT.scene(levels=[["ipmi"], "manual"])
async def b1_one_that_flips_proves_nothing(act: Act) -> None:
    at_fault(act, "flips")
    await act.fails()
    await unproven(act, "not off 11 s after the cut")
    assert act.host.power


@SCRIPT.scene(levels=[["ipmi"], ["chassis"], "manual"])
async def b2_one_that_hangs_leads_to_the_next_level(act: Act) -> None:
    BMCS["all"].bmcs[act.name].freeze()
    await act.fails()
    await proven(act, "chassis")


@SCRIPT.scene(levels=[["stranger"], "manual"])
async def b5_another_chassis_is_not_cut(act: Act) -> None:
    await act.fails()
    await unproven(act, f"ipmi answers for {OTHER}")
    assert act.host.power
    assert "set power 0" not in BMCS["all"].bmcs[act.name].calls()


@SCRIPT.scene(levels=[["ipmi"], ["chassis"], "manual"])
async def b7_accepted_and_not_done_leads_to_the_next_level(act: Act) -> None:
    at_fault(act, "stuck")
    await act.fails()
    await proven(act, "chassis")


@SCRIPT.scene(levels=[["ipmi"], "manual"])
async def one_that_is_right_proves_it(act: Act) -> None:
    await act.fails()
    await proven(act, "ipmi")


@SCRIPT.scene(levels=[["fence_ipmilan"], ["chassis"], "manual"])
async def b1_an_agent_that_is_told_off_at_once_is_contradicted(act: Act) -> None:
    """It says "Already OFF", and has sent nothing."""
    at_fault(act, "liar")
    await act.fails()
    assert "chassis says that the power is on" in story(await proven(act, "chassis"))


@SCRIPT.scene(levels=[["fence_redfish"], ["chassis"], "manual"])
async def b1_an_agent_of_a_redfish_bmc_that_lies_is_contradicted(act: Act) -> None:
    lie(act, Do.STUCK, Do.LIE_OFF)
    await act.fails()
    assert "chassis says that the power is on" in story(await proven(act, "chassis"))


@SCRIPT.scene(levels=[["fence_redfish"], ["chassis"], "manual"])
async def b3_an_agent_of_a_bmc_that_dies_with_its_host_leads_to_the_next_level(act: Act) -> None:
    lie(act, Do.DIES)
    await act.fails()
    await proven(act, "chassis")


@SCRIPT.scene(levels=[["fence_ipmilan"], "manual"])
async def an_agent_that_is_right_proves_it(act: Act) -> None:
    await act.fails()
    await proven(act, "fence_ipmilan")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.scenes)
async def test_scene(scenes: Scenes, title: str) -> None:
    await scenes[title]
