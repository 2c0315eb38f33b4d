"""What is left out of a seed, to see what a violation needs: nothing of it is drawn anew."""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMBERS = re.compile(r"\d+(\.\d+)?")


def shape(sentence: str) -> str:
    """Return what the sentences of two violations have in common that are one fault."""
    invariant, colon, said = sentence.partition(": ")
    return invariant + colon + NUMBERS.sub("#", said)


@dataclass(frozen=True, slots=True)
class Less:
    """A seed without some of its parts. As it is made, nothing is left out."""

    kinds: frozenset[str] = frozenset()
    """Kinds of faults that do not strike."""
    strikes: frozenset[tuple[str, int]] = frozenset()
    """Single strokes, each by its kind and its number among those of that kind."""
    hosts: frozenset[str] = frozenset()
    daemons: int | None = None
    """How many machines run one, in the place of as many as the seed says."""
    trouble_s: float | None = None
    """For how long faults strike at the most."""
    until: str = ""
    """The shape of a violation with which the story ends; empty: it has a judgement."""

    def spares(self, kind: str, number: int) -> bool:
        """Tell whether a fault does not strike that would."""
        return kind in self.kinds or (kind, number) in self.strikes
