"""What stands behind the handlers in the harnesses, in memory: each takes what is handed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.ports import EvidenceRow
from doctor_daemon.ports.states import StatesWanted


class Everybody:
    """`ports.Gatekeeper` that lets everybody in: who may speak is another harness's matter."""

    def admit(self, request: web.Request) -> None:
        return None


@dataclass
class Doors:
    """`ports.windows.Windows`: the maintenance of hosts."""

    open: set[HostId] = field(default_factory=set)

    def standing(self, host: HostId) -> None:
        return None

    async def begin(self, host: HostId, by: str, why: str, seconds: float) -> None:
        self.open.add(host)

    async def end(self, host: HostId, by: str) -> None:
        self.open.discard(host)


@dataclass
class Books:
    """`ports.records.Records`: what was noted."""

    rows: list[EvidenceRow] = field(default_factory=list)

    async def note(self, row: EvidenceRow) -> None:
        self.rows.append(row)

    async def said(self, source: str) -> Sequence[EvidenceRow]:
        return self.rows

    async def incident(self, id_: IncidentId) -> Incident | None:
        return None


@dataclass(frozen=True)
class Given:
    """What an order was given as."""

    name: str = "order"
    target: str = "target"
    number: int = 1


class Orders:
    """`engine.volumes.VolumeOrders` and the operators' page of servers."""

    async def give(self, wish: object, by: str, why: str, until: object) -> Given:
        return Given()

    async def look(self, number: int, wait_s: float) -> Mapping[str, Any]:
        return {"number": number}

    def host(self, name: str) -> HostId | None:
        return HostId("default", name) if name == "cmp-1" else None

    async def services(self, host: str, binary: str) -> Sequence[object]:
        return []

    async def log_levels(self, scope: object) -> Sequence[object]:
        return []

    async def dismiss(self, service: str, by: str, why: str) -> Mapping[str, Any]:
        return {}

    async def server_states(self, wanted: StatesWanted) -> Mapping[str, Any]:
        assert 0 < wanted.limit <= 1000
        return {}
