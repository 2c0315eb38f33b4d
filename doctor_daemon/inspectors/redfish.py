"""The power of hosts, read now and then by the very devices that would cut it.

A host that is found off, and that the daemon has not switched off, is as good as dead: that is a
word for the incident which somebody else has opened, or opens one. It is no proof: a proof is only
made of readings after our own cut.

- *down* is said when every device of the host's first level has said OFF in `reads` rounds in a
  row, each naming the machine that the configuration expects. UNKNOWN, an error or the name of
  another machine says nothing, and breaks the row.
- It is said of a host that was seen on before, or that somebody else suspects: a host that was off
  when we came may well be meant to be.
- ON is no sign of life: a dead machine draws power. It takes back what was said before.
- Once the daemon itself acts on a host nothing is read and nothing is said, so that no cut waits
  for a look; and what we have cut is not found off until it was seen on again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import structlog
from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import override

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import Device, HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.proof import Power
from doctor_daemon.errors import DoctorError, Temporary
from doctor_daemon.inspectors.polling import Polling
from doctor_daemon.inspectors.voice import View
from doctor_daemon.ports import Intake, PowerDevice, SourceTerms
from doctor_daemon.ports.surroundings import Concern, Level, Surroundings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

TICK_S = 1.0
READ_S = 60.0
"""A device that has not answered by then has not answered. Its own time-out is shorter."""


class PowerWatchConfig(BaseModel):
    """The options of a source of type `redfish`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    every_s: Annotated[float, Field(ge=5, le=3600)] = 60.0
    """How often each host's power is read. The hosts are spread over this time."""
    suspected_every_s: Annotated[float, Field(ge=1, le=300)] = 3.0
    """How often that of a host is read which is suspected, or has just been found off."""
    reads: Annotated[int, Field(ge=2, le=20)] = 2
    """So many rounds of OFF in a row, and a host is said to be off."""
    at_once: Annotated[int, Field(ge=1, le=64)] = 8
    """Hosts that are read at a time."""
    kind: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")] = "power"
    """The kind of this evidence."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.suspected_every_s > self.every_s:
            msg = "suspected_every_s: expected no more than every_s"
            raise ValueError(msg)
        return self


@dataclass
class _Watched:
    """One host, and how its power was read."""

    host: HostId
    level: Level
    due: Instant
    was_on: bool = False
    """Whether it was read as on since we last acted on it."""
    off: int = 0
    """Rounds of OFF in a row."""


class PowerWatch(Polling):
    """Reads the power of hosts at a low rate."""

    Config: ClassVar[type[PowerWatchConfig]] = PowerWatchConfig

    def __init__(self, config: PowerWatchConfig, terms: SourceTerms) -> None:
        """Begin with no host read."""
        super().__init__(terms, TICK_S)
        self._config = config
        self._watched: dict[HostId, _Watched] = {}
        self._placed = True
        self._turns = asyncio.Semaphore(config.at_once)

    @override
    def place(self, around: Surroundings) -> None:
        """Learn by which devices hosts are read; what was read by others of before counts not."""
        super().place(around)
        self._placed = True

    @override
    async def look(self, intake: Intake) -> None:
        """Read the hosts that are due, and say what is to be said. Raise Temporary."""
        now = intake.now()
        due = [one for one in self._all(now) if self._is_due(one, now)]
        powers = await asyncio.gather(*(self._read(one.level) for one in due))
        later = intake.now()
        views = list(self._views(zip(due, powers, strict=True), later))
        await self._voice.say(views, intake)
        if due and not any(power is not Power.UNKNOWN for power in powers):
            msg = f"no power device answers as it should, of {len(due)} hosts"
            raise Temporary(msg)

    def _all(self, now: Instant) -> Iterable[_Watched]:
        """Return every host that has a device, spread over the time between two reads.

        What is known of a host stays so while it is read by the same devices.
        """
        if self._placed:
            known, before = self._voice.around.levels.items(), self._watched
            hosts = [(host, levels[0]) for host, levels in known if levels and levels[0]]
            step_s = self._config.every_s / max(len(hosts), 1)
            self._placed, self._watched = False, {}
            for number, (host, level) in enumerate(hosts):
                one = before.get(host)
                if one is None or one.level != level:
                    one = _Watched(host, level, now.plus(number * step_s))
                self._watched[host] = one
        return self._watched.values()

    def _is_due(self, watched: _Watched, now: Instant) -> bool:
        """Tell whether a host is to be read now, and when it is again."""
        concern = self._voice.around.concern(watched.host)
        if concern is Concern.TOUCHED:
            watched.was_on, watched.off, watched.due = False, 0, now
            return False
        soon = concern is Concern.SUSPECTED or watched.off > 0
        every_s = self._config.suspected_every_s if soon else self._config.every_s
        latest = now.plus(every_s)
        if soon and watched.due.since(latest) > 0:
            watched.due = now  # it was to be read much later, when nobody suspected it
        if not now.reached(watched.due):
            return False
        watched.due = latest
        return True

    async def _read(self, level: Level) -> Power:
        """Return the power of a host: what every device says, else UNKNOWN."""
        async with self._turns:
            try:
                async with asyncio.timeout(READ_S):
                    found = {await self._one(device, power) for device, power in level}
            except TimeoutError:
                return Power.UNKNOWN
        return found.pop() if len(found) == 1 else Power.UNKNOWN

    async def _one(self, device: Device, power: PowerDevice) -> Power:
        try:
            reading = await power.read()
            if reading.power is not Power.OFF:
                return reading.power
            identity = await power.identify()
        except DoctorError as error:
            log.info("power not read", source=self.name, device=device.name, error=str(error))
            return Power.UNKNOWN
        if identity.uuid != device.uuid:
            text = "a power device answers for another machine"
            log.warning(text, source=self.name, device=device.name, found=identity.uuid)
            return Power.UNKNOWN
        return Power.OFF

    def _views(self, found: Iterable[tuple[_Watched, Power]], now: Instant) -> Iterator[View]:
        for watched, power in found:
            concern = self._voice.around.concern(watched.host)
            if concern is Concern.TOUCHED:  # it may be our own doing by now
                continue
            watched.off = watched.off + 1 if power is Power.OFF else 0
            watched.was_on |= power is Power.ON
            kind = self._config.kind
            if power is Power.ON:
                yield View(watched.host, Verdict.WITHDRAWN, kind, "its power is on")
            elif watched.off >= self._config.reads and self._tells(watched, concern):
                text = "its power is off, and the daemon has not cut it"
                yield View(watched.host, Verdict.DOWN, kind, text)
            if watched.off:
                soon = now.plus(self._config.suspected_every_s)
                watched.due = min(watched.due, soon, key=lambda at: at.boot_s)

    def _tells(self, watched: _Watched, concern: Concern) -> bool:
        """Tell whether it is news that a host is off."""
        said = self._voice.said(watched.host, self._config.kind) is Verdict.DOWN
        return said or watched.was_on or concern is not Concern.NONE
