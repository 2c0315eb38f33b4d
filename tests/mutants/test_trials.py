"""Trials: the change is tested, the tree stays as it is, and what is known is not tried again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mutants import __main__ as command
from tests.mutants.areas import AREAS
from tests.mutants.fresh import BrokenError, attempt
from tests.mutants.mutate import Mutant
from tests.mutants.record import Fate
from tests.mutants.survivors import Explained
from tests.mutants.trial import Task

MODULE = "doctor_daemon.core.instant"
FILE = Path("doctor_daemon", "core", "instant.py")
TESTS = ["tests/core/test_instant.py"]


def mutant(source: str, module: str = MODULE) -> Mutant:
    return Mutant(module, 1, "place", "was", "becomes", 1, source)


def original() -> str:
    return FILE.read_text("utf-8")


def ended(one: Mutant, seeds: int = 0, steps: Sequence[str] = (), limit_s: float = 120.0) -> str:
    """Try one in a process that loads it, and return what ended it."""
    return attempt(one, Task(one.module, one.source, TESTS, seeds, steps), limit_s).by


# in a process that loads it anew


def test_a_change_that_a_test_notices_is_killed_and_the_tree_stays_as_it_is() -> None:
    before = original()
    changed = before.replace(">= 0", "> 0")
    assert changed != before
    assert ended(mutant(changed)) == "tests"
    assert original() == before


def test_the_original_survives_the_tests_and_the_simulation() -> None:
    assert ended(mutant(original()), seeds=1) == ""


def test_a_simulation_that_takes_no_step_has_come_to_a_standstill() -> None:
    assert ended(mutant(original()), 1, ["down -> suspected"]) == "standstill"


def test_a_change_that_only_the_simulation_notices_is_killed_by_a_seed() -> None:
    module, file = "doctor_daemon.core.phases", Path("doctor_daemon", "core", "phases.py")
    changed = file.read_text("utf-8").replace("{Phase.FENCING, Phase.HELD,", "{Phase.HELD,", 1)
    assert changed != file.read_text("utf-8")
    unaware = ["tests/core/test_notices.py"]
    one = mutant(changed, module)
    assert attempt(one, Task(module, changed, unaware, 6), 120.0).by == "seeds"


def test_a_change_that_never_ends_is_killed_by_the_clock() -> None:
    assert ended(mutant(original() + "\nwhile True:\n    pass\n"), limit_s=2.0) == "time-out"


def test_a_trial_that_tests_something_else_breaks_the_campaign() -> None:
    with pytest.raises(BrokenError, match="no test imports"):
        ended(mutant("", "doctor_daemon.core.nothing"))


# in a process that is forked


def called(kept: Path, *options: str) -> tuple[int, list[str], str]:
    """Call the command. Return its status, what it prints, and what it says beside."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants", "--area", "core", *options],
        env={**os.environ, "MUTANTS_KEPT": str(kept)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_mutants_are_tried_once_and_what_is_known_is_told_again(tmp_path: Path) -> None:
    narrow = ["--only", "core/instant.py", "--seeds", "0", "--tests", *TESTS]
    status, told, beside = called(tmp_path, *narrow)
    assert (status, told[-1]) == (
        0,
        "mutants=5 killed=5 (5 by tests) survived=0 unexplained=0 untried=0 stale=0",
    ), beside
    known = (tmp_path / "record.jsonl").read_text("utf-8")
    assert known.count("test_instant.py::") == 5
    assert called(tmp_path, *narrow) == (0, told, "")
    assert (tmp_path / "record.jsonl").read_text("utf-8") == known


def test_what_no_test_runs_survives_at_once_and_the_seeds_come_after_the_tests(
    tmp_path: Path,
) -> None:
    narrow = ["--only", "core/instant.py", "--tests", "tests/core/test_phases.py"]
    status, told, _ = called(tmp_path, *narrow, "--seeds", "0")
    assert status == 1
    assert "NOT EXPLAINED no test runs it" in told[1]
    assert "survived=5 unexplained=5" in told[-1]
    status, told, _ = called(tmp_path, *narrow, "--seeds", "2", "--afresh")
    assert "by seeds" in told[-1]


def test_a_call_that_has_no_time_left_says_what_was_not_tried(tmp_path: Path) -> None:
    narrow = ["--only", "core/instant.py", "--seeds", "0", "--tests", *TESTS, "--minutes", "0"]
    status, told, _ = called(tmp_path, *narrow)
    assert status == 1
    assert told[-1].endswith("survived=0 unexplained=0 untried=5 stale=0")


def test_tests_that_the_original_does_not_pass_mean_nothing(tmp_path: Path) -> None:
    red = tmp_path / "test_red.py"
    red.write_text("def test_red():\n    raise ValueError\n", "utf-8")
    narrow = ["--only", "core/instant.py", "--seeds", "0", "--tests", *TESTS, str(red)]
    status, told, beside = called(tmp_path / "kept", *narrow)
    assert (status, told) == (2, [])
    assert "the original does not pass" in beside


def test_what_was_not_run_for_a_file_that_cannot_be_loaded_is_not_taken_for_known(
    tmp_path: Path,
) -> None:
    broken = tmp_path / "test_broken.py"
    broken.write_text("import nothing_of_that_name\n", "utf-8")
    narrow = ["--only", "core/instant.py", "--seeds", "0", "--tests", *TESTS]
    status, told, beside = called(tmp_path / "kept", *narrow, str(broken))
    assert (status, told) == (2, [])
    assert "the original does not pass" in beside
    status, told, _ = called(tmp_path / "kept", *narrow)
    assert (status, "killed=5 (5 by tests)" in told[-1]) == (0, True)


# the areas


def test_every_module_is_in_one_area_and_every_test_is_there() -> None:
    files = [file for area in AREAS for file in area.files()]
    assert len(files) == len(set(files))
    names = {"/".join(file.parts[1:]) for file in files}
    assert {"core/decide.py", "core/gates.py", "core/proof.py"} <= names
    assert {"ports/permits.py", "engine/right.py", "engine/perform.py"} <= names
    assert {"engine/ward.py", "locks/local.py", "stores/etcd_lease.py"} <= names
    assert {f"stores/{file.name}" for file in Path("doctor_daemon", "stores").glob("*.py")} <= names
    for area in AREAS:
        assert all(Path(test).exists() for test in area.tests)
        assert len(area.suites()) >= len(area.tests)


def test_a_pattern_that_finds_nothing_is_not_in_an_area() -> None:
    package = Path("doctor_daemon")
    patterns = [pattern for area in AREAS for pattern in area.patterns]
    assert [one for one in patterns if not list(package.glob(one))] == []


# the verdict


def judged(by: str, explained: Sequence[Explained] = ()) -> int:
    one = mutant("")
    fates = {one.name: Fate(one, by)} if by != "untried" else {}
    return command.judge({"core": [one]}, {"core": fates}, explained)


KNOWN = Explained(MODULE, "place", "was", "becomes", "it is the same")


@pytest.mark.parametrize(
    ("by", "status", "last"),
    [
        ("tests", 0, "killed=1 (1 by tests) survived=0 unexplained=0 untried=0 stale=0"),
        ("", 1, "killed=0 () survived=1 unexplained=1 untried=0 stale=0"),
        ("untried", 1, "killed=0 () survived=0 unexplained=0 untried=1 stale=0"),
    ],
)
def test_a_survivor_that_is_not_explained_is_red_and_what_was_not_tried_too(
    by: str, status: int, last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(by) == status
    assert capsys.readouterr().out.splitlines()[-1] == f"mutants=1 {last}"


def test_an_explained_survivor_is_green_and_its_reason_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert judged("", [KNOWN]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "survived: doctor_daemon/core/instant.py:1: core.instant.place: was -> becomes",
        "  it is the same",
    ]


def test_an_explanation_that_explains_nothing_is_red(capsys: pytest.CaptureFixture[str]) -> None:
    assert judged("tests", [KNOWN]) == 1
    assert "STALE killed after all" in capsys.readouterr().out


def test_an_explanation_of_what_was_not_tried_is_not_stale_yet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert judged("untried", [KNOWN]) == 1
    assert "STALE" not in capsys.readouterr().out


def test_the_mutants_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list", "--only", "core/instant.py"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.startswith("doctor_daemon/core/instant.py:") for line in lines)
