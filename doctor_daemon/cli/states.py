"""`server-state`: what can be typed after it, what the daemon is asked, and what is printed."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from doctor_daemon.cli.show import LABEL
from doctor_daemon.cli.times import when

Json = dict[str, Any]

WORD = "server-state"
TEXT = "say how servers and their hosts stand now, by Nova and by what is open"
MORE = (
    "Nova is asked at that moment, by one page. host_status is what Nova shows owners too, where "
    "its policy lets them: UP, UNKNOWN (silent), DOWN (forced down), MAINTENANCE (disabled)."
)
NOT_SHOWN, NO_HOST = "(not shown)", "(no host)"


def add_options(made: Any, host: Callable[[str], str]) -> None:  # noqa: ANN401 - argparse names no public type
    """Add what the command takes besides the socket; `host` reads the name of one."""
    only = made.add_mutually_exclusive_group()
    only.add_argument("--project", metavar="ID", help="of this project only")
    only.add_argument("--host", type=host, metavar="HOST", help="on this host only")
    made.add_argument("--limit", type=int, default=100, metavar="N", help="at most (default: 100)")
    made.add_argument(
        "--marker", metavar="ID", help="after this server: the last one of the page before"
    )


def resource(options: argparse.Namespace) -> str:
    """Return what to ask the daemon for."""
    fields = ("project", "host", "limit", "marker")
    asked = {name: getattr(options, name) for name in fields}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return f"/v1/servers?{query}"


def states(found: Json) -> Iterator[str]:
    """Show one page: the host first that was asked for, then its servers, or whosever they are."""
    rows, host, silent = found["servers"], found["host"], found["silent"]
    yield f"{len(rows)} {_servers(len(rows))} as of {when(found['as_of_wall_s'])}, asked of Nova"
    if host is not None:
        yield f"  {'host':{LABEL}}  {_host(host)}"
    if silent["count"]:
        named = ", ".join(silent["hosts"])
        yield f"  {'INCOMPLETE':{LABEL}}  Nova cannot tell how {silent['count']} hosts stand, and"
        yield f"  {'':{LABEL}}  leaves their servers out: {named}"
    if found["blind"]:
        yield f"  {'UNCERTAIN':{LABEL}}  cannot tell whether servers are missing (Nova before 2.69)"
    yield from _columns([_cells(row) for row in rows])
    if found["marker"]:
        yield f"there may be more: give the command again with --marker {found['marker']}"


def _servers(count: int) -> str:
    return "server" if count == 1 else "servers"


def _host(host: Json) -> str:
    flag = ", forced down" if host["forced_down"] else ""
    why = f": {host['reason']}" if host["reason"] else ""
    service = f"nova-compute is {host['state']}{flag}, {host['status']}{why}"
    return f"{host['name']} is {host['host_status']}: {service}"


def _cells(row: Json) -> tuple[str, ...]:
    status = f"{row['status']} ({row['task']})" if row["task"] else row["status"]
    shown = NOT_SHOWN if row["host_status"] is None else row["host_status"] or NO_HOST
    said = _incident(row["incident"]) if row["incident"] else "no open incident"
    return (row["id"], row["name"], status, row["host"] or "-", shown, said)


def _incident(incident: Json) -> str:
    """Say what the open incident has to do with the server."""
    where = f"incident {incident['id']}: {incident['host']} is {incident['phase']}"
    if incident["stage"] is None:
        return where
    to = f" to {incident['to']}" if incident["to"] else ""
    why = f": {incident['why']}" if incident["why"] else ""
    return f"{where}, this server {incident['stage']}{to}{why}"


def _columns(table: Sequence[Sequence[str]]) -> Iterator[str]:
    wide = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        padded = (f"{cell:{width}}" for cell, width in zip(cells, wide, strict=True))
        yield f"  {'  '.join(padded)}".rstrip()
