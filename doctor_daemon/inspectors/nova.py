"""Nova's own word: compute services that do not report in, as the daemon's poller sees them.

Nova is not asked once more: every list of services that the daemon reads anyway is looked at. What
it shows is trusted no further than it goes.

- *down* is said of a service that Nova calls down, or whose last report is older than `stale_s` by
  Nova's own clock (the date of its answer; never ours), and that was seen in two lists without a
  report between them. A compute host whose clock is wrong looks down to Nova and yet reports in.
- It is said only if Nova was seen to work since: some other service must have reported in well
  after this one's last report. When all fall silent together, RabbitMQ, the database or a conductor
  is in trouble, and not every host.
- *up* is said when a service has reported in between two lists, which only its own process does.
  Nova's `up` alone says nothing: it stays for a minute after a death. Of a host that somebody else
  has called down meanwhile, the first of the two must have been asked for since: the list after a
  death still shows the last report before it.
- A service that is forced down looks down because somebody said so: nothing is said of it. Nor is
  of one that a list does not show, or shows as unknown because its cell is down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

import structlog
from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import override

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.polling import Polling
from doctor_daemon.inspectors.voice import View
from doctor_daemon.ports import Fleet, Intake, SourceTerms
from doctor_daemon.ports.surroundings import Surroundings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

QUIET_S = 60.0
"""After so long without any report the source says that Nova is in trouble."""
SILENT_S = 300.0
"""After so long without a list the source says that it sees nothing."""


class NovaServicesConfig(BaseModel):
    """The options of a source of type `nova`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    stale_s: Annotated[float, Field(ge=20, le=600)] = 45.0
    """A report older than this, by Nova's clock, accuses its host although Nova still calls it up:
    at least three times `report_interval_s`."""
    report_interval_s: Annotated[float, Field(ge=1, le=120)] = 10.0
    """Nova's own option `report_interval`, as the compute hosts have it: the last reports of
    services that fall silent together are no further apart."""
    alive: bool = True
    """Whether a report is said to be a sign of life; if not, it takes an earlier word back."""
    kind: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")] = "nova"
    """The kind of this evidence."""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.stale_s < 3 * self.report_interval_s:
            msg = f"stale_s: found {self.stale_s:g}; expected at least 3 x report_interval_s"
            raise ValueError(msg)
        return self


class NovaServices(Polling):
    """Looks at the lists of services that the daemon reads from Nova."""

    Config: ClassVar[type[NovaServicesConfig]] = NovaServicesConfig

    def __init__(self, config: NovaServicesConfig, terms: SourceTerms) -> None:
        """Begin with no list seen."""
        super().__init__(terms, 0.0)
        self._config = config
        self._new = asyncio.Event()
        self._fleet = Fleet({})
        self._before: dict[str, Sighting] = {}
        self._reported: dict[str, float] = {}
        """Host -> its last report that was seen to come, by Nova's clock (Unix seconds)."""
        self._heard_at: Instant | None = None
        """When any service was last seen to have reported in."""

    @override
    def place(self, around: Surroundings) -> None:
        """Be shown every list from now on."""
        super().place(around)
        around.fleets(self.show)

    def show(self, fleet: Fleet) -> None:
        """Take a list; one that nobody has looked at yet is replaced by it."""
        self._fleet = fleet
        self._new.set()

    @override
    async def look(self, intake: Intake) -> None:
        """Look at the next list, and say what is to be said. Raise Temporary."""
        try:
            async with asyncio.timeout(SILENT_S):
                await self._new.wait()
        except TimeoutError:
            msg = f"no list of services was read from Nova for {SILENT_S:g} s"
            raise Temporary(msg) from None
        self._new.clear()
        fleet, before = self._fleet, self._before
        self._before = dict(fleet.services)
        for name, sighting in fleet.services.items():
            if name in before and sighting.stirred(before[name]):
                self._reported[name], self._heard_at = sighting.updated_s, sighting.asked_at
        for name in self._reported.keys() - fleet.services.keys():
            del self._reported[name]
        await self._voice.say(self._views(fleet, before), intake)
        if before and self._quiet(fleet):
            msg = "no service reports in: that is Nova's trouble, and says nothing of hosts"
            raise Temporary(msg)

    def _quiet(self, fleet: Fleet) -> bool:
        """Tell whether nobody has reported in for a while."""
        asked = next((one.asked_at for one in fleet.services.values()), None)
        heard = self._heard_at
        return asked is None or heard is None or asked.since(heard) > QUIET_S

    def _views(self, fleet: Fleet, before: dict[str, Sighting]) -> Iterator[View]:
        known = {host.name: host for host in self._voice.around.hosts}
        apart_s = 2 * self._config.report_interval_s
        newest = sorted(self._reported, key=lambda name: -self._reported[name])[:2]
        for name, sighting in fleet.services.items():
            host, earlier = known.get(name), before.get(name)
            if host is None or earlier is None or sighting.forced_down or earlier.forced_down:
                continue
            view = self._view(host, sighting, earlier, fleet.asked_there_s)
            others = [self._reported[other] for other in newest if other != name]
            works = others and others[0] - sighting.updated_s > apart_s
            if view is not None and (works or view.verdict is not Verdict.DOWN):
                yield view

    def _view(
        self, host: HostId, sighting: Sighting, earlier: Sighting, asked_there_s: float | None
    ) -> View | None:
        """Say how a service was seen, now and before."""
        kind = self._config.kind
        if sighting.stirred(earlier):
            word = Verdict.UP if self._config.alive else Verdict.WITHDRAWN
            text = "nova-compute has reported in to Nova"
            return View(host, word, kind, text, since=earlier.asked_at)
        if sighting.updated_s != earlier.updated_s:
            return None  # somebody has written to the service: that moves its time too
        if sighting.state == "down":
            return View(host, Verdict.DOWN, kind, "Nova calls its nova-compute down")
        if asked_there_s is None or not sighting.updated_s:
            return None
        age_s = asked_there_s - sighting.updated_s
        if age_s <= self._config.stale_s:
            return None
        text = f"nova-compute has not reported in for {age_s:.0f} s, by Nova's clock"
        return View(host, Verdict.DOWN, kind, text)
