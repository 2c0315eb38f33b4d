"""`check-config`: what is wrong with a configuration, without and with the outside world.

A host that cannot be fenced is to be known before it fails, not at three in the morning. Nothing is
changed anywhere: parts are made and thrown away, and every question is one that only reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path

from doctor_daemon.cli.drill.clouds import drillable
from doctor_daemon.config import Settings, check
from doctor_daemon.core.host import Device, HostId
from doctor_daemon.core.proof import Power
from doctor_daemon.engine.making import instruments
from doctor_daemon.engine.ward import Instruments
from doctor_daemon.errors import ConfigError, DoctorError
from doctor_daemon.main import Daemon
from doctor_daemon.ports import device_key

CHECKS_AT_ONCE = 16
CHECK_S = 60.0

Answer = tuple[str, str]
"""OK, WARNING or ERROR, and what was found."""
OK, WARNING, ERROR = "ok", "warning", "error"


def check_offline(path: Path) -> tuple[Settings | None, Sequence[str]]:
    """Read a file and make every part of it once; return the settings, if they can be used."""
    report = check(path)
    if report.settings is None:
        return None, report.lines
    try:
        Daemon(report.settings)
        drillable(report.settings)
    except ConfigError as error:
        wrong = str(error).splitlines()
        lines = [f"error: {path}: {line}" for line in wrong]
        lines += [f"warning: {text}" for text in report.warnings]
        return None, [*lines, f"{path}: {len(wrong)} errors"]
    return report.settings, report.lines


async def check_online(settings: Settings) -> Sequence[Answer]:
    """Log in to the cloud, and identify and read every power device once."""
    tools = instruments(settings)
    turns = asyncio.Semaphore(CHECKS_AT_ONCE)
    try:
        devices = [
            _check_device(tools, plan.host, device, turns)
            for plan in settings.plans.values()
            for level in plan.levels
            for device in level.devices
        ]
        cloud, beside = await _check_cloud(tools, settings), await _check_beside(tools)
        return [*cloud, *beside, *await asyncio.gather(*devices)]
    finally:
        await let_go(tools)


async def let_go(tools: Instruments) -> None:
    """Close what was made for a few questions."""
    for device in tools.devices.values():
        await device.close()
    await tools.controller.close()
    for service in tools.beside.values():
        await service.close()


async def _check_cloud(tools: Instruments, settings: Settings) -> Sequence[Answer]:
    """Ask the cloud whether we may do what is needed, and whether it knows every host."""
    wrong = await _within(tools.controller.check())
    if wrong:
        return [(ERROR, f"cloud: {text}") for text in wrong]
    unknown = await _within(_unknown_hosts(tools, settings))
    hosts = [(ERROR, text) for text in unknown] or [(OK, "cloud: it knows every host")]
    return [(OK, "cloud: login, roles and versions"), *hosts, *await _check_owners(tools)]


async def _check_owners(tools: Instruments) -> Sequence[Answer]:
    """Warn where servers' owners cannot see how their hosts stand. The daemon needs none of it."""
    hidden = await _within(tools.controller.hidden_from_owners())
    warnings = [(WARNING, f"cloud: {text}") for text in hidden]
    return warnings or [(OK, "cloud: servers' owners are shown host_status")]


async def _check_beside(tools: Instruments) -> Sequence[Answer]:
    """Ask the services beside Nova, where there are any, whether what is ordered would be taken."""
    answers: list[Answer] = []
    for what, beside in tools.beside.items():
        wrong = await _within(beside.check())
        answers += [(ERROR, f"{what}: {text}") for text in wrong] or [
            (OK, f"{what}: login, roles and versions")
        ]
    return answers


async def _unknown_hosts(tools: Instruments, settings: Settings) -> Sequence[str]:
    fleet = await tools.controller.fleet()
    doubt = ", or its cell does not answer" if fleet.blind else ""
    return [
        f"hosts: {plan.host}: the cloud lists no compute service of exactly that name{doubt}"
        for plan in settings.plans.values()
        if plan.host.name not in fleet.services and plan.host.name not in fleet.unknown
    ]


async def _within(check: Awaitable[Sequence[str]]) -> Sequence[str]:
    """Bound a check of the cloud, and turn its failure into words."""
    try:
        async with asyncio.timeout(CHECK_S):
            return await check
    except TimeoutError:
        return [f"no answer within {CHECK_S:g} s"]
    except DoctorError as error:
        return [str(error)]


async def _check_device(
    tools: Instruments, host: HostId, device: Device, turns: asyncio.Semaphore
) -> Answer:
    """Ask one device who its host is, and how its power is."""
    name = device_key(host, device)
    async with turns:
        try:
            async with asyncio.timeout(CHECK_S):
                identity = await tools.devices[name].identify()
                reading = await tools.devices[name].read()
        except TimeoutError:
            return ERROR, f"{name}: no answer within {CHECK_S:g} s"
        except DoctorError as error:
            return ERROR, f"{name}: {error}"
    if identity.uuid != device.uuid:
        return ERROR, f"{name}: answers for {identity.uuid}, expected {device.uuid}"
    if reading.power is Power.UNKNOWN:
        return ERROR, f"{name}: does not say clearly whether the power is on: {reading.raw}"
    return OK, f"{name}: {identity.uuid}, power {reading.power.value}"
