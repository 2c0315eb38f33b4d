"""The monitor: it sends alerts as Alertmanager does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from aiohttp import ClientSession, ClientTimeout

Json = dict[str, Any]
BEARER = "a-bearer-that-only-the-alertmanager-knows"
TRIES = 150
PAUSE_S = 0.1


def alert(host: str, status: str = "firing") -> Json:
    """Make the body of Alertmanager's webhook, version 4, for one alert."""
    labels = {"alertname": "HostDown", "host": host, "severity": "critical"}
    one = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": f"{host} does not answer"},
        "startsAt": "2026-11-21T02:13:37.563Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-21T02:20:00.000Z",
        "generatorURL": "http://127.0.0.1:9090/graph",
        "fingerprint": f"bd94936a{crc32(host.encode()):08x}",
    }
    return {
        "receiver": "doctor-daemon",
        "status": status,
        "alerts": [one],
        "groupLabels": labels,
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093",
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
    }


@dataclass(frozen=True, slots=True)
class Monitor:
    """An Alertmanager that knows one daemon."""

    url: str

    async def send(
        self, host: str, *, status: str = "firing", bearer: str = BEARER
    ) -> tuple[int, str]:
        """Send one alert; return the status and the text that it was answered with."""
        headers = {"Authorization": f"Bearer {bearer}"}
        async with (
            ClientSession(timeout=ClientTimeout(total=10)) as session,
            session.post(self.url, json=alert(host, status), headers=headers) as answer,
        ):
            return answer.status, await answer.text()

    async def insist(self, host: str) -> None:
        """Send an alert until it is taken."""
        for _ in range(TRIES):
            try:
                if (await self.send(host))[0] == 200:
                    return
            except OSError:
                pass
            await asyncio.sleep(PAUSE_S)
        msg = "no daemon takes the alert"
        raise AssertionError(msg)
