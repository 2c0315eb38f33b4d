"""The mutants that may survive: each is explained in `survivors.toml`, or the run is red.

An entry names a mutant by what it changes, so it outlives edits elsewhere in its module; and it
must go when its mutant is gone, or is killed after all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutate import Mutant

FILE = Path("tests", "mutants", "survivors.toml")
FIELDS = {"module", "place", "was", "becomes", "nth", "why"}


@dataclass(frozen=True, slots=True)
class Explained:
    """One mutant that does the same as the original, and why it does."""

    module: str
    place: str
    was: str
    becomes: str
    why: str
    nth: int = 1

    @property
    def name(self) -> str:
        """The name of the mutant that it explains."""
        return Mutant(self.module, 0, self.place, self.was, self.becomes, self.nth, "").name


def read(file: Path = FILE) -> tuple[Explained, ...]:
    """Read the explanations. Raise ValueError for one that is not whole."""
    found = []
    for number, entry in enumerate(tomllib.loads(file.read_text("utf-8")).get("survivor", []), 1):
        fields = set(entry)
        if fields - FIELDS or (FIELDS - {"nth"}) - fields:
            msg = f"{file}: survivor {number} has {sorted(fields)}; expected {sorted(FIELDS)}"
            raise ValueError(msg)
        if not entry["why"].strip():
            msg = f"{file}: survivor {number} does not say why"
            raise ValueError(msg)
        found.append(Explained(**entry))
    return tuple(found)


def stale(
    explained: Iterable[Explained], made: Iterable[Mutant], survived: Iterable[Mutant]
) -> Iterator[str]:
    """Yield what is wrong with each explanation that explains no survivor."""
    all_names, alive = {one.name for one in made}, {one.name for one in survived}
    for entry in explained:
        if entry.name not in all_names:
            yield f"no such mutant any more: {entry.name}"
        elif entry.name not in alive:
            yield f"killed after all: {entry.name}"
