"""E3: whatever a stranger or a source sends, the log has whole lines of ours and no others."""

from __future__ import annotations

import json

import pytest

from doctor_daemon.log import LINE_MAX, TEXT_MAX
from tests.api.rig import doctor
from tests.inspectors.alerts import body, inspector
from tests.inspectors.rig import Ledger, listening, source
from tests.log.conftest import Lines

FORGED = 'x\n{"level": "info", "event": "forged"}\r\n\x1b[2J\x1b]0;owned\x07\u2028\u202e\x85\x00'
LONG = "y" * 100_000
EVENT = {"time": "2026-11-21T10:00:00", "type": "compute.host.down"}


def event(hostname: str, **more: object) -> object:
    return [{**EVENT, "details": {"hostname": hostname, **more}}]


@pytest.mark.parametrize("text", [FORGED, LONG, f"{FORGED}{LONG}"[:60_000]])
async def test_e3_every_outside_field_stays_within_its_line(lines: Lines, text: str) -> None:
    alert = body(host=text, alertname="HostDown")
    other = body(alertname=text)
    async with listening(Ledger(), source(doctor()), source(inspector())) as client:
        for sent in (
            event(text),
            event("cmp-1", monitor=text),
            event("cmp-1", status=text),
            [{**EVENT, "type": text, "details": {"hostname": "cmp-1"}}],
            [{**EVENT, "time": text, "details": {"hostname": "cmp-1"}}],
            {text: 1},
            text,
        ):
            await client.send("/events", sent, method="PUT")
        for delivery in (alert, other, {**alert, "version": text}, {**alert, "receiver": text}):
            await client.send("/v1/alertmanager", delivery)
        raw = text.encode("utf-8", "surrogatepass")[:4000]
        await client.wire(b"PUT /" + raw + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.wire(b"PUT /events HTTP/1.1\r\nHost: x\r\nContent-Type: " + raw + b"\r\n\r\n")
    found = lines()
    assert found
    for line in found:
        assert line["event"] != "forged"
        assert set(line) >= {"timestamp", "level", "mode", "armed", "event", "logger"}
        assert len(json.dumps(line)) <= LINE_MAX
        for value in line.values():
            assert not isinstance(value, str) or value.isprintable()
            assert not isinstance(value, str) or len(value) <= TEXT_MAX + len("... (cut)")
