"""Events as OPNFV Doctor's sample monitor reports them, and variations of them."""

from __future__ import annotations

import json

from doctor_daemon.core.evidence import Trust
from doctor_daemon.inspectors.doctor import Doctor
from tests.inspectors.rig import Json, Ledger, Reply, listening, source, terms

NAIVE = "2026-11-21T10:00:00.123456"
NOW_S = 1_800_000_000.0


def inspector(**options: object) -> Doctor:
    config = Doctor.Config.model_validate_json(json.dumps(options), strict=True)
    return Doctor(config, terms("doctor-1", Trust.OPEN))


def event(hostname: str | None = "cmp-1", **details: object) -> Json:
    """Return an event as the sample monitor reports it, its details changed."""
    found = {
        "hostname": hostname,
        "status": "down",
        "monitor": "monitor_sample",
        "monitor_event_id": "monitor_sample_event1",
    }
    changed = {**found, **details}
    return {
        "id": "monitor_sample_id1",
        "time": NAIVE,
        "type": "compute.host.down",
        "details": {name: value for name, value in changed.items() if value is not None},
    }


async def sent(ledger: Ledger, body: object, path: str = "/events", method: str = "PUT") -> Reply:
    async with listening(ledger, source(inspector())) as client:
        return await client.send(path, body, method=method)
