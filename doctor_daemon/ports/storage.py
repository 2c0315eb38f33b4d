"""The cloud's block storage, as operators' orders need it: Cinder's services.

Each call that changes something is sent once and answers what Cinder made of the request, which
says little of what came of it: whoever calls reads back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from doctor_daemon.core.log_levels import LogLevels, LogScope
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import Target, VolumeService
from doctor_daemon.ports.time import Permit

Answer = tuple[Outcome, str]
"""How a request ended, and in which words. UNKNOWN: it may have been done; look."""


class Storage(Protocol):
    """The block storage's control plane."""

    api: ClassVar[int]

    async def services(self, host: str = "", binary: str = "") -> Sequence[VolumeService]:
        """List the services, of a host (with all its backends) and of a binary if so wished."""
        ...

    async def disable(self, target: Target, reason: str, permit: Permit) -> Answer:
        """Let nothing new be scheduled to one service; an empty reason: without one."""
        ...

    async def enable(self, target: Target, permit: Permit) -> Answer:
        """Take the disabling of one service back."""
        ...

    async def freeze(self, target: Target, permit: Permit) -> Answer:
        """Let nothing of a backend's volumes be made or deleted."""
        ...

    async def thaw(self, target: Target, permit: Permit) -> Answer:
        """End a freeze. It enables the service too, whoever had disabled it."""
        ...

    async def fail_over(self, target: Target, backend: str, permit: Permit) -> Answer:
        """Begin to fail a backend over to a replication target; `default` takes it back."""
        ...

    async def log_levels(self, scope: LogScope) -> Sequence[LogLevels]:
        """Read log levels of the services that are up."""
        ...

    async def set_log_level(self, scope: LogScope, level: str, permit: Permit) -> Answer:
        """Set log levels of the services that are up, until they restart."""
        ...

    async def check(self) -> Sequence[str]:
        """Prove that roles and microversions suffice; return what is wrong, in words."""
        ...

    async def run(self) -> None:
        """Keep the token fresh until cancelled."""
        ...

    async def close(self) -> None: ...
