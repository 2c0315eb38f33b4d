"""The power devices of every host, made from their classes."""

from __future__ import annotations

from collections.abc import Callable

from doctor_daemon.config import DeviceChoice, Settings
from doctor_daemon.plugins import Faults
from doctor_daemon.ports import Clock, PowerDevice
from doctor_daemon.ports.program import SHARED


def make_devices(
    settings: Settings,
    clock: Clock,
    faults: Faults,
    measure: Callable[[object, DeviceChoice], None],
) -> dict[str, PowerDevice]:
    """Make the devices, by the names that the engine knows them by. Nothing is connected to yet.

    One that can tell its host only by something else than a UUID has an attribute `expects`, and
    is told there which UUID the configuration gives to that host.
    """
    settings.programs.bind(SHARED)
    uuids = {
        f"{plan.host}/{device.name}": device.uuid
        for plan in settings.plans.values()
        for level in plan.levels
        for device in level.devices
    }
    devices: dict[str, PowerDevice] = {}
    for choice in settings.devices:
        key = f"{choice.host}/{choice.name}"
        made = faults.made(f"hosts: {key}", choice.plugin, choice.config, choice.name, clock)
        if hasattr(made, "expects"):
            made.expects = uuids.get(key, "")
        measure(made, choice)
        devices[key] = made
    return devices
