"""A daemon that goes wrong at a word: `python -m tests.slice.hanging HOW FLAG CONFIG`.

It is the real daemon, made by the real composition root, with a thin skin around the store and the
controller. Once the file FLAG is there, their calls go wrong in the manner HOW. The product has no
failpoints of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from doctor_daemon import log
from doctor_daemon.config import load
from doctor_daemon.engine.making import instruments
from doctor_daemon.errors import Temporary
from doctor_daemon.main import Daemon
from doctor_daemon.ports import Controller, Store

FOR_GOOD_S = 3600.0


async def unanswered() -> None:
    """Wait for an answer that never comes."""
    await asyncio.Event().wait()


async def blocked() -> None:
    """Keep the event loop to itself."""
    time.sleep(FOR_GOOD_S)  # noqa: ASYNC251 - this is what is to be noticed


async def full() -> None:
    msg = "the disk is full"
    raise Temporary(msg)


async def cancelled() -> None:
    """End as a future does that somebody else has cancelled."""
    raise asyncio.CancelledError


WAYS: dict[str, tuple[tuple[str, ...], Callable[[], Awaitable[None]]]] = {
    "unanswered": (("commit",), unanswered),
    "blocked": (("commit",), blocked),
    "full": (("commit",), full),
    "cancelled": (("fleet", "all_servers", "changed_servers"), cancelled),
}
"""How -> the calls that go wrong, and what they do first."""


class Skin:
    """Stands around an instrument."""

    def __init__(self, inner: object, how: str, flag: Path) -> None:
        self._inner = inner
        self._names, self._wrong = WAYS[how]
        self._flag = flag

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the instrument has
        found = getattr(self._inner, name)
        return self._skinned(found) if name in self._names else found

    def _skinned(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        async def skinned(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - as above
            if self._flag.exists():
                await self._wrong()
            return await call(*args, **options)

        return skinned


def main() -> None:
    """Run the daemon, until it hangs."""
    how, flag, settings = sys.argv[1], Path(sys.argv[2]), load(Path(sys.argv[3]))
    log.setup("text", "info")
    tools = instruments(settings)
    sick = replace(
        tools,
        store=cast("Store", Skin(tools.store, how, flag)),
        controller=cast("Controller", Skin(tools.controller, how, flag)),
    )
    asyncio.run(Daemon(settings, sick).run())


if __name__ == "__main__":
    main()
