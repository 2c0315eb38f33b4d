"""`doctor-daemon cinder`: asks the daemon about Cinder's services, and gives it orders.

An order is not done because Cinder said so: the status is 0 only where it was read back.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from doctor_daemon.cli.client import Unanswered, ask

Json = dict[str, Any]
Options = argparse.Namespace
SAID = {"": "under way", "achieved": "done", "not_achieved": "NOT DONE", "unknown": "NOT CERTAIN"}


def answered(options: Options) -> Json:
    """Ask what was typed, wait for its end, and return it. Raise Unanswered."""
    if options.verb == "services":
        return _asked(options, "services", host=options.host, binary=options.binary)
    if options.verb == "dismiss":
        body = {"service": options.host, "why": options.why}
        dismissed: Json = ask(options.socket, "POST", "/v1/cinder/dismissals", body)
        return dismissed
    if options.verb == "log-levels" and options.level is None:
        prefix = options.prefix
        return _asked(
            options, "log-levels", host=options.host, binary=options.binary, prefix=prefix
        )
    return _ordered(options)


def words(found: Json) -> Iterator[str]:
    """Show an answer to people."""
    if "services" in found:
        yield from _services(found["services"])
    elif "task" in found:
        yield f"{found['task']['service']}: {found['task']['story'][-1]['text']}"
    elif "log_levels" in found:
        yield from _levels(found["log_levels"])
    else:
        yield from _order(found["order"])


def _asked(options: Options, what: str, **asked: str | None) -> Json:
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    found: Json = ask(options.socket, "GET", f"/v1/cinder/{what}?{query}")
    return found


def _ordered(options: Options) -> Json:
    """Give an order, and wait for its end, however long that takes."""
    found: Json = ask(options.socket, "POST", "/v1/cinder/orders", _body(options))
    number = found["order"]["number"]
    if not found["order"]["end"]:
        sys.stderr.write(f"order {number} is under way; waiting for its end\n")
    while not found["order"]["end"]:
        found = ask(options.socket, "GET", f"/v1/cinder/orders/{number}")
    if found["order"]["end"] != "achieved":
        if options.json:
            sys.stdout.write(f"{json.dumps(found)}\n")
        raise Unanswered("; ".join(_order(found["order"])))
    return found


def _body(options: Options) -> Json:
    order = "set-log" if options.verb == "log-levels" else options.verb
    names = (
        "host",
        "cluster",
        "binary",
        "bare",
        "enable",
        "to",
        "confirm",
        "prefix",
        "level",
        "until",
    )
    given = {name: getattr(options, name, None) for name in names}
    # What was not typed is not sent: an order has no fields of another's.
    typed = {name: value for name, value in given.items() if value not in (None, False)}
    return {"order": order, "why": options.why, **typed}


def _services(rows: Sequence[Json]) -> Iterator[str]:
    if not rows:
        yield "no services"
        return
    table = [_cells(row) for row in rows]
    wide = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row, cells in zip(rows, table, strict=True):
        columns = "  ".join(f"{cell:{width}}" for cell, width in zip(cells, wide, strict=True))
        yield f"  {columns}  {row['reason']}".rstrip()


def _cells(row: Json) -> tuple[str, ...]:
    marks = ["frozen"] if row["frozen"] else []
    if row["cluster"]:
        marks.append(f"cluster {row['cluster']}")
    if row["replication"] not in ("", "disabled", "not-capable"):
        at = f" to {row['backend']}" if row["backend"] not in ("", "default") else ""
        marks.append(f"replication {row['replication']}{at}")
    return (row["host"], row["binary"], row["state"], row["status"], ", ".join(marks))


def _levels(rows: Sequence[Json]) -> Iterator[str]:
    """Show the levels of each service: those that most loggers have in short, others by name."""
    if not rows:
        yield "no service that is up has such a logger"
    for row in rows:
        found = list(row["levels"].values())
        most = max(sorted(set(found)), key=found.count, default="none")
        yield f"  {row['host']}  {row['binary']}  {len(found)} loggers, most at {most}"
        for logger, level in sorted(row["levels"].items()):
            if level != most:
                yield f"    {logger}  {level}"


def _order(order: Json) -> Iterator[str]:
    yield f"{order['order']}: {SAID.get(order['end'], order['end'])}: {order['text']}"
    if order["advice"]:
        yield order["advice"]
    if order["until"]:
        yield order["put_back"] or f"put back once nothing of {order['until']} is open any more"
