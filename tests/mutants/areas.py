"""The areas: which modules are broken, and which tests have to notice.

A module is in the first area that names it. Tests that start daemons as processes of their own
see nothing of a change, and are in none. Those of agents in real time are in none either: on a
busy machine they fail, and that would count as a kill.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from tests.mutants.mutate import Mutant, mutants

PACKAGE = Path("doctor_daemon")
SEEDS = 60


@dataclass(frozen=True, slots=True)
class Area:
    """Modules that are broken, by their patterns below the package, and the tests of them."""

    name: str
    patterns: Sequence[str]
    tests: Sequence[str]
    """Files and folders."""
    seeds: int = 0
    """So many seeds of the simulation judge what the tests let live."""
    spare_s: float = 5.0
    """A test may take so much longer than it does, before it counts as one that never ends."""
    etcd: bool = False
    """One etcd stands for all trials."""

    def written(self) -> str:
        """Return it as `taken` reads it: it is handed to processes of its own."""
        return json.dumps(asdict(self))

    @classmethod
    def taken(cls, text: str) -> Area:
        return cls(**json.loads(text))

    @property
    def mark(self) -> str:
        """Return a name that changes with the modules: of others nothing was traced."""
        names = "\n".join(str(file) for file in self.files())
        return f"{self.name}-{sha256(names.encode()).hexdigest()[:8]}"

    def files(self) -> list[Path]:
        """Return the modules, as the patterns have them; but for those of an area before this."""
        before = AREAS[: [*_NAMES, self.name].index(self.name)]
        taken = {file for area in before for one in area.patterns for file in PACKAGE.glob(one)}
        found = (file for one in self.patterns for file in sorted(PACKAGE.glob(one)))
        return [file for file in dict.fromkeys(found) if file not in taken]

    def suites(self) -> list[Path]:
        """Return the files of tests, sorted."""
        found = set[Path]()
        for test in map(Path, self.tests):
            found.update(test.rglob("test_*.py") if test.is_dir() else [test])
        return sorted(found)

    def mutants(self) -> Iterator[Mutant]:
        """Yield every mutant, in the order of the modules' texts."""
        for file in self.files():
            yield from mutants(module_of(file), file.read_text("utf-8"))


AREAS = (
    Area(
        "permits",
        (
            "ports/permits.py",
            "ports/time.py",
            "ports/leading.py",
            "engine/right.py",
            "engine/port_gates.py",
            "engine/storage_gates.py",
            "engine/standpoint.py",
            "fencers/watchdog.py",
            "engine/withheld.py",
            "engine/errand.py",
            "engine/perform.py",
            "engine/device_turns.py",
            "engine/lifelines.py",
            "fencers/ipmi.py",
            "fencers/fence_agent.py",
        ),
        (
            "tests/engine",
            "tests/crash_points/test_crash_points.py",
            "tests/fencers",
            "tests/api/test_cinder.py",
            "tests/api/test_cinder_kept.py",
            "tests/api/test_cinder_levels.py",
            "tests/contracts/test_cinder.py",
        ),
        spare_s=2.0,
    ),
    Area(
        "leadership",
        (
            "engine/ward.py",
            "engine/standing_by.py",
            "engine/taking_up.py",
            "locks/*.py",
            "stores/etcd_lease.py",
            "stores/etcd_claim.py",
            "stores/etcd_word.py",
            "stores/etcd_alone.py",
            "stores/etcd_daemons.py",
            "stores/etcd_meaning.py",
        ),
        (
            "tests/engine/test_leading.py",
            "tests/engine/test_leading_words.py",
            "tests/engine/test_readiness.py",
            "tests/engine/test_soundness.py",
            "tests/engine/test_standing_by.py",
            "tests/engine/test_taking_up.py",
            "tests/engine/test_ward.py",
            "tests/locks",
            "tests/stores",
            "tests/contracts/test_stores.py",
            "tests/simulation/test_leaders.py",
        ),
        spare_s=10.0,
        etcd=True,
    ),
    Area(
        "stores",
        ("stores/*.py",),
        ("tests/stores", "tests/contracts/test_stores.py"),
        spare_s=10.0,
        etcd=True,
    ),
    Area("core", ("core/*.py",), ("tests/core",), seeds=SEEDS),
)
_NAMES = [area.name for area in AREAS]


def module_of(file: Path) -> str:
    """Return the dotted name of a file's module."""
    return ".".join(file.with_suffix("").parts)


def file_of(module: str) -> Path:
    """Return the file of a module."""
    return Path(*module.split(".")).with_suffix(".py")
