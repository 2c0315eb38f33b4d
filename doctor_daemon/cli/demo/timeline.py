"""What happens, gathered from everybody who knows, in the order in which it happened.

The reasons are the daemon's, from its own API; what becomes of the world is the lab's; what was
heard is the consumers'. Each is stamped by its own source, so they are laid beside one another by
their stamps, and only once no earlier one can come any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from doctor_daemon.cli.client import Unanswered, ask
from doctor_daemon.cli.demo.stage import DEAD, Stage
from doctor_daemon.lab.consumer import Receipt, Verdict
from doctor_daemon.lab.record import Entry, Kind

Json = dict[str, Any]
WORDS: dict[Kind, str] = {
    Kind.POWER_ON: "has power again",
    Kind.POWER_OFF: "has no power any more",
    Kind.FORCED_DOWN: "is forced_down in Nova, by {by}",
    Kind.FORCED_UP: "is not forced_down any more, by {by}",
    Kind.COMPUTE_START: "runs nova-compute again",
    Kind.COMPUTE_STOP: "runs no nova-compute any more",
}
GUESTS: dict[Kind, str] = {Kind.GUEST_START: "started", Kind.GUEST_STOP: "stopped"}
NAMES_MAX = 4


@dataclass(frozen=True, slots=True)
class Event:
    """One line: `at_s` on CLOCK_MONOTONIC, who says so, and what."""

    at_s: float
    who: str
    text: str
    phase: str = ""


@dataclass(slots=True)
class Timeline:
    """Follows one incident."""

    stage: Stage
    detected_s: float
    incident: Json | None = None
    """As the daemon last showed it."""
    _sure_s: float = 0.0
    """Until when all is known that has happened."""
    _told: int = 0
    _entries: int = 0
    _receipts: int = 0
    _waiting: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._entries = sum(e.at_s < self.detected_s for e in self.stage.lab.record.entries)

    @property
    def phase(self) -> str:
        """Where the incident stands, by the daemon's word."""
        return str(self.incident["phase"]) if self.incident else ""

    def say(self, who: str, text: str) -> None:
        """Enter something that is done by hand, now."""
        self.enter(time.monotonic(), who, text)

    def enter(self, at_s: float, who: str, text: str) -> None:
        """Enter something that somebody else knows."""
        self._waiting.append(Event(at_s, who, text))

    async def look(self) -> list[Event]:
        """Ask everybody; return what has happened since, as far as it is sure to be all.

        While there is no daemon to be asked nothing is: it will tell what it did before.
        """
        asked_s = time.monotonic()
        try:
            found = await asyncio.to_thread(ask, self.stage.socket, "GET", f"/v1/hosts/{DEAD}")
        except Unanswered:
            pass  # it is being killed, or starts
        else:
            self.incident = found["incident"]
            self._sure_s = asked_s
        self._gather()
        return self._until(self._sure_s)

    def rest(self) -> list[Event]:
        """Return what is left, at the end."""
        self._gather()
        return self._until(float("inf"))

    def _gather(self) -> None:
        lab = self.stage.lab
        entries, receipts = lab.record.entries[self._entries :], lab.consumer.receipts
        self._entries += len(entries)
        self._waiting += _world(entries)
        self._waiting += _heard(receipts[self._receipts :])
        self._receipts = len(receipts)
        if self.incident is not None:
            self._waiting += self._daemon(self.incident["timeline"])

    def _daemon(self, timeline: list[Json]) -> Iterator[Event]:
        """Place the daemon's entries: it counts from its first, and says when that was."""
        offset_s = time.time() - time.monotonic()
        fresh = timeline[self._told :]
        self._told = len(timeline)
        for entry in fresh:
            at_s = timeline[0]["wall_s"] - offset_s + (entry["after_s"] or 0.0)
            yield Event(max(at_s, self.detected_s), "daemon", entry["text"], entry["phase"])

    def _until(self, sure_s: float) -> list[Event]:
        ready = [event for event in self._waiting if event.at_s <= sure_s]
        self._waiting = [event for event in self._waiting if event.at_s > sure_s]
        return sorted(ready, key=lambda event: event.at_s)  # those of one moment stay as they are


def _world(entries: Iterable[Entry]) -> Iterator[Event]:
    """Tell of the world; of guests, how many of them, and where."""
    guests: dict[Kind, list[Entry]] = {}
    for entry in entries:
        if entry.kind in GUESTS:
            guests.setdefault(entry.kind, []).append(entry)
        elif entry.kind in WORDS:
            text = f"{entry.host} {WORDS[entry.kind].format(by=entry.by)}"
            yield Event(entry.at_s, "world", text)
    for kind, some in guests.items():
        count = f"{len(some)} server{'s' if len(some) > 1 else ''}"
        where = _named(dict.fromkeys(entry.host for entry in some))
        yield Event(some[-1].at_s, "world", f"{count} {GUESTS[kind]} on {where}")


def _heard(receipts: Iterable[Receipt]) -> Iterator[Event]:
    """Tell who was told what; of one kind together, where they came together."""
    together: dict[str, list[Receipt]] = {}
    for receipt in receipts:
        if receipt.verdict is Verdict.REFUSED:
            yield Event(receipt.at_s, "consumer", f"{receipt.consumer} refuses: {receipt.why}")
            continue
        data = receipt.event["data"]
        again = "" if receipt.verdict is Verdict.NEW else f" ({receipt.verdict})"
        said = f"{data['kind']}{again}, fenced: {data['fenced']}"
        together.setdefault(said, []).append(receipt)
    for said, some in together.items():
        who = _named(dict.fromkeys(receipt.consumer for receipt in some))
        yield Event(some[-1].at_s, "consumer", f"{who} heard: {said}")


def _named(names: Iterable[str]) -> str:
    """Name a few, and count the others."""
    some = list(names)
    more = f" and {len(some) - NAMES_MAX} more" if len(some) > NAMES_MAX else ""
    return ", ".join(some[:NAMES_MAX]) + more
