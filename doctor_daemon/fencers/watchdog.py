"""The host's own watchdog: to cut is to stop acknowledging, and the hardware resets the host.

What is proven by it is another thing than with other devices: that the boot of the host which was
heard last has ended, and that none has been heard since. The host is not off. It is reset, and may
come up again; so whoever configures it says that a boot of it starts no guests. That is read as OFF
until another boot of it is heard.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from doctor_daemon.core.proof import Identity, Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Temporary
from doctor_daemon.fencers.timed import Timed
from doctor_daemon.heartbeat.lease import (
    ASK_EVERY_S,
    LEASE_MAX_S,
    LEASE_MIN_S,
    TIMEOUT_MAX_S,
    TIMEOUT_MIN_S,
    off_after_s,
)
from doctor_daemon.heartbeat.pledges import refused
from doctor_daemon.ports.lifelines import Heard, Lifeline
from doctor_daemon.ports.time import Clock, Permit

FRESH_S = 4 * ASK_EVERY_S
"""A host that was heard within this time is on."""


class WatchdogConfig(BaseModel):
    """How long a host lives without the daemon, and what happens when it boots."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    boots_guests: Literal["never"]
    """Your word that a boot of the host starts no guest by itself: `never`. A watchdog resets the
    host, and it comes up again while its servers are evacuated."""
    lease_s: float = Field(default=300.0, ge=LEASE_MIN_S, le=LEASE_MAX_S)
    """How long the host lives without an acknowledgement, in seconds; the same as in its agent's
    settings. **Losing the daemon for longer resets every host that has one.**"""
    watchdog_s: int = Field(default=60, ge=TIMEOUT_MIN_S, le=TIMEOUT_MAX_S)
    """The watchdog's own time-out, in whole seconds: `timeout_s` of the agent's settings."""

    @property
    def timeout_s(self) -> float:
        """How long a call may take: nobody is asked but the daemon itself, and its disk."""
        return 1.0

    @property
    def off_after_s(self) -> float:
        """How long after the cut it may take to be OFF."""
        return off_after_s(self.lease_s, self.watchdog_s)


class Watchdog(Timed):
    """A `PowerDevice` that is the host's own watchdog."""

    api: ClassVar[int] = 1
    elsewhere: ClassVar[bool] = True
    Config: ClassVar[type[WatchdogConfig]] = WatchdogConfig

    def __init__(self, config: WatchdogConfig, name: str, clock: Clock) -> None:
        """Hear nothing yet."""
        super().__init__(clock)
        self.name = name
        self.lifeline: Lifeline | None = None
        """What is heard of the host; None: nothing, for this is not the daemon."""
        self._config = config

    async def identify(self) -> Identity:
        """Say which machine's watchdog it is. Raise Temporary."""
        return await self._timed("identify", self._identify(), lambda _: "ok")

    async def read(self) -> Reading:
        """Tell whether the boot that was cut has ended."""
        return await self._timed("read", self._read(), lambda reading: reading.power)

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        """Stop acknowledging the host."""
        return await self._timed("cut", self._cut(permit), lambda ended: ended[0])

    async def switch_on(self, permit: Permit) -> tuple[Outcome, str]:
        """Refuse: a watchdog cannot."""
        permit.check(self._clock.now())
        return Outcome.REFUSED, "a watchdog switches nothing on"

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    def _heard(self) -> Heard:
        if self.lifeline is None:
            msg = "only the running daemon hears the host's watchdog"
            raise Temporary(msg)
        return self.lifeline.heard()

    async def _identify(self) -> Identity:
        heard, config = self._heard(), self._config
        if heard.hold is not None:
            return Identity(heard.hold.uuid, "", "", heard.hold.hardware)
        now_s, found = self._clock.now().boot_s, heard.report
        why = refused(found, config.lease_s, config.watchdog_s, now_s)
        if why or found is None:
            raise Temporary(why)
        return Identity(found.uuid, "", "", found.hardware)

    async def _read(self) -> Reading:
        now = self._clock.now()
        power, raw = _power(self._heard(), now.boot_s)
        return Reading(power, raw, now, now)

    async def _cut(self, permit: Permit) -> tuple[Outcome, str]:
        permit.check(self._clock.now())
        if self.lifeline is None:
            return Outcome.UNSENT, "only the running daemon hears the host's watchdog"
        return await self.lifeline.withhold(self._config.lease_s, self._config.watchdog_s, permit)


def _power(heard: Heard, now_s: float) -> tuple[Power, str]:
    """Return what is known of the host's power, and from what."""
    hold, fresh = heard.hold, heard.seen_s is not None and heard.seen_s <= FRESH_S
    if fresh and (hold is None or hold.spoiled):
        return Power.ON, hold.spoiled if hold else "it is heard"
    if heard.deaf:
        return Power.UNKNOWN, heard.deaf
    if hold is None:
        return Power.UNKNOWN, "it is not heard"
    if hold.spoiled:
        return Power.UNKNOWN, hold.spoiled
    if now_s < hold.off_s:
        return Power.UNKNOWN, f"its boot has ended in {hold.off_s - now_s:.0f} s at the latest"
    return Power.OFF, f"its boot has ended: not acknowledged for {now_s - hold.acked_s:.0f} s"
