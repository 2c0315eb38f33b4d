"""The operators' API: what it says, what it does, what it records, and trouble of its own."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Sequence
from dataclasses import replace

import pytest

from doctor_daemon.api.serving import LIMITS
from doctor_daemon.core.host import HostId
from doctor_daemon.ports import Heading
from tests.api.desk import desk, refused
from tests.api.rig import error
from tests.engine.rig import Rig, SlowDisk

ORDER, WINDOW = "/v1/hosts/cmp-1/orders", "/v1/hosts/cmp-1/maintenance"


# What is asked


async def test_the_status_says_how_the_daemon_stands() -> None:
    async with desk() as at:
        status, said = await at.ask("GET", "/v1/status")
    assert status == 200
    assert (said["ready"], said["mode"], said["hosts"]) == (True, "fence", 2)
    assert said["armed"] == {"on": False, "by": "", "why": "never armed"}


async def test_a_host_is_explained_by_its_name_or_an_alias() -> None:
    async with desk() as at:
        await at.ask("POST", WINDOW, {"for_s": 60, "why": "a disk"})
        for name in ("cmp-1", "CMP-1.example"):
            status, said = await at.ask("GET", f"/v1/hosts/{name}")
            assert (status, said["host"], said["incident"]) == (200, "cmp-1", None)
            assert said["maintenance"]["why"] == "a disk"
            assert said["armed"]["on"] is False
        assert (await at.ask("GET", "/v1/hosts/cmp-2"))[1]["maintenance"] is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cmp-11", "perhaps cmp-1"),
        ("cmp-1.elsewhere.example", "a host of the configuration, or its alias"),
        ("%00", "a host of the configuration, or its alias"),
        ("x" * 200, "a host of the configuration, or its alias"),
    ],
)
async def test_an_unknown_host_is_named(name: str, expected: str) -> None:
    async with desk() as at:
        for method, path in (("GET", f"/v1/hosts/{name}"), ("GET", f"/v1/incidents?host={name}")):
            status, said = await refused(at, method, path)
            assert (status, said["code"], said["field"]) == (404, "unknown_host", "host")
            assert said["expected"] == expected
            assert len(said["message"]) < 100


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "", "1.5", "%D9%A3", "9" * 5000])
async def test_a_wrong_limit_is_refused(limit: str) -> None:
    async with desk() as at:
        status, said = await refused(at, "GET", f"/v1/incidents?limit={limit}")
    assert (status, said["field"], said["expected"]) == (422, "limit", "a number from 1 to 1000")


async def test_incidents_are_listed_the_newest_first() -> None:
    async with desk() as at:
        for name in ("cmp-1", "cmp-2"):
            await at.ask("POST", f"/v1/hosts/{name}/orders", {"order": "fence", "why": "dead"})
        both = (await at.ask("GET", "/v1/incidents"))[1]["incidents"]
        one = (await at.ask("GET", "/v1/incidents?limit=1"))[1]["incidents"]
        first = (await at.ask("GET", "/v1/incidents?host=cmp-1"))[1]["incidents"]
    assert [row["host"] for row in both] == ["cmp-2", "cmp-1"]
    assert [row["host"] for row in one] == ["cmp-2"]
    assert [row["host"] for row in first] == ["cmp-1"]


# What is ordered


async def test_the_switch_records_the_person_and_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    async with desk() as at:
        for word, on in (("arm", True), ("disarm", False)):
            status, said = await at.ask("POST", f"/v1/{word}", {"why": f" {word}\n it  now "})
            assert status == 200
            assert said["armed"] == {"on": on, "by": me, "why": f"{word} it now"}
            assert at.engine.ward.armed.on is on
    orders = [line for line in capsys.readouterr().out.splitlines() if "operator's order" in line]
    assert len(orders) == 2
    for line, word in zip(orders, ("arm", "disarm"), strict=True):
        assert {f"order={word}", f"by={me}"} <= set(line.split())
        assert f"why='{word} it now'" in line


async def test_a_maintenance_begins_and_ends() -> None:
    async with desk() as at:
        assert (await refused(at, "DELETE", WINDOW))[1]["message"] == (
            "cmp-1 is not under maintenance"
        )
        status, said = await at.ask("POST", WINDOW, {"for_s": 60, "why": "a disk"})
        assert (status, said["maintenance"][0]["host"]) == (200, "cmp-1")
        assert (await at.ask("DELETE", WINDOW))[1]["maintenance"] == []
        status, said = await refused(at, "POST", WINDOW, {"for_s": 31 * 86400, "why": "holidays"})
        assert status == 409
        assert said["message"] == "for: expected up to 720 hours, found 2.6784e+06 s"


async def test_orders_that_cannot_be_followed_say_why() -> None:
    async with desk() as at:
        status, said = await refused(at, "POST", ORDER, {"order": "close", "why": "x"})
        assert (status, said["code"]) == (409, "refused")
        assert said["message"] == "cmp-1 has no open incident"
        status, said = await at.ask("POST", ORDER, {"order": "fence", "why": "it is dead"})
        assert (status, said["incident"]["host"]) == (200, "cmp-1")
        status, said = await refused(at, "POST", ORDER, {"order": "close", "why": "x"})
        assert (status, "close is for one that is down" in said["message"]) == (409, True)


# Trouble of our own


class Broken(SlowDisk):
    """A store with a bug in its reader."""

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        msg = "a bug: password=swordfish"
        raise ValueError(msg)


@pytest.mark.expects_exceptions
async def test_a_bug_is_logged_and_told_without_its_words() -> None:
    async with desk(Rig(disk=Broken())) as at:
        status, said = await refused(at, "GET", "/v1/incidents")
        assert (status, said) == (
            500,
            error("internal", "", "internal error: see the daemon's log", ""),
        )
        assert (await at.ask("GET", "/v1/status"))[0] == 200


async def test_a_disk_that_fails_is_said_and_disarms_all_the_same() -> None:
    rig = Rig()
    async with desk(rig) as at:
        await at.ask("POST", "/v1/arm", {"why": "go"})
        rig.disk.failures = 1
        status, said = await refused(at, "POST", "/v1/disarm", {"why": "stop"})
        assert (status, said["code"], said["message"]) == (503, "unavailable", "disk full")
        assert at.engine.ward.armed.on is False


async def test_what_takes_too_long_is_answered_all_the_same() -> None:
    rig = Rig()
    async with desk(rig, limits=replace(LIMITS, handle_s=0.2)) as at:
        rig.disk.commit_s = 1.0
        status, said = await refused(at, "POST", "/v1/arm", {"why": "go"})
        rig.disk.commit_s = 0.0
    assert status == 503
    assert said["message"] == "it took too long; it may have been done all the same"


async def test_a_caller_who_says_nothing_is_let_go() -> None:
    async with desk(limits=replace(LIMITS, head_s=0.2, connections=2)) as at:
        silent = [asyncio.create_task(at.wire(b"GET /v1")) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert (await at.wire()).startswith(b"HTTP/1.1 503 ")
        for one in await asyncio.gather(*silent):
            assert one.startswith(b"HTTP/1.1 408 ")
        assert (await at.ask("GET", "/v1/status"))[0] == 200
