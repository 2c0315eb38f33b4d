"""What the tests of older Novas share: labs that offer less, and a peer that answers by name."""

from __future__ import annotations

import json
from dataclasses import replace

from doctor_daemon.core.tries import Outcome
from doctor_daemon.lab.cloud import LabOptions
from doctor_daemon.lab.nova import NovaOptions
from tests.controllers.releasing import REASON
from tests.controllers.rigs import HOST, SMALL
from tests.fakes.peer import Peer, telling

NAMED = {"host": HOST.name, "binary": "nova-compute"}
ROW = {
    **NAMED,
    "id": 6,
    "zone": "nova",
    "status": "enabled",
    "state": "up",
    "updated_at": None,
    "disabled_reason": None,
    "forced_down": False,
}
ID = "6@compute-1"
FORCED = telling({"service": {**NAMED, "forced_down": True}})
DISABLED = telling({"service": {**NAMED, "status": "disabled", "disabled_reason": REASON}})
SAID = {
    Outcome.ACCEPTED: "; Nova answered that the service is disabled",
    Outcome.REFUSED: "; it is not disabled: ",
    Outcome.UNKNOWN: "; whether it is disabled is not known: ",
}
"""What follows on the word of the flag, by how the second PUT ended."""


def until(highest: tuple[int, int]) -> LabOptions:
    """Return a lab whose Nova offers no more than a microversion."""
    return replace(SMALL, nova=NovaOptions(highest=highest))


def writes(peer: Peer) -> list[tuple[str, str, object]]:
    """Name what was to be changed: path, microversion, body."""
    return [
        (one.path, one.headers["openstack-api-version"], json.loads(one.body))
        for one in peer.requests
        if one.method != "GET"
    ]
