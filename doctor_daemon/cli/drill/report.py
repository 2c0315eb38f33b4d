"""What a drill has to tell: each step as it begins, and the whole at its end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from doctor_daemon.cli.show import plain, timeline

Json = dict[str, Any]
PASSED, FAILED, REFUSED, INTERRUPTED = "passed", "failed", "refused", "interrupted"


class Stopped(Exception):
    """The drill cannot go on; the text says why, and with what it would."""


class Declined(Stopped):
    """The drill was not begun."""


@dataclass(slots=True)
class Step:
    """One step, in milliseconds since the drill began. Without an end it was the last."""

    name: str
    began_ms: int
    ended_ms: int | None = None


@dataclass(slots=True)
class Canary:
    """The server of a drill, and where it has been seen."""

    name: str = ""
    id: str = ""
    was_on: str = ""
    is_on: str = ""
    left: bool = False
    """Whether it is there, or may be: nobody has seen it go."""


@dataclass(slots=True)
class Report:
    """How one drill goes. What happens is told on standard error, at once."""

    host: str
    canary: Canary = field(default_factory=Canary)
    steps: list[Step] = field(default_factory=list)
    verdict: str = ""
    why: str = ""
    notes: list[str] = field(default_factory=list)
    """What is left, and what to do about it."""
    incident: str = ""
    entries: list[Json] = field(default_factory=list)
    """The timeline of the incident, as `explain` has it."""
    _began_s: float = field(default_factory=time.monotonic)

    @property
    def step(self) -> str:
        """Name the step that the drill is at."""
        return self.steps[-1].name if self.steps else ""

    def begin(self, name: str, text: str) -> None:
        """Begin a step, which ends the one before."""
        self.end_step()
        self.steps.append(Step(name, self.now_ms()))
        self.say(f"{name}: {text}")

    def end_step(self) -> None:
        """End the step that the drill is at."""
        if self.steps and self.steps[-1].ended_ms is None:
            self.steps[-1].ended_ms = self.now_ms()

    def end(self, verdict: str, why: str = "") -> None:
        """Say how it has ended."""
        self.verdict, self.why = verdict, why
        self.say(f"{verdict.upper()}{f' at {self.step}' if why else ''}{f': {why}' if why else ''}")

    def note(self, text: str) -> None:
        """Say what is left, at once and in the end."""
        self.notes.append(text)
        self.say(text)

    def say(self, text: str) -> None:
        """Tell what happens. That a terminal is gone must not leave a canary behind."""
        with suppress(OSError):
            sys.stderr.write(f"{self.now_ms():>10,} ms  {plain(text)}\n")
            sys.stderr.flush()

    def now_ms(self) -> int:
        """Return the milliseconds since the drill began."""
        return int((time.monotonic() - self._began_s) * 1000)

    def lines(self) -> Iterator[str]:
        """Show the whole, for people."""
        yield f"drill of {self.host}: {self.verdict.upper()}"
        if self.why:
            yield f"  {'why':12}  {f'{self.step}: ' if self.step else ''}{self.why}"
        yield from (f"  {'left':12}  {text}" for text in self.notes)
        if self.canary.id:
            way = f"{self.canary.was_on or 'nowhere'} -> {self.canary.is_on or '?'}"
            yield f"  {'canary':12}  {self.canary.name} {self.canary.id}: {way}"
        if self.steps:
            yield "steps, in milliseconds since the drill began:"
        for step in self.steps:
            ended = "" if step.ended_ms is None else f"{step.ended_ms - step.began_ms:12,}"
            yield f"  {step.began_ms:12,}  {step.name:12}  {ended:>12}".rstrip()
        if self.incident:
            yield f"incident {self.incident}"
            yield from timeline(self.entries)

    def json(self) -> str:
        """Show the whole in one line, for programs."""
        found = {
            "host": self.host,
            "verdict": self.verdict,
            "step": self.step,
            "why": self.why,
            "left": self.notes,
            "canary": {
                "id": self.canary.id,
                "name": self.canary.name,
                "from": self.canary.was_on,
                "to": self.canary.is_on,
                "left": self.canary.left,
            },
            "steps": [
                {"name": step.name, "began_ms": step.began_ms, "ended_ms": step.ended_ms}
                for step in self.steps
            ],
            "incident": self.incident,
            "timeline": self.entries,
        }
        return json.dumps(found)
