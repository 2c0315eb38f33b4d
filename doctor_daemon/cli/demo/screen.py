"""What is seen: on a terminal colours and a line that moves, elsewhere plain lines and no more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from doctor_daemon.cli.demo.timeline import Event
from doctor_daemon.cli.show import plain

Json = dict[str, Any]
STYLES = {"daemon": "cyan", "world": "magenta", "consumer": "green", "monitor": "yellow"}
PERSON_STYLE = "bold yellow"
PHASE_STYLES = {"held": "bold yellow", "down": "bold green", "dismissed": "bold green"}
STAMP, WHO = 10, 8
TIMES = {
    "detected_to_early_notice_s": "early notice, with the last of its consumers",
    "detected_to_proof_s": "proof: the last reading of Off",
    "detected_to_forced_down_s": "forced_down in Nova",
    "detected_to_confirmed_notice_s": "confirmed notice, with the last of its consumers",
}


class Screen:
    """Prints one story."""

    def __init__(self, console: Console) -> None:
        """Print on a console, which knows whether it is a terminal."""
        self._console = console
        self._status: Status | None = None

    @classmethod
    def standard(cls) -> Self:
        """Print on standard output."""
        return cls(Console(highlight=False, markup=False, emoji=False, soft_wrap=True))

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.still()

    def still(self) -> None:
        """Take the moving line away."""
        if self._status:
            self._status.stop()
        self._status = None

    def doing(self, text: str) -> None:
        """Say what is waited for: on the moving line, or as a line of its own."""
        if self._status:
            self._status.update(plain(text))
        else:
            self.say(f"... {text}")

    def standing(self, text: str) -> None:
        """Say how things stand, where there is a moving line to say it on."""
        if self._status:
            self._status.update(plain(text))

    def say(self, text: str = "", style: str = "") -> None:
        self._console.print(Text(plain(text), style))

    def show(self, events: Iterable[Event], detected_s: float) -> None:
        """Print what has happened, a line each, in milliseconds since the host was accused."""
        for event in events:
            stamp = f"{(event.at_s - detected_s) * 1000:,.0f} ms"
            if self._console.is_terminal:
                self._console.print(_row(stamp, event))
            else:
                self.say(f"{stamp:>{STAMP}}  {event.who:{WHO}}  {_phase(event)}{event.text}")

    def summary(self, counted: Json, wrong: Sequence[str], end: str) -> None:
        """Print what was counted, what is wrong, and how it has ended."""
        self.still()
        self.say()
        self.say("Counted from the lab's record and the consumers' stamps, not from the daemon:")
        for name, text in TIMES.items():
            seconds = counted[name]
            shown = "none" if seconds is None else f"{seconds * 1000:,.0f} ms"
            self.say(f"{shown:>{STAMP}}  {text}")
        self.say(f"{counted['evacuated']:>{STAMP}}  of {counted['servers']} servers run elsewhere")
        self.say(f"{counted['violations']:>{STAMP}}  violations")
        for text in wrong:
            self.say(f"{'WRONG':>{STAMP}}  {text}", "bold red")
        self.say()
        self.say(f"{'Not the' if wrong else 'The'} right end: {end}.", "red" if wrong else "green")

    def last(self, counted: Json) -> None:
        """Print one line for machines, whatever the terminal's width."""
        self._console.file.write(json.dumps(counted) + "\n")
        self._console.file.flush()


def _phase(event: Event) -> str:
    """Name the phase of the daemon's words, where they do not begin with it."""
    named = f"{event.phase}: "
    return "" if not event.phase or event.text.startswith(named) else named


def _row(stamp: str, event: Event) -> Table:
    """Lay one event out; a long reason is indented under itself."""
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(width=STAMP, justify="right", no_wrap=True)
    grid.add_column(width=WHO, no_wrap=True)
    grid.add_column(ratio=1)
    text = Text()
    text.append(_phase(event), PHASE_STYLES.get(event.phase, "bold"))
    text.append(plain(event.text))
    grid.add_row(Text(stamp, "dim"), Text(event.who, STYLES.get(event.who, PERSON_STYLE)), text)
    return grid
