"""What holds for the whole fleet, in the words of `status`: what keeps cuts back, who leads."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

from doctor_daemon.cli.client import ask
from doctor_daemon.cli.values import count, duration

Json = dict[str, Any]
WORD = "release-hosts"
TEXTS = (
    "let some hosts be cut although many look dead at once",
    "Incidents that wait go on by themselves; what is held wants `fence HOST`. Not in the budget.",
)
FOR_S = 900.0


def add(made: Any, reason: Callable[[Any], None]) -> None:  # noqa: ANN401 - argparse names no public type
    """Describe the command; `reason` adds --why."""
    made.add_argument("count", type=count(1, 999), metavar="N", help="how many hosts")
    made.add_argument(
        "--for",
        dest="for_s",
        type=duration,
        default=FOR_S,
        metavar="TIME",
        help="how long your word holds (default: 15m)",
    )
    reason(made)


def released(options: argparse.Namespace) -> Json:
    """Give the order; return how the daemon stands then. Raise Unanswered."""
    body = {"count": options.count, "for_s": options.for_s, "why": options.why}
    found: Json = ask(options.socket, "POST", f"/v1/{WORD}", body)
    return found


def kept_back(found: Json) -> Iterator[tuple[str, str]]:
    """Yield a label and a text for each."""
    left_s = found.get("warm_up_left_s", 0.0)
    if left_s:
        yield "warm-up", f"no power is cut for another {left_s:.0f} s: it has just started"
    masses = found.get("masses") or {"latches": (), "passes": None}
    for latch in masses["latches"]:
        yield "many dead", f"no power is cut: {latch['why']}"
    passes = masses["passes"]
    if passes:
        yield "released", f"{passes['left']} more hosts, by {passes['by']}: {passes['why']}"


def leader(lead: Json) -> Iterator[str]:
    """Say who leads of several daemons, who could, and what is wrong with that."""
    if lead["role"] == "leading":
        ready = ", ".join(lead["ready"])
        yield f"{lead['name']}, this daemon; standing by: {ready or 'NOBODY could take over'}"
    else:
        who = lead["leader"] or "nobody, or one that is not known"
        yield f"{who}; this daemon ({lead['name']}) is {lead['role']}"
    if lead["why"]:
        yield lead["why"]
