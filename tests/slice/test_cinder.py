"""Operators' orders about Cinder, by the daemon's own process and its own command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from doctor_daemon.lab.volume_services import CinderOptions
from tests.cli.terminal import Terminal
from tests.lab.cinder_target import ALPHA, VOLUME
from tests.slice.process import RUN, daemon, kill, ready, started
from tests.slice.site import LAB, ME, site
from tests.slice.storage import with_cinder

SLOW = replace(LAB, cinder=CinderOptions(rpc_timeout_s=30.0, failover_s=0.1))
WHY = ("--why", "CHG-4715")


async def test_an_order_from_the_command_to_cinder_and_back(tmp_path: Path) -> None:
    async with site(tmp_path, SLOW) as place:
        with_cinder(place)
        row = place.lab.cinder.volumes.row(ALPHA)
        async with daemon(place):
            at = Terminal(place)
            assert await at.refused("cinder", "freeze", ALPHA, *WHY) == (
                "the daemon is disarmed: never armed"
            )
            await place.arm()
            said = await at.well("cinder", "disable", ALPHA, *WHY)
            assert said == f"disable: done: {VOLUME} of {ALPHA} is disabled; Cinder answered 200\n"
            assert row.reason == f"doctor-daemon: {ME}: CHG-4715"
            assert row.reason in await at.well("cinder", "services", "--host", ALPHA)
            said = await at.well(
                "cinder", "failover", ALPHA, "--to", "spare", "--confirm", ALPHA, *WHY
            )
            assert said.startswith("failover: done: ")
            await place.logged('order="cinder failover"')
            calls = (
                'doctor_call_seconds_count{call="failover_host",outcome="accepted",target="cinder"}'
            )
            assert await place.metric(calls) == 1


async def test_an_order_under_way_holds_up_no_stop(tmp_path: Path) -> None:
    async with site(tmp_path, SLOW) as place:
        with_cinder(place)
        async with daemon(place):
            await place.arm()
            place.lab.cinder.volumes.kill(ALPHA)
            body = {"order": "freeze", "host": ALPHA, "why": "a test"}
            found = await place.ask("POST", "/v1/cinder/orders", body)
            assert found["order"]["end"] == ""
        await place.logged("the daemon was stopped meanwhile")


async def test_without_a_section_there_is_no_cinder(tmp_path: Path) -> None:
    async with site(tmp_path) as place, started(place, RUN) as process:
        await ready(place, process)
        assert await Terminal(place).refused("cinder", "services") == (
            "no Cinder is configured: that is the section `storage`"
        )
        await kill(process)
