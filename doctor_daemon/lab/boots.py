"""Servers that are made and deleted over the API: on a host that is named, and in no other way.

A scheduler that chooses among hosts is there for evacuations alone; a request that leaves the
choice to it is answered 501. Contract: tests/lab/nova_boots.py, whose tests are named at each
behaviour.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial

from doctor_daemon.lab import schema
from doctor_daemon.lab.call import Call, Json
from doctor_daemon.lab.evacuations import NO_HOST
from doctor_daemon.lab.rows import Server
from doctor_daemon.lab.schema import Refusal, Schema
from doctor_daemon.lab.servers import FLAVOR, IMAGE_ID, Servers
from doctor_daemon.lab.world import World

ZONED, NAMED = (2, 37), (2, 74)
"""From the first on `networks` has to be there; from the second the host has a field of its own."""


def _networks(value: object) -> str | None:
    return None if value in ("none", "auto") else f"{value!r} is not of type 'array'"


def _metadata(value: object) -> str | None:
    texts = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    return None if texts else f"{value!r} is not of type 'object'"


_FIELDS = {
    "name": schema.text,
    "imageRef": schema.text,
    "flavorRef": schema.text,
    "metadata": _metadata,
    "networks": _networks,
    "availability_zone": schema.text,
}
_NEEDED = ("name", "flavorRef", "networks")
_BODY = Schema(_FIELDS, _NEEDED)
_BODY_2_74 = Schema({**_FIELDS, "host": schema.host}, _NEEDED)


@dataclass(frozen=True, slots=True)
class Boots:
    """What makes servers, and deletes them."""

    world: World
    servers: Servers
    root: str
    """The URL of the service, without `/v2.1`."""
    builds: list[str] = field(default_factory=list)
    """Every server that was asked for, in order."""

    async def create(self, call: Call) -> Json:
        """Take a server on. Contract: NovaContract.test_boots_that_are_refused."""
        asked = _read(call, await call.request.read())
        _check(asked)
        host = _host(asked)
        if host not in self.world.hosts:
            raise Refusal(400, f"Compute host {host} could not be found.")
        project = call.token.project
        if project is None:
            raise Refusal(403, "Policy doesn't allow os_compute_api:servers:create to be performed")
        call.require_admin("os_compute_api:servers:create:forced_host")
        server = self.world.build(asked["name"], project.id, call.token.user.id)
        server.metadata = dict(asked.get("metadata", {}))
        self.builds.append(server.id)
        self.world.later(self.world.timing.boot_s, partial(self._built, server, host))
        return {"server": self._taken(server)}

    async def delete(self, call: Call) -> None:
        """Delete a server, wherever it is.

        Contract: NovaContract.test_a_server_is_deleted_and_then_it_is_not_there,
        test_a_server_of_a_dead_host_is_deleted_at_once and
        test_a_member_may_not_delete_what_is_anothers.
        """
        self.world.delete(self.servers.find(call).id)

    def _taken(self, server: Server) -> Json:
        """Say what was taken on, with a password that nobody needs."""
        href = f"{self.root}/v2.1/servers/{server.id}"
        return {
            "id": server.id,
            "links": [{"rel": "self", "href": href}],
            "OS-DCF:diskConfig": "MANUAL",
            "security_groups": [{"name": "default"}],
            "adminPass": "lab-password-of-a-server",
        }

    def _built(self, server: Server, name: str) -> None:
        """End the building: the guest runs, or the server is in error and says why.

        Contract: NovaContract.test_a_host_that_is_disabled_takes_no_server,
        test_a_guest_that_cannot_start_leaves_a_server_in_error.
        """
        if server.deleted_at_s is not None:
            return
        host, now_s = self.world.hosts[name], self.world.clock.now()
        fit = host.power and not host.service.disabled and self.world.is_up(host.service)
        server.updated_at_s, server.task_state = now_s, None
        if not fit or host.spawn_error:
            server.vm_state, server.power_state = "error", 0
            server.fault = (host.spawn_error if fit else NO_HOST, now_s)
            return
        server.host, server.zone = name, host.service.zone
        server.vm_state, server.power_state = "active", 1
        self.world.start_guest(server.id, name)


def _read(call: Call, raw: bytes) -> Json:
    """Read the body. Raises Refusal (400) for a wrong one, (501) for one not modelled."""
    if call.version < ZONED:
        raise Refusal(501, "the lab does not model servers that are made before 2.37")
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("server"), dict):
        raise Refusal(400, "Malformed request body")
    fields = _BODY_2_74 if call.version >= NAMED else _BODY
    return fields.read(json.dumps(body["server"]).encode())


def _host(asked: Json) -> str:
    """Return the host that is named.

    Contract: NovaContract.test_before_2_74_the_host_stands_behind_the_zone.
    """
    zone, _, forced = str(asked.get("availability_zone", "")).partition(":")
    host = str(asked.get("host", forced))
    if zone or not host:
        raise Refusal(501, "the lab models no server that is made without a host, or with a zone")
    return host


def _check(asked: Json) -> None:
    if asked["flavorRef"] != FLAVOR:
        raise Refusal(400, f"Flavor {asked['flavorRef']} could not be found.")
    if asked.get("imageRef") != IMAGE_ID:
        raise Refusal(400, "Can not find requested image")
