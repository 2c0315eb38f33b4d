"""What runs beside for as long as the daemon does: a bug in it is told, and it begins again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from doctor_daemon.metrics import Metrics

AGAIN_S = 5.0
"""The pause before what should run for good, and has ended, begins again."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
Work = Callable[[], Awaitable[None]]


async def again(what: str, work: Work, metrics: Metrics) -> None:
    """Run something until cancelled: a bug in it is told and counted, and it begins again."""
    while True:
        try:
            await work()
        except Exception:
            metrics.bugs.inc()
            log.exception("internal error", what=what)
        await asyncio.sleep(AGAIN_S)


@asynccontextmanager
async def kept(what: str, work: Work, metrics: Metrics) -> AsyncIterator[None]:
    """Keep something running until the block ends."""
    task = asyncio.create_task(again(what, work, metrics))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
