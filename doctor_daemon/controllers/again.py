"""A question that is asked again where that may help: the same one, a few times, in its time.

Nearly every question is answered at the first try, and to be ready for the second costs as much
processor time as the question itself. So that is prepared once the first try has failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
)

from doctor_daemon.errors import Temporary

TRIES = 3
PAUSE_S = 0.25
RETRY_AFTER_MAX_S = 10.0

T = TypeVar("T")


class BusyError(Temporary):
    """An answer that may be another one soon; `after_s` is what Retry-After asked for."""

    def __init__(self, text: str, after_s: float = 0.0) -> None:
        super().__init__(text)
        self.after_s = after_s


async def answered(ask: Callable[[], Awaitable[T]], limit_s: float) -> T:
    """Ask up to TRIES times while it fails with a Temporary, and begin no try after `limit_s`."""
    now = asyncio.get_running_loop().time
    until_s = now() + limit_s
    try:
        return await ask()
    except Temporary as error:
        failed = [error]

    async def asked() -> T:
        if failed:
            raise failed.pop()
        return await ask()

    def enough(state: RetryCallState) -> bool:
        return state.attempt_number >= TRIES or now() + state.upcoming_sleep >= until_s

    repeated = retry_if_exception_type(Temporary)
    retrying = AsyncRetrying(stop=enough, wait=_pause, retry=repeated, reraise=True)
    return await retrying(asked)


def _pause(state: RetryCallState) -> float:
    """Return the seconds to wait: doubling, or what the server asked for, capped."""
    error = state.outcome.exception() if state.outcome else None
    asked_s = error.after_s if isinstance(error, BusyError) else 0.0
    return max(PAUSE_S * 2.0 ** (state.attempt_number - 1), min(asked_s, RETRY_AFTER_MAX_S))
