"""`doctor-daemon probe`: ask the power devices of hosts now whether they could fence them.

By the running daemon, so that no BMC gets two callers; where none runs, by the configuration.
Exit status 0 only if every host could be fenced by every level that it has.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from doctor_daemon.cli.client import NoDaemon, Unanswered, ask

Json = dict[str, Any]
Options = argparse.Namespace
WORD = "probe"
TEXT = "ask the power devices of a host, or of all hosts, whether they could fence it"
MORE = (
    "Each one says who its host is and how its power is; nothing is changed. The running daemon "
    "does it, and where none runs the devices that the configuration names are asked directly."
)
PATH = "/v1/probes"
EVERY_S = 0.2
WAIT_S = 600.0
"""How long it is waited for the end of all that was asked for."""
WELL = ("yes", "manual")


def add(made: Any, host: Callable[[str], str], config: Path) -> None:  # noqa: ANN401 - argparse names no public type
    """Add what the command takes besides the socket."""
    made.add_argument(
        "host", nargs="?", type=host, metavar="HOST", help="its name in Nova, or an alias; else all"
    )
    text = f"the configuration, where no daemon runs (default: {config})"
    made.add_argument("--config", type=Path, default=config, metavar="FILE", help=text)


def probed(options: Options) -> Json:
    """Probe, and return how it ended. Raise Unanswered or ConfigError."""
    try:
        return _by_daemon(options)
    except NoDaemon:
        sys.stderr.write(f"no daemon runs: asking the devices that {options.config} names\n")
    from doctor_daemon.cli.probing import by_configuration  # noqa: PLC0415 - only where no daemon runs

    return asyncio.run(by_configuration(options.config, options.host))


def _by_daemon(options: Options) -> Json:
    body = {"host": options.host} if options.host else {}
    count = ask(options.socket, "POST", PATH, body)["devices"]
    query = f"?host={quote(options.host, safe='')}" if options.host else ""
    until = time.monotonic() + WAIT_S
    while True:
        found: Json = ask(options.socket, "GET", f"{PATH}{query}")
        if not any(row["pending"] for host in found["hosts"] for row in host["devices"]):
            return found
        if time.monotonic() > until:
            msg = f"{count} devices were asked; not all have answered within {WAIT_S:g} s"
            raise Unanswered(msg)
        time.sleep(EVERY_S)


def status(found: Json) -> int:
    """Return the exit status for what was found."""
    return 0 if all(host["fenceable"] in WELL for host in found["hosts"]) else 1


def words(found: Json) -> Iterator[str]:
    """Show a table: a row for each device, and what it comes to."""
    rows: list[tuple[str, ...]] = [("HOST", "LEVEL", "DEVICE", "RESULT", "TOOK", "AGE", "")]
    rows += [_cells(host["host"], row) for host in found["hosts"] for row in host["devices"]]
    wide = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    for row in rows:
        columns = [f"{cell:{width}}" for cell, width in zip(row[:-1], wide, strict=True)]
        yield "  ".join((*columns, row[-1])).rstrip()
    yield ""
    yield from _sums(found["hosts"])


def _cells(host: str, row: Json) -> tuple[str, ...]:
    took = "-" if row["took_s"] is None else f"{row['took_s'] * 1000:.0f} ms"
    age = "-" if row["age_s"] is None else f"{row['age_s']:.0f} s"
    grade = (row["grade"] or "-").upper() if row["grade"] != "good" else "good"
    return (host, str(row["level"]), row["device"], grade, took, age, row["text"])


def _sums(hosts: Sequence[Json]) -> Iterator[str]:
    texts = {
        "no": "cannot be fenced",
        "partly": "can be fenced by some of their levels only",
        "unknown": "are in doubt: probe them again",
        "manual": "have no device: only a human can confirm that they are off",
        "yes": "can be fenced",
    }
    for word, text in texts.items():
        named = [host["host"] for host in hosts if host["fenceable"] == word]
        if named:
            more = f" and {len(named) - 10} more" if len(named) > 10 else ""  # noqa: PLR2004 - so many fit
            who = f": {', '.join(named[:10])}{more}" if word != "yes" else ""
            yield f"{len(named)} of {len(hosts)} hosts {text}{who}"
