"""Which effects of an incident have been begun, as far as their ends are not known.

It is part of the incident, so it is saved with the step that wants an effect, before that is begun.
Whoever takes the incident up after a crash finds here what may have been done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Intent:
    """An effect that is to be done, or is being done. `number` never repeats in an incident."""

    number: int
    what: str
    """The kind of the effect, as `Act` has it."""
    target: str
    """Whom it is about, in words that name this one effect of the incident."""

    @property
    def name(self) -> tuple[str, str]:
        """Return which effect it is."""
        return self.what, self.target


@dataclass(frozen=True, slots=True)
class Journal:
    """The numbers that were given out, and what is open."""

    number: int = 0
    open: tuple[Intent, ...] = ()

    def found(self, name: tuple[str, str]) -> Intent | None:
        """Return the open intent of an effect."""
        return next((intent for intent in self.open if intent.name == name), None)

    def numbered(self) -> Journal:
        """Give the next number out."""
        return replace(self, number=self.number + 1)

    def began(self, what: str, target: str) -> Journal:
        """Open an intent under the next number."""
        intent = Intent(self.number + 1, what, target)
        return Journal(intent.number, (*self.open, intent))

    def ended(self, intent: Intent) -> Journal:
        """Close an intent."""
        return replace(self, open=tuple(one for one in self.open if one is not intent))
