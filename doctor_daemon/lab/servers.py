"""Nova's servers: the lists, their filters and pages, and what is shown of one server.

Contract: tests/lab/nova_contract.py, whose tests are named at each behaviour. A filter that Nova
has and the lab has not is answered 501: to drop it silently would be a lie that no test asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from doctor_daemon.lab.call import Call, Json
from doctor_daemon.lab.listing import Listing, page
from doctor_daemon.lab.microversion import Version
from doctor_daemon.lab.rows import Server
from doctor_daemon.lab.schema import Refusal
from doctor_daemon.lab.world import World

IMAGE_ID = "11111111-2222-4333-8444-555555555555"
FLAVOR = "tiny"
STATUS = {
    "active": "ACTIVE",
    "stopped": "SHUTOFF",
    "error": "ERROR",
    "deleted": "DELETED",
    "building": "BUILD",
    "paused": "PAUSED",
    "suspended": "SUSPENDED",
    "rescued": "RESCUE",
    "resized": "VERIFY_RESIZE",
    "shelved": "SHELVED",
    "soft-delete": "SOFT_DELETED",
}
"""Nova's vm_states, as a server's status shows them."""
_PROGRESS = {"ACTIVE", "BUILD", "REBUILD"}
_FLAVOR = {"vcpus": 1, "ram": 64, "disk": 1, "ephemeral": 0, "swap": 0, "original_name": FLAVOR}


class OwnerSees(StrEnum):
    """What Nova's policy lets a server's owner see of `host_status`. Nova's default is nothing."""

    NOTHING = "nothing"
    UNKNOWN_ONLY = "unknown-only"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers, as the API lists and shows them."""

    world: World
    root: str
    """The URL of the service, without `/v2.1`."""
    owner_sees: Callable[[], OwnerSees]
    """Asked at each request: Nova reads its policy anew when the file has changed."""

    async def index(self, call: Call) -> Json:
        """List id and name. Contract: NovaContract.test_short_list."""
        return self._list(call, "index")

    async def detail(self, call: Call) -> Json:
        """List all fields. Contract: NovaContract.test_server_fields_by_microversion."""
        return self._list(call, "detail")

    async def show(self, call: Call) -> Json:
        """Show one server. Contract: NovaContract.test_show_one_server, test_unknown_server."""
        server = self.find(call)
        fields = self._fields(server, call)
        if call.version >= (2, 71):
            fields["server_groups"] = []
        if call.version >= (2, 90):
            fields["OS-EXT-SRV-ATTR:hostname"] = server.name
        return {"server": fields}

    def find(self, call: Call) -> Server:
        """Find the server that the path names. Raises Refusal (404)."""
        named = call.request.match_info["id"]
        server = self.world.servers.get(named)
        if server is None or server.deleted_at_s or not self._may_see(call, server):
            raise Refusal(404, f"Instance {named} could not be found.")
        return server

    def _list(self, call: Call, kind: str) -> Json:
        rule = f"os_compute_api:servers:{kind}"
        if call.token.project is None:
            raise Refusal(403, f"Policy doesn't allow {rule} to be performed.")
        listing = Listing.of(call, self.world.clock)
        if listing.all_tenants:
            call.require_admin(f"{rule}:get_all_tenants")
        servers, more = page(listing, self.world)
        fields = self._fields if kind == "detail" else self._name
        answer: Json = {"servers": [fields(server, call) for server in servers]}
        if more:
            path = "/v2.1/servers" + ("/detail" if kind == "detail" else "")
            href = f"{self.root}{path}?{listing.next_query(servers[-1])}"
            answer["servers_links"] = [{"rel": "next", "href": href}]
        return answer

    def _may_see(self, call: Call, server: Server) -> bool:
        project = call.token.project
        return project is not None and (call.token.admin or project.id == server.project_id)

    # -- shapes ------------------------------------------------------------------------------

    def _name(self, server: Server, _call: Call) -> Json:
        return {"id": server.id, "name": server.name, "links": self._links(server)}

    def _links(self, server: Server) -> list[Json]:
        return [
            {"rel": "self", "href": f"{self.root}/v2.1/servers/{server.id}"},
            {"rel": "bookmark", "href": f"{self.root}/servers/{server.id}"},
        ]

    def _fields(self, server: Server, call: Call) -> Json:
        fields = self._everyone(server) | self._dated(server, call.version)
        if fields["status"] in ("ERROR", "DELETED") and server.fault:
            fields["fault"] = self._fault(*server.fault)
        if call.token.admin:
            fields |= _admins(server, call.version)
        status = self._host_status(server)
        if call.version >= (2, 16) and self._shows(status, admin=call.token.admin):
            fields["host_status"] = status
        return fields

    def _everyone(self, server: Server) -> Json:
        """Name what its owner sees too. Contract: NovaContract.test_metadata_is_listed."""
        clock, deleted, status = self.world.clock, server.deleted_at_s, _status(server)
        fields: Json = {
            "id": server.id,
            "name": server.name,
            "status": status,
            "tenant_id": server.project_id,
            "user_id": server.user_id,
            "created": clock.zulu(server.created_at_s),
            "updated": clock.zulu(server.updated_at_s),
            "hostId": hashlib.sha224((server.project_id + server.host).encode()).hexdigest(),
            "links": self._links(server),
            "addresses": {},
            "accessIPv4": "",
            "accessIPv6": "",
            "image": "" if server.volume else self._image(),
            "metadata": {} if deleted else server.metadata,
            "config_drive": "",
            "key_name": None,
            "OS-DCF:diskConfig": "MANUAL",
            "OS-EXT-AZ:availability_zone": server.zone,
            "OS-EXT-STS:vm_state": server.vm_state,
            "OS-EXT-STS:task_state": server.task_state,
            "OS-EXT-STS:power_state": server.power_state,
            "OS-SRV-USG:launched_at": clock.second(server.created_at_s),
            "OS-SRV-USG:terminated_at": clock.second(deleted) if deleted else None,
            "os-extended-volumes:volumes_attached": [],
        }
        return fields | {"progress": 0} if status in _PROGRESS else fields

    def _fault(self, message: str, at_s: float) -> Json:
        """Tell what went wrong. Contract: NovaContract.test_failures_are_told_later."""
        return {"code": 500, "created": self.world.clock.zulu(at_s), "message": message}

    def _image(self) -> Json:
        href = f"{self.root}/images/{IMAGE_ID}"
        return {"id": IMAGE_ID, "links": [{"rel": "bookmark", "href": href}]}

    def _dated(self, server: Server, version: Version) -> Json:
        """Name the fields that came with later microversions."""
        fields: Json = {}
        if version >= (2, 9):
            fields["locked"] = server.locked
        if version >= (2, 19):
            fields["description"] = None
        if version >= (2, 26):
            fields["tags"] = list(server.tags)
        if version >= (2, 63):
            fields["trusted_image_certificates"] = None
        if version >= (2, 73):
            fields["locked_reason"] = None
        if version >= (2, 96):
            fields["pinned_availability_zone"] = None
        return fields | {"flavor": self._flavor(server, version)}

    def _flavor(self, server: Server, version: Version) -> Json:
        """Tell the flavor. Contract: NovaContract.test_extra_specs_are_listed."""
        if version >= (2, 47):
            return {**_FLAVOR, "extra_specs": server.specs}
        href = f"{self.root}/flavors/{FLAVOR}"
        return {"id": FLAVOR, "links": [{"rel": "bookmark", "href": href}]}

    # -- host_status -------------------------------------------------------------------------

    def _host_status(self, server: Server) -> str:
        """Tell how Nova sees the server's host: DOWN wins, then MAINTENANCE, then UP or UNKNOWN.

        Contract: NovaContract.test_host_status_order. Source: nova/compute/api.py,
        `get_instance_host_status`.
        """
        if server.deleted_at_s or server.host not in self.world.hosts:
            return ""
        service = self.world.hosts[server.host].service
        if service.forced_down:
            return "DOWN"
        if service.disabled:
            return "MAINTENANCE"
        return "UP" if self.world.is_up(service) else "UNKNOWN"

    def _shows(self, status: str, *, admin: bool) -> bool:
        """Whether policy shows it.

        Contract: NovaContract.test_owner_sees_no_host_status,
        test_an_owner_who_may_sees_every_host_status, test_an_owner_may_see_unknown_alone.
        """
        sees = OwnerSees.FULL if admin else self.owner_sees()
        return sees is OwnerSees.FULL or (sees is OwnerSees.UNKNOWN_ONLY and status == "UNKNOWN")


def _status(server: Server) -> str:
    """Tell the status. Contract: NovaContract.test_an_evacuation."""
    if (server.task_state or "").startswith("rebuild"):
        return "REBUILD"
    return STATUS[server.vm_state]


def _admins(server: Server, version: Version) -> Json:
    """Name the fields that only an admin sees. Contract: NovaContract.test_owner_sees_no_host."""
    fields: Json = {
        "OS-EXT-SRV-ATTR:host": server.host or None,
        "OS-EXT-SRV-ATTR:hypervisor_hostname": server.host or None,
        "OS-EXT-SRV-ATTR:instance_name": f"instance-{server.number:08x}",
    }
    if version >= (2, 3):
        fields |= {
            "OS-EXT-SRV-ATTR:hostname": server.name,
            "OS-EXT-SRV-ATTR:kernel_id": "",
            "OS-EXT-SRV-ATTR:launch_index": 0,
            "OS-EXT-SRV-ATTR:ramdisk_id": "",
            "OS-EXT-SRV-ATTR:reservation_id": f"r-{server.number:08x}",
            "OS-EXT-SRV-ATTR:root_device_name": "/dev/sda",
            "OS-EXT-SRV-ATTR:user_data": None,
        }
    return fields
