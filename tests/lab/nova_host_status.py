"""The contract of `host_status`: what Nova says of a server's host, and whom it lets see that."""

from __future__ import annotations

import asyncio
import time

from doctor_daemon.lab.servers import OwnerSees
from tests.lab.nova_servers import listed
from tests.lab.nova_target import NovaTarget, Who, ask, booted, put, restored

ABSENT = "(absent)"
STEPS = (
    (None, "UP"),
    ({"status": "disabled"}, "MAINTENANCE"),
    ({"forced_down": True}, "DOWN"),
    ({"status": "enabled"}, "DOWN"),
    ({"forced_down": False}, "UP"),
)
"""What is changed of a service that lives, one after the other, and what its host is then."""
POLICY_S = 10.0
"""How long Nova may take to notice that its policy has changed."""


async def seen_by_owner(target: NovaTarget, server: str) -> str:
    """What its owner is shown: alike in the list and of the server alone, before or after it."""
    before = await shown_alone(target, server)
    rows = (await ask(target, "GET", "/servers/detail", who=Who.MEMBER)).body["servers"]
    (row,) = [row for row in rows if row["id"] == server]
    in_list = str(row.get("host_status", ABSENT))
    assert in_list in {before, await shown_alone(target, server)}
    return in_list


async def shown_alone(target: NovaTarget, server: str) -> str:
    """What its owner is shown who asks for the server alone."""
    body = (await ask(target, "GET", f"/servers/{server}", who=Who.MEMBER)).body
    return str(body["server"].get("host_status", ABSENT))


async def comes_to(target: NovaTarget, server: str, status: str, limit_s: float) -> None:
    """Wait until its owner is shown this."""
    until_s = time.monotonic() + limit_s
    while (found := await seen_by_owner(target, server)) != status:
        assert time.monotonic() < until_s, found
        await asyncio.sleep(0.1)


class NovaHostStatus:
    async def test_host_status_order(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with booted(target, host) as (server,), restored(target, host):
            for body, status in STEPS:
                if body is not None:
                    await put(target, host, body)
                shown = (await ask(target, "GET", f"/servers/{server}")).body["server"]
                (in_list,) = await listed(target, f"uuid={server}")
                assert shown["host_status"] == in_list["host_status"] == status

    async def test_host_status_of_a_dead_host(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with booted(target, host) as (server,), restored(target, host):
            await target.kill_compute(host)
            until_s = time.monotonic() + target.service_down_s
            while (found := (await listed(target, f"uuid={server}"))[0])["host_status"] == "UP":
                assert time.monotonic() < until_s
                await asyncio.sleep(0.1)
            assert found["host_status"] == "UNKNOWN"
            await put(target, host, {"status": "disabled"})
            (found,) = await listed(target, f"uuid={server}")
            assert found["host_status"] == "MAINTENANCE"
            assert (found["status"], found["OS-EXT-STS:power_state"]) == ("ACTIVE", 1)

    async def test_owner_sees_no_host_status(self, target: NovaTarget) -> None:
        async with booted(target, target.hosts[0]) as (server,):
            assert await seen_by_owner(target, server) == ABSENT

    async def test_an_owner_who_may_sees_every_host_status(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with booted(target, host) as (server,), restored(target, host):
            async with target.shown_to_owners(OwnerSees.FULL):
                await comes_to(target, server, "UP", POLICY_S)
                for body, status in STEPS:
                    if body is not None:
                        await put(target, host, body)
                    assert await seen_by_owner(target, server) == status
            await comes_to(target, server, ABSENT, POLICY_S)

    async def test_an_owner_may_see_unknown_alone(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with (
            booted(target, host) as (server,),
            restored(target, host),
            target.shown_to_owners(OwnerSees.UNKNOWN_ONLY),
        ):
            for body, _ in STEPS:
                if body is not None:
                    await put(target, host, body)
                assert await seen_by_owner(target, server) == ABSENT
            await target.kill_compute(host)
            await comes_to(target, server, "UNKNOWN", target.service_down_s + POLICY_S)
            await put(target, host, {"forced_down": True})
            assert await seen_by_owner(target, server) == ABSENT
