"""SIGHUP: the changed file is read whole and taken whole, or the last good configuration is kept.

What decides (mode, limits, hosts, their protection and their power devices) and who is heard (the
sources, their keys, the address for evidence and its certificate) is in force at once, between two
awaits, so that no decision sees half of it. What loosens it is not taken while the daemon is armed:
an operator disarms it first, and confirms the change by arming it again. What the daemon keeps its
state in, is asked at and tells is left as it was, and named: that takes a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import structlog

from doctor_daemon import log as logs
from doctor_daemon.config import DeviceChoice, Settings, load
from doctor_daemon.core.instant import Instant
from doctor_daemon.engine.configured import rules_of, wanted
from doctor_daemon.engine.dangers import dangers
from doctor_daemon.engine.difference import LEFT, differences
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.own_probes import OwnProbes
from doctor_daemon.errors import ConfigError, DoctorError
from doctor_daemon.ports import PowerDevice
from doctor_daemon.ports.program import SHARED

STEADY_S = 0.5
"""A file that changes in this time is still being written."""
KEPT_S = 600.0
"""How long power devices that are configured no more may end what they have begun."""
Make = Callable[[Sequence[DeviceChoice]], Mapping[str, PowerDevice]]
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Preparing(Protocol):
    """A part of the daemon that a reload changes too."""

    async def prepare(self, new: Settings) -> Callable[[], None]:
        """Make what is new; return what takes it without waiting or failing. Raise ConfigError."""
        ...


class Reloader:
    """Takes a changed configuration into a running engine. `make` makes power devices."""

    def __init__(self, engine: Engine, settings: Settings, make: Make, heard: Preparing) -> None:
        """Begin with the settings that the engine was made of. `heard`: the sources."""
        self.asked = asyncio.Event()
        """Set by SIGHUP."""
        self.settings = settings
        """The last good ones, as they are in force."""
        self._engine = engine
        self._make = make
        self._heard = heard
        self._left: list[tuple[Instant, PowerDevice]] = []
        engine.ward.tools.metrics.config_good.set(1)

    async def run(self) -> None:
        """Reload each time that it is asked for, until cancelled."""
        while True:
            await self.asked.wait()
            self.asked.clear()
            await self.reload()

    async def reload(self) -> None:
        """Take the file as it is now, or say why it is not taken."""
        metrics, why = self._engine.ward.tools.metrics, ""
        try:
            await self._take(await self._read(self.settings.file))
        except DoctorError as error:
            why = str(error)
        for line in why.splitlines():
            log.error("configuration not taken: the last good one stays in force", why=line)
        self._engine.ward.standpoint.refused = " ".join(why.split())
        metrics.reloads.labels("refused" if why else "taken").inc()
        metrics.config_good.set(not why)
        await self._let_go()

    async def _read(self, path: Path) -> Settings:
        """Read the file in a thread: a large one takes its time. Raise ConfigError."""
        before = await asyncio.to_thread(_content, path)
        found = await asyncio.to_thread(load, path)
        await asyncio.sleep(STEADY_S)
        if await asyncio.to_thread(_content, path) != before:
            raise ConfigError(f"{path}: it is being written: reload again when that has ended")
        if not before.endswith(b"\n"):
            raise ConfigError(f"{path}: its last line has no end, so a part of it may be missing")
        if found.cloud.name != self.settings.cloud.name:
            raise ConfigError(f"{path}: cloud.name: another one takes a restart")
        return found

    async def _take(self, found: Settings) -> None:
        """Make what is new, and then swap all at once. Raise ConfigError before that."""
        old, ward = self.settings, self._engine.ward
        kept = {option: getattr(old, option) for option in LEFT}
        new = replace(found, **kept)
        devices = ward.tools.devices
        if not isinstance(devices, MutableMapping):
            raise ConfigError("the power devices of this daemon cannot be changed")
        before, after = _by_key(old), _by_key(new)
        made = self._make([one for key, one in after.items() if before.get(key) != one])
        gone = [key for key in devices if key in made or key not in after]
        rules = rules_of(new)
        try:
            take_sources = await self._heard.prepare(new)
            self._admit(old, new)  # only now: it may be armed at any await
        except BaseException:
            for device in made.values():  # they were never used
                await device.close()
            raise
        # From here on nothing is awaited.
        now = ward.tools.clock.now()
        self._left += [(now, devices.pop(key)) for key in gone]
        devices.update(made)
        ward.rules = rules
        take_sources()
        new.programs.bind(SHARED)
        ward.turnstile.limit(new.policy.posts_total)
        if isinstance(ward.tools.own, OwnProbes):
            ward.tools.own.become(wanted(new.own_side))
            self._engine.selfcheck.renew()
        self.settings = new
        self._tell(old, found, new)
        self._engine.reloaded()

    def _admit(self, old: Settings, new: Settings) -> None:
        """Raise ConfigError for what takes a human's word: to arm again is to give it."""
        loose, engine = list(dangers(old, new)), self._engine
        unknown = bool(engine.desk.aside) and not engine.standby.known
        if loose and (engine.ward.armed.on or unknown):
            msg = f"{new.file}: {'; '.join(loose)}: an armed daemon does not take that"
            raise ConfigError(f"{msg}: disarm it, reload, look at the difference, and arm it again")

    def _tell(self, old: Settings, found: Settings, new: Settings) -> None:
        """Log what is different now, and what is not although the file says so."""
        ward = self._engine.ward
        logs.standing(mode=new.mode.name.lower(), armed=ward.armed.on)
        changes = list(differences(old, new))
        for line in changes:
            log.info("configuration changed", what=line)
        for option in LEFT:
            if getattr(found, option) != getattr(old, option):
                log.warning("left as it was until a restart", option=option)
        for warning in new.warnings:
            if warning not in old.warnings:
                log.warning(warning)
        log.info("configuration taken", changes=len(changes), hosts=len(new.plans))

    async def _let_go(self) -> None:
        """Close what has been out of the configuration for long enough."""
        now = self._engine.ward.tools.clock.now()
        over = [device for at, device in self._left if now.since(at) >= KEPT_S]
        self._left = [(at, device) for at, device in self._left if now.since(at) < KEPT_S]
        for device in over:
            await device.close()

    async def close(self) -> None:
        """Close every device that was left."""
        for _, device in self._left:
            await device.close()
        self._left = []


def _by_key(settings: Settings) -> dict[str, DeviceChoice]:
    return {f"{one.host}/{one.name}": one for one in settings.devices}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
