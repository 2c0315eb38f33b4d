"""Try one mutant in a process that loads it: `python -m tests.mutants.trial`, the task on stdin.

An import hook puts the changed module in the place of the original before anything has imported
it. First come the tests, until one fails; a mutant that survives them may have to live through the
simulation. What became of it is told by the exit status alone. It takes as long as all its tests:
most mutants are tried by `nursery.py` instead.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from types import ModuleType

import pytest

from tests.mutants.hasty import OPTIONS, Hasty

STEPS = (
    "suspected -> fencing",
    "suspected -> held",
    "suspected -> dismissed",
    "fencing -> forcing_down",
    "fencing -> held",
    "fencing -> dismissed",
    "forcing_down -> down",
    "forcing_down -> held",
    "down -> resolved",
    "held -> fencing",
    "held -> dismissed",
)
"""What sixty seeds of the simulation take often; without these it has come to a standstill."""


class End(IntEnum):
    """How a trial ends. Any other status is a fault of the trial itself."""

    SURVIVED = 40
    BY_TESTS = 41
    BY_SEEDS = 42
    BY_STANDSTILL = 43


@dataclass(frozen=True, slots=True)
class Task:
    """What to try: the source in the place of a module, and how far to simulate it."""

    module: str
    source: str
    tests: Sequence[str]
    """The files of tests, those that are likely to notice first."""
    seeds: int
    edges: Sequence[str] = ()
    """Steps of the diagram that the simulation must take, or it has come to a standstill."""

    def written(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Task:
        return cls(**json.loads(text))


class Stand(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for one module: whoever imports it gets the changed source."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.used = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._task.module:
            return None
        return importlib.util.spec_from_loader(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        self.used = True
        code = compile(self._task.source, f"<{self._task.module}, changed>", "exec")
        exec(code, module.__dict__)  # noqa: S102 - loading a module is running it


def try_out(task: Task) -> End:
    """Try one mutant. Raise RuntimeError when the original was tested in its place."""
    if task.module in sys.modules:
        msg = f"{task.module} was imported before it could be changed"
        raise RuntimeError(msg)
    stand = Stand(task)
    sys.meta_path.insert(0, stand)
    failed = _tests_fail(task.tests)
    if not stand.used:
        msg = f"no test imports {task.module}"
        raise RuntimeError(msg)
    return End.BY_TESTS if failed else simulate(task.seeds, task.edges)


def _tests_fail(files: Sequence[str]) -> bool:
    status = pytest.main([*OPTIONS, *files], plugins=[Hasty()])
    if status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
        msg = f"pytest ended with {status}"
        raise RuntimeError(msg)
    return status != pytest.ExitCode.OK


def simulate(seeds: int, edges: Sequence[str]) -> End:
    """Tell the first seeds, until one shows that something is wrong."""
    walked: Counter[str] = Counter()
    try:
        for seed in range(seeds):
            violations, seen = tell_one(seed)
            if violations:
                return End.BY_SEEDS
            walked.update(seen)
    except Exception:  # noqa: BLE001 - whatever the mutant breaks, it was noticed
        return End.BY_SEEDS
    return End.SURVIVED if set(edges) <= set(walked) else End.BY_STANDSTILL


def tell_one(seed: int) -> tuple[list[str], set[str]]:
    """Return what was wrong in one seed, and the steps of the diagram that it took."""
    # Not before the stand is in its place: this imports the core.
    from tests.simulation.story import tell  # noqa: PLC0415 - see above
    from tests.simulation.tally import quiet  # noqa: PLC0415 - see above

    quiet()
    verdict = tell(seed)
    return verdict.violations, {f"{one} -> {two}" for one, two in verdict.edges}


if __name__ == "__main__":
    sys.exit(try_out(Task.read(sys.stdin.read())))
