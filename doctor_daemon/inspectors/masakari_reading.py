"""The part of Masakari's API that only reads: notifications, segments, hosts, moves of servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.masakari_notice import Notice, Type, noted
from doctor_daemon.inspectors.masakari_versions import Version, versioned
from doctor_daemon.inspectors.masakari_views import (
    View,
    host_view,
    move_views,
    notification_view,
    page,
    segment_view,
)
from doctor_daemon.inspectors.wire import Found, moment, shown
from doctor_daemon.ports import Intake
from doctor_daemon.ports.records import Records
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.surroundings import Surroundings

BASIC: Version = (1, 0)
"""In a list a notification is shown without its details, in any microversion."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Answers what one source is asked. `around` is what that source was told."""

    source: str
    intake: Intake
    around: Callable[[], Surroundings]

    async def notifications(self, request: web.Request, version: Version) -> web.Response:
        """List notifications, the newest first."""
        query = dict(request.query)
        since_s = _since(query.get("generated-since"))
        known: dict[IncidentId, Incident | None] = {}
        views = []
        for notice in await self._notices():
            if notice.incident is not None and notice.incident not in known:
                known[notice.incident] = await self._records().incident(notice.incident)
            view = notification_view(notice, known.get(notice.incident or IncidentId("")), BASIC)
            if since_s is None or (moment(f"{view['generated_time']}Z") or since_s) >= since_s:
                views.append(view)
        found = page(views, query, "status", "source_host_uuid", "type")
        return versioned({"notifications": found}, version)

    async def notification(self, request: web.Request, version: Version) -> web.Response:
        """Show one notification."""
        notice, incident = await self._found(request)
        return versioned({"notification": notification_view(notice, incident, version)}, version)

    async def moves(self, request: web.Request, version: Version) -> web.Response:
        """List what became of the servers of a notification's host."""
        found = page(await self._moves(request), dict(request.query), "status", "type")
        return versioned({"vmoves": found}, version)

    async def move(self, request: web.Request, version: Version) -> web.Response:
        """Show what became of one."""
        wanted = request.match_info["move"]
        for view in await self._moves(request):
            if view["uuid"] == wanted:
                return versioned({"vmove": view}, version)
        raise _unknown("vmove", wanted)

    async def segments(self, request: web.Request, version: Version) -> web.Response:
        """List the one segment."""
        names = ("name", "recovery_method", "service_type", "enabled")
        found = page(self._segments(version), dict(request.query), *names)
        return versioned({"segments": found}, version)

    async def segment(self, request: web.Request, version: Version) -> web.Response:
        """Show it."""
        return versioned({"segment": self._segment(request, version)}, version)

    async def hosts(self, request: web.Request, version: Version) -> web.Response:
        """List the hosts of the configuration."""
        query, names = dict(request.query), ("name", "type", "on_maintenance", "reserved")
        found = page(self._hosts(self._segment(request, version)), query, *names)
        return versioned({"hosts": found}, version)

    async def host(self, request: web.Request, version: Version) -> web.Response:
        """Show one of them."""
        wanted = request.match_info["host"]
        for view in self._hosts(self._segment(request, version)):
            if view["uuid"] == wanted:
                return versioned({"host": view}, version)
        raise _unknown("host", wanted)

    # what is behind them

    def _segments(self, version: Version) -> list[View]:
        clouds = sorted({host.cloud for host in self.around().hosts})
        return [segment_view(cloud, version, 0.0) for cloud in clouds]

    def _segment(self, request: web.Request, version: Version) -> View:
        wanted = request.match_info["segment"]
        for view in self._segments(version):
            if view["uuid"] == wanted:
                return view
        raise _unknown("segment", wanted)

    def _hosts(self, segment: View) -> list[View]:
        windows = self.around().windows
        return [
            host_view(
                host,
                segment,
                0.0,
                maintained=windows is not None and windows.standing(host) is not None,
            )
            for host in sorted(self.around().hosts)
            if host.cloud == segment["name"]
        ]

    async def _moves(self, request: web.Request) -> list[View]:
        notice, incident = await self._found(request)
        if notice.type is not Type.COMPUTE_HOST:
            text = "only a notification of type COMPUTE_HOST has vmoves"
            raise Refusal(400, "no_moves", text, field="notification")
        return move_views(notice, incident if notice.accuses else None)

    async def _found(self, request: web.Request) -> tuple[Notice, Incident | None]:
        wanted = request.match_info["id"]
        for notice in await self._notices():
            if notice.id == wanted:
                id_ = notice.incident
                return notice, await self._records().incident(id_) if id_ else None
        raise _unknown("notification", wanted)

    async def _notices(self) -> list[Notice]:
        rows = await self._records().said(self.source)
        return [notice for notice in map(noted, rows) if notice is not None]

    def _records(self) -> Records:
        records = self.around().records
        if records is None:
            msg = "nothing can be looked up yet"
            raise Temporary(msg)
        return records


def _since(text: str | None) -> float | None:
    if text is None:
        return None
    seconds = moment(text) if moment(text) is not None else moment(f"{text}Z")
    if seconds is None:
        raise Found(text, "generated-since").wrong("a time (ISO 8601)", "wrong_value")
    return seconds


def _unknown(what: str, name: str) -> Refusal:
    return Refusal(404, "not_found", f"there is no {what} {shown(name)}", field=what)
