"""Cinder's os-services as the simulated API shows and changes them.

Contract: tests/lab/cinder_contract.py, whose tests are named at each behaviour.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from doctor_daemon.lab import schema
from doctor_daemon.lab.call import Call, Json
from doctor_daemon.lab.microversion import Version
from doctor_daemon.lab.schema import Refusal, Schema
from doctor_daemon.lab.volumes import VOLUME, Volumes, VolumeService

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_UNROUTED = {
    "message": "The resource could not be found.<br /><br />\n\n\n",
    "code": "404 Not Found",
    "title": "Not Found",
}


def _host(value: object) -> str | None:
    wrong = schema.text(value)
    if wrong is None and not all(
        c.isascii() and (c.isalnum() or c in "-._@#:") for c in str(value)
    ):
        return f"{value!r} does not match '^[a-zA-Z0-9-._#@:/+]*$'"
    return wrong


def _any_text(value: object) -> str | None:
    return None if isinstance(value, str) else f"{value!r} is not of type 'string'"


def _text_or_null(value: object) -> str | None:
    return None if value is None else _any_text(value)


_PLAIN = Schema({"host": _host, "binary": schema.text}, required=("host", "binary"))
_REASONED = Schema(
    {"host": _host, "binary": schema.text, "disabled_reason": schema.text},
    required=("host", "binary"),
)
_HOST_OR_CLUSTER = Schema({"host": _host, "cluster": schema.text})
_BACKEND = Schema({"host": _host, "cluster": schema.text, "backend_id": _text_or_null})
_LOGGERS = Schema({"binary": _any_text, "server": _any_text, "prefix": _any_text})
_LEVEL = Schema({"binary": _any_text, "server": _any_text, "prefix": _any_text, "level": _any_text})


@dataclass(frozen=True, slots=True, kw_only=True)
class CinderOptions:
    """What an installation of Cinder may differ in. `release` is its major version: 27 or 29."""

    release: int = 29
    highest: Version = (3, 71)
    rpc_timeout_s: float = 60.0
    failover_s: float = 0.2
    clustered: bool = False
    """Whether there are two cinder-volume of one cluster, too."""
    delay_s: float = 0.0

    @property
    def before_28(self) -> bool:
        """Tell whether enable and disable still do what they say, and `failover` has a route."""
        return self.release < 28  # noqa: PLR2004 - the release that changed it


class VolumeServices:
    """The rows of Cinder's services over HTTP."""

    def __init__(self, volumes: Volumes, options: CinderOptions) -> None:
        self.volumes = volumes
        self._before_28 = options.before_28
        self._words: Mapping[str, Callable[[Call, bytes], Awaitable[web.Response]]] = {
            "enable": self._enable,
            "disable": self._disable,
            "disable-log-reason": self._disable_log_reason,
            "freeze": self._freeze,
            "thaw": self._thaw,
            "failover_host": self._failover_host,
            "failover": self._failover,
            "set-log": self._set_log,
            "get-log": self._get_log,
        }

    async def index(self, call: Call) -> web.Response:
        """List them. Contract: CinderContract.test_rows and test_filters."""
        call.require_admin("volume_extension:services:index")
        host, binary = call.request.query.get("host"), call.request.query.get("binary")
        rows = [
            self._row(row, call.version)
            for row in self.volumes.rows
            if binary in (None, row.binary) and (host is None or _is_of(row, host))
        ]
        return web.json_response({"services": rows})

    def _row(self, row: VolumeService, version: Version) -> Json:
        shown: Json = {
            "binary": row.binary,
            "host": row.host,
            "zone": "nova",
            "status": "disabled" if row.disabled else "enabled",
            "state": "up" if self.volumes.is_up(row) else "down",
            "updated_at": self.volumes.clock.second(row.written_at_s),
        }
        if version >= (3, 7):
            shown["cluster"] = row.cluster
        shown["disabled_reason"] = row.reason
        if row.binary == VOLUME:
            shown |= {
                "replication_status": row.replication,
                "active_backend_id": row.backend,
                "frozen": row.frozen,
            }
        return shown

    async def update(self, call: Call) -> web.Response:
        """Carry out a word of the path. Contract: CinderContract.test_unknown_words."""
        answer = self._words.get(call.request.match_info["word"])
        if answer is None:
            return self._unknown()
        return await answer(call, await call.request.read())

    def _unknown(self) -> web.Response:
        if self._before_28:
            raise Refusal(400, "Unknown action")
        return unrouted()

    async def _enable(self, call: Call, raw: bytes) -> web.Response:
        """Answer that it is enabled. Before 28 it is true.

        Contract: CinderContract.test_plain_enable_and_disable_change_nothing.
        """
        body, row = self._named(call, _PLAIN, raw)
        if self._before_28:
            row.disabled = False
        return web.json_response({**_told(body), "status": "enabled", "disabled": False})

    async def _disable(self, call: Call, raw: bytes) -> web.Response:
        body, row = self._named(call, _PLAIN, raw)
        if self._before_28:
            row.disabled = True
        return web.json_response({**_told(body), "status": "disabled", "disabled": True})

    async def _disable_log_reason(self, call: Call, raw: bytes) -> web.Response:
        """Disable. From 28 on no reason is needed; one that is stored stays then.

        Contract: CinderContract.test_disable_log_reason and
        test_disable_log_reason_needs_no_reason.
        """
        body, row = self._named(call, _REASONED, raw)
        reason = body.get("disabled_reason")
        if reason is None and self._before_28:
            raise Refusal(400, "Missing disabled reason field.")
        row.disabled, row.reason = True, row.reason if reason is None else str(reason)
        told = {**_told(body), "status": "disabled", "disabled": True}
        return web.json_response({**told, "disabled_reason": reason})

    async def _freeze(self, call: Call, raw: bytes) -> web.Response:
        await self.volumes.freeze(self._meant(call, _HOST_OR_CLUSTER, raw)[1])
        return _empty(200)

    async def _thaw(self, call: Call, raw: bytes) -> web.Response:
        said = await self.volumes.thaw(self._meant(call, _HOST_OR_CLUSTER, raw)[1])
        return web.json_response(said) if said else _empty(200)

    async def _failover_host(self, call: Call, raw: bytes) -> web.Response:
        """Fail a host over. From 28 on it takes a cluster, too, in the place of `failover`."""
        return self._failing_over(call, raw, clusters=not self._before_28)

    async def _failover(self, call: Call, raw: bytes) -> web.Response:
        """Contract: CinderContract.test_failover_by_its_other_name_has_no_route."""
        if not self._before_28 or call.version < (3, 26):
            return self._unknown()
        return self._failing_over(call, raw, clusters=True)

    def _failing_over(self, call: Call, raw: bytes, *, clusters: bool) -> web.Response:
        body, rows = self._meant(call, _BACKEND, raw, clusters=clusters)
        target = body.get("backend_id")
        self.volumes.fail_over(rows, None if target is None else str(target))
        return _empty(202)

    async def _set_log(self, call: Call, raw: bytes) -> web.Response:
        body = self._logging(call, _LEVEL, raw)
        level = str(body.get("level", "")).upper()
        if level not in LEVELS:
            raise Refusal(
                400, f"Invalid input received: {body.get('level')} is not a valid log level."
            )
        for row in self._loggers(body):
            prefix = str(body.get("prefix", ""))
            row.levels |= {name: level for name in row.levels if name.startswith(prefix)}
        return _empty(202)

    async def _get_log(self, call: Call, raw: bytes) -> web.Response:
        body = self._logging(call, _LOGGERS, raw)
        prefix = str(body.get("prefix", ""))
        rows = [
            {
                "host": row.host,
                "binary": row.binary,
                "levels": {n: level for n, level in row.levels.items() if n.startswith(prefix)},
            }
            for row in await self._answering(self._loggers(body))
        ]
        return web.json_response({"log_levels": rows})

    # -- inside ------------------------------------------------------------------------------

    def _named(self, call: Call, shape: Schema, raw: bytes) -> tuple[Json, VolumeService]:
        """Find the one service that is named. Raises Refusal (404)."""
        call.require_admin("volume_extension:services:update")
        body = shape.read(raw)
        host, binary = str(body["host"]), str(body["binary"])
        try:
            return body, self.volumes.row(host, binary)
        except KeyError:
            raise Refusal(404, f"Service {binary} could not be found on host {host}.") from None

    def _meant(
        self, call: Call, shape: Schema, raw: bytes, *, clusters: bool = True
    ) -> tuple[Json, list[VolumeService]]:
        """Find the services of the host or the cluster that is named. Raises Refusal (400).

        Before 3.26 a cluster is not looked at. Contract: CinderContract.test_wrong_bodies.
        """
        call.require_admin("volume_extension:services:update")
        body = shape.read(raw)
        cluster = str(body.get("cluster", "")) if clusters and call.version >= (3, 26) else ""
        host = str(body.get("host", ""))
        if bool(cluster) == bool(host):
            raise Refusal(400, "Invalid input received: Host field is missing.")
        return body, self.volumes.of(host, cluster)

    def _logging(self, call: Call, shape: Schema, raw: bytes) -> Json:
        """Read a body about loggers. Contract: CinderContract.test_log_levels_need_3_32."""
        if call.version < (3, 32):
            raise Refusal(404, "The resource could not be found.")
        call.require_admin("volume_extension:services:update")
        return shape.read(raw)

    async def _answering(self, rows: list[VolumeService]) -> list[VolumeService]:
        """Wait for each: one that died and is not known to be is waited for in vain.

        Source: cinder/api/v3/services.py, `get_log`: a call to each service that is up.
        """
        return await self.volumes.heard_by(rows)

    def _loggers(self, body: Json) -> list[VolumeService]:
        binary, host = str(body.get("binary", "")), str(body.get("server", ""))
        return list(self.volumes.loggers(binary, host))


def _is_of(row: VolumeService, host: str) -> bool:
    """Filter as Cinder does: a bare host lets its backends through, and a backend its pools."""
    return row.host == host or row.host.startswith((f"{host}@", f"{host}#"))


def _told(body: Json) -> Json:
    return {"host": body["host"], "service": "", "binary": body["binary"]}


def _empty(status: int) -> web.Response:
    return web.Response(status=status, content_type="application/json")


def unrouted() -> web.Response:
    """Answer a path that has no route. Contract: CinderContract.test_unknown_words."""
    return web.json_response(_UNROUTED, status=404)
