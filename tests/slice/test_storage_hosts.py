"""A host dies that a cinder-volume ran on: a human is asked, and what is ours is given back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from doctor_daemon.lab.volume_services import CinderOptions
from doctor_daemon.lab.world import Failure, Timing
from tests.cli.terminal import Terminal
from tests.lab.cinder_target import ALPHA, BETA
from tests.slice.process import RUN, daemon, kill, ready, started
from tests.slice.site import LAB, Site, site
from tests.slice.storage import tasks, with_cinder

HOST = "compute-1"
STORED = replace(
    LAB,
    timing=Timing(report_interval_s=0.5, service_down_s=3.0),
    cinder=CinderOptions(rpc_timeout_s=1.0, failover_s=0.2),
)
BACKENDS = [
    {"service": ALPHA, "host": HOST, "failover_to": "spare"},
    {"service": BETA, "host": HOST},
]
POLICY = {"every_s": 1, "enable_by_thaw": True, "backends": BACKENDS}


async def test_the_storage_of_a_fenced_host_is_seen_to_across_a_kill_of_the_daemon(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, STORED) as place:
        with_cinder(place, **POLICY)
        volumes = place.lab.cinder.volumes
        alpha, beta = volumes.row(ALPHA), volumes.row(BETA)
        async with started(place, RUN) as process:
            await ready(place, process)
            await place.arm()
            for name in (ALPHA, BETA):
                volumes.kill(name)
            place.lab.world.fail(HOST, Failure.HOST)
            await place.monitor.send(HOST)
            incident = await place.until(HOST, "down")
            await tasks(place, HOST, alpha="down", beta="down")
            said = await Terminal(place).well("explain", HOST)
            assert f"needed: bring {ALPHA} up elsewhere" in said
            assert f"bring {BETA} up elsewhere" in await Terminal(place).well("status")
            assert await place.metric('doctor_storage_tasks{stage="down"}') == 2
            await kill(process)
        for row in (alpha, beta):
            assert row.disabled
            assert str(row.reason).startswith(f"doctor-daemon:{incident['id']}:")
        async with daemon(place):
            await tasks(place, HOST, alpha="down", beta="down")
            for name in (ALPHA, BETA):
                volumes.start(name)
            await order_the_failover(place)
            found = await tasks(place, HOST, alpha="done", beta="done")
            assert (await place.incident(HOST) or {})["phase"] == "down"
        assert (alpha.replication, alpha.backend) == ("failed-over", "spare")
        assert (beta.disabled, beta.frozen) == (False, False)
        assert "failed over to spare" in found["alpha"]["story"][-1]["text"]
        assert found["beta"]["story"][-1]["text"] == f"{BETA} is enabled"


async def order_the_failover(place: Site) -> None:
    """Do what the daemon asks of a human."""
    asked = await tasks(place, HOST, alpha="held", beta="done")
    assert f"`doctor-daemon cinder failover {ALPHA} --to spare`" in asked["alpha"]["frees"]
    assert place.lab.cinder.volumes.row(ALPHA).replication == "enabled"
    order = ("failover", ALPHA, "--to", "spare", "--confirm", ALPHA, "--why", "CHG-1")
    await Terminal(place).well("cinder", *order)


async def test_storage_that_is_to_be_left_is_left(tmp_path: Path) -> None:
    async with site(tmp_path, STORED) as place:
        with_cinder(place, **{**POLICY, "fenced": "leave"})
        async with daemon(place):
            await place.arm()
            place.lab.world.fail(HOST, Failure.HOST)
            await place.monitor.send(HOST)
            await place.until(HOST, "down")
            assert await tasks(place, HOST) == {}
        assert not place.lab.cinder.volumes.row(ALPHA).disabled
