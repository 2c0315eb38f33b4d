"""One reader of Nova for all incidents: services and host map, kept fresh in the background.

A full pass at the start and now and then, and the changes all the time, with an overlap that covers
two clocks that disagree. What fails is tried again at the next round; how old the last good
answer is can be read from a metric.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

import structlog

from doctor_daemon.core.host import Server
from doctor_daemon.core.instant import Instant
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import DoctorError
from doctor_daemon.ports import Fleet

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Polling:
    """How often Nova is read."""

    services_every_s: float = 10.0
    servers_every_s: float = 10.0
    full_pass_every_s: float = 3600.0
    overlap_s: float = 120.0
    """How far back each list of changes reaches beyond the last: clocks may differ by as much."""


class Poller:
    """Reads the services and the servers, each in a loop of its own."""

    def __init__(
        self,
        ward: Ward,
        noticed: Callable[[Fleet], None],
        bug: Callable[[str, Exception], None],
        polling: Polling | None = None,
        strayed: Callable[[Sequence[tuple[Server, str]]], None] | None = None,
    ) -> None:
        """Poll for a ward; hand on every list of services, every bug and every list of changes."""
        self._ward = ward
        self._bug = bug
        self._noticed = noticed
        self._strayed = strayed
        self._polling = polling or Polling()
        self._good: dict[str, Instant] = {}
        self._unseen: AbstractSet[str] = frozenset()
        """The hosts of which the last list of services could say nothing: their cell is down."""
        self._dark: AbstractSet[str] = frozenset()
        """The same of all lists since the full pass began that is under way."""
        for what in ("services", "servers"):
            ward.tools.metrics.poll_age.labels(what).set_function(partial(self._age, what))
        self.onlookers: dict[str, Callable[[Fleet], None]] = {}
        """Which sources are shown every list of services: see `ports.surroundings`."""
        self.ready = asyncio.Event()
        """Set once the host map has been filled."""

    async def run(self) -> None:
        """Poll until cancelled."""
        polling = self._polling
        often_s, all_s = polling.servers_every_s, polling.full_pass_every_s
        loops = (
            self._loop("services", polling.services_every_s, self._services),
            self._loop("servers", often_s, self._changed),
            self._loop("all servers", all_s, self._all, again_s=often_s),
        )
        async with asyncio.TaskGroup() as tasks:
            made = [tasks.create_task(loop) for loop in loops]
            await asyncio.wait(made, return_when=asyncio.FIRST_COMPLETED)
            for task in made:  # one was cancelled by somebody else: the engine is to see it
                task.cancel()

    async def _loop(
        self,
        what: str,
        every_s: float,
        poll: Callable[[], Awaitable[None]],
        again_s: float | None = None,
    ) -> None:
        """Poll at a pace, and at another one after a poll that failed."""
        clock = self._ward.tools.clock
        while True:
            pause_s = every_s if again_s is None else again_s
            try:
                await poll()
                self._good[what], pause_s = clock.now(), every_s
            except DoctorError as error:
                log.warning("poll failed", what=what, error=str(error))
            except Exception as error:  # noqa: BLE001 - containment: incidents go on without polls
                self._bug(f"poll of {what}", error)
            await clock.sleep_until(clock.now().plus(pause_s))

    def _age(self, what: str) -> float:
        """Return the seconds since the last good poll, as each scrape is told."""
        good = self._good.get(what)
        return self._ward.tools.clock.now().since(good) if good else float("inf")

    async def _services(self) -> None:
        now = self._ward.tools.clock.now()
        fleet = await self._ward.tools.controller.fleet()
        self._ward.hostmap.dated(fleet.asked_there_s, now.wall_s)
        self._see(fleet)
        self._noticed(fleet)
        for heard in tuple(self.onlookers.values()):
            heard(fleet)

    def _see(self, fleet: Fleet) -> None:
        """Remember of which hosts a list of services says nothing."""
        self._unseen = fleet.unknown
        if fleet.blind:  # a host that is not there may be one that is not shown
            planned = {host.name for host in self._ward.rules.plans}
            self._unseen |= (planned | self._ward.hostmap.hosts) - fleet.services.keys()
        self._dark |= self._unseen

    async def _all(self) -> None:
        """Read the whole map. What changes meanwhile is read again after it.

        A cell may be down for a part of the pass only, and its servers be missing from that part.
        So a host keeps what was known of it when any list of services from before the pass until
        after it could say nothing of the host.
        """
        controller, now = self._ward.tools.controller, self._ward.tools.clock.now()
        self._dark, again = self._unseen, self.ready.is_set()
        heard = self._ward.hostmap.heard
        # The first fills the map, which the first notices wait for: nothing is lost by it.
        servers = await controller.all_servers(calm=again)
        if again:
            self._see(await controller.fleet())
        self._ward.hostmap.replace(servers, now.wall_s, self._dark, heard)
        self.ready.set()

    async def _changed(self) -> None:
        await self.ready.wait()
        now, hostmap = self._ward.tools.clock.now(), self._ward.hostmap
        since_s, heard = hostmap.as_of_wall_s - self._polling.overlap_s, hostmap.heard
        changed = await self._ward.tools.controller.changed_servers(since_s)
        hostmap.change(changed, now.wall_s, heard)
        if self._strayed is not None:
            self._strayed(changed)
