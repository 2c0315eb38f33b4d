"""Nova at its worst, and other people at work in it: one flag set once, nobody else's undone."""

from __future__ import annotations

import pytest

from doctor_daemon.lab.faults import Do, Service
from tests.slice.colleague import Colleague
from tests.slice.script import Act, Scenes, Script
from tests.slice.site import ME, story

SCRIPT = Script()


async def down_once(act: Act, faults: int = 1) -> str:
    """See that the host ends down, told once, its flag set once, its disabling signed."""
    incident = await act.until("down", "Nova lists 2 servers on the host")
    assert act.struck() == faults
    assert act.forced_down() == 1
    assert act.host.service.forced_down
    assert incident["id"] in (act.host.service.disabled_reason or "")
    await act.told("suspected", "confirmed")
    return story(incident)


@SCRIPT.scene()
async def a_reply_that_is_lost_after_the_effect(act: Act) -> None:
    act.fault(Service.NOVA, Do.LOST_REPLY, method="PUT")
    await act.fails()
    assert "force-down unknown" in await down_once(act)


@SCRIPT.scene()
async def errors_before_the_effect(act: Act) -> None:
    act.fault(Service.NOVA, Do.STATUS, method="PUT", status=503, times=2)
    await act.fails()
    await down_once(act, faults=2)


@SCRIPT.scene()
async def an_error_after_the_effect(act: Act) -> None:
    act.fault(Service.NOVA, Do.STATUS_AFTER, method="PUT", status=500)
    await act.fails()
    await down_once(act)


@SCRIPT.scene()
async def no_answer_before_the_effect(act: Act) -> None:
    act.fault(Service.NOVA, Do.TIMEOUT_BEFORE, method="PUT")
    await act.fails()
    assert "not there when read back" in await down_once(act)


@SCRIPT.scene()
async def no_answer_after_the_effect(act: Act) -> None:
    act.fault(Service.NOVA, Do.TIMEOUT_AFTER, method="PUT")
    await act.fails()
    await down_once(act)


@SCRIPT.scene()
async def a_token_that_was_revoked(act: Act) -> None:
    act.fault(Service.NOVA, Do.REVOKE, method="PUT")
    await act.fails()
    await down_once(act)


@SCRIPT.scene()
async def looks_that_fail(act: Act) -> None:
    act.fault(Service.NOVA, Do.STATUS, method="GET", path="*/os-services", status=500, times=2)
    await act.fails()
    await down_once(act, faults=2)


@SCRIPT.scene()
async def a_list_of_servers_that_fails(act: Act) -> None:
    act.fault(Service.NOVA, Do.STATUS, method="GET", path="*/servers/detail", times=2)
    await act.fails()
    await down_once(act, faults=2)


@SCRIPT.scene()
async def half_an_answer(act: Act) -> None:
    act.fault(Service.NOVA, Do.GARBAGE, method="PUT")
    act.fault(Service.NOVA, Do.GARBAGE, method="GET")
    await act.fails()
    await down_once(act, faults=2)


@SCRIPT.scene()
async def a_foreign_forced_down_is_no_proof_and_stays_as_it_is(act: Act) -> None:
    await Colleague(act.lab).put(act.name, forced_down=True)
    await act.fails()
    incident = await act.until("down")
    assert incident["proof"]["kind"] == "power"
    assert not act.host.power
    assert "somebody else had forced it down already" in story(incident)
    assert (act.forced_down("operator"), act.forced_down()) == (1, 0)
    assert not act.host.service.disabled


@SCRIPT.scene()
async def a_foreign_disable_keeps_its_reason(act: Act) -> None:
    await Colleague(act.lab).put(act.name, status="disabled", disabled_reason="a disk is swapped")
    await act.fails()
    held = await act.until("held")
    assert held["held"]["gate"] == "disabled"
    await act.place.order(act.name, "fence")
    incident = await act.until("down")
    assert "somebody else had disabled it: their reason is kept" in story(incident)
    assert act.forced_down() == 1
    assert act.host.service.disabled_reason == "a disk is swapped"


@SCRIPT.scene()
async def a_host_that_goes_to_maintenance_and_is_back_is_told(act: Act) -> None:
    colleague = Colleague(act.lab)
    await colleague.put(act.name, status="disabled", disabled_reason="new memory")
    (begun,) = await act.told("maintenance")
    assert (begun["outcome"], begun["fenced"]) == ("begun", "no")
    assert begun["text"] == f"somebody has disabled {act.name} in Nova: new memory"
    assert len(begun["servers"]) == 2
    await colleague.put(act.name, status="enabled")
    _, ended = await act.told("maintenance", "maintenance")
    assert (ended["outcome"], ended["incident"]) == ("ended", begun["incident"])
    assert await act.place.incident(act.name) is None


@SCRIPT.scene()
async def close_ends_it_once_the_flag_is_cleared(act: Act) -> None:
    await act.fails()
    await act.until("down")
    await act.place.order(act.name, "close")
    await act.until("down", "not ended: Nova still has the host forced down; clear the flag first")
    await Colleague(act.lab).put(act.name, forced_down=False)
    await act.place.order(act.name, "close")
    incident = await act.until("resolved")
    assert f"ended by {ME}: a test" in story(incident)
    assert act.forced_down() == 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.scenes)
async def test_scene(scenes: Scenes, title: str) -> None:
    await scenes[title]
