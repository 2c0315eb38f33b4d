"""A source of somebody else's: a folder, in which a file that has a host's name calls it down.

It is what docs/plugins.md is about: a package of its own, which uses nothing of the daemon's but
its ports, its core and its errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from doctor_daemon.core.evidence import Evidence, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.ports import Gatekeeper, Intake, SourceTerms
from doctor_daemon.ports.surroundings import Surroundings

FILES_MAX = 1000


class FlagFilesConfig(BaseModel):
    """The options of a source of type `flag-files`."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True
    )

    folder: Path
    """The folder that is looked into."""
    every_s: float = Field(default=1.0, ge=0.1, le=60)
    """How often."""
    repeat_s: float = Field(default=30.0, ge=1, le=100)
    """How often a word that stands is said again: one that is not grows too old to act on."""


class FlagFiles:
    """Looks into a folder."""

    api: ClassVar[int] = 1
    served: ClassVar[bool] = False
    Config: ClassVar[type[FlagFilesConfig]] = FlagFilesConfig

    def __init__(self, config: FlagFilesConfig, terms: SourceTerms) -> None:
        """Look at nothing yet. Raise ConfigError where there is no such folder."""
        if not config.folder.is_dir():
            msg = f"source {terms.name!r}: folder: {config.folder} is no folder"
            raise ConfigError(msg)
        self.name = terms.name
        self._config = config
        self._terms = terms
        self._around = Surroundings()
        self._down: dict[HostId, tuple[Instant, Instant]] = {}
        """Host -> since when it is called down, and when that was last said."""

    def place(self, around: Surroundings) -> None:
        """Be told of the daemon what a source may know."""
        self._around = around

    async def run(self, intake: Intake) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self._look(intake)
                self._around.looked(self.name)
            except Temporary:
                pass  # it was not saved, so it counts as not said: it is said in the next round
            await asyncio.sleep(self._config.every_s)

    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        """Return none: nothing is told to it by HTTP."""
        return ()

    async def _look(self, intake: Intake) -> None:
        names = await asyncio.to_thread(self._names)
        flagged = {host for name in names if (host := intake.host(name)) is not None}
        now = intake.now()
        for host in sorted(flagged | self._down.keys()):
            since, last = self._down.get(host, (now, None))
            if host not in flagged:
                await intake.submit([self._evidence(host, Verdict.WITHDRAWN, now, now)])
                del self._down[host]
            elif last is None or now.since(last) >= self._config.repeat_s:
                await intake.submit([self._evidence(host, Verdict.DOWN, since, now)])
                self._down[host] = (since, now)

    def _names(self) -> list[str]:
        """List the folder: off the event loop, for a disk may be slow."""
        try:
            found = sorted(entry.name for entry in self._config.folder.iterdir())
        except OSError as error:
            raise Temporary(str(error)) from None
        return found[:FILES_MAX]

    def _evidence(self, host: HostId, verdict: Verdict, since: Instant, now: Instant) -> Evidence:
        return Evidence(
            host=host,
            verdict=verdict,
            source=self.name,
            kind="flag-file",
            trust=self._terms.trust,
            fingerprint="flag",
            key=f"{self.name}|{host}|{verdict}|{since.boot_id}|{since.boot_s}",
            received_at=now,
            summary="its flag is there" if verdict is Verdict.DOWN else "its flag has gone",
        )
