"""The running daemon, as a drill asks it: the orders of any operator, and what `explain` says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from doctor_daemon.cli.client import Unanswered, ask
from doctor_daemon.cli.drill.report import Report, Stopped
from doctor_daemon.cli.show import OVER

Json = dict[str, Any]
SILENT_S = 60.0
"""How long a daemon may be away in the midst of a drill: it may be started anew meanwhile."""
EVERY_S = 0.25


@dataclass(slots=True)
class Daemon:
    """The daemon behind a socket, about one host."""

    socket: Path
    host: str
    report: Report
    """What is told, and the id and the timeline of the drill's own incident."""
    _told: set[tuple[float, str]] = field(default_factory=set)

    async def status(self) -> Json:
        """Ask how the daemon stands. Raise Unanswered."""
        found: Json = await asyncio.to_thread(ask, self.socket, "GET", "/v1/status")
        return found

    async def explain(self) -> Json:
        """Ask how the host stands. Raise Unanswered."""
        found: Json = await asyncio.to_thread(ask, self.socket, "GET", self._path())
        return found

    async def order(self, order: str, why: str) -> Json:
        """Give an order, and return the incident in short. Raise Unanswered."""
        body = {"order": order, "why": f"drill: {why}"}
        found = await asyncio.to_thread(ask, self.socket, "POST", f"{self._path()}/orders", body)
        incident: Json = found["incident"]
        return incident

    async def told(self, order: str, why: str) -> None:
        """Give an order. One that was overtaken, or got lost, shows in what follows."""
        try:
            await self.order(order, why)
        except Unanswered as error:
            self.report.say(f"  {order}: {error}")

    async def until(self, until_s: float, over: Callable[[Json], bool]) -> Json:
        """Follow the incident. Raise Stopped where it is held, ends, or takes too long."""
        while True:
            incident = await self.seen(until_s)
            held(incident)
            if over(incident):
                return incident
            if incident["phase"] in OVER:
                msg = f"the incident is {incident['phase']}: {incident['text']}"
                raise Stopped(msg)

    async def seen(self, until_s: float) -> Json:
        """Look at the incident once, after a pause, and tell what is new in its timeline.

        Raise Stopped when the time is over, when the daemon stays away, or when the incident is
        another one.
        """
        await asyncio.sleep(EVERY_S)
        away_s = time.monotonic() + SILENT_S
        while True:
            if time.monotonic() > until_s:
                last = (
                    self.report.entries[-1]["text"]
                    if self.report.entries
                    else "nothing is known of it"
                )
                msg = f"it takes longer than it may; the incident stands at: {last}"
                raise Stopped(msg)
            try:
                return self._looked_at((await self.explain())["incident"])
            except Unanswered as error:
                if time.monotonic() > away_s:
                    msg = f"the daemon is away for more than {SILENT_S:g} s: {error}"
                    raise Stopped(msg) from None
                await asyncio.sleep(1.0)

    def _looked_at(self, incident: Json | None) -> Json:
        if incident is None or incident["id"] != self.report.incident:
            msg = f"incident {self.report.incident} is over: see `doctor-daemon incidents`"
            raise Stopped(msg)
        self.report.entries = incident["timeline"]
        for entry in self.report.entries:
            key = (entry["wall_s"], entry["text"])
            if key not in self._told:
                self._told.add(key)
                self.report.say(f"  {entry['phase']:12}  {entry['text']}")
        return incident

    def _path(self) -> str:
        return f"/v1/hosts/{quote(self.host, safe='')}"


def held(incident: Json) -> None:
    """Raise Stopped where a human is needed."""
    why = incident["held"]
    if incident["phase"] == "held" and why:
        frees = why["frees"].replace("HOST", incident["host"])
        raise Stopped(f"the incident is held: {why['why']}; what frees it: {frees}")
