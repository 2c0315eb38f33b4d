"""The cloud's monitoring: an Alertmanager that knows one daemon, and its secret."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from aiohttp import ClientError, ClientSession, ClientTimeout

Json = dict[str, Any]
OK = 200
REQUEST_S = 10.0
TRIES = 100
PAUSE_S = 0.1


class Deaf(Exception):
    """The daemon takes no alert; the text says how it answered."""


def alert(host: str, began_s: float, *, over: bool = False) -> Json:
    """Make the body of Alertmanager's webhook, version 4. `began_s` is Unix time."""
    status = "resolved" if over else "firing"
    labels = {"alertname": "HostDown", "host": host, "severity": "critical"}
    one = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": f"{host} does not answer"},
        "startsAt": _time(began_s),
        "endsAt": _time(time.time()) if over else "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1:9090/graph",
        "fingerprint": f"d0c70200{crc32(host.encode()):08x}",
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


@dataclass(slots=True)
class Alertmanager:
    """Sends alerts to one URL."""

    url: str
    bearer: str
    began_s: float = 0.0
    """When the present alert began, in Unix time."""

    async def fire(self, host: str) -> float:
        """Accuse a host, again and again until that is taken.

        Return when the try that was taken began, on CLOCK_MONOTONIC. Raise Deaf.
        """
        self.began_s = time.time()
        said = ""
        for _ in range(TRIES):
            at_s = time.monotonic()
            try:
                status, said = await self._send(alert(host, self.began_s))
            except (ClientError, TimeoutError) as error:
                status, said = 0, str(error)
            if status == OK:
                return at_s
            await asyncio.sleep(PAUSE_S)
        raise Deaf(f"the daemon takes no alert: {said}")

    async def resolve(self, host: str) -> None:
        """Take the accusation back. Raise Deaf."""
        status, said = await self._send(alert(host, self.began_s, over=True))
        if status != OK:
            raise Deaf(f"the daemon does not take the alert back: {status} {said}")

    async def _send(self, body: Json) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.bearer}"}
        limit = ClientTimeout(total=REQUEST_S)
        async with (
            ClientSession(timeout=limit) as session,
            session.post(self.url, json=body, headers=headers) as answer,
        ):
            return answer.status, await answer.text()


def _time(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
