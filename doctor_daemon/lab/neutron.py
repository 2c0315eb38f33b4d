"""The simulated Neutron over HTTP: ports by host and by id, and their data_plane_status.

Every server of the world has one port, bound to the server's host; more can be made. Written from
Neutron's API reference and source (`neutron/services/…`, `neutron/api/v2/base.py` of 2026.1): there
is no real Neutron to hold it against here. Contract: tests/lab/neutron_contract.py.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from doctor_daemon.lab.faults import Faults, Seam, Service
from doctor_daemon.lab.identity import Identity, Token
from doctor_daemon.lab.world import World

Json = dict[str, Any]
BODY_MAX = 64 * 1024
ALIAS = "data-plane-status"
_STATUS = "data_plane_status"
_HOST = "binding:host_id"
_KNOWN = (None, "ACTIVE", "DOWN")
_TYPES = {400: "HTTPBadRequest", 403: "PolicyNotAuthorized", 404: "PortNotFound"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NeutronOptions:
    """What an installation of Neutron may differ in."""

    data_plane_status: bool = True
    """Whether the ML2 extension driver of that name is on."""
    page_max: int = 0
    """`pagination_max_limit`; 0: there is none."""
    delay_s: float = 0.0


@dataclass(slots=True)
class Port:
    """Neutron's row. `host` stands for a port of no server."""

    id: str
    server: str = ""
    host: str = ""
    status: str | None = None


class _Refusal(Exception):
    """A request that Neutron answers with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


class Neutron:
    """The network API of the lab."""

    def __init__(
        self, world: World, identity: Identity, root: str, options: NeutronOptions
    ) -> None:
        self.root = root
        self.options = options
        self._world = world
        self._identity = identity
        self._ports: dict[str, Port] = {}

    # -- the rows ----------------------------------------------------------------------------

    @property
    def ports(self) -> dict[str, Port]:
        """Every port. Those of servers are made, and go, with their servers."""
        for server in self._world.servers.values():
            id_ = port_of(server.id)
            if server.vm_state == "deleted":
                self._ports.pop(id_, None)
            elif id_ not in self._ports:
                self._ports[id_] = Port(id_, server.id)
        return self._ports

    def add(self, host: str) -> Port:
        """Make a port of no server: of a DHCP agent, for one."""
        port = Port(str(uuid.uuid4()), host=host)
        self._ports[port.id] = port
        return port

    def host_of(self, port: Port) -> str:
        """Return what a port is bound to."""
        return (self._world.servers[port.server].host or "") if port.server else port.host

    def said_down(self) -> set[str]:
        """Return the ports of which somebody says that their data plane is down."""
        return {port.id for port in self.ports.values() if port.status == "DOWN"}

    # -- one request -------------------------------------------------------------------------

    def app(self, faults: Faults) -> web.Application:
        def host_of(request: web.Request) -> str:
            return request.query.get(_HOST, "")

        def revoke(request: web.Request) -> None:
            self._identity.revoke(request.headers.get("X-Auth-Token", ""))

        seam = Seam(Service.NEUTRON, host_of, _error, revoke, self.options.delay_s)
        app = web.Application(middlewares=[faults.middleware(seam)], client_max_size=BODY_MAX)
        app.router.add_get("/v2.0/extensions/{alias}", self._handler(self._extension))
        app.router.add_get("/v2.0/ports", self._handler(self._index))
        app.router.add_put("/v2.0/ports/{port}", self._handler(self._update))
        app.router.add_route("*", "/{anything:.*}", self._handler(_nothing))
        return app

    def _handler(
        self, answer: Callable[[web.Request, Token], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            token = self._identity.token(request.headers.get("X-Auth-Token", ""))
            if token is None:
                error = {"code": 401, "title": "Unauthorized", "message": "Authenticate."}
                return web.json_response({"error": error}, status=401)
            try:
                response = await answer(request, token)
            except _Refusal as refusal:
                response = _refused(refusal)
            response.headers["x-openstack-request-id"] = f"req-{uuid.uuid4()}"
            return response

        return handle

    async def _extension(self, request: web.Request, _: Token) -> web.Response:
        """Describe the extension. Contract: NeutronContract.test_the_extension."""
        alias = request.match_info["alias"]
        if alias != ALIAS or not self.options.data_plane_status:
            raise _Refusal(404, f"Extension with alias {alias} does not exist")
        return web.json_response({"extension": {"alias": ALIAS, "name": "Port Data Plane Status"}})

    async def _index(self, request: web.Request, token: Token) -> web.Response:
        """List ports, by ids and hosts, in pages. Contract: NeutronContract, its pages."""
        query = request.query
        found = sorted(self._seen(token), key=lambda port: port.id)
        if ids := query.getall("id", []):
            found = [port for port in found if port.id in ids]
        if token.admin and (hosts := query.getall(_HOST, [])):
            found = [port for port in found if self.host_of(port) in hosts]
        if marker := query.get("marker"):
            if marker not in self.ports:
                raise _Refusal(404, f"Port {marker} could not be found")
            found = [port for port in found if port.id > marker]
        limit = int(query.get("limit", "0"))
        limit = min(limit or self.options.page_max, self.options.page_max or limit)
        document: Json = {}
        if limit:
            found = found[:limit]
            links = [{"rel": "next", "href": f"{self.root}/v2.0/ports"}]
            document["ports_links"] = links if len(found) == limit else []
        fields = query.getall("fields", [])
        document["ports"] = [self._shown(port, token, fields) for port in found]
        return web.json_response(document)

    async def _update(self, request: web.Request, token: Token) -> web.Response:
        """Change a port's data_plane_status. Contract: NeutronContract, its changes."""
        port = next(
            (one for one in self._seen(token) if one.id == request.match_info["port"]), None
        )
        if port is None:
            raise _Refusal(404, f"Port {request.match_info['port']} could not be found.")
        change = _change(await request.read())
        unknown = sorted(change.keys() - ({_STATUS} if self.options.data_plane_status else set()))
        if unknown:
            raise _Refusal(400, f"Unrecognized attribute(s) '{', '.join(unknown)}'")
        if not token.admin:
            raise _Refusal(
                403,
                "(rule:update_port and (rule:update_port:data_plane_status)) is disallowed by "
                "policy",
            )
        if (status := change.get(_STATUS)) not in _KNOWN:
            raise _Refusal(
                400,
                f"Invalid input for {_STATUS}. Reason: '{status}' is not in ['ACTIVE', 'DOWN'].",
            )
        port.status = status
        return web.json_response({"port": self._shown(port, token, [])})

    def _seen(self, token: Token) -> list[Port]:
        """Return the ports that a project sees: without the role admin its own alone."""
        mine = token.project.id if token.project else ""
        servers = self._world.servers
        return [
            port
            for port in self.ports.values()
            if token.admin or (port.server and servers[port.server].project_id == mine)
        ]

    def _shown(self, port: Port, token: Token, fields: list[str]) -> Json:
        """Show a row. Where a port is bound is shown to the role admin alone."""
        server = self._world.servers.get(port.server)
        row: Json = {
            "id": port.id,
            "project_id": server.project_id if server else "",
            "device_id": port.server,
            "device_owner": f"compute:{server.zone}" if server else "network:dhcp",
            "status": "ACTIVE",
        }
        if token.admin:
            row[_HOST] = self.host_of(port)
        if self.options.data_plane_status:
            row[_STATUS] = port.status
        return {name: row[name] for name in row if not fields or name in fields}


def port_of(server: str) -> str:
    """Return the id of a server's port."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, server))


def _change(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except ValueError:
        raise _Refusal(400, "The server could not comply with the request") from None
    match body:
        case {"port": dict(change)}:
            return change
        case _:
            raise _Refusal(400, "Resource body required")


async def _nothing(_: web.Request, __: Token) -> web.Response:
    raise _Refusal(404, "The resource could not be found.")


def _refused(refusal: _Refusal) -> web.Response:
    kind = _TYPES.get(refusal.status, HTTPStatus(refusal.status).phrase.replace(" ", ""))
    error = {"type": kind, "message": refusal.message, "detail": ""}
    return web.json_response({"NeutronError": error}, status=refusal.status)


def _error(status: int) -> web.Response:
    return _refused(_Refusal(status, "The server has either erred."))
