"""Where a case hands on what it has saved, and what it has met.

A notice comes before whatever else is due once a step is saved: a question to Nova, the answer to
the sender, a line of the log. Each is a millisecond of the same event loop, and a notice needs two
turns of that loop until it is sent: one begins the request, the next writes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from doctor_daemon.core.incident import Incident
from doctor_daemon.ports import NoticeRow

TURNS = 2
"""Of the event loop, until a request is on its way by a connection that stands already."""


@dataclass(frozen=True, slots=True)
class Links:
    """The outbox, who watches saved steps, and who counts bugs."""

    tell: Callable[[tuple[NoticeRow, ...]], None]
    watch: Callable[[Incident | None, Incident], None]
    bug: Callable[[str, Exception], None]

    async def told(self, notices: tuple[NoticeRow, ...]) -> None:
        """Hand saved notices on, and let them go first. Nothing waits for a consumer."""
        self.tell(notices)
        for _ in range(TURNS if notices else 0):
            await asyncio.sleep(0)
