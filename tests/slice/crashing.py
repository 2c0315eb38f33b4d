"""A daemon that dies: `python -m tests.slice.crashing NUMBER TRACE CONFIG`.

It is the real daemon, made by the real composition root, with a thin skin around the store, the
controller, the power devices and the notifiers. Every save and every call passes two boundaries,
before it and after it; at boundary NUMBER, or the
first one of that name, the process kills itself with SIGKILL. Each boundary
passed is written to TRACE, so that the test can tell which there are and which were reached. The
product has no failpoints of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from doctor_daemon.config import load
from doctor_daemon.engine.making import instruments
from doctor_daemon.main import Daemon
from doctor_daemon.ports import Controller, Notifier, PowerDevice, Store

SAVES = ("commit", "deliveries", "replace_charges")
NOVA = ("look", "force_down", "servers", "evacuate", "evacuations", "changed_evacuations")
POWER = ("identify", "read", "cut")
TELL = ("deliver",)


class Boundaries:
    """Counts the boundaries that are passed; dies at the one that was drawn."""

    def __init__(self, fatal: str, trace: Path) -> None:
        self._fatal = fatal
        self._trace = trace
        self._count = 0

    def pass_by(self, name: str) -> None:
        """Pass one boundary, or die at it."""
        self._count += 1
        with self._trace.open("a") as trace:
            trace.write(f"{name}\n")
        if self._fatal in (str(self._count), name):
            os.kill(os.getpid(), signal.SIGKILL)


class Skin:
    """Stands around an instrument: `names` are the calls whose two sides are boundaries."""

    def __init__(self, inner: object, names: tuple[str, ...], boundaries: Boundaries) -> None:
        self._inner = inner
        self._names = names
        self._boundaries = boundaries

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the instrument has
        found = getattr(self._inner, name)
        return self._skinned(name, found) if name in self._names else found

    def _skinned(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        async def skinned(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - as above
            self._boundaries.pass_by(f"before {name}")
            result = await call(*args, **options)
            self._boundaries.pass_by(f"after {name}")
            return result

        return skinned


def main() -> None:
    """Run the daemon, mortally."""
    boundaries = Boundaries(sys.argv[1], Path(sys.argv[2]))
    settings = load(Path(sys.argv[3]))
    tools = instruments(settings)
    devices = {
        name: cast("PowerDevice", Skin(device, POWER, boundaries))
        for name, device in tools.devices.items()
    }
    notifiers = {
        name: cast("Notifier", Skin(notifier, TELL, boundaries))
        for name, notifier in tools.notifiers.items()
    }
    mortal = replace(
        tools,
        store=cast("Store", Skin(tools.store, SAVES, boundaries)),
        controller=cast("Controller", Skin(tools.controller, NOVA, boundaries)),
        devices=devices,
        notifiers=notifiers,
    )
    asyncio.run(Daemon(settings, mortal).run())


if __name__ == "__main__":
    main()
