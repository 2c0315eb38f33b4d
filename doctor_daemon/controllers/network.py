"""Neutron's ports as its answers show them, and how it is asked for some of them.

Source: Neutron API reference, "Ports", "Pagination", "Data plane status extension". A row that is
not as documented is an error, not a default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from doctor_daemon.controllers.rows import Row, decode, rows, text
from doctor_daemon.core.ports import DOWN, Port, PortPage
from doctor_daemon.errors import Permanent

NEUTRON = "Neutron"
ALIAS = "data-plane-status"
EXTENSION = f"extensions/{ALIAS}"
PAGE = 50
"""Ports a request: their ids stand in its URL, of which proxies take 8 KiB."""
_FIELDS = ("id", "binding:host_id", "data_plane_status")
_STATUS = "data_plane_status"
_HOST = "binding:host_id"


def bound_to(host: str, after: str) -> str:
    """Return what asks for a page of the ports of a host."""
    marker = [("marker", after)] if after else []
    return _query([(_HOST, host), ("limit", str(PAGE)), *_SORTED, *marker])


def with_ids(ids: Sequence[str]) -> str:
    """Return what asks for some ports by their ids."""
    return _query([("id", id_) for id_ in ids])


def any_of() -> str:
    """Return what asks for one port, whichever it is."""
    return _query([("limit", "1"), *_SORTED])


_SORTED = (("sort_key", "id"), ("sort_dir", "asc"))


def _query(pairs: Sequence[tuple[str, str]]) -> str:
    fields = [("fields", name) for name in _FIELDS]
    return f"ports?{urlencode([*pairs, *fields])}"


def said(*, down: bool) -> Mapping[str, object]:
    """Return the body that says how a port's data plane stands."""
    return {"port": {_STATUS: DOWN if down else None}}


def read_extension(body: bytes) -> bool:
    """Read the extension. Raise Temporary for what is no JSON, Permanent for another."""
    return text(_object(decode(body, NEUTRON), "extension"), "alias", NEUTRON) == ALIAS


def read_page(body: bytes) -> PortPage:
    """Read ports, and after which the list goes on. Raise as `read_extension`."""
    document = decode(body, NEUTRON)
    found = tuple(_port(row) for row in rows(document, "ports", NEUTRON))
    # A page may be shorter than was asked for, by Neutron's own bound: its link tells, or its size.
    links = rows(document, "ports_links", NEUTRON) if "ports_links" in document else ()
    on = any(link.get("rel") == "next" for link in links) or len(found) >= PAGE
    return PortPage(found, found[-1].id if found and on else "")


def read_said(body: bytes) -> Port:
    """Read the answer to a change of a port. Raise as `read_extension`."""
    return _port(_object(decode(body, NEUTRON), "port"))


def _object(document: Mapping[str, object], key: str) -> Row:
    found = document.get(key)
    if not isinstance(found, dict):
        msg = f"{NEUTRON}'s answer has no {key!r}"
        raise Permanent(msg)
    return found


def _port(row: Row) -> Port:
    id_ = text(row, "id", NEUTRON)
    host = row.get(_HOST)
    if not isinstance(host, str):
        msg = f"{NEUTRON} does not show what port {id_} is bound to: the role may not see it"
        raise Permanent(msg)
    if _STATUS not in row:
        msg = f"{NEUTRON} does not show the {_STATUS} of port {id_}: is the extension {ALIAS} on?"
        raise Permanent(msg)
    status = row[_STATUS]
    return Port(id_, host, status if isinstance(status, str) else "")
