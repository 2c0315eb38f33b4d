"""What became of each mutant, added up over calls: lines of JSON in build/.

A kill counts as long as the changed module and the file of the test that killed it are what they
were; that a mutant lives, as long as the daemon and all that it was tried with are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from tests.mutants.areas import Area, file_of
from tests.mutants.mutate import Mutant
from tests.mutants.traces import KEPT, ground, sha

FILE = KEPT / "record.jsonl"
TESTS, SEEDS, STANDSTILL, TIME_OUT = "tests", "seeds", "standstill", "time-out"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one mutant; `by` is empty when it survived."""

    mutant: Mutant
    by: str
    test: str = ""
    """The test that ended it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the record."""

    area: str
    name: str
    by: str
    test: str
    rests_on: str


def write(area: Area, fate: Fate, file: Path = FILE) -> None:
    """Add one fate. One write a line: more than one process may write at a time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    line = Line(area.name, fate.mutant.name, fate.by, fate.test, _rests_on(area, fate))
    with file.open("a", encoding="utf-8") as record:
        record.write(json.dumps(asdict(line)) + "\n")


def read(area: Area, made: Iterable[Mutant], file: Path = FILE) -> dict[str, Fate]:
    """Return what became of mutants, by their names, as far as it is known and still holds."""
    known = {one.name: one for one in made}
    fates: dict[str, Fate] = {}
    for line in _lines(file):
        if line.area == area.name and (mutant := known.get(line.name)):
            fate = Fate(mutant, line.by, line.test)
            if _rests_on(area, fate) == line.rests_on:
                fates[mutant.name] = fate
    return fates


def killers(area: Area, file: Path = FILE) -> dict[str, str]:
    """Return the test that has last killed a mutant, by its name, whether or not that holds."""
    lines = _lines(file)
    return {line.name: line.test for line in lines if line.area == area.name and line.test}


def _lines(file: Path) -> Iterator[Line]:
    for text in file.read_text("utf-8").splitlines() if file.exists() else ():
        yield Line(**json.loads(text))


def _rests_on(area: Area, fate: Fate) -> str:
    """Return the hashes of all that would have to change for another fate."""
    changed = _sha(file_of(fate.mutant.module))
    if not fate.by:
        return f"{changed} {ground()} {_suites(tuple(area.suites()))} {area.seeds}"
    killer = Path(fate.test.partition("::")[0])
    return f"{changed} {_sha(killer) if killer.suffix == '.py' else ground()}"


def forget() -> None:
    """Forget what files were, as the next call does."""
    _sha.cache_clear()
    _suites.cache_clear()


@cache
def _sha(file: Path) -> str:
    return sha([file]) if file.exists() else ""


@cache
def _suites(files: tuple[Path, ...]) -> str:
    return sha(files)
