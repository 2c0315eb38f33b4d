"""Nova's servers, as its lists show them: which server is on which host.

Source: Nova API reference, "List Servers Detailed", at microversions 2.1 to 2.90. A filter that
the role may not use is dropped by Nova without a word, so every row's own host is looked at; that
attribute is for admins only, and a row without it proves that the role does not suffice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from doctor_daemon.controllers.aggregates import texts
from doctor_daemon.controllers.rows import Row, decode, optional, rows, text
from doctor_daemon.core.host import UNSHOWN, Server, ServerId
from doctor_daemon.errors import Permanent, Temporary

HOST = "OS-EXT-SRV-ATTR:host"
STATE = "OS-EXT-STS:"
FAULT_MAX = 255
"""Characters kept of what Nova says went wrong with a server."""
GONE = frozenset({"DELETED", "SOFT_DELETED"})


@dataclass(frozen=True, slots=True)
class Placed:
    """A server and the host it is on; an empty host: on none, or gone."""

    server: Server
    host: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and the marker of the next; empty: it was the last."""

    placed: tuple[Placed, ...]
    marker: str


def read_page(body: bytes, *, tagged: bool = False) -> Page:
    """Read one page. Raise Permanent when it does not say where the servers are.

    `tagged`: with what is written on them, which most who list servers have no use for.
    """
    document = decode(body)
    listed = rows(document, "servers")
    placed = tuple(_placed(row) for row in listed)
    if tagged:
        placed = tuple(
            replace(one, server=_tagged(one.server, row))
            for one, row in zip(placed, listed, strict=True)
        )
    return Page(placed, next_marker(document, placed[-1].server.id if placed else ""))


def next_marker(document: Row, last: str) -> str:
    """Return the marker of the next page: the last server's id; empty: there is none.

    Whether there is a next page is told by Nova's link, but the link is not followed: it names a
    host of its own, which may be wrong behind a proxy and must not get our token.
    """
    links = rows(document, "servers_links") if "servers_links" in document else ()
    return last if any(link.get("rel") == "next" for link in links) else ""


def server_of(row: Row) -> Server:
    """Read one server. Raise Permanent when what a server never lacks is missing."""
    return Server(
        id=ServerId(text(row, "id")),
        name=optional(row, "name"),
        project=text(row, "tenant_id"),
        status=text(row, "status"),
        vm_state=optional(row, STATE + "vm_state"),
        task_state=optional(row, STATE + "task_state"),
        fault=_fault(row),
    )


def _placed(row: Row) -> Placed:
    server = server_of(row)
    if server.status in GONE:
        return Placed(server, "")
    if HOST not in row:
        if server.status == "UNKNOWN":
            msg = f"Nova cannot say where server {server.id} is: its cell does not answer"
            raise Temporary(msg)
        msg = f"Nova does not show {HOST}: the daemon's role does not suffice (admin is expected)"
        raise Permanent(msg)
    return Placed(server, optional(row, HOST))


def _tagged(server: Server, row: Row) -> Server:
    """Add what is written on a server and its flavor, and what its root disk is."""
    flavor, image = row.get("flavor"), row.get("image")
    specs = flavor.get("extra_specs") if isinstance(flavor, Mapping) else None
    missing = [
        name
        for name, found in (("its metadata", row.get("metadata")), ("its flavor's tags", specs))
        if not isinstance(found, Mapping)
    ]
    unread = f"Nova does not show {' and '.join(missing)}" if missing else ""
    if isinstance(flavor, Mapping) and "id" in flavor and isinstance(row.get("metadata"), Mapping):
        unread = UNSHOWN  # a mere reference: from 2.47 on a flavor is embedded, without its id
    own = {f"server:{key}": word for key, word in texts(row.get("metadata")).items()}
    flavors = {f"flavor:{key}": word for key, word in texts(specs).items()}
    return replace(
        server,
        locked=row.get("locked") is True,
        volume=False if isinstance(image, Mapping) else (image == "" or None),
        tags={**own, **flavors},
        unread=unread,
    )


def _fault(row: Row) -> str:
    """Return what went wrong, in Nova's words, short and on one line. Hosts may be named in it."""
    fault = row.get("fault")
    message = fault.get("message") if isinstance(fault, Mapping) else None
    words = " ".join(str(message or "").split())[:FAULT_MAX]
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def only_on(host: str, placed: Sequence[Placed]) -> Mapping[ServerId, Server]:
    """Return the servers, each once. Raise Permanent when one of them is on another host."""
    for one in placed:
        if one.host != host:
            msg = (
                f"asked for the servers of {host!r}, Nova also listed {one.server.id} of "
                f"{one.host!r}: it ignores the filter (does the role suffice?)"
            )
            raise Permanent(msg)
    return {one.server.id: one.server for one in placed}


def by_host(placed: Sequence[Placed]) -> Mapping[str, tuple[Server, ...]]:
    """Group servers by host; one that moved while the pages were read is where it was seen last."""
    last = {one.server.id: one for one in placed}
    hosts: dict[str, list[Server]] = {}
    for one in last.values():
        if one.host:
            hosts.setdefault(one.host, []).append(one.server)
    return {host: tuple(servers) for host, servers in hosts.items()}


def since(wall_s: float) -> str:
    """Return a time as `changes-since` takes it, in UTC."""
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
