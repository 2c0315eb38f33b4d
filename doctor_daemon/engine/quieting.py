"""Log levels that were raised for the time of an incident are put back when it is over.

The levels that there were are saved with the order, before it is sent: so a daemon that starts in
between puts them back, too. A service that has restarted has forgotten them by itself; one that
does not answer may live on, and is asked again for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from doctor_daemon.core.host import HostId
from doctor_daemon.core.log_levels import LogLevels
from doctor_daemon.core.raised_levels import judged, put_back
from doctor_daemon.core.volume_orders import LOOK, VolumeOrder
from doctor_daemon.core.volumes import End, Finding
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.errand import Errand
from doctor_daemon.errors import DoctorError

TRIES = 60
"""How often it is tried: five minutes, if Cinder answers at once that it does not."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Quieting:
    """Puts levels back.

    `raised` are the orders that have them raised, or are about to; `save` keeps one as it is now.
    """

    engine: Engine
    errand: Callable[[], Errand]
    raised: Callable[[], Iterable[VolumeOrder]]
    save: Callable[[VolumeOrder], Awaitable[None]]
    every_s: float
    tries: dict[int, int] = field(default_factory=dict)

    async def run(self) -> None:
        """See to them until cancelled."""
        while True:
            await asyncio.sleep(self.every_s)
            over = [one for one in self.raised() if one.finding and not self.is_open(one.until)]
            for order in over:
                try:
                    await self._quiet(order)
                except DoctorError as error:
                    log.warning("not saved yet", number=order.number, error=str(error))

    def is_open(self, host: HostId | None) -> bool:
        """Tell whether anything of a host is open: its incident, or a task about its storage."""
        tasks = self.engine.ward.stock.tasks.values()
        return host in self.engine.desk.cases or any(
            task.host == host and not task.over for task in tasks
        )

    async def _quiet(self, order: VolumeOrder) -> None:
        try:
            found = await self._put_back(order)
        except DoctorError as error:
            found = Finding(End.UNKNOWN, f"they cannot be read: {error}", LOOK)
        except Exception:
            self.engine.ward.tools.metrics.bugs.inc()
            log.exception("internal error", what="putting log levels back")
            found = Finding(End.UNKNOWN, "internal error: see the daemon's log", LOOK)
        tries = self.tries[order.number] = self.tries.get(order.number, 0) + 1
        if found.end is not End.ACHIEVED and tries < TRIES:
            return
        await self.save(replace(order, put_back=found))
        told = {"number": order.number, "target": order.target, "by": order.by}
        if found.end is End.ACHIEVED:
            log.info("log levels are put back", text=found.text, **told)
        else:
            log.error("log levels are NOT put back", text=found.text, **told)

    async def _put_back(self, order: VolumeOrder) -> Finding:
        if not order.before or order.levels is None:
            return Finding(End.ACHIEVED, "no level was changed")
        errand, scope = self.errand(), order.levels.scope
        now = await errand.storage.log_levels(scope)
        for wish in put_back(scope, order.before, now, self._others()):
            await errand.done(wish)
        return judged(order.before, await errand.storage.log_levels(scope), self._others())

    def _others(self) -> list[Sequence[LogLevels]]:
        """Return what is kept by orders whose hosts are in question still."""
        return [one.before for one in self.raised() if self.is_open(one.until)]
