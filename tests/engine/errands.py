"""A Cinder that says what it is told to, for orders that are looked at step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, TypeVar

from doctor_daemon.core.log_levels import LogLevels, LogScope
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import Target, VolumeService
from doctor_daemon.ports import Permit
from doctor_daemon.ports.storage import Answer

TAKEN = (Outcome.ACCEPTED, "Cinder answered 200")
Listed = VolumeService | Exception


@dataclass
class Script:
    """A Cinder that lists and answers what it is told to: each thing once, and the last again."""

    api: ClassVar[int] = 1
    lists: list[Listed]
    answers: list[Answer | Exception] = field(default_factory=lambda: [TAKEN])
    levels: list[LogLevels | Exception] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Every question and every request, in order."""

    async def services(self, host: str = "", binary: str = "") -> Sequence[VolumeService]:
        self.asked.append("list")
        found = _next(self.lists)
        return [found, replace(found, host=f"{host}@other")]

    async def log_levels(self, scope: LogScope) -> Sequence[LogLevels]:
        self.asked.append("levels")
        return [_next(self.levels)]

    async def disable(self, target: Target, reason: str, permit: Permit) -> Answer:
        self.asked.append(f"disable {target.host}: {reason}")
        return _next(self.answers)

    async def enable(self, target: Target, permit: Permit) -> Answer:
        self.asked.append(f"enable {target.host}")
        return _next(self.answers)

    async def freeze(self, target: Target, permit: Permit) -> Answer:
        self.asked.append(f"freeze {target.host}")
        return _next(self.answers)

    async def thaw(self, target: Target, permit: Permit) -> Answer:
        self.asked.append(f"thaw {target.host}")
        return _next(self.answers)

    async def fail_over(self, target: Target, backend: str, permit: Permit) -> Answer:
        self.asked.append(f"fail {target.host} over to {backend}")
        return _next(self.answers)

    async def set_log_level(self, scope: LogScope, level: str, permit: Permit) -> Answer:
        self.asked.append(f"set {level}")
        return _next(self.answers)

    async def check(self) -> Sequence[str]:
        return []

    async def run(self) -> None:
        """Have no token."""

    async def close(self) -> None:
        """Have no connection."""


Said = TypeVar("Said")


def _next(found: list[Said | Exception]) -> Said:
    one = found.pop(0) if len(found) > 1 else found[0]
    if isinstance(one, Exception):
        raise one
    return one
