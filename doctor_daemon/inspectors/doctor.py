"""OPNFV Doctor's monitors, in every shape in which they report, unchanged.

One reader takes all shapes on all paths: a list of events, one event bare or as `{"event": ...}`,
`{"events": [...]}` with items bare or wrapped. The paths are those of Doctor's sample inspector
(PUT and POST /events), of Vitrage (POST /v1/event) and of Congress (PUT
/v1/data-sources/ID/tables/events/rows; its rows are added, nothing is replaced).

Only `compute.host.down` is about a host's death. With status `down` or none it accuses the host,
with `up` it is a sign of life and can never force anything down. Every other type (a NIC's error,
say) is accepted, logged and leads to nothing: a monitor is not to be told off for reporting more
than we act on.

Time: Doctor's monitors send their local time without a zone. It cannot be compared with ours, so it
is kept in the summary and in the key, and the time of receipt counts. A time with a zone can be
compared: what is too old is refused, and order is kept (A5, A7). One that lies in the future comes
from a clock that is wrong; the report is taken, and its time is not trusted.

The key has everything that tells two events apart, the time included: the sample monitor calls
every event of every host by the same monitor_event_id.

Vitrage's clients, too, report a host by `POST /v1/event`: one event, bare, with a status of down or
up. And Doctor's inspector is told of planned maintenance; see `announcing`.

Source: https://docs.opnfv.org (Doctor, southbound interface), and the monitors themselves
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.errors import ConfigError
from doctor_daemon.inspectors.announcing import announce
from doctor_daemon.inspectors.delivery import Delivery, Ignored, Judged, found_host
from doctor_daemon.inspectors.order import too_old
from doctor_daemon.inspectors.wire import (
    Found,
    RoutePath,
    cleaned,
    digest,
    is_time,
    moment,
    read,
    shown,
)
from doctor_daemon.ports import Gatekeeper, Inspector, Intake, SourceTerms
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.surroundings import Surroundings

HOST_DOWN = "compute.host.down"
SKEW_S = 30.0
"""A time farther in the future than this is not trusted."""
PRINT_MAX = 64
"""Characters of a monitor's name in a fingerprint."""
MONITORS = ("monitor", "monitor_id", "monitorID", "source")
EVENT_IDS = ("monitor_event_id", "monitorEventID")


class Status(StrEnum):
    """What a monitor says of a host."""

    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as far as it concerns us."""

    time: Found
    host: str
    host_field: str
    verdict: Verdict
    monitor: str
    parts: tuple[str, ...]
    """What tells it from other events of the same host."""


class Doctor(Inspector):
    """Takes in the reports of OPNFV Doctor's monitors."""

    api: ClassVar[int] = 1

    class Config(BaseModel):
        """The options of a source of type `doctor`."""

        model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

        path: RoutePath | None = None
        """What stands before each of Doctor's paths, as /v1/sources/NAME; left out, nothing does.
        Two sources need two."""
        kind: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")] = "doctor"
        """The kind of this evidence. Where a second kind is needed, two sources of one kind do not
        make two."""
        maintenance_s: Annotated[float, Field(ge=60, le=30 * 86_400)] | None = None
        """Takes `POST /maintenance`, and so long a maintenance lasts that nobody ends. Left out,
        that path is not served. Needs a secret."""

    def __init__(self, config: Config, terms: SourceTerms) -> None:
        """Speak for one source. Raise ConfigError for maintenance that anybody could announce."""
        if config.maintenance_s is not None and terms.trust is Trust.OPEN:
            msg = "maintenance_s: expected no such option without a secret: it keeps hosts uncut"
            raise ConfigError(msg)
        self.name = terms.name
        self._around = Surroundings()
        self._config = config
        self._terms = terms
        self._delivery = Delivery(terms.name, terms.evidence_age_s)

    def place(self, around: Surroundings) -> None:
        """Be told where maintenance is noted."""
        self._around = around

    @override
    async def run(self, intake: Intake) -> None:
        """Wait: monitors come by themselves."""
        await asyncio.Event().wait()

    @override
    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        """Return every path at which a monitor may report."""

        async def take(request: web.Request) -> web.Response:
            gate.admit(request)
            judged = [self._judge(event, intake) for event in _events(await read(request))]
            await self._delivery.hand_in(judged, intake)
            return web.Response(text="OK")

        before = self._config.path or ""
        return [
            *self._maintenance(before, intake, gate),
            web.put(f"{before}/events", take),
            web.post(f"{before}/events", take),
            web.post(f"{before}/v1/event", take),
            web.post(f"{before}/v1/event/", take),
            web.put(f"{before}/v1/data-sources/{{id}}/tables/events/rows", take),
        ]

    def _maintenance(self, before: str, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        seconds = self._config.maintenance_s
        if seconds is None:
            return ()

        async def take(request: web.Request) -> web.Response:
            gate.admit(request)
            await announce(await read(request), self.name, seconds, intake, self._around.windows)
            return web.Response(text="OK")

        return [web.post(f"{before}/maintenance", take)]

    def _judge(self, found: Found, intake: Intake) -> Judged:
        event = _event(found)
        if not isinstance(event, Event):
            return event
        host, now = found_host(event.host, event.host_field, intake), intake.now()
        if isinstance(host, Refusal):
            return host
        claimed_s = moment(event.time.value)
        age_s = 0.0 if claimed_s is None else now.wall_s - claimed_s
        refused = too_old(event.time, age_s, self._terms.evidence_age_s)
        return refused or Evidence(
            host=host,
            verdict=event.verdict,
            source=self.name,
            kind=self._config.kind,
            trust=self._terms.trust,
            fingerprint=f"{HOST_DOWN}/{event.monitor[:PRINT_MAX]}",
            key=f"{self.name}|{digest(host.name, *event.parts)}",
            received_at=now,
            claimed_s=claimed_s if age_s >= -SKEW_S else None,
            summary=cleaned(f"{event.monitor} says {event.verdict} at {event.time.text()}"),
        )


def _events(body: Found) -> list[Found]:
    """Return the events of a body, whichever shape it has, without what is around each."""
    if isinstance(body.value, list):
        items = body.items("events")
    elif (events := body.may("events")) is not None:
        items = events.items("events")
    else:
        items = [body]
    return [item.may("event") or item for item in items]


def _event(found: Found) -> Event | Ignored | Refusal:
    """Read one event. Raise Refusal (400) that names the field."""
    time = found.must("time", "a time (ISO 8601)")
    if not is_time(time.text()):
        raise time.wrong("a time (ISO 8601), as 2026-11-21T10:00:00.123456")
    type_ = found.must("type", f"{HOST_DOWN}, or another type of event").text()
    if type_ != HOST_DOWN:
        return Ignored(f"type: found {shown(type_)}; only {HOST_DOWN} is acted on")
    details = found.must("details", "an object")
    host = details.may("hostname")
    if host is None:
        return Refusal(
            422,
            "no_host",
            "it is missing",
            field=f"{details.field}.hostname",
            expected="the name of the host that is down",
        )
    status = details.may("status")
    up = status is not None and status.choice(Status) is Status.UP
    monitor = _first(details, MONITORS)
    ids = monitor, _first(details, EVENT_IDS) or _first(found, ("id",))
    return Event(
        time=time,
        host=host.text(),
        host_field=host.field,
        verdict=Verdict.UP if up else Verdict.DOWN,
        monitor=monitor or "a monitor without a name",
        parts=(*ids, "up" if up else "down", time.text()),
    )


def _first(found: Found, names: Sequence[str]) -> str:
    """Return the first of these members that is there, '' when none is."""
    members = (found.may(name) for name in names)
    return next((member.word() for member in members if member is not None), "")
