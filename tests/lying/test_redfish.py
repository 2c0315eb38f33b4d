"""Redfish BMCs that lie, and a chassis that does not."""

from __future__ import annotations

import pytest

from doctor_daemon.lab.faults import Do, Service
from tests.lying.drawn import enter
from tests.lying.stage import CHANGES, LIVELY, lie, prepare, proven, struck, unproven
from tests.slice.script import Act, Scenes, Script
from tests.slice.site import story

SCRIPT = Script(lab=LIVELY, changes=CHANGES, prepare=prepare)
TWO = [["bmc"], ["chassis"], "manual"]
ALONE = [["bmc"], "manual"]
BOTH = [["bmc", "chassis"], "manual"]


@SCRIPT.scene(levels=TWO)
async def b1_off_at_once_but_on_is_contradicted_by_another_level(act: Act) -> None:
    lie(act, Do.STUCK, Do.LIE_OFF)
    await act.fails()
    incident = await proven(act, "chassis")
    assert "chassis says that the power is on" in story(incident)


@SCRIPT.scene(levels=BOTH)
async def b1_off_at_once_but_on_is_contradicted_by_its_own_level(act: Act) -> None:
    lie(act, Do.STUCK, Do.LIE_OFF)
    act.fault(Service.CHASSIS, Do.STUCK, times=None)
    await act.fails()
    await unproven(act, "not off 9 s after the cut")
    assert act.host.power


@SCRIPT.scene(levels=[[{"as": "bmc", "hold_s": 4}], "manual"])
async def b1_off_at_once_but_on_is_contradicted_by_a_sign_of_life(act: Act) -> None:
    """There is no second device: nova-compute, which was dead, reports again."""
    lie(act, Do.STUCK, Do.LIE_OFF)
    await act.fails()
    await struck(act, Do.STUCK)
    act.lab.world.recover(act.name)
    await unproven(act, "alive after the cut")
    assert act.host.power


@SCRIPT.scene(levels=ALONE)
async def b1_one_that_flips_proves_nothing(act: Act) -> None:
    lie(act, Do.STUCK, Do.FLIPS)
    await act.fails()
    await unproven(act, "not off 9 s after the cut")
    assert act.host.power


@SCRIPT.scene(levels=TWO)
async def b1_one_that_flips_beside_a_true_one_has_a_human_asked(act: Act) -> None:
    """Each of its ONs may be true: what the other one reads beside it is no proof."""
    lie(act, Do.STUCK, Do.FLIPS)
    await act.fails()
    incident = await act.until("held")
    assert "level 2" in story(incident)
    assert "only a human can tell" in story(incident)
    assert not act.host.power


@SCRIPT.scene(levels=TWO)
async def b1_a_second_device_that_errs_first_is_waited_for(act: Act) -> None:
    lie(act, Do.STUCK, Do.LIE_OFF)
    act.fault(Service.CHASSIS, Do.STATUS, times=3, after=1, method="GET")
    await act.fails()
    assert "chassis says that the power is on" in story(await proven(act, "chassis"))


@SCRIPT.scene(levels=TWO)
async def b1_off_with_an_error_is_not_off(act: Act) -> None:
    lie(act, Do.STUCK, Do.OFF_ERROR, after=2)
    await act.fails()
    await proven(act, "chassis")


@SCRIPT.scene(levels=[[{"as": "bmc", "hold_s": 4}], "manual"])
async def b1_off_before_it_is_true_is_outlasted_by_the_hold(act: Act) -> None:
    lie(act, Do.EARLY_OFF, seconds=3)
    await act.fails()
    await proven(act, "bmc")


@SCRIPT.scene(levels=TWO)
async def b2_one_that_hangs_after_the_cut_leads_to_the_next_level(act: Act) -> None:
    lie(act, Do.HANG, method="GET", after=2)
    await act.fails()
    await proven(act, "chassis")


@SCRIPT.scene(levels=ALONE)
async def b2_one_that_hangs_after_the_cut_alone_is_no_proof(act: Act) -> None:
    lie(act, Do.HANG, method="GET", after=2)
    await act.fails()
    await unproven(act, "not off 9 s after the cut")


@SCRIPT.scene(levels=TWO)
async def b3_one_that_loses_power_with_its_host_leads_to_the_next_level(act: Act) -> None:
    lie(act, Do.DIES)
    await act.fails()
    await proven(act, "chassis")


@SCRIPT.scene(levels=ALONE)
async def b3_one_that_loses_power_with_its_host_alone_is_no_proof(act: Act) -> None:
    lie(act, Do.DIES)
    await act.fails()
    await unproven(act, "not off 9 s after the cut")


@SCRIPT.scene(levels=TWO)
async def b5_another_chassis_that_turns_up_after_the_cut_proves_nothing(act: Act) -> None:
    lie(act, Do.STUCK)
    lie(act, Do.OTHER_CHASSIS, after=2)
    await act.fails()
    await proven(act, "chassis")


@SCRIPT.scene(levels=ALONE)
async def b5_another_chassis_is_not_cut(act: Act) -> None:
    lie(act, Do.OTHER_CHASSIS)
    await act.fails()
    await unproven(act, "bmc answers for ffffffff-0000-4000-8000-00000000dead")
    assert act.host.power
    assert not any(one.host == act.name and one.method == "POST" for one in act.lab.faults.applied)


@SCRIPT.scene(levels=ALONE)
async def b8_409_when_it_is_off_already_is_proven_by_reading(act: Act) -> None:
    lie(act, Do.ALREADY_OFF)
    act.lab.world.power_off(act.name)
    await act.place.monitor.insist(act.name)
    incident = await proven(act, "bmc")
    assert "cut refused: 409" in story(incident)


@SCRIPT.scene(levels=TWO)
async def b8_one_that_refuses_and_says_off_is_contradicted(act: Act) -> None:
    lie(act, Do.REFUSE, Do.LIE_OFF)
    await act.fails()
    incident = await proven(act, "chassis")
    assert "cut refused" in story(incident)


@SCRIPT.scene(levels=BOTH)
async def two_that_are_right_prove_it(act: Act) -> None:
    await act.fails()
    await proven(act, "bmc", "chassis")


enter(SCRIPT)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.scenes)
async def test_scene(scenes: Scenes, title: str) -> None:
    await scenes[title]
