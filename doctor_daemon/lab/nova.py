"""The simulated Nova over HTTP: discovery, microversions, errors, and what is behind each path."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from doctor_daemon.lab import microversion
from doctor_daemon.lab.actions import Actions
from doctor_daemon.lab.boots import Boots
from doctor_daemon.lab.call import Call, Json
from doctor_daemon.lab.evacuations import Evacuations
from doctor_daemon.lab.faults import Faults, Seam, Service
from doctor_daemon.lab.groups import Groups
from doctor_daemon.lab.identity import Identity
from doctor_daemon.lab.microversion import Version
from doctor_daemon.lab.migrations import Migrations
from doctor_daemon.lab.rows import Aggregate
from doctor_daemon.lab.schema import Refusal
from doctor_daemon.lab.servers import OwnerSees, Servers
from doctor_daemon.lab.services import Services

Answer = Callable[[Call], Awaitable[Json | None]]
"""None: an empty body."""
BODY_MAX = 64 * 1024
TAKEN_ON, NO_CONTENT = 202, 204
_STATUS = {
    ("POST", "servers"): TAKEN_ON,
    ("DELETE", "servers/{id}"): NO_CONTENT,
    ("DELETE", "os-services/{id}"): NO_CONTENT,
}
"""How what is done is answered, where it is not 200."""
ZONE = "availability_zone"
_UNAUTHORIZED = {
    "error": {
        "code": 401,
        "title": "Unauthorized",
        "message": "The request you have made requires authentication.",
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NovaOptions:
    """What an installation of Nova may differ in. `highest` is its highest microversion."""

    highest: Version = (2, 96)
    rpc_timeout_s: float = 60.0
    owner_sees: OwnerSees = OwnerSees.NOTHING
    delay_s: float = 0.0


class Nova:
    """The compute API of the lab."""

    def __init__(
        self,
        evacuations: Evacuations,
        identity: Identity,
        root: str,
        auth_url: str,
        options: NovaOptions,
    ) -> None:
        world = evacuations.world
        self.root = root
        self._auth_url = auth_url
        self._world = world
        self._identity = identity
        self._options = options
        self._services = Services(world, evacuations, options.rpc_timeout_s)
        self.owner_sees = options.owner_sees
        self._servers = Servers(world, root, lambda: self.owner_sees)
        self._actions = Actions(self._servers, evacuations)
        self.boots = Boots(world, self._servers, root)
        self._migrations = Migrations(evacuations, root)
        self._groups = Groups(world)

    def app(self, faults: Faults) -> web.Application:
        seam = Seam(Service.NOVA, self._host_of, _error, self._revoke, self._options.delay_s)
        app = web.Application(middlewares=[faults.middleware(seam)], client_max_size=BODY_MAX)
        app.router.add_get("/", self._versions)
        app.router.add_get("/v2.1", self._version)
        app.router.add_get("/v2.1/", self._version)
        for method, path, answer in (
            ("GET", "os-services", self._services.index),
            ("PUT", "os-services/{id}", self._services.update),
            ("DELETE", "os-services/{id}", self._services.delete),
            ("GET", "servers", self._servers.index),
            ("GET", "servers/detail", self._servers.detail),
            ("GET", "servers/{id}", self._servers.show),
            ("POST", "servers", self.boots.create),
            ("DELETE", "servers/{id}", self.boots.delete),
            ("POST", "servers/{id}/action", self._actions.act),
            ("GET", "os-migrations", self._migrations.index),
            ("GET", "os-aggregates", self._aggregates),
            ("GET", "os-server-groups", self._groups.index),
            ("*", "{anything:.*}", _nothing),
        ):
            status = _STATUS.get((method, path), 200)
            app.router.add_route(method, f"/v2.1/{path}", self._handler(answer, status))
        return app

    # -- discovery ---------------------------------------------------------------------------

    async def _versions(self, _request: web.Request) -> web.Response:
        """List the versions. Contract: NovaContract.test_discovery."""
        return web.json_response({"versions": [self._about()]})

    async def _version(self, request: web.Request) -> web.Response:
        """Describe v2.1. It asks for no token. Contract: NovaContract.test_discovery."""
        try:
            version = microversion.asked(request, self._options.highest)
        except Refusal as refusal:
            return _refused(refusal, {})
        return web.json_response({"version": self._about()}, headers=_headers(version))

    def _about(self) -> Json:
        return {
            "id": "v2.1",
            "status": "CURRENT",
            "version": microversion.text(self._options.highest),
            "min_version": microversion.text(microversion.LOWEST),
            "updated": "2013-07-23T11:33:21Z",
            "links": [{"rel": "self", "href": f"{self.root}/v2.1/"}],
        }

    async def _aggregates(self, call: Call) -> Json:
        """List one aggregate a zone, and the others.

        Contract: NovaContract.test_aggregates, test_the_metadata_of_aggregates.
        """
        call.require_admin("os_compute_api:os-aggregates:index")
        zones: dict[str, list[str]] = {}
        for host in self._world.hosts.values():
            if host.service.deleted:
                continue
            zones.setdefault(host.service.zone, []).append(host.name)
        named = [Aggregate(f"rack-{zone}", hosts, {ZONE: zone}) for zone, hosts in zones.items()]
        return {
            "aggregates": [
                self._aggregate(number, aggregate, call.version)
                for number, aggregate in enumerate((*named, *self._world.aggregates), 1)
            ]
        }

    def _aggregate(self, number: int, aggregate: Aggregate, version: Version) -> Json:
        made = str(uuid.uuid5(uuid.NAMESPACE_DNS, aggregate.name))
        named = {"uuid": made} if version >= (2, 41) else {}
        return named | {
            "id": number,
            "name": aggregate.name,
            "hosts": aggregate.hosts,
            "metadata": aggregate.metadata,
            "availability_zone": aggregate.metadata.get(ZONE),
            "created_at": self._world.clock.second(self._world.began_s),
            "updated_at": None,
            "deleted_at": None,
            "deleted": False,
        }

    # -- one request -------------------------------------------------------------------------

    def _handler(
        self, answer: Answer, status: int
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            token = self._identity.token(request.headers.get("X-Auth-Token", ""))
            if token is None:
                return _unauthorized(self._auth_url)
            headers = _request_id()
            try:
                version = microversion.asked(request, self._options.highest)
                headers |= _headers(version)
                body = await answer(Call(request, version, token))
            except Refusal as refusal:
                return _refused(refusal, headers)
            if status == NO_CONTENT:
                return web.Response(status=status, headers=headers)
            if status == TAKEN_ON and body is not None:
                headers["Location"] = body["server"]["links"][0]["href"]
            text = "" if body is None else json.dumps(body)
            kind = "application/json"
            return web.Response(status=status, text=text, content_type=kind, headers=headers)

        return handle

    def _revoke(self, request: web.Request) -> None:
        self._identity.revoke(request.headers.get("X-Auth-Token", ""))

    def _host_of(self, request: web.Request) -> str:
        """Name the host a request is about: that of the row in its path, or its filter."""
        named = request.path.removesuffix("/action").rpartition("/")[2]
        row = self._world.services.get(named.lower()) or self._world.servers.get(named)
        asked = request.query.get("host") or request.query.get("source_compute", "")
        return row.host if row else asked


async def _nothing(_call: Call) -> Json:
    """Answer a path that does not exist. Contract: NovaContract.test_unknown_path."""
    raise Refusal(404, "The resource could not be found.")


def _headers(version: Version) -> dict[str, str]:
    text = microversion.text(version)
    return {
        microversion.HEADER: f"compute {text}",
        microversion.OLD_HEADER: text,
        "Vary": microversion.HEADER,
    }


def _request_id() -> dict[str, str]:
    made = f"req-{uuid.uuid4()}"
    return {"x-openstack-request-id": made, "x-compute-request-id": made}


def _refused(refusal: Refusal, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=refusal.status,
        text=refusal.body(),
        content_type="application/json",
        headers=headers,
    )


def _unauthorized(auth_url: str) -> web.Response:
    """Refuse a missing, unknown, expired or revoked token. Contract: NovaContract.test_no_token."""
    headers = {"WWW-Authenticate": f'Keystone uri="{auth_url}"'}
    return web.json_response(_UNAUTHORIZED, status=401, headers=headers)


def _error(status: int) -> web.Response:
    return _refused(Refusal(status, "Unexpected API Error."), {})
