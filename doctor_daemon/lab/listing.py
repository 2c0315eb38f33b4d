"""What one list of servers asks for, and the page of servers that answers it.

Sources: nova/api/openstack/compute/servers.py (`_get_servers`, `remove_invalid_options`) and its
query schemas. Contract: the tests of NovaContract named below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from doctor_daemon.lab.call import Call
from doctor_daemon.lab.clock import Clock
from doctor_daemon.lab.microversion import Version
from doctor_daemon.lab.rows import Server
from doctor_daemon.lab.schema import Refusal
from doctor_daemon.lab.world import World

MAX_LIMIT = 1000
_MODELLED = {"project_id", "tenant_id", "host", "uuid", "status", "deleted", "all_tenants"}
_MODELLED |= {"changes-since", "limit", "marker"}
_OTHERS = {
    *("user_id", "launch_index", "image_ref", "image", "kernel_id", "ramdisk_id", "hostname"),
    *("key_name", "power_state", "vm_state", "task_state", "node", "flavor", "reservation_id"),
    *("launched_at", "terminated_at", "availability_zone", "display_name", "description"),
    *("display_description", "locked_by", "root_device_name", "config_drive", "access_ip_v4"),
    *("access_ip_v6", "auto_disk_config", "progress", "sort_key", "sort_dir", "soft_deleted"),
    *("ip", "ip6", "created_at", "tags", "tags-any", "not-tags", "not-tags-any", "name"),
    *("locked", "changes-before"),
}
_FOR_MEMBERS = {"name", "status", "changes-since", "all_tenants", "limit", "marker"}
_FOR_MEMBERS |= {"reservation_id", "image", "flavor", "ip"}
_YES = {"1", "t", "true", "on", "y", "yes", ""}
_NO = {"0", "f", "false", "off", "n", "no"}
_VM_STATES = {"ACTIVE": "active", "SHUTOFF": "stopped", "ERROR": "error", "DELETED": "deleted"}


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of servers as asked for: whose, where, since when, and from which one on."""

    query: dict[str, str]
    """The query as it came, for the link to the next page."""
    filters: dict[str, str]
    """What of it this caller may use."""
    all_tenants: bool
    project_id: str | None
    vm_state: str | None
    since_s: float | None
    limit: int

    @classmethod
    def of(cls, call: Call, clock: Clock) -> Listing:
        """Read the query. Raises Refusal (400) for a wrong one, (501) for one not modelled.

        Contract: NovaContract.test_wrong_server_queries.
        """
        query = dict(call.request.query)
        _check(query, call.version)
        filters = {name: word for name, word in query.items() if _permitted(name, call)}
        if unknown := filters.keys() - _MODELLED:
            raise Refusal(501, f"the lab does not model the filter {min(unknown)!r}")
        everyone = _boolean(filters["all_tenants"]) if "all_tenants" in filters else False
        asked = filters.get("project_id") or filters.get("tenant_id")
        own = call.token.project.id if call.token.project else None
        return cls(
            query=query,
            filters=filters,
            all_tenants=everyone,
            project_id=asked if everyone else own,
            vm_state=_vm_state(filters, call.version),
            since_s=_since(filters, clock),
            limit=min(int(query.get("limit") or MAX_LIMIT), MAX_LIMIT),
        )

    def next_query(self, last: Server) -> str:
        return urlencode(
            {k: v for k, v in self.query.items() if k != "marker"} | {"marker": last.id}
        )

    def matches(self, server: Server, clock: Clock) -> bool:
        """Whether a server is asked for. The host's case is disregarded, as MySQL does.

        Contract: NovaContract.test_host_filter, test_project_filter, test_status_filter and
        test_changes_since_includes_deleted.
        """
        host = self.filters.get("host")
        return (
            self._alive_enough(server)
            and self.project_id in (None, server.project_id)
            and (host is None or host.lower() == server.host.lower())
            and self.vm_state in (None, server.vm_state)
            and self.filters.get("uuid") in (None, server.id)
            and (self.since_s is None or clock.floor(server.updated_at_s) >= self.since_s)
        )

    def _alive_enough(self, server: Server) -> bool:
        """Leave deleted servers out, unless they or the changes of a time are asked for."""
        gone = server.deleted_at_s is not None
        if "deleted" in self.filters:
            return gone == (self.filters["deleted"].lower() in _YES - {""})
        return not gone or self.since_s is not None


def page(listing: Listing, world: World) -> tuple[list[Server], bool]:
    """Pick the servers of one page, newest first, and tell whether to link to a next one.

    A full page links to another, which may be empty; a marker may be a server deleted since. Hosts
    of a cell that does not answer are left out without a word. Contract: NovaContract.test_pages,
    test_a_deleted_marker_is_accepted and test_an_unknown_marker_is_refused.
    """
    found: list[Server] = []
    for server in _after(listing.query.get("marker"), world):
        if len(found) >= listing.limit:
            break
        host = world.hosts.get(server.host)
        if listing.matches(server, world.clock) and not (host and host.cell_down):
            found.append(server)
    return found, bool(found) and len(found) == listing.limit


def _after(marker: str | None, world: World) -> Iterator[Server]:
    newest_first = reversed(world.servers.values())
    if marker is None:
        return newest_first
    if marker not in world.servers:
        raise Refusal(400, f"marker [{marker}] not found")
    return (server for server in newest_first if server.number < world.servers[marker].number)


def _check(query: dict[str, str], version: Version) -> None:
    known = _MODELLED | _OTHERS
    if version >= (2, 75):
        for name in query.keys() - known:
            raise Refusal(400, f"{name!r} does not match any of the regexes: '^_'")
    limit = query.get("limit", "")
    if not re.fullmatch("[0-9]*", limit):
        raise Refusal(
            400,
            f"Invalid input for query parameters limit. Value: {limit}. "
            f"{limit!r} does not match '^[0-9]*$'",
        )


def _permitted(name: str, call: Call) -> bool:
    """Whether the caller may use a filter; one that is not permitted is dropped without a word.

    Contract: NovaContract.test_a_members_host_filter_is_dropped.
    """
    if name not in _MODELLED | _OTHERS:
        return False
    if call.token.admin or name in _FOR_MEMBERS:
        return True
    since = {"changes-before": (2, 66), "locked": (2, 73), "tags": (2, 26), "power_state": (2, 83)}
    return name in since and call.version >= since[name]


def _boolean(word: str) -> bool:
    if word.lower() in _YES | _NO:
        return word.lower() in _YES
    known = ", ".join(repr(known) for known in sorted(_YES | _NO) if known)
    raise Refusal(400, f"Unrecognized value '{word}', acceptable values are: {known}")


def _vm_state(filters: dict[str, str], version: Version) -> str | None:
    if "status" not in filters:
        return None
    state = _VM_STATES.get(filters["status"].upper())
    if state is None and version >= (2, 38):
        raise Refusal(400, "Invalid status value")
    return state or "none at all"


def _since(filters: dict[str, str], clock: Clock) -> float | None:
    if "changes-since" not in filters:
        return None
    word = filters["changes-since"]
    try:
        return clock.read(word)
    except ValueError as error:
        raise Refusal(
            400,
            f"Invalid input for query parameters changes-since. Value: {word}. "
            f"{word!r} is not a 'date-time'",
        ) from error
