"""The daemon with its state in a real etcd: killed, restarted, and left without it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.lab.redfish import RedfishOptions
from doctor_daemon.lab.world import Failure
from tests.slice.process import daemon, kill, ready, started, stop
from tests.slice.site import LAB, Site, site, story
from tests.stores.etcd_cluster import Cluster, running

FIRST, SECOND = "compute-1", "compute-2"


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Cluster]:
    with running(tmp_path / "etcd") as cluster:
        yield cluster


def kept_in(etcd: Cluster) -> dict[str, object]:
    return {"state": {"type": "etcd", "endpoints": list(etcd.urls)}}


async def fail(place: Site, name: str) -> None:
    place.lab.world.fail(name, Failure.COMPUTE)
    await place.monitor.insist(name)


async def test_c1_killed_in_mid_fencing_it_goes_on_from_what_is_in_etcd(
    tmp_path: Path, etcd: Cluster
) -> None:
    slow = replace(LAB, redfish=RedfishOptions(power_s=1.0))
    async with site(tmp_path, slow, changes=kept_in(etcd)) as place:
        async with started(place) as process:
            await ready(place, process)
            await place.arm()
            await fail(place, FIRST)
            await place.until(FIRST, "fencing", "cut accepted")
            await kill(process)
        assert not place.host(FIRST).service.forced_down
        async with daemon(place):
            incident = await place.until(FIRST, "down", "taken up again after a restart")
            assert story(incident).count("cutting the power") == 1
            await place.told("operators", FIRST, "suspected", "confirmed")


async def test_b11_without_etcd_nothing_is_cut_and_what_is_known_can_be_asked_for(
    tmp_path: Path, etcd: Cluster
) -> None:
    (member,) = etcd.members
    async with site(tmp_path, changes=kept_in(etcd)) as place, daemon(place) as process:
        await place.arm()
        await fail(place, FIRST)
        await place.until(FIRST, "down")
        await asyncio.to_thread(member.kill)
        place.lab.world.fail(SECOND, Failure.COMPUTE)
        # What cannot be saved is not taken: its sender comes again, as Alertmanager does.
        coming = asyncio.create_task(place.monitor.insist(SECOND))
        await place.logged("gave up after")
        assert (await place.incident(FIRST) or {})["phase"] == "down"
        assert (await place.ask("GET", "/v1/status"))["armed"]["on"]
        assert place.host(SECOND).power
        await asyncio.to_thread(etcd.start, member)
        await coming
        await place.until(SECOND, "down")
        await stop(process)
