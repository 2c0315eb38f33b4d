"""Two daemons as processes with one etcd: one leads, the other takes over whatever happens."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession

from doctor_daemon.cli.client import Unanswered
from doctor_daemon.lab.redfish import RedfishOptions
from doctor_daemon.lab.world import Failure
from doctor_daemon.main import STEPPED_DOWN
from tests.slice.monitor import BEARER
from tests.slice.pair import LEASE_S, Pair, pair
from tests.slice.process import stop
from tests.slice.site import LAB, story

FIRST, SECOND = "compute-1", "compute-2"
SLOW = RedfishOptions(power_s=2.0)
SLACK_S = 4.0
"""What a busy machine may take longer than a lease, for the start of an engine among it."""


async def accused(both: Pair, host: str) -> None:
    both.lab.world.fail(host, Failure.COMPUTE)
    await both.first.place.monitor.insist(host)


async def test_l3_killed_in_mid_fencing_another_one_goes_on(tmp_path: Path) -> None:
    async with pair(tmp_path, replace(LAB, redfish=SLOW)) as both:
        await both.first.place.arm()
        await accused(both, FIRST)
        await both.first.place.until(FIRST, "fencing", "cut accepted")
        assert (await both.second.place.incident(FIRST) or {})["phase"] == "fencing"
        both.first.process.kill()
        killed_s = time.monotonic()
        led_s = await both.second.stands("leading") - killed_s
        assert led_s <= LEASE_S + SLACK_S
        incident = await both.second.place.until(FIRST, "down")
        assert story(incident).count("cutting the power") == 1
        await both.second.place.told("operators", FIRST, "suspected", "confirmed")


async def test_a_planned_hand_over_loses_no_time_and_no_evidence(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        await both.first.place.arm()
        with pytest.raises(Unanswered, match="another one leads: ctl-1; expected the order"):
            await both.second.place.arm()
        url, headers = both.second.place.monitor.url, {"Authorization": f"Bearer {BEARER}"}
        async with ClientSession() as session, session.post(url, headers=headers) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        both.lab.world.fail(SECOND, Failure.COMPUTE)
        coming = asyncio.create_task(both.second.place.monitor.insist(SECOND))
        await both.first.place.ask("POST", "/v1/step-down", {"why": "new kernel"})
        began_s = time.monotonic()
        assert await both.first.ended() == STEPPED_DOWN
        ended_s = time.monotonic()
        led_s = await both.second.stands("leading")
        assert led_s - ended_s < 3, "nobody waits for a lease to run out"
        assert led_s - began_s < LEASE_S + SLACK_S
        await coming
        await both.second.place.until(SECOND, "down")
        assert (await both.second.place.ask("GET", "/v1/status"))["armed"]["on"]


async def test_a12_a_leader_that_stood_still_ends_and_does_nothing_more(tmp_path: Path) -> None:
    async with pair(tmp_path, replace(LAB, redfish=SLOW)) as both:
        await both.first.place.arm()
        await accused(both, FIRST)
        await both.first.place.until(FIRST, "fencing", "cut accepted")
        both.first.process.send_signal(signal.SIGSTOP)
        await both.second.stands("leading")
        incident = await both.second.place.until(FIRST, "down")
        both.first.process.send_signal(signal.SIGCONT)
        assert await both.first.ended() == 1
        assert "leads no more" in both.first.place.log.read_text()
        assert story(incident).count("cutting the power") == 1
        await asyncio.sleep(1)
        found = await both.second.place.until(FIRST, "down")
        assert found["id"] == incident["id"]


async def test_b11_without_etcd_nobody_acts_and_both_can_be_asked(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        await both.first.place.arm()
        await accused(both, FIRST)
        await both.first.place.until(FIRST, "down")
        (member,) = both.etcd.members
        await asyncio.to_thread(member.kill)
        both.lab.world.fail(SECOND, Failure.COMPUTE)
        coming = asyncio.create_task(both.first.place.monitor.insist(SECOND))
        await both.first.stands("unsure")
        assert await both.first.place.metric("doctor_leading") == 0
        for one in (both.first, both.second):
            assert (await one.place.incident(FIRST) or {})["phase"] == "down"
        assert both.first.place.host(SECOND).power
        await asyncio.to_thread(both.etcd.start, member)
        await both.first.stands("leading")
        await coming
        await both.first.place.until(SECOND, "down")
        await stop(both.first.process)
        await both.second.stands("leading")


async def test_d2_a_disarm_is_taken_by_either_and_in_force_at_once(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        await both.first.place.arm()
        await both.second.place.ask("POST", "/v1/disarm", {"why": "core switch work"})
        await accused(both, FIRST)
        incident = await both.first.place.until(FIRST, "held")
        assert incident["held"]["gate"] == "armed"
        assert both.first.place.host(FIRST).power
        armed = (await both.first.place.ask("GET", "/v1/status"))["armed"]
        assert (armed["on"], armed["why"]) == (False, "core switch work")
        await both.first.place.arm()
        await both.first.place.order(FIRST, "fence")
        await both.first.place.until(FIRST, "down")
