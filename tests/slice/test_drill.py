"""The canary drill, by the command and the daemon itself: a host dies, and all is as before.

And where it cannot go on: what is there is said, and what may be taken away is.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.world import Timing
from tests.slice.drilling import (
    HOST,
    QUICK,
    Told,
    bird,
    birds,
    drill,
    drilled,
    ended,
    typed,
    typing,
)
from tests.slice.script import Scenes, Stories
from tests.slice.site import Json, Site

STORIES = SCRIPT = Stories()
SERVERS = "/v2.1/servers"
STEPS = ["check", "boot", "fence", "move", "power-on", "release", "back", "delete"]
SLOW = replace(QUICK, timing=Timing(report_interval_s=1.0, evacuate_s=600.0))
HASTY = replace(QUICK, timing=replace(QUICK.timing, report_interval_s=2.0))
ASLEEP = replace(QUICK, timing=Timing(report_interval_s=1.0, evacuate_s=0.3, compute_start_s=600))


def steps(told: Json) -> list[str]:
    return [step["name"] for step in told["steps"]]


def resets(place: Site) -> list[str]:
    """Say what truly became of the host's power."""
    kinds = [one.kind.value for one in place.lab.record.entries if one.host == HOST]
    return [kind for kind in kinds if kind.startswith("power-")]


def untouched(place: Site) -> bool:
    """Tell whether nothing has happened to the host since the lab began."""
    service = place.host(HOST).service
    return resets(place) == ["power-on"] and not (service.forced_down or service.disabled)


async def no_incident(place: Site) -> bool:
    return await place.incident(HOST) is None


def left(place: Site, told: Told, step: str) -> Json:
    """See that a drill has failed at a step, and that it says that the canary is still there."""
    found = told.json
    [canary] = birds(place)
    assert (told.status, found["verdict"], found["step"]) == (1, "failed", step), told
    assert found["canary"]["left"]
    note = f"the canary {canary.name} ({canary.id}) is left, delete it with `openstack server"
    assert any(note in text for text in found["left"])
    assert note in told.err
    assert f"`doctor-daemon explain {HOST}` says how it stands" in told.out
    return found


# what passes


@STORIES.story
async def all_is_as_before_but_for_a_timeline(folder: Path) -> None:
    async with drilled(folder) as place:
        done = await typed(place, "--yes", "--why", "CHG-4720")
        told = done.json
        assert (done.status, told["verdict"], told["why"], told["left"]) == (0, "passed", "", [])
        assert steps(told) == STEPS
        assert all(step["ended_ms"] >= step["began_ms"] for step in told["steps"])
        assert told["canary"]["from"] == HOST
        assert told["canary"]["to"] not in ("", HOST)
        assert not told["canary"]["left"]
        assert birds(place) == []
        assert resets(place) == ["power-on", "power-off", "power-on"]
        service = place.host(HOST).service
        assert (service.disabled, service.forced_down) == (False, False)
        assert f"drill of {HOST}: PASSED" in done.out
        assert "timeline, in milliseconds since the first evidence:" in done.out
        texts = [entry["text"] for entry in told["timeline"]]
        assert any("fence by" in text and "drill: CHG-4720" in text for text in texts)
        assert texts[-1] == "back in service: Nova has it up and enabled"
        assert "1 servers were missing from the map" not in texts, "the first notice has named it"


@STORIES.story
async def lost_answers_an_old_nova_and_a_policy(folder: Path) -> None:
    """It is power_on that switches on, and leave_disabled that leaves the host disabled.

    The canary is made by another account.
    """
    lab = replace(QUICK, nova=NovaOptions(highest=(2, 52)))
    policy = {HOST: {"power_on": True, "leave_disabled": True}}
    section = drill(cloud="doctor-credential")
    async with drilled(folder, lab, section, hosts=policy) as place:
        lost = Rule(service=Service.NOVA, do=Do.LOST_REPLY, method="POST", path=SERVERS, times=1)
        gone = Rule(service=Service.NOVA, do=Do.LOST_REPLY, method="DELETE", times=1)
        place.lab.faults.add(lost, gone)
        done = await typed(place, "--yes")
        told = done.json
        assert (done.status, told["verdict"]) == (0, "passed"), done
        assert "whether it is booted is not known" in done.err
        assert "deleting" in done.err
        assert " unknown, " in done.err
        assert len(place.lab.nova.boots.builds) == 1, "it was asked for once"
        assert birds(place) == []
        assert told["left"][0].startswith(f"{HOST} stays disabled, as the policy has it: ")
        assert "power-on by" not in str(told["timeline"])


# what fails before anything happens to the host


@STORIES.story
async def a_canary_that_does_not_run_is_deleted(folder: Path) -> None:
    async with drilled(folder) as place:
        place.host(HOST).spawn_error = "no disk is left"
        done = await typed(place, "--yes")
        told = done.json
        assert (done.status, told["verdict"], told["step"]) == (1, "failed", "boot"), done
        assert told["why"] == "the canary is in ERROR: no disk is left"
        assert not told["canary"]["left"]
        assert birds(place) == []
        assert untouched(place)
        assert await no_incident(place)


@STORIES.story
async def a_canary_that_nobody_can_find(folder: Path) -> None:
    async with drilled(folder) as place:
        rule = Rule(service=Service.NOVA, do=Do.STATUS, status=503, method="POST", path=SERVERS)
        place.lab.faults.add(replace(rule, times=None))
        done = await typed(place, "--yes")
        told = done.json
        assert (done.status, told["step"]) == (1, "boot"), done
        assert told["why"].startswith("whether the canary is booted is not known: Nova answered 50")
        name = told["canary"]["name"]
        [note] = told["left"]
        assert note.startswith(f"the canary {name} (id not known) is left, delete it with `openst")
        assert note.endswith(" by its name, should it still appear")
        assert untouched(place)


@STORIES.story
async def a_server_that_comes_meanwhile_ends_it(folder: Path) -> None:
    async with drilled(folder) as place:
        lab = place.lab
        owner = lab.members["project-1"]
        async with typing(place, "--canary", HOST, "--yes", "--json") as process:
            await bird(place, "building")
            lab.world.boot(HOST, owner.project.id, owner.id)
            done = await ended(process)
        assert (done.status, done.json["step"]) == (1, "boot"), done
        assert done.json["why"].startswith(f"{HOST} has other servers: server-")
        assert birds(place) == []
        assert untouched(place)
        assert await no_incident(place)


@STORIES.story
async def a_signal_before_the_order(folder: Path) -> None:
    async with drilled(folder) as place:
        async with typing(place, "--canary", HOST, "--yes", "--json") as process:
            await bird(place, "building")
            process.send_signal(signal.SIGINT)
            done = await ended(process)
        told = done.json
        assert (done.status, told["verdict"], told["step"]) == (130, "interrupted", "boot"), done
        assert birds(place) == []
        assert told["left"] == []
        assert untouched(place)
        assert await no_incident(place)


# what fails from then on


@STORIES.story
async def a_signal_after_the_order(folder: Path) -> None:
    async with drilled(folder, SLOW) as place:
        async with typing(place, "--canary", HOST, "--yes", "--json") as process:
            await place.until(HOST, "evacuating", "plan: 1 of 1 servers")
            process.send_signal(signal.SIGTERM)
            done = await ended(process)
        told = done.json
        assert (done.status, told["verdict"], told["step"]) == (130, "interrupted", "move"), done
        [canary] = birds(place)
        assert f"({canary.id}) is left" in done.err
        assert f"`doctor-daemon explain {HOST}` says how it stands" in done.err
        assert told["incident"]
        incident = await place.incident(HOST)
        assert incident is not None
        assert incident["phase"] == "evacuating"


@STORIES.story
async def an_evacuation_that_fails(folder: Path) -> None:
    async with drilled(folder) as place:
        for name, host in place.lab.world.hosts.items():
            host.spawn_error = "" if name == HOST else "no disk is left"
        told = left(place, await typed(place, "--yes"), "move")
        assert "the incident is held: " in told["why"]
        assert "what frees it: " in told["why"]


@STORIES.story
async def a_power_device_that_refuses(folder: Path) -> None:
    async with drilled(folder) as place:
        rule = Rule(service=Service.BMC, do=Do.REFUSE, host=HOST, times=None)
        place.lab.faults.add(rule)
        told = left(place, await typed(place, "--yes"), "move")
        assert "only a human can tell" in told["why"]
        assert resets(place) == ["power-on"]


@STORIES.story
async def a_host_that_does_not_come_back(folder: Path) -> None:
    section = drill(return_timeout_s=10)
    async with drilled(folder, ASLEEP, section) as place:
        told = left(place, await typed(place, "--yes"), "power-on")
        assert told["why"] == f"nova-compute of {HOST} does not report in"
        assert told["canary"]["to"] not in ("", HOST)
        incident = await place.incident(HOST)
        assert incident is not None
        assert incident["phase"] == "down"


@STORIES.story
async def a_monitor_that_notices_late(folder: Path) -> None:
    """It calls the host down while that is on its way back; then it is quiet."""
    async with drilled(folder, HASTY) as place:
        async with typing(place, "--canary", HOST, "--yes", "--json") as process:
            await place.until(HOST, "releasing")
            await place.monitor.insist(HOST)
            await place.until(HOST, "releasing", "it stays forced down")
            done = await ended(process)
        assert (done.status, done.json["verdict"]) == (0, "passed"), done
        assert "it is down again, and is released once more in 10 s" in done.err


@STORIES.story
async def a_release_that_is_stuck(folder: Path) -> None:
    section = drill(return_timeout_s=20)
    async with drilled(folder, section=section) as place:
        async with typing(place, "--canary", HOST, "--yes", "--json") as process:
            await place.until(HOST, "evacuating")
            keep = Rule(service=Service.NOVA, do=Do.STATUS, status=500, method="PUT", times=None)
            await place.until(HOST, "down")
            place.lab.faults.add(keep)
            told = left(place, await ended(process), "release")
        assert told["why"].startswith("it takes longer than it may; the incident stands at: ")
        incident = await place.incident(HOST)
        assert incident is not None
        assert incident["phase"] == "releasing"


@STORIES.story
async def a_host_that_cannot_be_switched_on(folder: Path) -> None:
    async with drilled(folder) as place:
        async with typing(place, "--canary", HOST, "--yes", "--json") as process:
            await place.until(HOST, "evacuating")
            place.lab.faults.add(
                Rule(service=Service.BMC, do=Do.REFUSE, method="POST", host=HOST, times=None)
            )
            told = left(place, await ended(process), "power-on")
        assert "it was not switched on: redfish: switch on refused" in told["why"]


@STORIES.story
async def a_canary_that_cannot_be_deleted(folder: Path) -> None:
    async with drilled(folder) as place:
        rule = Rule(service=Service.NOVA, do=Do.STATUS, status=500, method="DELETE", times=None)
        place.lab.faults.add(rule)
        told = left(place, await typed(place, "--yes"), "delete")
        assert "is still there: Nova answered 500" in told["why"]
        incident = await place.incident(HOST)
        assert incident is not None
        assert incident["phase"] == "resolved"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.stories)
async def test_story(scenes: Scenes, title: str) -> None:
    await scenes[title]
