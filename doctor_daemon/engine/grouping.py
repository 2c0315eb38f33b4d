"""The cloud's server groups: one list for all hosts, and never in the way of a move.

Nova lists the groups of a host's servers only with those of everybody else, so the list is shared
by all hosts that ask, and kept for a minute. Who belongs together only tells how well a move may
go: a Nova that does not say it in a short time is not waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import DoctorError, Permanent
from doctor_daemon.ports import Clock, Controller

KEPT_S = 60.0
ANSWER_S = 10.0
"""How long each try may take."""
TRIES = 2
BUG = "internal error: see the daemon's log"
Told = tuple[tuple[ServerGroup, ...], str]
"""The groups, and why they may not be all there are; empty: they are."""


class Groups:
    """Asks for the groups, and keeps what it was told. `bug` hears of every bug."""

    def __init__(
        self, nova: Controller, clock: Clock, bug: Callable[[str, Exception], None]
    ) -> None:
        """Begin with nothing known."""
        self._nova = nova
        self._clock = clock
        self._bug = bug
        self._asking: asyncio.Task[Told] | None = None
        self._told: Told | None = None
        self._told_at: Instant | None = None
        self._good: tuple[ServerGroup, ...] | None = None
        self._good_at: Instant | None = None

    async def known(self) -> Told:
        """Return the groups as of a minute ago at most, or an older list and why it is old."""
        now = self._clock.now()
        if self._told and self._told_at and now.since(self._told_at) < KEPT_S:
            return self._told
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(now))
        return await asyncio.shield(self._asking)

    def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self, now: Instant) -> Told:
        try:
            told = await self._tried(now)
            self._told, self._told_at = told, self._clock.now()
            return told
        finally:
            self._asking = None

    async def _tried(self, now: Instant) -> Told:
        why = ""
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(ANSWER_S):
                    groups: Sequence[ServerGroup] = await self._nova.server_groups()
            except Permanent as error:
                return self._older(str(error), now)
            except DoctorError as error:
                why = str(error)
            except TimeoutError:
                why = f"Nova has not listed its server groups in {ANSWER_S:g} s"
            except Exception as error:  # noqa: BLE001 - containment: incidents go on without them
                self._bug("server groups", error)
                return self._older(BUG, now)
            else:
                self._good, self._good_at = tuple(groups), now
                return self._good, ""
        return self._older(why, now)

    def _older(self, why: str, now: Instant) -> Told:
        if self._good is None or self._good_at is None:
            return (), why
        return self._good, f"{why}; as of {now.since(self._good_at):.0f} s ago they are"
