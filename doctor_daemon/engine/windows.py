"""Maintenance as sources announce it: by way of the operators' own, and never over theirs."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from doctor_daemon.core.context import Maintenance
from doctor_daemon.core.host import HostId
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Permanent

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EngineWindows:
    """Implements `ports.windows.Windows` on a running engine."""

    engine: Engine

    def standing(self, host: HostId) -> Maintenance | None:
        """Return the window that a host is in now."""
        return self.engine.ward.context(host).maintenance

    async def begin(self, host: HostId, by: str, why: str, seconds: float) -> Maintenance:
        """Set a window, unless somebody else's stands."""
        self._check(host, by)
        window = await Operators(self.engine).maintain(host, by, why, seconds)
        log.info("maintenance begun", host=str(host), by=by, for_s=seconds, why=why)
        return window

    async def end(self, host: HostId, by: str) -> bool:
        """End a window of this owner's."""
        self._check(host, by)
        ended = await Operators(self.engine).end_maintenance(host, by)
        if ended:
            log.info("maintenance ended", host=str(host), by=by)
        return ended

    def _check(self, host: HostId, by: str) -> None:
        window = self.standing(host)
        if window is not None and window.by != by:
            msg = f"{host} is under maintenance by {window.by}: only they may change that"
            raise Permanent(msg)
