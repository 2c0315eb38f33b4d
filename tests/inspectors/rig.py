"""A listener on loopback, and what stands behind it: an intake in memory, or the real engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from doctor_daemon.api.connection import Limits
from doctor_daemon.api.encrypted import Certificates
from doctor_daemon.api.gatekeepers import AddressGate
from doctor_daemon.api.listener import Listener
from doctor_daemon.api.served import Source
from doctor_daemon.core.evidence import Evidence, Trust, Verdict, Words, accused, fold
from doctor_daemon.core.holding import Answer, Said
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports import Gatekeeper, Inspector, Intake, Receipt, SourceTerms
from tests.engine.rig import HOST, OTHER, Rig
from tests.fakes.clock import BootClock, HandClock

Json = dict[str, Any]
DATA = Path(__file__).parent / "data"
AGE_S = 300.0
TIMEOUT = ClientTimeout(total=20)


def terms(name: str = "src", trust: Trust = Trust.ALONE, body_max: int = 65_536) -> SourceTerms:
    return SourceTerms(name, trust, AGE_S, body_max)


def zulu(wall_s: float) -> str:
    """Spell a time as Go does."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=wall_s)
    return at.isoformat().replace("+00:00", "Z")


class Ledger:
    """`ports.Intake` in memory: opens, joins, dismisses and knows a key again, as the desk does."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.taken: list[Evidence] = []
        self.waiting: dict[str, str] = {}
        """Server -> its project, of those that wait for a word."""
        self.answers: list[Said] = []
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._open: dict[HostId, tuple[IncidentId, Words]] = {}
        self._keys: dict[str, tuple[Instant, IncidentId | None]] = {}
        self._names = {"cmp-1": HOST, "cmp-2": OTHER, "cmp-1.example": HOST}

    def now(self) -> Instant:
        return self.clock.now()

    def host(self, name: str) -> HostId | None:
        assert name.isprintable(), "what could be no name is not to be looked for"
        assert len(name) <= 255
        return self._names.get(name)

    def is_open(self, host: HostId) -> bool:
        return host in self._open

    async def answer(self, said: Said, projects: frozenset[str] | None) -> Answer:
        if self.error is not None:
            raise self.error
        owner = self.waiting.get(said.server)
        if owner is None or not (projects is None or owner in projects):
            return Answer.NOT_WAITING
        self.answers.append(said)
        return Answer.TAKEN

    async def submit(self, evidence: Sequence[Evidence]) -> Sequence[Receipt]:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [self._take(one) for one in evidence]

    def _take(self, evidence: Evidence) -> Receipt:
        self.taken.append(evidence)
        seen = self._keys.get(evidence.key)
        if seen is not None and evidence.received_at.since(seen[0]) > AGE_S:
            seen = None
        case = self._open.get(evidence.host)
        if seen is not None and (case is None or case[0] != seen[1]):
            return Receipt("repeated", seen[1])
        if case is None and evidence.verdict is not Verdict.DOWN:
            self._keys[evidence.key] = (evidence.received_at, None)
            return Receipt("recorded")
        outcome = "joined" if case else "opened"
        id_, words = case or (IncidentId(f"i-{len(self.taken)}"), {})
        words = fold(words, evidence)
        if evidence.verdict is Verdict.UP or not accused(words):
            self._open.pop(evidence.host, None)
        else:
            self._open[evidence.host] = (id_, words)
        self._keys.setdefault(evidence.key, (evidence.received_at, id_))
        return Receipt("repeated" if seen else outcome, id_)


@dataclass
class Reply:
    """An answer that was read whole."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Json:
        found = json.loads(self.text)
        assert isinstance(found, dict)
        return found

    @property
    def error(self) -> Json:
        """The refusal, which has one form wherever it comes from."""
        assert set(self.json) == {"error"}
        error = self.json["error"]
        assert set(error) - {"details"} == {"code", "field", "message", "expected"}
        assert self.headers["Content-Type"] == "application/json; charset=utf-8"
        return dict(error)

    @property
    def outcomes(self) -> list[str]:
        return [receipt["outcome"] for receipt in self.json["receipts"]]


@dataclass
class Client:
    """Speaks to a listener."""

    session: ClientSession
    listener: Listener
    rejected: list[tuple[str, str]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.listener.port}{path}"

    async def send(
        self, path: str, body: object = None, method: str = "POST", **headers: str
    ) -> Reply:
        """Send JSON, or bytes as they are. `_` in a header's name stands for `-`."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json", **named}
        url = self.url(path)
        async with self.session.request(
            method, url, data=data, headers=sent, allow_redirects=False
        ) as answer:
            return Reply(answer.status, dict(answer.headers), await answer.text())

    async def wire(self, *parts: bytes, pause_s: float = 0.0, end: bool = False) -> bytes:
        """Send bytes, part after part; return all that comes back until the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.listener.port)
        try:
            for part in parts:
                writer.write(part)
                await asyncio.sleep(pause_s)
            if end:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()


@asynccontextmanager
async def listening(
    intake: Intake,
    *sources: Source,
    limits: Limits | None = None,
    tls: Certificates | None = None,
    aside: str = "",
) -> AsyncIterator[Client]:
    """Serve sources until the block ends."""
    clock = intake.clock if isinstance(intake, Ledger) else BootClock()
    rejected: list[tuple[str, str]] = []
    listener = Listener(
        sources,
        intake,
        clock,
        limits=limits,
        rejected=lambda source, reason: rejected.append((source, reason)),
        tls=tls,
        aside=lambda: aside,
    )
    await listener.start("127.0.0.1", 0)
    try:
        async with ClientSession(timeout=TIMEOUT) as session:
            yield Client(session, listener, rejected)
    finally:
        await listener.close()


def source(
    inspector: Inspector, gate: Gatekeeper | None = None, of: SourceTerms | None = None
) -> Source:
    """Mount an inspector behind a gate; by default one that lets this machine in."""
    return Source(of or terms(inspector.name), inspector, gate or AddressGate())


@dataclass
class Backing:
    """An intake, and whether a host of it has an open incident."""

    intake: Intake
    engine: Any = None

    def is_open(self, host: HostId = HOST) -> bool:
        if isinstance(self.intake, Ledger):
            return self.intake.is_open(host)
        case = self.engine.desk.cases.get(host)
        return case is not None and not case.incident.phase.final


@asynccontextmanager
async def backing(kind: str) -> AsyncIterator[Backing]:
    """Offer the intake in memory, or the real engine's desk: what holds for one holds for both."""
    if kind == "memory":
        yield Backing(Ledger())
        return
    rig = Rig()
    async with rig.running() as engine:
        yield Backing(engine.desk, engine)
    assert rig.bugs == []
