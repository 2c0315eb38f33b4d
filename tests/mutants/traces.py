"""Which test runs which lines of an area, and for how long: kept in build/, by file of tests.

A trace holds as long as the daemon, what the tests share and the file itself are what they were.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

KEPT = Path(os.environ.get("MUTANTS_KEPT", "build/mutants"))
FOLDER = KEPT / "traces"
IMPORTED = Path("imported")
SEEDS = Path("seeds")
"""In the place of a file of tests: the seeds of the simulation."""
OWN = Path("tests", "mutants")


@dataclass(frozen=True, slots=True)
class Ran:
    """What one test, or one seed, ran: lines by file."""

    seconds: float
    lines: Mapping[str, Sequence[int]]
    edges: Sequence[str] = ()
    """A seed: the steps of the diagram that it took."""


def sha(files: Iterable[Path]) -> str:
    """Return one hash of the names and the contents of files."""
    found = sha256()
    for file in sorted(files):
        found.update(f"{file}\0".encode() + file.read_bytes() + b"\0")
    return found.hexdigest()[:16]


@cache
def ground() -> str:
    """Return the hash of the daemon and of whatever tests share."""
    shared = (
        file
        for file in Path("tests").rglob("*.py")
        if not file.name.startswith("test_") and not file.is_relative_to(OWN)
    )
    return sha([*Path("doctor_daemon").rglob("*.py"), *shared])


def key(suite: Path) -> str:
    """Return what a trace of this file of tests rests on."""
    return f"{ground()} {sha([suite]) if suite != SEEDS else ''}"


def keep(area: str, suite: Path, ran: Mapping[str, Ran]) -> None:
    """Keep what the tests of one file ran."""
    kept = {"key": key(suite), "ran": {name: _written(one) for name, one in ran.items()}}
    _write(area, suite, kept)


def kept(area: str, suite: Path) -> Mapping[str, Ran] | None:
    """Return what the tests of one file ran; None: it is not known, or not any more."""
    found = _read(area, suite)
    if found is None or found["key"] != key(suite):
        return None
    return {name: Ran(**one) for name, one in found["ran"].items()}


def keep_imported(area: str, lines: Mapping[str, Sequence[int]]) -> None:
    """Keep which lines were run while modules were loaded and tests collected."""
    known = imported(area)
    both = {file: sorted({*known.get(file, ()), *some}) for file, some in lines.items()}
    _write(area, IMPORTED, {"key": ground(), "lines": {**known, **both}})


def imported(area: str) -> Mapping[str, Sequence[int]]:
    """Return what is known of that."""
    found = _read(area, IMPORTED)
    lines: Mapping[str, Sequence[int]] = {}
    if found is not None and found["key"] == ground():
        lines = found["lines"]
    return lines


def stale(area: str, suites: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of tests of which nothing is known, or not any more."""
    for suite in suites:
        try:
            with _file(area, suite).open("rb") as file:
                # The key stands in front, and the rest may be long.
                fresh = file.read(200).startswith(f'{{"key": "{key(suite)}"'.encode())
        except FileNotFoundError:
            fresh = False
        if not fresh:
            yield suite


def _written(one: Ran) -> dict[str, object]:
    return {"seconds": one.seconds, "lines": one.lines, "edges": one.edges}


def _write(area: str, suite: Path, found: Mapping[str, object]) -> None:
    file = _file(area, suite)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found), "utf-8")


def _read(area: str, suite: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(_file(area, suite).read_text("utf-8"))
        return found
    except FileNotFoundError:
        return None


def _file(area: str, suite: Path) -> Path:
    return FOLDER / area / f"{'.'.join(suite.with_suffix('').parts)}.json"
