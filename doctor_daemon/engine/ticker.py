"""The engine's tick: the sign of progress, and the place where lost time and stepped clocks show.

Durations are taken on CLOCK_BOOTTIME, so a step of the wall clock changes no decision. It is told
all the same, for people read the log by it, and signatures of messages are judged by it.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from doctor_daemon.core.instant import Instant
from doctor_daemon.engine.standpoint import Step
from doctor_daemon.engine.ward import Ward, save_switch
from doctor_daemon.errors import Temporary

STEP_S = 2.0
"""The wall clock has been stepped when it moves by more than this against CLOCK_BOOTTIME in a tick.
A clock that is slewed moves by a thousandth of it."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Ticker:
    """Ticks; tells of pauses and of steps of the clock."""

    def __init__(
        self,
        ward: Ward,
        tick_s: float,
        ticked: Callable[[Instant], None],
        paused: Callable[[float], None],
    ) -> None:
        """Tick for a ward; `paused` is told how long the daemon stood still."""
        self._ward = ward
        self._tick_s = tick_s
        self._ticked = ticked
        self._paused = paused
        self._offset_s: float | None = None

    async def run(self) -> None:
        """Tick until cancelled."""
        clock = self._ward.tools.clock
        while True:
            began = clock.now()
            self._see(began)
            await clock.sleep_until(began.plus(self._tick_s))
            now = clock.now()
            self._ticked(now)
            lag_s = now.since(began) - self._tick_s
            self._ward.tools.metrics.loop_lag.set(max(lag_s, 0.0))
            if self._ward.unsaved:
                await self._save_switch()

    def _see(self, now: Instant) -> None:
        """Compare this tick with the last."""
        slept_s = self._ward.standpoint.wake.tick(now, self._tick_s)
        if slept_s:
            self._ward.tools.metrics.pauses.inc()
            log.warning("the daemon stood still", seconds=round(slept_s, 1))
            self._paused(slept_s)
        offset_s = now.wall_s - now.boot_s
        step_s = 0.0 if self._offset_s is None else offset_s - self._offset_s
        self._offset_s = offset_s
        if abs(step_s) > STEP_S:
            self._ward.tools.metrics.clock_steps.inc()
            self._ward.stepped(Step(step_s, now))
            log.warning("the wall clock was stepped: no decision depends on it", seconds=step_s)

    async def _save_switch(self) -> None:
        """Try again to save the master switch, which is in force already."""
        try:
            await save_switch(self._ward)
        except Temporary as error:
            log.warning("the switch is not saved yet", error=str(error))
