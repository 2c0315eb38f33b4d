"""What Cinder has stored of its services, and what becomes of it: freezes, failovers, log levels.

Contract: tests/lab/cinder_contract.py, whose tests are named at each behaviour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from doctor_daemon.lab.clock import Clock
from doctor_daemon.lab.schema import Refusal
from doctor_daemon.lab.world import Later, Timing

VOLUME = "cinder-volume"
FAILABLE = ("enabled", "failed-over")
_LOGGERS = ("cinder", "cinder.volume", "cinder.volume.manager", "cinder.volume.api")


@dataclass(slots=True)
class VolumeService:
    """Cinder's row for one process. `targets` are its backend's replication targets."""

    binary: str
    host: str
    written_at_s: float
    beats_from_s: float | None
    targets: tuple[str, ...] = ()
    cluster: str | None = None
    disabled: bool = False
    reason: str | None = None
    frozen: bool = False
    replication: str = "disabled"
    backend: str | None = None
    thaw_error: bool = False
    """The driver fails at a thaw."""
    failover_error: bool = False
    """The driver fails at a failover."""
    levels: dict[str, str] = field(default_factory=lambda: dict.fromkeys(_LOGGERS, "INFO"))

    @property
    def alive(self) -> bool:
        return self.beats_from_s is not None

    def beat(self, now_s: float, interval_s: float) -> None:
        """Write the reports that are due by now."""
        if self.beats_from_s is not None:
            beats = (now_s - self.beats_from_s) // interval_s
            self.written_at_s = max(self.written_at_s, self.beats_from_s + beats * interval_s)


@dataclass(slots=True)
class Volumes:
    """Cinder's services, and the processes behind them."""

    clock: Clock
    later: Later
    timing: Callable[[], Timing]
    rpc_timeout_s: float
    failover_s: float
    rows: list[VolumeService] = field(default_factory=list)

    def add(
        self, binary: str, host: str, targets: tuple[str, ...] = (), cluster: str | None = None
    ) -> VolumeService:
        now_s = self.clock.now()
        row = VolumeService(binary, host, now_s, now_s, targets, cluster)
        row.replication = "enabled" if targets else "disabled"
        self.rows.append(row)
        return row

    def row(self, host: str, binary: str = VOLUME) -> VolumeService:
        """Find a row. Raises KeyError."""
        for row in self.rows:
            if (row.host, row.binary) == (host, binary):
                return row
        raise KeyError(host)

    def kill(self, host: str) -> None:
        """End a process as kill -9 does: its state is up until its last report is too old."""
        row = self.row(host)
        self._beat(row)
        row.beats_from_s = None

    def start(self, host: str) -> None:
        row = self.row(host)
        if not row.alive:
            row.beats_from_s = row.written_at_s = self.clock.now()
            row.levels = dict.fromkeys(_LOGGERS, "INFO")

    def is_up(self, row: VolumeService) -> bool:
        """Judge by the last write, whoever made it: a change of a dead service makes it "up".

        Contract: CinderContract.test_a_freeze_of_a_dead_service_is_a_500_and_takes_effect.
        """
        self._beat(row)
        return self.clock.now() - row.written_at_s <= self.timing().service_down_s

    def of(self, host: str, cluster: str) -> list[VolumeService]:
        """Find the services of a host or a cluster. Raises Refusal (400).

        A host that is of a cluster stands for the whole of it: cinder/volume/api.py,
        `_get_cluster_and_services_for_replication`. Contract: CinderContract.test_unknown_services.
        """
        volumes = [row for row in self.rows if row.binary == VOLUME]
        if host:
            named = [row for row in volumes if row.host == host]
            cluster = next((row.cluster or "" for row in named), "")
            if not cluster:
                return named or _none(f"host={host}")
        found = [row for row in volumes if row.cluster == cluster]
        return found or _none(f"cluster={cluster}")

    async def freeze(self, rows: list[VolumeService]) -> None:
        """Store the flag, and then have each service disable itself.

        Contract: CinderContract.test_freeze_disables_and_is_refused_twice.
        """
        self._flag(rows, frozen=True)
        for row in await self.heard_by(rows):
            row.disabled, row.reason = True, "frozen"

    async def thaw(self, rows: list[VolumeService]) -> str:
        """Take the flag back, and then have each service enable itself, whoever had disabled it.

        Contract: CinderContract.test_thaw_enables_what_somebody_had_disabled.
        """
        self._flag(rows, frozen=False)
        for row in await self.heard_by(rows):
            if row.thaw_error:
                return "Backend reported error during thaw_host operation."
            row.disabled, row.reason = False, ""
        return ""

    def fail_over(self, rows: list[VolumeService], target: str | None) -> None:
        """Begin a failover; its end is told by the row alone.

        Contract: CinderContract.test_failover_and_back, test_a_failover_to_nowhere_changes_nothing
        and test_a_failover_that_cannot_be.
        """
        fit = [row for row in rows if row.replication in FAILABLE and self.is_up(row)]
        if not fit:
            names = [row.host for row in rows]
            raise Refusal(
                400,
                "Invalid input received: No service could be changed: replication_status in "
                f"{names} must be ['enabled', 'failed-over'] and must be up to failover.",
            )
        for row in fit:
            before = row.replication
            row.replication = "failing-over"
            self._written(row)
            self.later(self.failover_s, _failing_over(row, target, before))

    def loggers(self, binary: str, host: str) -> Iterator[VolumeService]:
        """Find the services that are up and meant: only they are asked.

        Contract: CinderContract.test_log_levels_are_read_and_set.
        """
        for row in self.rows:
            meant = binary in ("", "*", row.binary) and host in ("", row.host)
            if meant and self.is_up(row):
                yield row

    def _flag(self, rows: list[VolumeService], *, frozen: bool) -> None:
        others = [row for row in rows if row.frozen is not frozen]
        if not others:
            names = [row.host for row in rows]
            raise Refusal(
                400,
                f"Invalid input received: No service could be changed: frozen in {names} must be "
                f"{not frozen} to failover.",
            )
        for row in others:
            row.frozen = frozen
            self._written(row)

    async def heard_by(self, rows: list[VolumeService]) -> list[VolumeService]:
        """Ask each process. One that is dead is waited for, and then it is an error of Cinder's."""
        if not all(row.alive for row in rows):
            await asyncio.sleep(self.rpc_timeout_s)
            raise Refusal(
                500,
                "The server has either erred or is incapable of performing the requested "
                "operation.",
            )
        return rows

    def _written(self, row: VolumeService) -> None:
        row.written_at_s = self.clock.now()

    def _beat(self, row: VolumeService) -> None:
        row.beat(self.clock.now(), self.timing().report_interval_s)


def _none(named: str) -> list[VolumeService]:
    raise Refusal(400, f"No service found with {named}")


def _failing_over(row: VolumeService, target: str | None, before: str) -> Callable[[], None]:
    """Return the end of a failover. A process that died meanwhile leaves it under way for ever."""

    def end() -> None:
        to = target or next(iter(row.targets), "")
        if not row.alive:
            return
        if row.failover_error:
            row.replication, row.disabled = "failover-error", True
        elif to == "default":
            row.replication, row.backend = "enabled", ""
            row.disabled, row.reason = row.frozen, "frozen" if row.frozen else ""
        elif to in row.targets:
            row.replication, row.backend = "failed-over", to
            row.disabled, row.reason = True, "failed-over"
        else:
            row.replication = before

    return end
