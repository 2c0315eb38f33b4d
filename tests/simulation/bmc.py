"""Power devices that lie for a while, hang, refuse, or answer for another chassis.

A device may say Off before it is true, but never for as long as the hold time: a consistent liar
without a second device cannot be found out by anybody, and the documentation says so.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TypeVar

from doctor_daemon.core.host import Device
from doctor_daemon.core.proof import Identity, Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Nameless, Temporary
from doctor_daemon.ports import Permit
from tests.simulation.clocks import Clocks
from tests.simulation.crash import Boundaries
from tests.simulation.oracle import Oracle
from tests.simulation.returns import Returns
from tests.simulation.standing import later
from tests.simulation.wakings import Wakings
from tests.simulation.world import Machine, World

T = TypeVar("T")
LIE_S = 1.9
"""The longest that a device says Off before it is true: below the shipped hold time."""
TIMEOUT_S = 10.0
WITNESS_S = 4.0
"""The longest that a liar's witness takes to answer: it is waited for as long as its time-outs."""
LOST_S = 90.0
"""The longest that a name cannot be resolved."""


class Bmc:
    """`ports.PowerDevice` of one machine."""

    def __init__(self, machine: Machine, device: Device, world: World, oracle: Oracle) -> None:
        self.name = device.name
        self._machine = machine
        self._device = device
        self._world = world
        self._swarm = world.swarm
        self._oracle = oracle
        self._clock: Clocks = oracle.clock
        self._boundaries: Boundaries = oracle.boundaries
        self._pauses = oracle.boundaries.pauses
        self._dead = world.swarm.strikes("bmc-dead", 0.5)
        self._says_off_from = float("inf")
        self._lost_until = 0.0
        """Until when its name cannot be resolved."""
        self._named = ""
        """The machine that it last said it is of."""

    async def identify(self) -> Identity:
        self._named = await self._asked("identify", self._uuid)
        return Identity(self._named)

    def _uuid(self) -> str:
        other = not self._device.tells_host and self._swarm.strikes("bmc-other-chassis")
        return "ffffffff-ffff-4fff-8fff-ffffffffffff" if other else self._device.uuid

    async def read(self) -> Reading:
        asked_at = self._clock.now()
        power = await self._asked("read", self._power)
        if self._witness:  # it has looked at once: only its answer is on its way for so long
            await asyncio.sleep(self._swarm.seconds(0.0, WITNESS_S))
        return Reading(power, power.value, asked_at, self._clock.now())

    def _power(self) -> Power:
        on = self._machine.supplies[self.name]
        if self._device.tells_host:
            on = self._machine.power
        lying = self._machine.liar == self.name or self._world.now() >= self._says_off_from
        power = Power.ON if on and not lying else Power.OFF
        if not self._witness and self._swarm.strikes("bmc-unknown"):
            power = Power.UNKNOWN
        return power

    async def _asked(self, what: str, work: Callable[[], T]) -> T:
        """Take a moment, or too long."""
        with self._pauses.call(what):
            await self._boundaries.pass_by("crash-before-call", what)
            seconds = self._swarm.seconds(0.01, 0.2)
            limit_s = math.inf if self._witness else TIMEOUT_S
            value = await self._pauses.answer(seconds, work, limit_s)
            if self._witness:
                return value
            if self._swarm.strikes("bug", 0.05):
                msg = f"bug while {what}"
                raise RuntimeError(msg)
            self._sought()
            if self._dead and self._swarm.on:
                await asyncio.sleep(TIMEOUT_S)
            if (self._dead and self._swarm.on) or self._swarm.strikes("bmc-timeout-before"):
                msg = f"{self.name} does not answer"
                raise Temporary(msg)
            await self._boundaries.pass_by("crash-after-call", what)
            return value

    def _sought(self) -> None:
        """Begin to be lost, for a while; be it."""
        now = self._world.now()
        if now >= self._lost_until and self._swarm.strikes("bmc-nameless", 0.2):
            self._lost_until = now + self._swarm.seconds(1.0, LOST_S)
        if now < self._lost_until and self._swarm.on:
            msg = f"the name {self.name} cannot be resolved"
            raise Nameless(msg)

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        swarm = self._swarm
        self._pauses.begun[self._machine.id] = self._clock.now()
        with self._pauses.call("permit"):
            await self._boundaries.pass_by("crash-before-call", "cut")
            await asyncio.sleep(swarm.seconds(1.2, 3.0) if swarm.strikes("bmc-slow") else 0.05)
            permit.check(self._clock.now())
        Wakings(self._oracle).cut_sent(self._machine, permit)
        self._oracle.cut_sent(self._machine, self._device)
        with self._pauses.call("cut"):
            return await self._cut()

    async def _cut(self) -> tuple[Outcome, str]:
        swarm = self._swarm
        if (self._dead and swarm.on) or swarm.strikes("bmc-timeout-before"):
            await asyncio.sleep(TIMEOUT_S)
            return Outcome.UNKNOWN, "no answer"
        if swarm.strikes("bmc-refuses"):
            return Outcome.REFUSED, "400"
        if self._machine.liar == self.name or self._begins_to_lie():  # it cuts nothing, nor later
            self._machine.liar = self.name
        elif not swarm.strikes("bmc-stuck"):
            self._begin_off()
        await self._pauses.answer(swarm.seconds(0.0, 0.3), lambda: None, TIMEOUT_S)
        await self._boundaries.pass_by("crash-after-call", "cut")
        if swarm.strikes("bmc-timeout-after"):
            await asyncio.sleep(TIMEOUT_S)
            msg = "no answer"
            raise Temporary(msg)
        if swarm.strikes("bug", 0.05):
            msg = "bug after the cut"
            raise RuntimeError(msg)
        return Outcome.ACCEPTED, "204"

    @property
    def _witness(self) -> bool:
        """Tell whether it is what a liar is found out by: then it answers, late and truly."""
        return self._device.tells_host and bool(self._machine.liar)

    def _begins_to_lie(self) -> bool:
        """Draw whether it lies from now on: only where a second device can tell."""
        others = [one for level in self._machine.plan.levels[1:] for one in level.devices]
        found_out = not self._device.tells_host and any(one.tells_host for one in others)
        on = self._machine.supplies[self.name]
        return found_out and on and self._swarm.strikes("bmc-lies-off", 4.0)

    def _begin_off(self) -> None:
        """Let the power go off a little later, and perhaps say so too early."""
        delay_s = self._swarm.seconds(0.1, 6.0)
        if self._swarm.strikes("bmc-says-off-early"):
            delay_s = min(delay_s, LIE_S)
            self._says_off_from = self._world.now()
        later(delay_s, self._off)

    def _off(self) -> None:
        self._says_off_from = float("inf")
        self._world.supply(self._machine, self.name, on=False)

    async def switch_on(self, permit: Permit) -> tuple[Outcome, str]:
        swarm = self._swarm
        with self._pauses.call("permit"):
            await self._boundaries.pass_by("crash-before-call", "switch_on")
            await asyncio.sleep(swarm.seconds(0.02, 0.2))
            permit.check(self._clock.now())
        Wakings(self._oracle).permitted(f"switching on {self._machine.id}", permit)
        Returns(self._oracle).switch_sent(self._machine, self._device, self._named)
        if (self._dead and swarm.on) or swarm.strikes("bmc-timeout-before"):
            await asyncio.sleep(TIMEOUT_S)
            return Outcome.UNKNOWN, "no answer"
        self._machine.liar = ""
        self._world.supply(self._machine, self.name, on=True)
        with self._pauses.call("switch_on"):
            await self._pauses.answer(swarm.seconds(0.0, 0.3), lambda: None, TIMEOUT_S)
        await self._boundaries.pass_by("crash-after-call", "switch_on")
        if swarm.strikes("bug"):
            msg = "bug after switching on"
            raise RuntimeError(msg)
        return Outcome.ACCEPTED, "204"

    async def close(self) -> None:
        return
