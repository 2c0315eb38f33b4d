"""One simulated BMC: what it says of its host's power, and what it does to it.

What it says need not be true: the faults decide. What it does takes time, as on real machines.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from doctor_daemon.lab.faults import Do, Rule
from doctor_daemon.lab.rows import Host
from doctor_daemon.lab.world import World

RESET_TYPES = (
    "On",
    "ForceOff",
    "GracefulShutdown",
    "GracefulRestart",
    "ForceRestart",
    "Nmi",
    "ForceOn",
)
UNSUPPORTED = ("Nmi",)
"""Offered and then refused, as sushy-tools' emulator does. RedfishContract.test_wrong_resets."""


class Bmc:
    """The BMC of one host. `power_s` is how long a change of power takes."""

    def __init__(self, host: Host, world: World, power_s: float) -> None:
        self._host = host
        self._world = world
        self._power_s = power_s
        self._pending: asyncio.TimerHandle | None = None
        self._off_claimed_until_s = 0.0
        self._flips = itertools.cycle(("Off", "On"))

    def power(self, rule: Rule | None) -> str | None:
        """Tell the power; None when it is left out."""
        match rule.do if rule else None:
            case Do.LIE_OFF | Do.OFF_ERROR:
                return "Off"
            case Do.FLIPS:
                return next(self._flips)
            case Do.LIE_ON:
                return "On"
            case Do.NO_POWER:
                return None
            case Do.POWERING_OFF:
                return "PoweringOff"
            case _:
                early = self._world.clock.now() < self._off_claimed_until_s
                return "On" if self._host.power and not early else "Off"

    def change(self, asked: str, rule: Rule | None) -> None:
        """Begin a change of power; it takes the place of one that has not happened yet.

        A restart is off at once and on later. Contract: RedfishContract.test_restart_ends_on.
        """
        self.cancel()
        if asked in ("On", "ForceOn"):
            self._later(self._power_s, self._world.power_on)
        elif asked in ("ForceOff", "GracefulShutdown"):
            early = rule is not None and rule.do is Do.EARLY_OFF
            after_s = rule.seconds if early and rule else self._power_s
            self._off_claimed_until_s = self._world.clock.now() + after_s if early else 0.0
            self._later(after_s, self._world.power_off)
        else:
            self._world.power_off(self._host.name)
            self._later(self._power_s, self._world.power_on)

    def cancel(self) -> None:
        """Forget the change that has not happened yet."""
        if self._pending:
            self._pending.cancel()
        self._pending = None

    def _later(self, after_s: float, change: Callable[[str], None]) -> None:
        if after_s > 0:
            loop = asyncio.get_running_loop()
            self._pending = loop.call_later(after_s, change, self._host.name)
        else:
            change(self._host.name)
