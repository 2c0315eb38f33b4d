"""The story of a run: what was done, what was true, and what the daemon has to say of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from doctor_daemon.cli.client import Unanswered
from tests.false_positives.configuration import Json
from tests.false_positives.estate import Estate
from tests.false_positives.plan import HOSTS, Fault, Plan

LOG_LINES = 80


async def told(place: Estate, plan: Plan, began_s: float, done: Sequence[tuple[float, str]]) -> str:
    """Tell everything; times are seconds since the fault's beginning."""
    lines = [plan.title, "", "what was done, and what was true:"]
    facts = [*done, *((e.at_s, f"{e.kind} {e.host} {e.by}") for e in place.lab.record.entries)]
    lines += [f"{at_s - began_s:+9.2f} s  {text}" for at_s, text in sorted(facts)]
    wall_s = time.time() - (time.monotonic() - began_s)
    try:
        for number in HOSTS:
            lines += _host(await place.told(f"/v1/hosts/compute-{number}"), plan, wall_s)
        status = await place.told("/v1/status")
    except Unanswered as error:
        lines += ["", f"the daemon does not answer: {error}"]
    else:
        lines += ["", f"own side: {status['own_side']}", f"masses: {status['masses']}"]
    return "\n".join(lines) + "\n"


def _host(found: Json, plan: Plan, wall_s: float) -> Iterator[str]:
    """Tell what the daemon has to say of a host: its last incident, and its gates."""
    yield ""
    incident = found["incident"]
    if incident is None:
        yield f"{found['host']}: nothing happened"
        return
    at = "" if plan.fault is Fault.CLOCK else f" at {incident['opened_wall_s'] - wall_s:+.2f} s"
    yield f"{found['host']}: {incident['phase']}, opened{at}"
    for entry in incident["timeline"]:
        yield f"{entry['after_s']:9.2f} s  {entry['phase']:12}  {entry['text']}"
    for word in incident["evidence"]:
        yield f"  evidence: {word}"
    yield f"  held: {incident['held']}; waiting: {incident['waiting']}"
    yield f"  gates: {found.get('gates')}"


def tail(log: str) -> str:
    """Return the end of the daemon's log."""
    return "\n".join(["", "the daemon's log:", *log.splitlines()[-LOG_LINES:]]) + "\n"
