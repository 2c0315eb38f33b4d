"""The simulated Ironic over HTTP: nodes, and their power as Ironic remembers it.

One node a host, driven by the host's own BMC. What Ironic shows is what it last ordered or found:
every `sync_s` it compares that with the machine, and where they differ it changes the machine.
Contract: tests/lab/ironic_contract.py, which a real Ironic passes too (tests/ironic).
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from doctor_daemon.lab.faults import FAULT, Do, Faults, Rule, Seam, Service
from doctor_daemon.lab.identity import Identity
from doctor_daemon.lab.world import World

Json = dict[str, Any]
Version = tuple[int, int]
BODY_MAX = 64 * 1024
OFF, ON = "power off", "power on"
CONDUCTOR = "conductor-1"
HEADER = "X-OpenStack-Ironic-API-Version"
NAMED: Version = (1, 8)
"""From here on single fields can be asked for."""
FLAGGED: Version = (1, 95)
"""From here on a node shows whether it may be switched off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IronicOptions:
    """What an installation of Ironic may differ in."""

    highest: Version = (1, 115)
    power_s: float = 0.2
    """From an order to its end."""
    sync_s: float = 0.0
    """`sync_power_state_interval`; 0: never."""
    delay_s: float = 0.0


@dataclass(slots=True)
class Node:
    """Ironic's row. `power_state` is what is remembered."""

    uuid: str
    host: str
    power_state: str = ON
    target: str | None = None
    holder: str | None = None
    provision_state: str = "active"
    maintenance: bool = False
    last_error: str | None = None
    fixed_on: bool = False


class _Refusal(Exception):
    """A request that Ironic answers with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


class Ironic:
    """The bare metal API of the lab."""

    def __init__(
        self,
        world: World,
        identity: Identity,
        root: str,
        options: IronicOptions,
        address_of: Callable[[str], str],
    ) -> None:
        """Make a node for each host; `address_of` names the URL of a host's BMC."""
        self.root = root
        self.nodes = {name: Node(str(uuid.uuid4()), name) for name in world.hosts}
        """Host -> its node."""
        self._world = world
        self._identity = identity
        self._options = options
        self._address_of = address_of
        self._timers: set[asyncio.TimerHandle] = set()
        self._later(options.sync_s, self._sync)

    def close(self) -> None:
        """Forget what was to happen."""
        for timer in self._timers:
            timer.cancel()

    def app(self, faults: Faults) -> web.Application:
        def revoke(request: web.Request) -> None:
            self._identity.revoke(request.headers.get("X-Auth-Token", ""))

        seam = Seam(Service.IRONIC, self._host_of, _error, revoke, self._options.delay_s)
        app = web.Application(middlewares=[faults.middleware(seam)], client_max_size=BODY_MAX)
        app.router.add_get("/v1/", self._version)
        app.router.add_get("/v1/nodes/{id}", _answering(self._show))
        app.router.add_put("/v1/nodes/{id}/states/power", _answering(self._power))
        return app

    # -- requests ----------------------------------------------------------------------------

    async def _version(self, _request: web.Request) -> web.Response:
        """Describe version 1. Contract: IronicContract.test_discovery."""
        about = {"id": "v1", "status": "CURRENT", "min_version": "1.1"}
        about["version"] = ".".join(str(part) for part in self._options.highest)
        return web.json_response({"id": "v1", "version": about})

    async def _show(self, request: web.Request) -> web.Response:
        """Show some fields of a node. Contract: IronicContract.test_a_node and those after it."""
        version, node = self._asked(request), self._named(request)
        row = self._row(node, version, request.get(FAULT))
        names = [name for name in request.query.get("fields", "").split(",") if name]
        if unknown := [name for name in names if name not in row]:
            raise _Refusal(400, f"Field(s) {', '.join(unknown)} are not valid.")
        return web.json_response({name: row[name] for name in names or row})

    async def _power(self, request: web.Request) -> web.Response:
        """Begin a change of power. Contract: IronicContract.test_off_takes_a_while."""
        self._asked(request)
        node, rule = self._named(request), request.get(FAULT)
        target = _target(await request.read())
        if rule is not None and rule.do is Do.REFUSE:
            raise _Refusal(400, "The driver does not support the power state.")
        if node.fixed_on and target == OFF:
            raise _Refusal(400, "Failed to set node power state to power off.")
        if node.holder:
            text = f"Node {node.uuid} is locked by host {node.holder}, please retry after"
            raise _Refusal(409, f"{text} the current operation is completed.")
        self._change(node, target, stuck=rule is not None and rule.do is Do.STUCK)
        return web.Response(status=202)

    def _asked(self, request: web.Request) -> Version:
        """Return the microversion for somebody who may ask. Raises _Refusal (401, 403, 406)."""
        token = self._identity.token(request.headers.get("X-Auth-Token", ""))
        if token is None:
            raise _Refusal(401, "The request you have made requires authentication.")
        if not token.admin:
            raise _Refusal(403, "Access was denied to the following resource: baremetal:node:get")
        major, _, minor = request.headers.get(HEADER, "1.1").partition(".")
        version = (int(major), int(minor))
        if not (1, 1) <= version <= self._options.highest:
            raise _Refusal(406, f"Version {major}.{minor} was requested but is not supported.")
        if "fields" in request.query and version < NAMED:
            raise _Refusal(406, "Request not acceptable.")
        return version

    def _named(self, request: web.Request) -> Node:
        named = request.match_info["id"]
        for node in self.nodes.values():
            if named in (node.uuid, node.host):
                return node
        raise _Refusal(404, f"Node {named} could not be found.")

    def _host_of(self, request: web.Request) -> str:
        named = request.match_info.get("id", "")
        return next((node.host for node in self.nodes.values() if node.uuid == named), "")

    def _row(self, node: Node, version: Version, rule: Rule | None) -> Json:
        power: str | None = node.power_state
        if rule is not None and rule.do in _LIES:
            power = _LIES[rule.do]
        other = rule is not None and rule.do is Do.OTHER_CHASSIS
        row: Json = {
            "uuid": node.uuid,
            "name": f"not-{node.host}" if other else node.host,
            "driver": "redfish",
            "driver_info": {"redfish_address": self._address_of(node.host)},
            "power_state": power,
            "target_power_state": node.target,
            "provision_state": node.provision_state,
            "maintenance": node.maintenance,
            "reservation": node.holder,
            "last_error": node.last_error,
        }
        return row | {"disable_power_off": node.fixed_on} if version >= FLAGGED else row

    # -- what Ironic does --------------------------------------------------------------------

    def _change(self, node: Node, target: str, *, stuck: bool = False) -> None:
        """Lock the node, change the machine, and remember what was ordered."""
        node.target, node.holder, node.last_error = target, CONDUCTOR, None

        def done() -> None:
            node.target = node.holder = None
            if stuck:
                node.last_error = f"Failed to change power state to '{target}': timed out"
                return
            if target == OFF:
                self._world.power_off(node.host)
            elif not self._world.hosts[node.host].power:
                self._world.power_on(node.host)
            node.power_state = target

        self._later(self._options.power_s, done)

    def _sync(self) -> None:
        """Change every machine that is not as remembered.

        Contract: IronicContract.test_what_was_done_behind_its_back_is_undone.
        """
        for node in self.nodes.values():
            found = ON if self._world.hosts[node.host].power else OFF
            if found != node.power_state and not (node.holder or node.maintenance):
                self._change(node, node.power_state)
        self._later(self._options.sync_s, self._sync)

    def _later(self, after_s: float, change: Callable[[], None]) -> None:
        if after_s <= 0:
            return

        def due() -> None:
            self._timers.discard(timer)
            change()

        timer = asyncio.get_running_loop().call_later(after_s, due)
        self._timers.add(timer)


_LIES = {Do.LIE_OFF: OFF, Do.LIE_ON: ON, Do.NO_POWER: None}


def _target(raw: bytes) -> str:
    try:
        target = json.loads(raw)["target"]
    except (ValueError, TypeError, KeyError):
        target = None
    if target not in (OFF, ON):
        raise _Refusal(400, f'The requested action "{target}" can not be performed.')
    return str(target)


def _answering(
    answer: Callable[[web.Request], Awaitable[web.Response]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return await answer(request)
        except _Refusal as refusal:
            return _error(refusal.status, refusal.message)

    return handle


def _error(status: int, message: str = "An unexpected error occurred.") -> web.Response:
    fault = {"faultcode": "Client", "faultstring": message, "debuginfo": None}
    return web.json_response({"error_message": json.dumps(fault)}, status=status)
