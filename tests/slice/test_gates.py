"""Evidence and gates: who may accuse, what is taken back, and what nobody may touch."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.lab.world import Failure
from tests.slice.script import Act, Scenes, Script
from tests.slice.site import ME, story

SCRIPT = Script()


def untouched(act: Act) -> bool:
    """Tell whether nobody has done anything to the host, nor asked its device anything."""
    service = act.host.service
    return act.host.power and not service.forced_down and not service.disabled


@SCRIPT.scene()
async def an_alert_ends_in_a_forced_down_host(act: Act) -> None:
    await act.fails()
    incident = await act.until("down", "Nova lists 2 servers on the host")
    assert not act.host.power
    assert act.host.service.forced_down
    assert incident["id"] in (act.host.service.disabled_reason or "")
    told = await act.told("suspected", "confirmed")
    assert [data["fenced"] for data in told] == ["pending", "confirmed"]
    for project in ("project-1", "project-2"):
        mine = [d for d in act.place.heard(project) if d["incident"] == incident["id"]]
        assert [data["kind"] for data in mine] == ["suspected", "confirmed"]
        assert [len(data["servers"]) for data in mine] == [1, 1]
    assert act.name not in str(act.place.heard("project-1"))
    for kind in ("suspected", "confirmed"):
        series = f'consumer="operators",kind="{kind}",which="first"'
        assert await act.place.metric(f"doctor_notice_seconds_count{{{series}}}") >= 1
    assert await act.place.metric("doctor_forced_down_seconds_count") >= 1


@SCRIPT.scene()
async def evidence_that_is_withdrawn_in_the_grace_fences_nobody(act: Act) -> None:
    await act.place.monitor.insist(act.name)
    await act.until("suspected")
    assert (await act.place.monitor.send(act.name, status="resolved"))[0] == 200
    incident = await act.until("dismissed")
    assert "alerts takes it back" in story(incident)
    told = await act.told("suspected", "withdrawn")
    assert told[0]["sequence"] < told[1]["sequence"]
    assert untouched(act)


async def _beat(act: Act) -> None:
    """Report in much more often than Nova has it: each two looks then show a report in between."""
    service = act.host.service
    while True:
        service.seen_at_s = service.written_at_s = service.written_at_s + 1
        await asyncio.sleep(0.05)


@SCRIPT.scene()
async def a_host_that_reports_in_again_is_alive(act: Act) -> None:
    """The alert is wrong, or the host is back: Nova hears its heartbeat."""
    await act.fails()
    act.lab.world.recover(act.name)
    beating = asyncio.create_task(_beat(act))
    incident = await act.until("dismissed")
    beating.cancel()
    assert "nova-compute has reported in" in story(incident)
    assert untouched(act)


@SCRIPT.scene()
async def a_forged_alert_changes_nothing(act: Act) -> None:
    status, text = await act.place.monitor.send(act.name, bearer="a-bearer-that-somebody-made-up")
    assert (status, "unauthorized" in text) == (401, True)
    assert await act.place.incident(act.name) is None
    series = 'doctor_rejected_total{reason="unauthorized",source="alerts"}'
    assert await act.place.metric(series) >= 1
    assert act.place.heard("operators", act.name) == []


@SCRIPT.scene()
async def an_unknown_host_is_refused(act: Act) -> None:
    status, text = await act.place.monitor.send("compute-999")
    assert (status, "compute-999" in text) == (422, True), text
    assert untouched(act)


@SCRIPT.scene(mode="observe")
async def observe_says_what_would_have_been_done(act: Act) -> None:
    await act.fails()
    incident = await act.until("held")
    assert incident["held"]["gate"] == "mode"
    said = f"mode is observe: would have cut the power of {act.name} by redfish redfish, then"
    assert said in story(incident)
    assert untouched(act)
    assert act.place.heard("operators", act.name) == []


@SCRIPT.scene(mode="notify")
async def notify_tells_and_touches_nothing(act: Act) -> None:
    await act.fails()
    assert (await act.until("held"))["held"]["gate"] == "mode"
    told = await act.told("suspected", "held")
    assert [data["fenced"] for data in told] == ["no", "no"]
    assert untouched(act)


@SCRIPT.scene(protected="it runs the database")
async def a_protected_host_is_never_touched(act: Act) -> None:
    await act.fails()
    incident = await act.until("held")
    assert incident["held"]["why"] == f"{act.name} is protected: it runs the database"
    await act.place.order(act.name, "fence")
    await act.until("held", f"fence by {ME}: a test")
    assert untouched(act)


@SCRIPT.scene()
async def a_host_in_maintenance_is_left_alone_until_it_ends(act: Act) -> None:
    window = f"/v1/hosts/{act.name}/maintenance"
    await act.place.ask("POST", window, {"for_s": 600, "why": "new memory"})
    await act.fails()
    incident = await act.until("held")
    assert incident["held"]["why"] == f"{act.name} is in maintenance by {ME}: new memory"
    assert untouched(act)
    await act.told("held")
    await act.place.ask("DELETE", window)
    await act.place.order(act.name, "fence")
    await act.until("down")


@SCRIPT.scene(hosts=3, domain="rack-1")
async def the_third_of_a_domain_is_held_by_the_budget(act: Act) -> None:
    for name in act.names:
        act.lab.world.fail(name, Failure.COMPUTE)
        await act.place.monitor.insist(name)
    first, second, third = act.names
    await act.place.until(first, "down")
    await act.place.until(second, "down")
    held = (await act.place.until(third, "held"))["held"]
    assert (held["gate"], held["why"]) == (
        "budget",
        "2 hosts of failure domain rack-1 have been fenced in 900 s; the budget is 2",
    )
    assert [act.place.host(name).power for name in act.names] == [False, False, True]
    assert await act.place.metric('doctor_held{gate="budget"}') == 1


@SCRIPT.scene()
async def fence_needs_no_alert(act: Act) -> None:
    await act.place.order(act.name, "fence")
    incident = await act.until("down")
    assert incident["evidence"][0]["source"] == f"operator:{ME}"
    assert act.forced_down() == 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.scenes)
async def test_scene(scenes: Scenes, title: str) -> None:
    await scenes[title]
