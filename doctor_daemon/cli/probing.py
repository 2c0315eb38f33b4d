"""Probes without a daemon: the devices that a configuration names are asked directly, once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from doctor_daemon.cli.checks import let_go
from doctor_daemon.cli.client import Unanswered
from doctor_daemon.config import Settings, load
from doctor_daemon.core.host import HostId, HostPlan
from doctor_daemon.core.readiness import FAILURES_MAX, DeviceRecord
from doctor_daemon.engine.making import instruments
from doctor_daemon.engine.probe_views import host_row
from doctor_daemon.engine.readiness import probe_device
from doctor_daemon.engine.ward import Instruments
from doctor_daemon.ports import device_key

Json = dict[str, Any]
AT_ONCE = 16


async def by_configuration(path: Path, name: str | None) -> Json:
    """Probe a host, or all of them. Raise ConfigError, or Unanswered for an unknown host."""
    settings = load(path)
    plans, turns = _plans(settings, name), asyncio.Semaphore(AT_ONCE)
    tools = instruments(settings)
    try:
        rows = await asyncio.gather(*(_row(plan, tools, turns) for plan in plans))
    finally:
        await let_go(tools)
    return {"hosts": rows}


def _plans(settings: Settings, name: str | None) -> list[HostPlan]:
    if name is None:
        return [plan for _, plan in sorted(settings.plans.items()) if plan.levels]
    exact = HostId(settings.cloud.name, name)
    host = exact if exact in settings.plans else settings.aliases.get(name.lower())
    if host is None:
        msg = f"{name} is not in {settings.file}"
        raise Unanswered(msg)
    return [settings.plans[host]]


async def _row(plan: HostPlan, tools: Instruments, turns: asyncio.Semaphore) -> Json:
    """Probe the devices of one host. One failure is no doubt here: it is all there is."""
    records = {}
    for level in plan.levels:
        for device in level.devices:
            made = tools.devices[device_key(plan.host, device)]
            async with turns:
                probe = await probe_device(made, device, tools.clock.now)
            record = DeviceRecord().after(probe)
            for _ in range(FAILURES_MAX if record.failures else 0):
                record = record.after(probe)
            records[device.name] = record
    return host_row(plan, records, tools.clock.now())
