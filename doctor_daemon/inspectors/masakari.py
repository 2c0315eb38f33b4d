"""Masakari's notification API, so that its monitors and clients can be pointed at us unchanged.

A notification about a compute host is evidence, and no more. `host_status: NORMAL` means that the
monitor takes the host for off, which some monitors have looked at and others only assume: it is
never proof of anything, and the host is fenced and proven off like every other. Notifications about
servers and processes are kept as what they are; nothing is done about them.

Of the monitors' three answers two are final: 400 and 409. So 202 is given once the notification is
on disk, 409 for what we have already, and 503, after which they come again, for our own trouble.

The same failure is reported by every monitor that sees it, each with a time of its own. While the
first one's incident is open, the next within DUPLICATE_S are the same event: they refresh it, and
are answered 409 as by Masakari. A host under maintenance is taken note of all the same.

Everything else can be read and not changed: segments and hosts are those of the configuration.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from doctor_daemon.core.evidence import Evidence, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.delivery import Delivery, found_host
from doctor_daemon.inspectors.masakari_notice import (
    Notice,
    Sent,
    Type,
    key_of,
    read_notification,
    verdict,
)
from doctor_daemon.inspectors.masakari_reading import Reading
from doctor_daemon.inspectors.masakari_versions import (
    Fault,
    Version,
    asked_version,
    root_document,
    version_document,
    versioned,
)
from doctor_daemon.inspectors.masakari_views import View, notification_view
from doctor_daemon.inspectors.order import too_old
from doctor_daemon.inspectors.wire import RoutePath, cleaned, read
from doctor_daemon.ports import EvidenceRow, Gatekeeper, Inspector, Intake, SourceTerms
from doctor_daemon.ports.records import Records
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.surroundings import Concern, Surroundings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

SKEW_S = 30.0
"""A time farther in the future than this is not trusted."""
DUPLICATE_S = 180.0
"""Two reports of the same, generated no farther apart, are one: as Masakari has it."""
NOTES_MAX = 1000
"""Notifications about servers and processes by which another one is known again."""
NOTED = "noted"
"""What stands in the place of a verdict on a host, where there is none."""

Handler = Callable[[web.Request, Version], Awaitable[web.Response]]


class MasakariConfig(BaseModel):
    """The options of a source of type `masakari`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    path: RoutePath | None = None
    """What stands before each path of the API, as /v1/sources/NAME; left out, nothing does. The
    endpoint in Keystone's catalogue (type `instance-ha`) is this and `/v1`."""
    kind: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")] = "cluster"
    """The kind of this evidence. masakari-hostmonitor says what Pacemaker has decided."""


@dataclass(frozen=True, slots=True)
class _Last:
    """The last notification about a host itself."""

    key: str
    payload: dict[str, str]
    generated_s: float


class Masakari(Inspector):
    """Takes in Masakari's notifications, and shows what became of them."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[MasakariConfig]] = MasakariConfig

    def __init__(self, config: MasakariConfig, terms: SourceTerms) -> None:
        """Speak for one source."""
        self.name = terms.name
        self._config = config
        self._terms = terms
        self._delivery = Delivery(terms.name, terms.evidence_age_s)
        self._around = Surroundings()
        self._last: dict[HostId, _Last] = {}
        self._notes: OrderedDict[str, None] = OrderedDict()

    def place(self, around: Surroundings) -> None:
        """Be told where all that is shown comes from."""
        self._around = around

    @override
    async def run(self, intake: Intake) -> None:
        """Wait: monitors come by themselves."""
        await asyncio.Event().wait()

    def open_routes(self) -> Sequence[web.RouteDef]:
        """Return what is answered to anybody: clients look for the version without a token."""
        path = self._config.path or ""

        async def root(request: web.Request) -> web.Response:
            return web.json_response(root_document(request, path))

        async def version(request: web.Request) -> web.Response:
            return web.json_response(version_document(request, path))

        return [
            web.get(f"{path}/", root),
            web.get(f"{path}/v1", version),
            web.get(f"{path}/v1/", version),
        ]

    @override
    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        """Return the API's own routes."""

        async def take(request: web.Request, version: Version) -> web.Response:
            shown = await self._take(read_notification(await read(request)), version, intake)
            return versioned({"notification": shown}, version, status=202)

        reading = Reading(self.name, intake, lambda: self._around)
        path = f"{self._config.path or ''}/v1"
        of_notice = f"{path}/notifications/{{id}}"
        hosts = f"{path}/segments/{{segment}}/hosts"
        handlers: list[tuple[Callable[..., web.RouteDef], str, Handler]] = [
            (web.post, f"{path}/notifications", take),
            (web.get, f"{path}/notifications", reading.notifications),
            (web.get, of_notice, reading.notification),
            (web.get, f"{of_notice}/vmoves", reading.moves),
            (web.get, f"{of_notice}/vmoves/{{move}}", reading.move),
            (web.get, f"{path}/segments", reading.segments),
            (web.get, f"{path}/segments/{{segment}}", reading.segment),
            (web.get, hosts, reading.hosts),
            (web.get, f"{hosts}/{{host}}", reading.host),
        ]
        return [route(place, _spoken(gate, handler)) for route, place, handler in handlers]

    async def _take(self, sent: Sent, version: Version, intake: Intake) -> View:
        host = found_host(sent.hostname.text(), sent.hostname.field, intake)
        if isinstance(host, Refusal):
            raise host
        if sent.type is Type.COMPUTE_HOST:
            notice = await self._hear(host, sent, intake)
        else:
            notice = await self._note(host, sent, intake)
        records = self._around.records
        found = notice.incident if notice.accuses else None
        incident = await records.incident(found) if records and found else None
        view = notification_view(notice, incident, version)
        return {**view, "status": "new"}  # what Masakari says of one that has just come

    async def _hear(self, host: HostId, sent: Sent, intake: Intake) -> Notice:
        """Hand in what is said of a host. Raise Refusal (409) for what is known already."""
        now, claimed_s = intake.now(), sent.generated_s
        age_s = 0.0 if claimed_s is None else now.wall_s - claimed_s
        if refused := too_old(sent.generated, age_s, self._terms.evidence_age_s):
            raise refused
        first = self._first(host, sent)
        said = ", ".join(f"{name} {value}" for name, value in sent.payload.items())
        evidence = Evidence(
            host=host,
            verdict=verdict(sent.payload),
            source=self.name,
            kind=self._config.kind,
            trust=self._terms.trust,
            fingerprint=str(sent.type),
            key=first or key_of(self.name, host, sent),
            received_at=now,
            claimed_s=claimed_s if age_s >= -SKEW_S else None,
            summary=cleaned(f"Masakari's monitor: {said}"),
        )
        (answer,) = await self._delivery.hand_in([evidence], intake)
        if answer.outcome not in ("opened", "joined", "recorded"):
            raise _duplicate(sent, answer.reason)
        self._last[host] = _Last(evidence.key, dict(sent.payload), claimed_s or now.wall_s)
        return self._noticed(evidence.key, host, sent, now.wall_s, answer.incident)

    def _first(self, host: HostId, sent: Sent) -> str:
        """Return the key of the report that this one only repeats; '' where it is news."""
        last, at_s = self._last.get(host), sent.generated_s
        if last is None or at_s is None or self._around.concern(host) is Concern.NONE:
            return ""
        near = abs(at_s - last.generated_s) <= DUPLICATE_S
        accuses = verdict(sent.payload) is Verdict.DOWN
        return last.key if near and accuses and last.payload == sent.payload else ""

    async def _note(self, host: HostId, sent: Sent, intake: Intake) -> Notice:
        """Keep what is said of a server or a process. Raise Refusal (409) for a duplicate."""
        records, now = self._records(), intake.now()
        key = key_of(self.name, host, sent)
        if key in self._notes:
            raise _duplicate(sent)
        text = ", ".join(f"{name} {value}" for name, value in sent.payload.items())
        summary = cleaned(f"{sent.type}: {text}")
        kind = str(sent.type)
        await records.note(EvidenceRow(key, host, self.name, kind, NOTED, summary, now, None))
        self._notes[key] = None
        while len(self._notes) > NOTES_MAX:
            self._notes.popitem(last=False)
        log.info("notification noted", source=self.name, host=str(host), about=summary)
        return self._noticed(key, host, sent, now.wall_s, "")

    def _noticed(
        self, key: str, host: HostId, sent: Sent, at_wall_s: float, incident: str
    ) -> Notice:
        id_ = IncidentId(incident) if incident else None
        generated, payload = sent.generated.text(), sent.payload
        return Notice(key, sent.type, host, generated, payload, at_wall_s, id_)

    def _records(self) -> Records:
        if self._around.records is None:
            msg = "nothing can be recorded yet"
            raise Temporary(msg)
        return self._around.records


def _spoken(
    gate: Gatekeeper, handler: Handler
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return a handler that lets in, agrees upon a microversion, and refuses as Masakari does."""

    async def spoken(request: web.Request) -> web.StreamResponse:
        gate.admit(request)
        try:
            return await handler(request, asked_version(request))
        except Refusal as refusal:
            raise Fault(refusal) from None

    return spoken


def _duplicate(sent: Sent, why: str = "") -> Refusal:
    host = sent.hostname.text()
    text = f"Notification received from host {host} of type '{sent.type}' is duplicate."
    return Refusal(409, "duplicate", f"{text} {why}".strip())
