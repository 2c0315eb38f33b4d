"""A consumer that was out of order for too long: what it was not told is told it in the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from doctor_daemon.cli.client import Unanswered
from doctor_daemon.lab.consumer import Receipt
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.world import Failure
from tests.slice.process import daemon
from tests.slice.site import ME, Json, Site, site

GONE, WELL, HOST = "project-1", "operators", "compute-1"
REPLAY = "/v1/notices/replay"


async def dead(place: Site, count: int) -> list[Json]:
    """Wait until so many notices are given up; return them, the oldest first."""
    found: list[Json] = []
    for _ in range(400):
        found = (await place.ask("GET", f"/v1/notices?state=dead&consumer={GONE}"))["notices"]
        if len(found) == count:
            break
        await asyncio.sleep(0.05)
    assert [row["error"] for row in found] == ["the consumer refuses it: 410"] * count
    return found[::-1]


async def received(place: Site, count: int) -> list[Receipt]:
    """Wait until the consumer has so many deliveries, and return them in order."""
    mine: list[Receipt] = []
    for _ in range(400):
        mine = [receipt for receipt in place.lab.consumer.receipts if receipt.consumer == GONE]
        if len(mine) >= count:
            break
        await asyncio.sleep(0.05)
    assert len(mine) == count
    return mine


async def dead_letters(place: Site, count: int) -> None:
    """Wait until the metric says so."""
    series = f'doctor_dead_letters{{consumer="{GONE}"}}'
    for _ in range(400):
        if await place.metric(series) == count:
            return
        await asyncio.sleep(0.05)
    msg = f"{series} is not {count}"
    raise AssertionError(msg)


async def test_what_was_given_up_is_replayed_by_the_next_daemon(tmp_path: Path) -> None:
    async with site(tmp_path) as place:
        gone = Rule(service=Service.CONSUMER, do=Do.STATUS, host=GONE, status=410, times=None)
        place.lab.faults.add(gone)
        async with daemon(place):
            await place.arm()
            place.lab.world.fail(HOST, Failure.COMPUTE)
            await place.monitor.insist(HOST)
            incident = await place.until(HOST, "down")
            await place.told(WELL, HOST, "suspected", "confirmed")
            lost = await dead(place, 2)
            assert [row["kind"] for row in lost] == ["suspected", "confirmed"]
            await dead_letters(place, 2)
        place.lab.faults.clear()  # it is mended
        async with daemon(place):
            assert await dead(place, 2) != []
            with pytest.raises(Unanswered, match="no notice has the id msg_0"):
                await place.ask("POST", REPLAY, {"ids": ["msg_0"], "why": "a slip"})
            first = {"ids": [lost[0]["id"]], "why": "the endpoint is mended"}
            assert (await place.ask("POST", REPLAY, first))["replayed"][0]["state"] == "pending"
            await received(place, 1)
            await dead_letters(place, 1)
            await place.ask("POST", REPLAY, {"consumer": GONE, "why": "the rest as well"})
            mine = await received(place, 2)
            await dead_letters(place, 0)
            order = f'order=replay by={ME} notices=["{lost[0]["id"]}"]'
            await place.logged(f'{order} why="the endpoint is mended"')
        # The consumer of the lab has checked each signature, by a code of its own.
        assert [(r.verdict, r.id) for r in mine] == [("new", row["id"]) for row in lost]
        assert [r.event["data"]["kind"] for r in mine] == ["suspected", "confirmed"]
        assert {r.event["data"]["incident"] for r in mine} == {incident["id"]}
        assert place.host(HOST).service.forced_down
