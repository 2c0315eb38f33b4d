"""A daemon that Masakari's monitors report to: Keystone is asked, and a dead host is fenced."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.world import Failure
from tests.slice.process import daemon
from tests.slice.site import Site, site

HOST = "compute-1"
SOURCE = {
    "name": "masakari",
    "type": "masakari",
    "trust": "alone",
    "auth": {"keystone_roles": ["admin"]},
}


async def call(
    place: Site, method: str, path: str, token: str, body: object = None
) -> tuple[int, Any]:
    """Speak Masakari's API; return the status and the answer."""
    url = f"http://127.0.0.1:{place.evidence_port}/v1/{path}"
    async with (
        ClientSession(timeout=ClientTimeout(total=20)) as session,
        session.request(method, url, json=body, headers={"X-Auth-Token": token}) as answer,
    ):
        return answer.status, await answer.json()


def died() -> dict[str, Any]:
    """Say that the host has stopped, now."""
    return {
        "notification": {
            "type": "COMPUTE_HOST",
            "hostname": HOST,
            "generated_time": datetime.now(UTC).replace(tzinfo=None).isoformat(),
            "payload": {"event": "STOPPED", "cluster_status": "OFFLINE", "host_status": "NORMAL"},
        }
    }


async def test_a_host_that_masakari_reports_is_fenced_and_followed(tmp_path: Path) -> None:
    changes = {"sources": [SOURCE]}
    async with site(tmp_path, mode="evacuate", changes=changes) as place, daemon(place):
        await place.arm()
        identity, admin = place.lab.identity, place.lab.admin
        token = identity.issue(admin, admin.project, "password").text
        (member, *_) = place.lab.members.values()
        tenants = identity.issue(member, member.project, "password").text
        for wrong, status in (("", 401), ("made up", 401), (tenants, 403)):
            assert (await call(place, "POST", "notifications", wrong, died()))[0] == status
        assert await place.incident(HOST) is None
        place.lab.world.fail(HOST, Failure.HOST)
        status, made = await call(place, "POST", "notifications", token, died())
        assert (status, made["notification"]["status"]) == (202, "new")
        await place.until(HOST, "down")
        assert not place.host(HOST).power, "NORMAL was no proof: it was cut, and read off"
        id_ = made["notification"]["notification_uuid"]
        _, found = await call(place, "GET", f"notifications/{id_}", token)
        assert found["notification"]["status"] == "finished"
        _, moves = await call(place, "GET", f"notifications/{id_}/vmoves", token)
        assert {one["status"] for one in moves["vmoves"]} == {"succeeded"}
        assert token not in place.log.read_text()


async def test_e1_while_keystone_is_away_nobody_is_let_in(tmp_path: Path) -> None:
    async with site(tmp_path, changes={"sources": [SOURCE]}) as place, daemon(place):
        identity, admin = place.lab.identity, place.lab.admin
        token = identity.issue(admin, admin.project, "password").text
        place.lab.faults.add(Rule(service=Service.KEYSTONE, do=Do.STATUS, times=None))
        assert (await call(place, "POST", "notifications", token, died()))[0] == 503
        assert await place.incident(HOST) is None
