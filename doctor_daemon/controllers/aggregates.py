"""Nova's host aggregates: what is written on those that a host is in.

Source: Nova API reference, "List Aggregates". There is no filter and no page: the whole list comes
at once, from the API's own database, so that no cell that is down makes it shorter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from doctor_daemon.controllers.rows import Row, decode, rows
from doctor_daemon.errors import Permanent

PATH = "os-aggregates"


def read_aggregates(body: bytes) -> Sequence[Row]:
    """Read the list. Raise Permanent when it is not as documented."""
    found = rows(decode(body), "aggregates")
    for row in found:
        hosts, metadata = row.get("hosts"), row.get("metadata")
        if not isinstance(hosts, list) or not isinstance(metadata, Mapping):
            msg = f"Nova's aggregate {row.get('id')!r:.60} shows no hosts, or no metadata"
            raise Permanent(msg)
    return found


def of_host(found: Sequence[Row], host: str) -> Sequence[Mapping[str, str]]:
    """Return the metadata of each aggregate that the host is in; names match exactly."""
    return [texts(row["metadata"]) for row in found if host in _hosts(row)]


def _hosts(row: Row) -> Sequence[object]:
    hosts = row["hosts"]
    return hosts if isinstance(hosts, list) else ()


def texts(value: object) -> Mapping[str, str]:
    """Return what is text in a mapping; anything else is none of Nova's."""
    if not isinstance(value, Mapping):
        return {}
    return {key: word for key, word in value.items() if isinstance(word, str)}
