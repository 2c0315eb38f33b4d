"""Trials in processes of their own: the change is tested, and the tree stays as it is."""

from pathlib import Path

import pytest

from tests.mutants import __main__ as command
from tests.mutants.campaign import BrokenError, Fate, Terms, attempt, campaign, every_mutant, order
from tests.mutants.mutate import Mutant
from tests.mutants.survivors import Explained

MODULE = "doctor_daemon.core.instant"
FILE = Path("doctor_daemon", "core", "instant.py")
TESTS = [Path("tests", "core", "test_instant.py")]
QUICK = Terms(seeds=0, tests=TESTS)


def mutant(source: str, module: str = MODULE) -> Mutant:
    return Mutant(module, 1, "place", "was", "becomes", 1, source)


def original() -> str:
    return FILE.read_text("utf-8")


def test_a_change_that_a_test_notices_is_killed_and_the_tree_stays_as_it_is() -> None:
    before = original()
    changed = before.replace(">= 0", "> 0")
    assert changed != before
    assert attempt(mutant(changed), QUICK).by == "tests"
    assert original() == before


def test_the_original_survives_the_tests_and_the_simulation() -> None:
    assert attempt(mutant(original()), Terms(seeds=1, tests=TESTS)).by == ""


def test_a_simulation_that_takes_no_step_has_come_to_a_standstill() -> None:
    terms = Terms(seeds=1, edges=["down -> suspected"], tests=TESTS)
    assert attempt(mutant(original()), terms).by == "standstill"


def test_a_change_that_only_the_simulation_notices_is_killed_by_a_seed() -> None:
    module, file = "doctor_daemon.core.phases", Path("doctor_daemon", "core", "phases.py")
    changed = file.read_text("utf-8").replace("{Phase.FENCING, Phase.HELD,", "{Phase.HELD,", 1)
    assert changed != file.read_text("utf-8")
    unaware = Terms(seeds=6, tests=[Path("tests", "core", "test_notices.py")])
    assert attempt(mutant(changed, module), unaware).by == "seeds"


def test_a_change_that_never_ends_is_killed_by_the_clock() -> None:
    endless = original() + "\nwhile True:\n    pass\n"
    assert attempt(mutant(endless), Terms(seeds=0, tests=TESTS, limit_s=2.0)).by == "time-out"


def test_a_trial_that_tests_something_else_breaks_the_campaign() -> None:
    with pytest.raises(BrokenError, match="no test imports"):
        attempt(mutant("", "doctor_daemon.core.nothing"), QUICK)


def test_a_campaign_yields_every_fate() -> None:
    chosen = [mutant("1 / 0"), mutant(original())]
    fates = {fate.mutant.source: fate.by for fate in campaign(chosen, QUICK, jobs=2)}
    assert fates == {"1 / 0": "tests", original(): ""}


def test_the_tests_of_the_module_come_first_and_the_slowest_last() -> None:
    files = [Path("t", f"test_{name}.py") for name in ("due", "properties", "proof", "zeal")]
    assert order("doctor_daemon.core.proof", files) == [
        "t/test_proof.py",
        "t/test_due.py",
        "t/test_zeal.py",
        "t/test_properties.py",
    ]


def test_every_module_of_the_core_is_looked_through() -> None:
    modules = {one.module.rpartition(".")[2] for one in every_mutant()}
    assert {"decide", "due", "fencing", "gates", "marking", "proof"} <= modules


# the verdict


@pytest.mark.parametrize(
    ("by", "status", "last"),
    [
        (
            "tests",
            0,
            "mutants=1 killed=1 (1 by tests) survived=0 unexplained=0 stale=0",
        ),
        ("", 1, "mutants=1 killed=0 () survived=1 unexplained=1 stale=0"),
    ],
)
def test_a_survivor_that_is_not_explained_is_red(
    by: str, status: int, last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.judge([Fate(mutant(""), by)], []) == status
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_an_explained_survivor_is_green_and_its_reason_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = Explained(MODULE, "place", "was", "becomes", "it is the same")
    assert command.judge([Fate(mutant(""), "")], [known]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "survived: doctor_daemon/core/instant.py:1: instant.place: was -> becomes",
        "  it is the same",
    ]


def test_an_explanation_that_explains_nothing_is_red(capsys: pytest.CaptureFixture[str]) -> None:
    known = Explained(MODULE, "place", "was", "becomes", "it is the same")
    assert command.judge([Fate(mutant(""), "tests")], [known]) == 1
    assert "STALE killed after all" in capsys.readouterr().out


def test_the_mutants_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list", "--only", "core/instant.py"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.startswith("doctor_daemon/core/instant.py:") for line in lines)
