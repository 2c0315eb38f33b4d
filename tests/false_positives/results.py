"""What runs have found, added up over calls: one JSON object a line, by seed and by code."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CODE = ("doctor_daemon", "tests/false_positives")
Row = Mapping[str, Any]


def code(folders: Iterable[str] = CODE) -> str:
    """Return a digest of the code that is judged, and of the code that judges."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            found.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]


def append(path: Path, row: Row) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(dict(row)) + "\n")


def rows(path: Path, of: str) -> list[Row]:
    """Return the rows of that code, the last of each seed."""
    if not path.exists():
        return []
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return list({row["seed"]: row for row in found if row["code"] == of}.values())


def summary(found: Iterable[Row]) -> str:
    """Return the one line that says it all."""
    some = list(found)
    faults = Counter(str(row["fault"]) for row in some)
    each = ",".join(f"{fault}:{count}" for fault, count in sorted(faults.items()))
    cut = sum(len(row["living_cut"]) for row in some)
    fenced = sum(bool(row["fenced"]) for row in some)
    wrong = sum(bool(row["wrong"]) for row in some)
    return (
        f"runs={len(some)} faults={{{each}}} living_cut={cut} dead_fenced={fenced}/{len(some)} "
        f"violations={wrong}"
    )
