"""The way back of a host that was drilled: switched on, released, and seen in use again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial

from doctor_daemon.cli.drill.clouds import Clouds
from doctor_daemon.cli.drill.daemon import Daemon, Json
from doctor_daemon.cli.drill.report import Report, Stopped
from doctor_daemon.core.host import HostPlan
from doctor_daemon.core.sightings import Sighting
from doctor_daemon.errors import Temporary

SWITCH_TRIES = 5
AGAIN_S = 10.0
"""Between two orders to release. A monitor may take a while until it sees that a host is back."""
BACK_S = 60.0
"""How long Nova may take to show a host in use that the daemon has released."""
FENCED_AGAIN = ("fencing", "forcing_down", "evacuating")
ON, ANSWERED, NOT_ON = "switch on accepted", ": switch on ", "not switched on"
NOT_FOLLOWED = " not followed: "
"""What the daemon's timeline says of an order that was overtaken, or ended."""


@dataclass(frozen=True, slots=True)
class WayBack:
    """The way back, as an operator has it gone."""

    plan: HostPlan
    clouds: Clouds
    daemon: Daemon
    why: str

    @property
    def report(self) -> Report:
        """Return what is told."""
        return self.daemon.report

    async def switch_on(self, until_s: float) -> None:
        """Have it switched on, unless the policy does that, and wait until nova-compute reports in.

        To release it before would be to no avail: monitors that have just noticed call it down.
        """
        said, texts = 0, [""]
        for number in range(SWITCH_TRIES):
            if number or not self.plan.way_back.power_on:
                said = len(self.report.entries)
                await self.daemon.told("power-on", self.why)
            incident = await self.daemon.until(until_s, partial(_switched, said=said))
            texts = _texts(incident, said)
            if any(ON in text for text in texts):
                return await self._reports(until_s)
        msg = f"it was not switched on: {texts[-1]}"
        raise Stopped(msg)

    async def _reports(self, until_s: float) -> None:
        """Wait until nova-compute has reported in, which Nova shows whatever flag there is."""
        before = await self._look()
        self.report.say(f"  waiting for nova-compute of {self.report.host}")
        while True:
            look = await self._look()
            if before is None:
                before = look
            if look is not None and before is not None and look.updated_s > before.updated_s:
                return
            if time.monotonic() > until_s:
                msg = f"nova-compute of {self.report.host} does not report in"
                raise Stopped(msg)
            await asyncio.sleep(1.0)

    async def _look(self) -> Sighting | None:
        """Look at the host in Nova; None: Nova could not be asked now."""
        try:
            return await self.clouds.controller.look(self.plan.host)
        except Temporary as error:
            self.report.say(f"  {error}")
            return None

    async def release(self, until_s: float) -> None:
        """Give the order, again where the host was called down meanwhile, and wait for its end."""
        while True:
            said = len(self.report.entries)
            await self.daemon.told("release", self.why)
            incident = await self.daemon.until(until_s, partial(_released, said=said))
            if incident["phase"] == "resolved":
                return
            self.report.say(f"  it is down again, and is released once more in {AGAIN_S:g} s")
            await asyncio.sleep(AGAIN_S)

    async def back(self, *, stays_disabled: bool) -> None:
        """See Nova's own word on the host."""
        until_s, host = time.monotonic() + BACK_S, self.plan.host
        while True:
            look = await self._look()
            well = look is not None and look.state == "up" and not look.forced_down
            if look is not None and well and (look.status == "enabled" or stays_disabled):
                break
            if time.monotonic() > until_s:
                stands = f"{look.state} and {look.status}: {look.reason}" if look else "not shown"
                msg = f"Nova has {host.name} {stands}"
                raise Stopped(msg)
            await asyncio.sleep(1.0)
        if look.status != "enabled":
            self.report.note(f"{host.name} stays disabled, as the policy has it: {look.reason}")


def _switched(incident: Json, said: int) -> bool:
    """Tell whether the order to switch on has come to an end since so many entries."""
    words = (ANSWERED, NOT_ON)
    return any(word in text for text in _texts(incident, said) for word in words)


def _released(incident: Json, said: int) -> bool:
    """Tell whether the order to release has come to an end: in use again, or down as before."""
    for text in _texts(incident, said):
        if text.startswith("release by") and NOT_FOLLOWED in text:
            raise Stopped(text)
    if incident["phase"] in FENCED_AGAIN:
        msg = f"it is fenced again: {incident['text']}"
        raise Stopped(msg)
    begun = any(entry["phase"] == "releasing" for entry in incident["timeline"][said:])
    return incident["phase"] == "resolved" or (incident["phase"] == "down" and begun)


def _texts(incident: Json, said: int) -> list[str]:
    return [entry["text"] for entry in incident["timeline"][said:]]
