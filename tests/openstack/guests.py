"""The checker: what the record of guests says about the promise that no guest runs twice.

Looking at the hosts now and then would miss an overlap between two looks. The hypervisor driver
and the power switch append each start and stop as it happens, with a clock that all processes of a
machine share (CLOCK_MONOTONIC), and this module replays the whole of it.
"""

from __future__ import annotations

import fcntl
import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

_FIELDS = {"mono": float, "host": str, "server": str, "event": str, "why": str}


class RecordError(Exception):
    """The record cannot be true, so nothing may be concluded from it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One start or stop of one guest; ``mono`` is CLOCK_MONOTONIC in seconds."""

    mono: float
    host: str
    server: str
    event: str
    why: str


@dataclass(frozen=True, slots=True)
class Stay:
    """A guest ran on a host from ``since`` until ``until``; infinity while it still runs."""

    server: str
    host: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class ForcedDown:
    """Nova was told that a host is fenced, from ``since`` until it was told otherwise."""

    host: str
    since: float
    until: float = math.inf


def read_record(path: Path) -> list[Event]:
    """All events of a run, as they were appended. RecordError names the line that is none."""
    if not path.exists():
        return []
    with path.open() as record:
        fcntl.flock(record, fcntl.LOCK_SH)
        text = record.read()
    return parse_record(text)


def parse_record(text: str) -> list[Event]:
    """As ``read_record``, of the file's text."""
    if text and not text.endswith("\n"):
        raise RecordError("the last line is torn")
    return [_parse(number, line) for number, line in enumerate(text.splitlines(), start=1)]


def record_stops(path: Path, host: str, why: str) -> None:
    """Write down that every guest which the record has running on a host has stopped."""
    if not path.exists():
        return
    with path.open("r+") as record:
        fcntl.flock(record, fcntl.LOCK_EX)
        # The record decides which run: nova-compute may have died between its two files.
        found = stays(parse_record(record.read()))
        for stay in found:
            if stay.host == host and stay.until == math.inf:
                event = Event(time.monotonic(), host, stay.server, "stop", why)
                record.write(json.dumps(asdict(event)) + "\n")


def stays(events: Iterable[Event]) -> list[Stay]:
    """The intervals that the events describe.

    RecordError: a stop without a start, or events that go back in time. A second start is allowed:
    nova-compute may be killed between writing down a start and carrying it out.
    """
    latest = -math.inf
    running: dict[tuple[str, str], float] = {}
    found: list[Stay] = []
    for event in events:
        key = (event.server, event.host)
        if event.mono < latest:
            raise RecordError(f"the events go back in time: {event}")
        latest = event.mono
        if event.event == "start":
            running.setdefault(key, event.mono)
        elif key in running:
            found.append(Stay(*key, running.pop(key), event.mono))
        else:
            raise RecordError(f"a stop without a start: {event}")
    return found + [Stay(*key, since, math.inf) for key, since in running.items()]


def violations(events: Iterable[Event], forced_downs: Sequence[ForcedDown]) -> list[str]:
    """Every moment at which a guest ran on two hosts, or on a host declared fenced."""
    found = stays(events)
    return _overlaps(found) + _on_fenced_hosts(found, forced_downs)


def strays(events: Iterable[Event], whereabouts: Mapping[str, str]) -> list[str]:
    """Guests that still run where Nova does not have their server: nobody would ever stop them.

    ``whereabouts`` is the host of each server that Nova knows.
    """
    return [
        f"server {stay.server} still runs on {stay.host}, and Nova has it on"
        f" {whereabouts.get(stay.server, 'no host')}"
        for stay in stays(events)
        if stay.until == math.inf and whereabouts.get(stay.server) != stay.host
    ]


def _overlaps(found: Iterable[Stay]) -> list[str]:
    by_server: dict[str, list[Stay]] = {}
    for stay in found:
        by_server.setdefault(stay.server, []).append(stay)
    return [
        f"server {one.server} ran on {one.host} and {other.host} at once,"
        f" for {_common_s(one, other):.3f} s"
        for group in by_server.values()
        for one, other in combinations(group, 2)
        if one.host != other.host and _common_s(one, other) > 0
    ]


def _on_fenced_hosts(found: Iterable[Stay], forced_downs: Sequence[ForcedDown]) -> list[str]:
    return [
        f"server {stay.server} ran on {stay.host} for {_common_s(stay, down):.3f} s"
        f" while Nova had the host forced down"
        for stay in found
        for down in forced_downs
        if stay.host == down.host and _common_s(stay, down) > 0
    ]


def _common_s(one: Stay | ForcedDown, other: Stay | ForcedDown) -> float:
    return min(one.until, other.until) - max(one.since, other.since)


def _parse(number: int, line: str) -> Event:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise RecordError(f"line {number} is no JSON: {line!r}") from error
    if not isinstance(row, dict) or row.keys() != _FIELDS.keys():
        raise RecordError(f"line {number}: expected the fields {', '.join(_FIELDS)}: {line!r}")
    for name, kind in _FIELDS.items():
        if not isinstance(row[name], kind):
            raise RecordError(f"line {number}: {name} is {row[name]!r}, expected a {kind.__name__}")
    if row["event"] not in ("start", "stop"):
        raise RecordError(f"line {number}: event is {row['event']!r}, expected start or stop")
    return Event(**row)
