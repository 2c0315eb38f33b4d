"""The record of what truly happened, and the judge who reads it.

The judge looks at the record alone: not at what a daemon believes, not at what Nova says, not at
the world as it is now. So no overlap falls between two looks. A record kept elsewhere in the same
form (one JSON object a line, CLOCK_MONOTONIC) is judged in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from doctor_daemon.lab.clock import Clock

ENTRIES_MAX = 1_000_000
"""A longer record is refused: a judge with half a record would acquit."""


class Kind(StrEnum):
    """What happened."""

    POWER_ON = "power-on"
    POWER_OFF = "power-off"
    GUEST_START = "guest-start"
    GUEST_STOP = "guest-stop"
    FORCED_DOWN = "forced-down"
    FORCED_UP = "forced-up"
    COMPUTE_START = "compute-start"
    COMPUTE_STOP = "compute-stop"
    EVACUATE = "evacuate"  # it was asked for, and accepted


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `at_s` is CLOCK_MONOTONIC; `by` is the user who asked for it, if one did."""

    at_s: float
    kind: Kind
    host: str
    server: str = ""
    by: str = ""

    def to_line(self) -> str:
        words = {"server": self.server, "by": self.by}
        said = {name: word for name, word in words.items() if word}
        return json.dumps({"at_s": self.at_s, "kind": self.kind, "host": self.host, **said})

    @classmethod
    def from_line(cls, line: str) -> Entry:
        """Read one line back. Raises ValueError, KeyError or TypeError on any other text."""
        words = json.loads(line)
        return cls(**{**words, "kind": Kind(words["kind"])})


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise broken, and the moment (CLOCK_MONOTONIC) at which it broke."""

    at_s: float
    what: str
    host: str
    server: str = ""


class Record:
    """All entries in order, in memory and, if a path is given, in a file of one line each."""

    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        self.entries: list[Entry] = []
        self._clock = clock
        self._file: TextIO | None = path.open("a", buffering=1) if path else None

    def append(self, kind: Kind, host: str, server: str = "", by: str = "") -> None:
        """Add an entry, stamped now. Raises OverflowError when the record is full."""
        if len(self.entries) >= ENTRIES_MAX:
            raise OverflowError(f"the record holds {ENTRIES_MAX} entries: nothing more is judged")
        entry = Entry(self._clock.now(), kind, host, server, by)
        self.entries.append(entry)
        if self._file:
            self._file.write(entry.to_line() + "\n")

    def close(self) -> None:
        if self._file:
            self._file.close()


@dataclass(slots=True)
class _Replay:
    """What is known of the world after the entries read so far."""

    operators: frozenset[str]
    power: dict[str, bool] = field(default_factory=dict)
    runs_on: dict[str, set[str]] = field(default_factory=dict)

    def fold(self, entry: Entry) -> Violation | None:
        match entry.kind:
            case Kind.POWER_ON | Kind.POWER_OFF:
                self.power[entry.host] = entry.kind is Kind.POWER_ON
            case Kind.GUEST_STOP:
                self.runs_on.get(entry.server, set()).discard(entry.host)
            case Kind.GUEST_START:
                return self._started(entry)
            case Kind.FORCED_DOWN:
                return self._forced_down(entry)
            case Kind.EVACUATE:
                return self._evacuate(entry)
            case Kind.FORCED_UP | Kind.COMPUTE_START | Kind.COMPUTE_STOP:
                pass
        return None

    def _started(self, entry: Entry) -> Violation | None:
        hosts = self.runs_on.setdefault(entry.server, set())
        hosts.add(entry.host)
        if len(hosts) == 1:
            return None
        what = f"the server runs on {len(hosts)} hosts at once: {', '.join(sorted(hosts))}"
        return Violation(entry.at_s, what, entry.host, entry.server)

    def _forced_down(self, entry: Entry) -> Violation | None:
        if entry.by in self.operators or not self.power.get(entry.host, True):
            return None
        running = sum(entry.host in hosts for hosts in self.runs_on.values())
        what = f"forced_down was set while the host had power; {running} guests ran on it"
        return Violation(entry.at_s, what, entry.host)

    def _evacuate(self, entry: Entry) -> Violation | None:
        if entry.by in self.operators or not self.power.get(entry.host, True):
            return None
        what = "an evacuation was asked for while the host had power"
        return Violation(entry.at_s, what, entry.host, entry.server)


def violations(
    entries: Iterable[Entry], operators: frozenset[str] = frozenset()
) -> list[Violation]:
    """Judge a record: a server on two hosts; a host with power forced down or evacuated.

    A host never heard of has power: unknown is not off. What `operators` (user names) set by hand
    is theirs to answer for.
    """
    replay = _Replay(operators)
    return [found for entry in entries if (found := replay.fold(entry))]
