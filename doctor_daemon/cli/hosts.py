"""`doctor-daemon host decommission`: what can be typed, and how its end is waited for.

It is not done because it was ordered: the status is 0 only where Nova has no such host any more.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from doctor_daemon.cli.client import Unanswered, ask

Json = dict[str, Any]
Options = argparse.Namespace
EVERY_S = 0.5
"""Between two questions whether it has ended. The daemon gives it up after a few minutes."""
TEXTS = ("take a host out of the cloud", "")
KEPT = argparse.SUPPRESS
"""Left out after the verb, an option is what was typed before it, or the default of that."""
WARNING = (
    "Nova forgets this host: its compute service, its aggregates, its cell. Should it ever come "
    "back, then only wiped: what is on its disks is nobody's any more. Where no device can tell, "
    "this is also your word that it is off."
)


def add(top: Any, host: Callable[[str], str], reason: Callable[[Any], None]) -> None:  # noqa: ANN401 - argparse names no public type
    """Describe the verbs; `host` reads a name, `reason` adds --why."""
    verbs = top.add_subparsers(required=True, metavar="VERB", dest="verb")
    made = verbs.add_parser(
        "decommission",
        help="have Nova delete the compute service of a host that is down for good",
        description="Only of a host that is down, once all of it is shown: its power reads off, "
        "Nova has it forced down, and there are no servers and no migrations of it any more. "
        "Should it come back, wipe it first. You are asked to type its name once more.",
        epilog=top.epilog,
        allow_abbrev=False,
    )
    made.add_argument("host", type=host, metavar="HOST", help="its name in Nova, or an alias")
    made.add_argument(
        "--host-again", metavar="HOST", help="the host's name once more, for use without a terminal"
    )
    made.add_argument("--socket", type=Path, default=KEPT, help="the daemon's socket")
    made.add_argument("--json", action="store_true", default=KEPT, help="print the answer as JSON")
    reason(made)


def decommissioned(options: Options, typed: str) -> Json:
    """Give the order, wait for its end, and return the explanation then. Raise Unanswered."""
    resource = f"/v1/hosts/{quote(options.host, safe='')}"
    body = {"order": "decommission", "why": options.why, "host": typed}
    id_ = ask(options.socket, "POST", f"{resource}/orders", body)["incident"]["id"]
    sys.stderr.write("ordered; waiting for its end\n")
    while True:
        found: Json = ask(options.socket, "GET", resource)
        if is_done(found["incident"], id_):
            return found
        time.sleep(EVERY_S)


def is_done(incident: Json, id_: str) -> bool:
    """Tell whether the host was taken out. Raise Unanswered where it will not be."""
    if incident["id"] != id_:
        msg = "its incident is over: `doctor-daemon incidents --host HOST` says how"
        raise Unanswered(msg)
    if incident["phase"] == "resolved":
        return True
    wish = incident["retirement"]  # none: something else came in between, and it is not followed
    if wish is None or wish["step"] == "over":
        raise Unanswered(incident["timeline"][-1]["text"])
    return False
