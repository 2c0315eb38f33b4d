"""A Cinder for the bench: the lab's own services, in virtual time and without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from doctor_daemon.core.log_levels import LogLevels, LogScope
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import Target, VolumeService
from doctor_daemon.lab.clock import Clock
from doctor_daemon.lab.schema import Refusal
from doctor_daemon.lab.volumes import VOLUME, Volumes
from doctor_daemon.lab.volumes import VolumeService as Row
from doctor_daemon.lab.world import Timing
from doctor_daemon.ports import Permit
from doctor_daemon.ports.storage import Answer
from tests.engine.instruments import CALL_S
from tests.simulation.virtual import VirtualClock

TIMING = Timing(report_interval_s=10.0, service_down_s=60.0)


class LoopClock(Clock):
    """The lab's clock, on the virtual loop."""

    @override
    def now(self) -> float:
        return asyncio.get_running_loop().time()


class BenchCinder:
    """`ports.Storage` on the rows of the lab. Cinder 29: `enable` does nothing unless `older`."""

    api: ClassVar[int] = 1

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.older = False
        self.asked: list[str] = []
        """Every request that changes something, in order."""
        self.lists = 0
        self.errors: list[Exception] = []
        """What lists fail with first."""
        self.answers = asyncio.Event()
        """Unset: lists are asked for, and not answered."""
        self.answers.set()
        self.bug: Exception | None = None
        self.volumes = Volumes(LoopClock(), self._later, lambda: TIMING, 20.0, 5.0)

    def _later(self, seconds: float, call: object) -> object:
        assert callable(call)
        return asyncio.get_running_loop().call_later(seconds, call)

    def add(self, host: str, *targets: str, cluster: str | None = None) -> Row:
        return self.volumes.add(VOLUME, host, targets, cluster)

    async def services(self, host: str = "", binary: str = "") -> Sequence[VolumeService]:
        self.lists += 1
        await asyncio.sleep(CALL_S)
        await self.answers.wait()
        if self.errors:
            raise self.errors.pop(0)
        rows = self.volumes.rows
        return [self._shown(row) for row in rows if not host or row.host.startswith(host)]

    def _shown(self, row: Row) -> VolumeService:
        up = self.volumes.is_up(row)
        return VolumeService(
            row.binary,
            row.host,
            "disabled" if row.disabled else "enabled",
            "up" if up else "down",
            reason=row.reason or "",
            updated_at=f"{row.written_at_s:012.3f}",
            frozen=row.frozen,
            replication=row.replication,
            backend=row.backend or "",
            cluster=row.cluster or "",
        )

    async def _asked(self, word: str, target: Target, permit: Permit) -> None:
        permit.check(self.clock.now())
        self.asked.append(f"{word} {target.cluster or target.host}")
        await asyncio.sleep(CALL_S)
        if self.bug is not None:
            bug, self.bug = self.bug, None
            raise bug

    async def disable(self, target: Target, reason: str, permit: Permit) -> Answer:
        await self._asked("disable", target, permit)
        row = self.volumes.row(target.host)
        row.disabled, row.reason = True, reason
        return Outcome.ACCEPTED, "200"

    async def enable(self, target: Target, permit: Permit) -> Answer:
        await self._asked("enable", target, permit)
        if self.older:
            self.volumes.row(target.host).disabled = False
        return Outcome.ACCEPTED, "200"

    async def freeze(self, target: Target, permit: Permit) -> Answer:
        await self._asked("freeze", target, permit)
        try:
            await self.volumes.freeze(self.volumes.of(target.host, target.cluster))
        except Refusal as refusal:
            return _refused(refusal)
        return Outcome.ACCEPTED, "200"

    async def thaw(self, target: Target, permit: Permit) -> Answer:
        await self._asked("thaw", target, permit)
        try:
            await self.volumes.thaw(self.volumes.of(target.host, target.cluster))
        except Refusal as refusal:
            return _refused(refusal)
        return Outcome.ACCEPTED, "200"

    async def fail_over(self, target: Target, backend: str, permit: Permit) -> Answer:
        await self._asked("failover", target, permit)
        try:
            self.volumes.fail_over(self.volumes.of(target.host, target.cluster), backend)
        except Refusal as refusal:
            return _refused(refusal)
        return Outcome.ACCEPTED, "202"

    async def log_levels(self, scope: LogScope) -> Sequence[LogLevels]:
        return ()

    async def set_log_level(self, scope: LogScope, level: str, permit: Permit) -> Answer:
        permit.check(self.clock.now())
        return Outcome.ACCEPTED, "202"

    async def check(self) -> Sequence[str]:
        return ()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        return


def _refused(refusal: Refusal) -> Answer:
    unknown = refusal.status >= 500
    return Outcome.UNKNOWN if unknown else Outcome.REFUSED, str(refusal)
