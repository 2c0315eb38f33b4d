"""Calls to power devices: in turn, and none of them without an end.

An adapter keeps time-outs of its own. Should one forget, its device must not keep the turn of all
the others: after `CALL_MAX_S` a call is given up, and how a cut ended is then unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Identified, Identify, Read, WasRead
from doctor_daemon.core.proof import Power, Reading
from doctor_daemon.core.waiting import asks_again
from doctor_daemon.engine.device_turns import CALL_MAX_S
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import DoctorError, LateError, Nameless, Permanent, Temporary
from doctor_daemon.ports import Named, PowerDevice

T = TypeVar("T")


@asynccontextmanager
async def at_device(
    ward: Ward, host: HostId, name: str, lined: Callable[[], None] | None = None
) -> AsyncIterator[PowerDevice]:
    """Wait for a turn at a device of a host; `lined` hears that it is not its turn yet.

    Raise Permanent where it has none of that name.
    """
    device = ward.tools.devices.get(f"{host}/{name}")
    if device is None:
        msg = f"{host} has no power device {name}"
        raise Permanent(msg)
    line = line_of(ward, host, name)
    if lined is not None and ward.tools.device_turns.busy(line):
        lined()
    async with ward.tools.device_turns.turn(line):
        yield device


@asynccontextmanager
async def led_at_device(
    ward: Ward, host: HostId, name: str, lined: Callable[[], None] = lambda: None
) -> AsyncIterator[PowerDevice]:
    """Wait for a turn, and for the word that we lead: outside of the turn, for others wait for it.

    That is waiting too, however short: a pause that falls into it finds that nothing was sent.
    Raise LateError when we lead no more, or are to stop.
    """
    if ward.leadership is not None:
        lined()
    while True:
        await ward.confirmed(lined)
        async with at_device(ward, host, name, lined) as device:
            try:
                await ward.confirm()
            except LateError:
                continue  # it was certain a moment ago
            yield device
            return


def line_of(ward: Ward, host: HostId, name: str) -> str:
    """Return what only one call at a time is made to: the device, or what it shares with others."""
    devices = (device for level in ward.plan(host).levels for device in level.devices)
    shared = next((device.line for device in devices if device.name == name), "")
    return f"line {shared}" if shared else f"{host}/{name}"


async def bounded(call: Awaitable[T], limit_s: float = CALL_MAX_S) -> T:
    """Await a call of a device, for so long at most. Raise Temporary when it has not ended."""
    try:
        async with asyncio.timeout(limit_s):
            return await call
    except TimeoutError:
        msg = f"no answer within {limit_s:g} s"
        raise Temporary(msg) from None


async def identify(effect: Identify, incident: Incident, ward: Ward) -> Identified:
    """Ask a device who its host is. Raise Nameless where its name is lost, and that may be why not.

    Names are asked for outside of a turn, and first where one was lost before: others wait for it.
    """
    host = incident.host
    device = ward.tools.devices.get(f"{host}/{effect.device}")
    if asks_again(incident):
        await _named(device)
    try:
        async with at_device(ward, host, effect.device) as asked:
            return Identified(effect, await bounded(asked.identify()))
    except Temporary as error:
        await _named(device, error)
        raise


async def _named(device: object, error: Temporary | None = None) -> None:
    """Raise Nameless if a device is found by a name, and that leads nowhere."""
    lost = ""
    if isinstance(device, Named):
        with suppress(DoctorError):  # whoever cannot tell is asked
            lost = await bounded(device.lost())
    if lost:
        text = f"the name {lost} cannot be resolved"
        raise Nameless(f"{text}: {error}" if error else text) from None


async def read(effect: Read, host: HostId, ward: Ward) -> WasRead:
    """Read the power. No answer is a reading too: of UNKNOWN, which breaks a run of OFF."""
    clock = ward.tools.clock
    asked_at = clock.now()
    try:
        async with at_device(ward, host, effect.device) as device:
            asked_at = clock.now()
            return WasRead(effect, await bounded(device.read()))
    except DoctorError as error:
        return WasRead(effect, Reading(Power.UNKNOWN, str(error)[:300], asked_at, clock.now()))
