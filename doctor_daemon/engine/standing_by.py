"""A daemon among others that share its store: the time before it leads, and its end.

The store is opened, which waits while another leads. Meanwhile the cloud is read, so that whoever
takes over knows whose servers are where, and what the other has saved is shown. Nothing is decided,
saved or told. Once it leads it ends when it leads no more, and heeds what was said to the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence

import structlog

from doctor_daemon.core.context import Armed
from doctor_daemon.core.incident import Incident
from doctor_daemon.engine.ward import Ward, save_switch, tell_switch
from doctor_daemon.errors import Conflict, DoctorError, Permanent, Temporary
from doctor_daemon.ports.leading import Forbidden

STANDING_BY = "this daemon stands by: another one leads"
SHOWN_EVERY_S = 1.0
"""Between two looks at what the other has saved."""
Loop = Callable[[], Coroutine[None, None, None]]
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class StandBy:
    """Stands by for an engine, and shows what the one that leads has saved."""

    def __init__(self, ward: Ward) -> None:
        """Show nothing yet."""
        self.incidents: Sequence[Incident] = ()
        """The open ones, as the other has saved them."""
        self.known = False
        """Whether it has been seen what the other has saved."""
        self._ward = ward

    async def opened(self, beside: Sequence[Loop], stop: asyncio.Event) -> bool:
        """Open the store, and run these loops until then. False: it was stopped before.

        Raise what the store does, and what ends one of the loops.
        """
        store = self._ward.tools.store
        opening = asyncio.create_task(store.open(), name="opening")
        if self._ward.leadership is None:
            self._ward.term = await opening
            return True
        stopping = asyncio.create_task(stop.wait(), name="stopping")
        loops = [asyncio.create_task(loop()) for loop in (self._show, *beside)]
        tasks = (opening, stopping, *loops)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for loop in loops:
                if loop.done():
                    loop.result()
            if not opening.done():
                return False
            self._ward.term = opening.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        self.incidents = ()
        return True

    async def _show(self) -> None:
        """Keep what is shown up to date, until cancelled."""
        ward, clock = self._ward, self._ward.tools.clock
        while True:
            try:
                snapshot = await ward.tools.store.load()
            except DoctorError as error:  # it is being read still, or etcd is gone
                log.debug("what is saved is not known yet", error=str(error))
            else:
                now = clock.now()
                ward.armed = snapshot.armed
                ward.maintenance = {one.host: one.timed_anew(now) for one in snapshot.maintenance}
                self.incidents, self.known = snapshot.incidents, True
            await clock.sleep_until(clock.now().plus(SHOWN_EVERY_S))

    async def heed(self) -> None:
        """Be disarmed by what was said to one that stands by. Raise what ends this daemon."""
        ward, clock, lead = self._ward, self._ward.tools.clock, self._ward.leadership
        if lead is None:
            await asyncio.Event().wait()
            return
        last: Forbidden | None = None
        while True:
            word = await lead.words.forbidden()
            if word != last:
                last = word
                ward.armed = Armed(False, word.by, clock.now(), word.why)  # noqa: FBT003 - a switch
                ward.unsaved = True
                tell_switch(ward)
                log.warning("disarmed by a word to another daemon", by=word.by, why=word.why)
            try:
                await save_switch(ward)
                if not ward.unsaved:
                    await lead.words.heeded(word)
            except (Temporary, Permanent) as error:
                log.warning("the switch is not saved yet", error=str(error))
                await clock.sleep_until(clock.now().plus(SHOWN_EVERY_S))

    async def deposed(self) -> None:
        """Raise Conflict when this daemon leads no more: it has to end."""
        if self._ward.leadership is None:
            await asyncio.Event().wait()
            return
        why = await self._ward.leadership.over()
        raise Conflict(f"this daemon leads no more, and ends: {why}")

    async def forbid(self, by: str, why: str) -> None:
        """Have whoever leads cut nothing any more. Raise Temporary where that cannot be said."""
        if self._ward.leadership is not None:
            await self._ward.leadership.words.forbid(by, why)
            self._ward.armed = Armed(False, by, self._ward.tools.clock.now(), why)  # noqa: FBT003 - a switch

    def aside(self, why: str) -> str:
        """Say why no order is taken here, and who takes it; empty, where there is no `why`."""
        if not why or self._ward.leadership is None:
            return ""
        return f"{why}: {self._ward.leadership.standing().leader or 'nobody that is known'}"

    def successors(self) -> str:
        """Name who could take over at once. Raise Permanent where there is nobody."""
        lead = self._ward.leadership
        ready = lead.standing().ready if lead is not None else ()
        if not ready:
            msg = "no other daemon stands by that could take over at once"
            raise Permanent(msg)
        return ", ".join(ready)
