"""Rows of Nova's answers, as it sends them, and the body that holds some."""

from __future__ import annotations

import json
from collections.abc import Mapping

from doctor_daemon.controllers.servers import HOST
from doctor_daemon.core.instant import Instant

UUID = "4f22b540-1c82-456c-b2f4-ba0d18d9a30f"
AT = Instant("boot", 1.0, 2.0)
SERVICE: Mapping[str, object] = {
    "binary": "nova-compute",
    "host": "cmp-1",
    "id": UUID,
    "zone": "nova",
    "status": "enabled",
    "state": "up",
    "updated_at": "2026-11-21T02:32:02.000000",
    "disabled_reason": None,
    "forced_down": False,
}
STUB = {"binary": "nova-compute", "host": "cmp-2", "status": "UNKNOWN"}
SERVER: Mapping[str, object] = {
    "id": "s1",
    "name": "vm-1",
    "status": "ACTIVE",
    "tenant_id": "p1",
    HOST: "cmp-1",
}


def body(key: str, *rows: Mapping[str, object], **more: object) -> bytes:
    """Return the answer with these rows under a key."""
    return json.dumps({key: rows, **more}).encode()
