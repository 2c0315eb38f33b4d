"""Power devices at their worst: nothing is forced down that runs, and a human learns why not."""

from __future__ import annotations

import pytest

from doctor_daemon.cli.client import Unanswered
from doctor_daemon.lab.faults import Do, Service
from tests.slice.script import Act, Scenes, Script
from tests.slice.site import ME, story

SCRIPT = Script()


async def held_by_the_device(act: Act, reason: str) -> None:
    """See that the host is held, untouched in Nova, and that the device is named as the reason."""
    incident = await act.until("held")
    assert incident["held"]["gate"] == "manual"
    assert "confirm-off" in incident["held"]["frees"]
    assert "redfish" in story(incident)
    assert reason in story(incident), story(incident)
    assert act.struck() > 0
    assert act.host.power
    assert not act.host.service.forced_down
    assert not act.host.service.disabled
    assert incident["proof"] is None
    await act.told("suspected", "held")


@SCRIPT.scene()
async def a_device_that_refuses_needs_a_human(act: Act) -> None:
    act.fault(Service.BMC, Do.REFUSE, times=None)
    await act.fails()
    await held_by_the_device(act, "refuse")
    act.lab.world.power_off(act.name)  # the human pulls the plug, and looks
    with pytest.raises(Unanswered, match=f"host: found 'compute-0'; expected {act.name}"):
        await act.place.order(act.name, "confirm-off", for_s=600, host="compute-0")
    with pytest.raises(Unanswered, match="host: it is missing"):
        await act.place.order(act.name, "confirm-off", for_s=600)
    assert not act.host.service.forced_down
    await act.place.order(act.name, "confirm-off", for_s=600, host=act.name)
    incident = await act.until("down")
    assert incident["proof"]["kind"] == "human"
    assert incident["proof"]["why"] == "a test"
    assert act.host.service.forced_down
    told = await act.told("suspected", "held", "confirmed")
    assert [data["fenced"] for data in told] == ["pending", "no", "confirmed"]


@SCRIPT.scene()
async def off_that_is_said_too_early_is_not_believed_at_once(act: Act) -> None:
    act.fault(Service.BMC, Do.EARLY_OFF, seconds=1.5)
    await act.fails()
    await act.until("down")
    assert act.struck() == 1
    assert not act.host.power
    assert act.forced_down() == 1


@SCRIPT.scene()
async def powering_off_is_not_off(act: Act) -> None:
    act.fault(Service.BMC, Do.STUCK, times=None)
    act.fault(Service.BMC, Do.POWERING_OFF, times=None)
    await act.fails()
    await held_by_the_device(act, "not off 5 s after the cut")


@SCRIPT.scene()
async def a_system_without_a_power_state_is_not_off(act: Act) -> None:
    act.fault(Service.BMC, Do.STUCK, times=None)
    act.fault(Service.BMC, Do.NO_POWER, times=None)
    await act.fails()
    await held_by_the_device(act, "not off 5 s after the cut")


@SCRIPT.scene()
async def a_cut_that_does_nothing_is_seen(act: Act) -> None:
    act.fault(Service.BMC, Do.STUCK, times=None)
    await act.fails()
    await held_by_the_device(act, "not off 5 s after the cut")


@SCRIPT.scene()
async def another_chassis_is_never_cut(act: Act) -> None:
    act.fault(Service.BMC, Do.OTHER_CHASSIS, times=None)
    await act.fails()
    await held_by_the_device(act, "redfish answers for ffffffff-0000-4000-8000-00000000dead")


@SCRIPT.scene()
async def a_device_that_hangs_is_given_up(act: Act) -> None:
    act.fault(Service.BMC, Do.HANG, times=None)
    await act.fails()
    await held_by_the_device(act, "redfish: ")


@SCRIPT.scene()
async def a_device_that_lets_nobody_in_is_given_up(act: Act) -> None:
    act.fault(Service.BMC, Do.STATUS, status=401, times=None)
    await act.fails()
    await held_by_the_device(act, "401")


@SCRIPT.scene()
async def a_lost_answer_to_the_cut_is_read_back(act: Act) -> None:
    act.fault(Service.BMC, Do.LOST_REPLY, method="POST")
    await act.fails()
    incident = await act.until("down")
    assert "cut unknown" in story(incident)
    assert act.struck() == 1


@SCRIPT.scene()
async def a_host_without_power_is_cut_and_proven_all_the_same(act: Act) -> None:
    act.lab.world.power_off(act.name)
    await act.place.monitor.insist(act.name)
    incident = await act.until("down")
    assert incident["proof"]["kind"] == "power"
    assert act.forced_down() == 1


@SCRIPT.scene(levels=["manual"])
async def a_host_without_a_device_waits_for_a_human(act: Act) -> None:
    await act.fails()
    incident = await act.until("held")
    assert (
        incident["held"]["why"]
        == f"level 1 is manual: only a human can tell that {act.name} is off"
    )
    await act.place.order(act.name, "dismiss")
    await act.told("suspected", "held", "withdrawn")
    assert (await act.until("dismissed"))["text"] == f"dismiss by {ME}: a test"
    assert act.host.power


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.scenes)
async def test_scene(scenes: Scenes, title: str) -> None:
    await scenes[title]
