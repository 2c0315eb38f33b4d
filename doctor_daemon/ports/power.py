"""Power devices: they are read, they cut and they switch on; they never state a proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from doctor_daemon.core.host import Device, HostId
from doctor_daemon.core.proof import Identity, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.ports.time import Permit


class PowerDevice(Protocol):
    """One device of a host's power. It reads, cuts and switches on; it never states a proof."""

    name: str

    async def identify(self) -> Identity:
        """Say who the host is. Raise Temporary or Permanent."""
        ...

    async def read(self) -> Reading:
        """Read the power: UNKNOWN unless it is a clear On or Off. Raise Temporary on no answer."""
        ...

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        """Cut the power at once. Return how it ended and the device's own words.

        A refusal is REFUSED, a lost answer UNKNOWN; UNSENT means that nothing has left the
        daemon. Raise LateError when the permit has lapsed.
        """
        ...

    async def switch_on(self, permit: Permit) -> tuple[Outcome, str]:
        """Switch the power on, once, and end as `cut` does. Accepted is not on: read it."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Named(Protocol):
    """A device that is found by a name, which may be lost while the device is well."""

    async def lost(self) -> str:
        """Return the name if it leads nowhere, within seconds; empty: it leads somewhere."""
        ...


PowerDevices = Mapping[str, PowerDevice]
"""Device name -> device."""


def device_key(host: HostId, device: Device) -> str:
    """Return the name under which a host's device is known to the engine."""
    return f"{host}/{device.name}"
