"""The simulated BMCs over HTTP: each port is one Redfish service, of one host or of several.

Contract: tests/lab/redfish_contract.py, which sushy-tools' emulator passes too. A serial number,
PoweringOff and the lies are DMTF's schema (DSP0268) and the practice of vendors; no emulator shows
them. One application serves every port: five hundred BMCs are five hundred sockets and no more.
"""

from __future__ import annotations

import hmac
import json
import secrets
import uuid
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from doctor_daemon.lab.bmc import RESET_TYPES, UNSUPPORTED, Bmc
from doctor_daemon.lab.faults import FAULT, Do, Faults, Rule, Seam, Service
from doctor_daemon.lab.rows import Host
from doctor_daemon.lab.world import World

Json = dict[str, Any]
ROOT = "/redfish/v1"
BODY_MAX = 64 * 1024
OTHER_UUID = "ffffffff-0000-4000-8000-00000000dead"
USER = "admin"
PORT = web.RequestKey("port", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedfishOptions:
    """What a BMC may differ in: how long it takes to answer, and to change the power."""

    delay_s: float = 0.0
    power_s: float = 1.0


class Redfish:
    """All BMCs of the lab."""

    def __init__(self, world: World, options: RedfishOptions) -> None:
        self.password = secrets.token_urlsafe(12)
        self.hosts_at: dict[int, list[str]] = {}
        """Port -> the hosts whose systems it serves."""
        self._world = world
        self._options = options
        self._bmcs = {name: Bmc(host, world, options.power_s) for name, host in world.hosts.items()}

    def app(self, faults: Faults, service: Service = Service.BMC) -> web.Application:
        seam = Seam(service, self._host_of, _error, lambda _: None, self._options.delay_s)
        app = web.Application(
            middlewares=[faults.middleware(seam), _errors, self._logins], client_max_size=BODY_MAX
        )
        router = app.router
        for path, show in (("", self._root), ("/Systems", self._systems)):
            router.add_get(ROOT + path, show)
            router.add_get(f"{ROOT}{path}/", show)
        router.add_get(ROOT + "/Systems/{id}", self._system)
        router.add_post(ROOT + "/Systems/{id}/Actions/ComputerSystem.Reset", self._reset)
        return app

    def close(self) -> None:
        """Forget the power changes to come."""
        for bmc in self._bmcs.values():
            bmc.cancel()

    # -- resources ---------------------------------------------------------------------------

    async def _root(self, request: web.Request) -> web.Response:
        """Show the service root, without a login. Contract: RedfishContract.test_service_root."""
        made = uuid.uuid5(uuid.NAMESPACE_OID, str(_port(request)))
        return web.json_response(
            {
                "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot",
                "@odata.id": f"{ROOT}/",
                "Id": "RootService",
                "Name": "Root Service",
                "RedfishVersion": "1.5.0",
                "UUID": str(made),
                "Systems": {"@odata.id": f"{ROOT}/Systems"},
            }
        )

    async def _systems(self, request: web.Request) -> web.Response:
        """List the systems of this port. Contract: RedfishContract.test_systems."""
        hosts = [self._world.hosts[name] for name in self.hosts_at.get(_port(request), [])]
        return web.json_response(
            {
                "@odata.type": "#ComputerSystemCollection.ComputerSystemCollection",
                "@odata.id": f"{ROOT}/Systems",
                "Name": "Computer System Collection",
                "Members@odata.count": len(hosts),
                "Members": [{"@odata.id": _path(host)} for host in hosts],
            }
        )

    async def _system(self, request: web.Request) -> web.Response:
        """Show a system. By its name it redirects, as the emulator does.

        Contract: RedfishContract.test_system, test_unknown_system, test_a_name_redirects.
        """
        host, rule = self._named(request), request.get(FAULT)
        if _does(rule, Do.DIES) and not host.power:
            return _gone(request)
        shown = _shown(host, OTHER_UUID if _does(rule, Do.OTHER_CHASSIS) else host.system_uuid)
        power = self._bmcs[host.name].power(rule)
        status = 500 if _does(rule, Do.OFF_ERROR) else 200
        shown = shown if power is None else shown | {"PowerState": power}
        return web.json_response(shown, status=status)

    async def _reset(self, request: web.Request) -> web.Response:
        """Change the power: 204 at once, the change itself `power_s` later.

        Contract: RedfishContract.test_force_off_takes_effect_later, test_off_again and
        test_wrong_resets.
        """
        host, rule = self._named(request), request.get(FAULT)
        asked = _reset_type(request, await request.read())
        if _does(rule, Do.DIES) and not host.power:
            return _gone(request)
        if _does(rule, Do.ALREADY_OFF) and not host.power and asked != "On":
            raise web.HTTPConflict(text="The power is off already.")
        if _does(rule, Do.REFUSE):
            raise web.HTTPBadRequest(text="The reset was refused.")
        if asked not in RESET_TYPES or asked in UNSUPPORTED:
            raise web.HTTPNotImplemented(text=f"Power state {asked} is not supported")
        if not _does(rule, Do.STUCK):
            self._bmcs[host.name].change(asked, rule)
        return web.Response(status=204)

    # -- requests ----------------------------------------------------------------------------

    def _named(self, request: web.Request) -> Host:
        """Find the system of the path. Raises HTTPNotFound or HTTPTemporaryRedirect."""
        named = request.match_info["id"]
        for name in self.hosts_at.get(_port(request), []):
            host = self._world.hosts[name]
            if host.system_uuid == named:
                return host
            if name == named:
                raise web.HTTPTemporaryRedirect(_path(host))
        raise web.HTTPNotFound(text=f"System {named} was not found")

    def _host_of(self, request: web.Request) -> str:
        """Name the host a request is about, for the faults; a port of its own says it already."""
        hosts = self.hosts_at.get(_port(request), [])
        if len(hosts) == 1:
            return hosts[0]
        named = request.match_info.get("id", "")
        return next((name for name in hosts if self._world.hosts[name].system_uuid == named), "")

    @property
    def _logins(self) -> Middleware:
        expected = f"{USER}:{self.password}".encode()

        @web.middleware
        async def login(request: web.Request, handler: Handler) -> web.StreamResponse:
            """Ask for a login everywhere but at the root. Contract: RedfishContract.test_login."""
            if request.path.rstrip("/") != ROOT and not _knows(request, expected):
                response = _error(401, "Authorization required")
                response.headers["WWW-Authenticate"] = 'Basic realm="Lab BMC"'
                return response
            return await handler(request)

        return login


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every error the Redfish form. Contract: RedfishContract.test_error_body."""
    try:
        return await handler(request)
    except web.HTTPRedirection:
        raise
    except web.HTTPException as error:
        return _error(error.status, error.text or error.reason)


def _error(status: int, message: str = "A general error has occurred.") -> web.Response:
    info = {"@odata.type": "#Message.v1_0_0.Message", "MessageId": "Base.1.0.GeneralError"}
    error = {"code": "Base.1.0.GeneralError", "message": message, "@Message.ExtendedInfo": [info]}
    return web.json_response({"error": error}, status=status)


def _knows(request: web.Request, expected: bytes) -> bool:
    scheme, _, word = request.headers.get("Authorization", "").partition(" ")
    try:
        given = b64decode(word, validate=True)
    except ValueError:
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(given, expected)


def _reset_type(request: web.Request, raw: bytes) -> str:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="The body must be application/json")
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise web.HTTPBadRequest(text="The body is not JSON") from error
    match body:
        case {"ResetType": str(asked)}:
            return asked
        case _:
            raise web.HTTPBadRequest(text="ResetType is missing")


def _shown(host: Host, system_uuid: str) -> Json:
    path = _path(host)
    return {
        "@odata.type": "#ComputerSystem.v1_13_0.ComputerSystem",
        "@odata.id": path,
        "Id": host.system_uuid,
        "Name": host.name,
        "UUID": system_uuid,
        "SerialNumber": host.serial,
        "Manufacturer": "Doctor Daemon Lab",
        "Model": "Simulated",
        "Status": {"State": "Enabled", "Health": "OK"},
        "Actions": {
            "#ComputerSystem.Reset": {
                "target": f"{path}/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": list(RESET_TYPES),
            }
        },
    }


def _path(host: Host) -> str:
    return f"{ROOT}/Systems/{host.system_uuid}"


def _port(request: web.Request) -> int:
    """Return the port that was asked: also of a request whose sender has gone since."""
    if PORT not in request:
        transport = request.transport
        request[PORT] = int(transport.get_extra_info("sockname")[1]) if transport else 0
    return request[PORT]


def _gone(request: web.Request) -> web.Response:
    """Break the connection: whoever had no power would not even have taken it."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _does(rule: Rule | None, do: Do) -> bool:
    return rule is not None and rule.do is do
