"""The monitor: it sends alerts as Alertmanager does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import ClientSession, ClientTimeout

from doctor_daemon.cli.demo.alerts import alert

BEARER = "a-bearer-that-only-the-alertmanager-knows"
TRIES = 150
PAUSE_S = 0.1
BEGAN_S = 1_795_226_000.0
"""When the alert began, in Unix time: the same in every message, as Alertmanager has it."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """An Alertmanager that knows one daemon."""

    url: str

    async def send(
        self, host: str, *, status: str = "firing", bearer: str = BEARER
    ) -> tuple[int, str]:
        """Send one alert; return the status and the text that it was answered with."""
        headers = {"Authorization": f"Bearer {bearer}"}
        body = alert(host, BEGAN_S, over=status == "resolved")
        async with (
            ClientSession(timeout=ClientTimeout(total=10)) as session,
            session.post(self.url, json=body, headers=headers) as answer,
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
