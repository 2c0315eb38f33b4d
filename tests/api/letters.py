"""Notices that a consumer refuses, before a served engine."""

from __future__ import annotations

import asyncio
from typing import Any

from doctor_daemon.errors import Permanent
from tests.api.desk import Desk
from tests.engine.rig import Rig

NOTICES = "/v1/notices"


async def bury(rig: Rig, at: Desk, count: int = 1) -> list[dict[str, Any]]:
    """Have notices to the consumer given up; return them, the oldest first."""
    rig.consumer.errors = [Permanent("410 Gone")] * count
    for host in ("cmp-1", "cmp-2"):
        await at.ask("POST", f"/v1/hosts/{host}/orders", {"order": "fence", "why": "dead"})
    for _ in range(1000):
        if len(found := await listed(at, "?state=dead")) == count:
            return found[::-1]
        await asyncio.sleep(0.01)
    msg = "nothing is given up"
    raise AssertionError(msg)


async def listed(at: Desk, query: str = "") -> list[dict[str, Any]]:
    status, said = await at.ask("GET", f"{NOTICES}{query}")
    assert status == 200
    found = said["notices"]
    assert isinstance(found, list)
    return found
