"""Keeps what is known of our own side fresh, and asks at once when a cut is being prepared.

What cannot be asked is not known, and that is as bad as bad: the gate `isolation` sees to it. Those
who wait for it are told of what is found good, so that they lose no time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import structlog

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.ourselves import Check, Sign
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.ward import Ward

CHECK_S = 60.0
"""No check takes longer than this, whatever hangs."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Selfcheck:
    """Asks about our own side, in a loop of its own."""

    def __init__(
        self,
        ward: Ward,
        incidents: Callable[[], Iterable[Incident]],
        good: Callable[[], None],
        bug: Callable[[str, Exception], None],
    ) -> None:
        """Ask for a ward; `good` is called when anything is good: some may wait for it."""
        self._ward = ward
        self._incidents = incidents
        self._good = good
        self._bug = bug
        self._asked = asyncio.Event()
        self.renew()

    def renew(self) -> None:
        """Take which signs are wanted, and ask for them at once."""
        ward, own = self._ward, self._ward.tools.own
        ward.standpoint.want(own.wanted if own else ())
        ward.tools.metrics.own_side.clear()
        for sign in ward.standpoint.wanted:
            check = ward.standpoint.checks.get(sign)
            ward.tools.metrics.own_side.labels(sign).set(bool(check and check.good))
        self._asked.set()

    def heed(self, before: Incident | None, after: Incident) -> None:
        """Ask at once when a host is suspected: only what is asked since then counts."""
        if before is None or (after.phase is Phase.FENCING and before.phase is not Phase.FENCING):
            self._asked.set()

    async def run(self) -> None:
        """Ask until cancelled."""
        own = self._ward.tools.own
        if own is None:
            await asyncio.Event().wait()
            return
        clock = self._ward.tools.clock
        while True:
            self._asked.clear()
            await self._check()
            pause = asyncio.ensure_future(clock.sleep_until(clock.now().plus(own.every_s)))
            asked = asyncio.ensure_future(self._asked.wait())
            try:
                await asyncio.wait((pause, asked), return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
                asked.cancel()

    async def _check(self) -> None:
        """Ask once; what cannot be asked is not known."""
        own = self._ward.tools.own
        if own is None:
            return
        suspects = frozenset[HostId](incident.host for incident in self._incidents())
        try:
            async with asyncio.timeout(CHECK_S):
                found = await own.check(suspects)
        except TimeoutError:
            found = ()
        except Exception as error:  # noqa: BLE001 - containment: what is not known stops cuts
            self._bug("check of our own side", error)
            found = ()
        self._take({check.sign: check for check in found})

    def _take(self, checks: Mapping[Sign, Check]) -> None:
        """Keep what was found; tell what has changed."""
        standpoint, some = self._ward.standpoint, False
        for sign in standpoint.wanted:
            before, after = standpoint.checks.get(sign), checks.get(sign)
            good = after is not None and after.good is True
            self._ward.tools.metrics.own_side.labels(sign).set(good)
            was = before is not None and before.good is True
            some = some or good
            if good is not was:
                say = log.info if good else log.warning
                say("our own side", sign=sign.value, good=good, why=after.why if after else "")
        standpoint.checked(checks)
        if some:
            self._good()
