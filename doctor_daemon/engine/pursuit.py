"""One order about Cinder, as it is followed and shown; and a question that a person waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volumes import End, Finding
from doctor_daemon.engine.errand import Patience
from doctor_daemon.errors import Temporary

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Pursued:
    """An order as it stands now, and whether its end is known."""

    order: VolumeOrder
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def shown(self) -> dict[str, Any]:
        """Return it as plain data. `end` is empty while it is under way."""
        order = self.order
        found = order.finding or Finding(End.UNKNOWN, "it is under way")
        return {
            "number": order.number,
            "order": order.name,
            "target": order.target,
            "by": order.by,
            "why": order.why,
            "end": found.end.value if order.finding else "",
            "text": found.text,
            "advice": found.advice,
            "until": str(order.until) if order.until else "",
            "put_back": order.put_back.text if order.put_back else "",
        }

    def told(self) -> dict[str, Any]:
        """Return what each line of the log says of it."""
        order = self.order
        return {
            "order": f"cinder {order.name}",
            "number": order.number,
            "target": order.target,
            "by": order.by,
            "why": order.why,
        }


async def soon(question: Awaitable[T], patience: Patience) -> T:
    """Bound a question to Cinder that a person waits for. Raise Temporary."""
    try:
        async with asyncio.timeout(patience.question_s):
            return await question
    except TimeoutError:
        msg = (
            f"Cinder has not answered within {patience.question_s:g} s. A service that died and "
            "is up in its eyes still keeps questions for log levels waiting: ask for one host"
        )
        raise Temporary(msg) from None
