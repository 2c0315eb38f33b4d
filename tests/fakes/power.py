"""A power device in memory, for simulations: one machine, and everything a device can do wrong.

It passes the suite that the Redfish adapter passes (`tests/contracts/test_power_devices.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.proof import Identity, Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Clock, Permit


class Fault(Enum):
    """What a device does wrong, to every call, until it is taken away again."""

    NONE = auto()
    SILENT = auto()  # it takes the call and never answers
    LOCKED_OUT = auto()  # it refuses the login
    MUTE = auto()  # it does not say how the power is
    REFUSES = auto()  # it refuses every order
    STUCK = auto()  # it accepts, and does nothing
    LIES_OFF = auto()  # it says Off, whatever is true
    LOSES_ANSWERS = auto()  # it does as ordered, and its answer is lost


@dataclass(slots=True)
class Machine:
    """What the device stands before. `power` is the truth."""

    identity: Identity
    power: Power = Power.ON
    due: tuple[Instant, Power] | None = None
    """When the last order that was accepted takes effect, and which power it ends in."""


@dataclass(slots=True)
class FakePower:
    """`ports.PowerDevice`. Answers after `answer_s`; an order takes effect `off_s` after it."""

    name: str
    machine: Machine
    clock: Clock
    fault: Fault = Fault.NONE
    answer_s: float = 0.0
    off_s: float = 0.0
    timeout_s: float = 10.0
    cuts: list[Instant] = field(default_factory=list)
    """When orders to cut came in."""
    starts: list[Instant] = field(default_factory=list)
    """When orders to switch on came in."""

    async def identify(self) -> Identity:
        await self._answer()
        return self.machine.identity

    async def read(self) -> Reading:
        asked_at = self.clock.now()
        await self._answer()
        power = self._said()
        return Reading(power, power.value, asked_at, self.clock.now())

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        return await self._order(Power.OFF, self.cuts, permit)

    async def switch_on(self, permit: Permit) -> tuple[Outcome, str]:
        return await self._order(Power.ON, self.starts, permit)

    async def _order(
        self, power: Power, orders: list[Instant], permit: Permit
    ) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        try:
            await self._answer()
        except Permanent as error:
            return Outcome.REFUSED, str(error)
        except Temporary as error:
            return Outcome.UNKNOWN, str(error)
        now = self.clock.now()
        orders.append(now)
        if self.fault is Fault.REFUSES:
            return Outcome.REFUSED, "it refuses"
        if self.fault is not Fault.STUCK:
            self.machine.due = now.plus(self.off_s), power
        if self.fault is Fault.LOSES_ANSWERS:
            return Outcome.UNKNOWN, "the answer was lost"
        return Outcome.ACCEPTED, "accepted"

    async def close(self) -> None:
        return

    def true_power(self) -> Power:
        """Tell how the power really is, now."""
        due = self.machine.due
        if due is not None and self.clock.now().reached(due[0]):
            self.machine.power, self.machine.due = due[1], None
        return self.machine.power

    def _said(self) -> Power:
        said = {Fault.MUTE: Power.UNKNOWN, Fault.LIES_OFF: Power.OFF}
        return said.get(self.fault, self.true_power())

    async def _answer(self) -> None:
        silent = self.fault is Fault.SILENT
        wait_s = self.timeout_s if silent else self.answer_s
        await self.clock.sleep_until(self.clock.now().plus(wait_s))
        if silent:
            msg = f"{self.name}: no answer within {self.timeout_s:g} s"
            raise Temporary(msg)
        if self.fault is Fault.LOCKED_OUT:
            msg = f"{self.name} refuses the login"
            raise Permanent(msg)
