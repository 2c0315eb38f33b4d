"""A host that is down is taken out of the cloud for good, by the command and the daemon itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.lab.cloud import LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.world import Failure, Timing
from tests.cli.terminal import Terminal
from tests.slice.process import daemon
from tests.slice.site import LAB, ME, Json, Site, site, story

HOST = "compute-1"
QUICK = replace(LAB, timing=Timing(evacuate_s=0.3))
OLD = replace(QUICK, nova=NovaOptions(highest=(2, 52)))
WHY = ("--why", "CHG-4719: scrapped")
WORDS = ("host", "decommission", HOST, "--host-again", HOST, *WHY)


async def down(place: Site) -> Json:
    """Let the host fail, and see it moved away from, as far as the mode goes."""
    await place.arm()
    place.lab.world.fail(HOST, Failure.HOST)
    await place.monitor.insist(HOST)
    return await place.until(HOST, "down")


def listed(place: Site) -> bool:
    return any(one.host == HOST for one in place.lab.world.services.values())


@pytest.mark.parametrize("options", [QUICK, OLD], ids=["by UUID", "by name"])
async def test_a_host_that_is_down_is_taken_out(tmp_path: Path, options: LabOptions) -> None:
    async with site(tmp_path, options, mode="evacuate") as place, daemon(place):
        incident = await down(place)
        done = await Terminal(place).type(*WORDS)
        assert done.status == 0, done
        assert done.out.startswith(f"{HOST}: no open incident; the last one is resolved")
        assert f"decommissioned by {ME}: CHG-4719: scrapped; Nova has no compute" in done.out
        assert not listed(place)
        last = await place.incident(HOST)
        assert last is not None
        assert (last["id"], last["phase"]) == (incident["id"], "resolved")
        assert "still proven off" in story(last)
        assert place.lab.violations() == []


async def test_an_answer_that_got_lost_is_asked_for_again(tmp_path: Path) -> None:
    async with site(tmp_path, QUICK, mode="evacuate") as place, daemon(place):
        await down(place)
        lost = Rule(service=Service.NOVA, do=Do.LOST_REPLY, method="DELETE", times=1)
        place.lab.faults.add(lost)
        done = await Terminal(place).type(*WORDS)
        assert done.status == 0, done
        assert "deleting the service unknown" in done.out
        assert "it is not there: Nova answered 404" in done.out
        assert not listed(place)


async def test_servers_of_the_host_keep_it_and_a_wrong_name_asks_for_nothing(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as place, daemon(place):
        at = Terminal(place)
        assert await at.refused(*WORDS) == f"{HOST} has no open incident"
        await down(place)
        wrong = ("host", "decommission", HOST, "--host-again", "compute-2", *WHY)
        assert "compute-1, typed out" in await at.refused(*wrong)
        said = await at.refused(*WORDS)
        assert said.startswith(f"not decommissioned: by Nova there are servers on {HOST}: ")
        assert listed(place)
        for server in list(place.lab.world.servers.values()):
            if server.host == HOST:
                place.lab.world.delete(server.id)
        typed = await at.type("host", "decommission", HOST, *WHY, stdin=f"{HOST}\n")
        assert typed.status == 0, typed
        assert "Type the host's name to confirm that it is gone for good" in typed.err
        assert not listed(place)
