"""What is known of mutants holds as long as what it rests on is what it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutants import record, traces
from tests.mutants.areas import Area
from tests.mutants.covering import Covering
from tests.mutants.mutate import Mutant
from tests.mutants.record import Fate
from tests.mutants.traces import Ran

MODULE = "doctor_daemon.clock"
FILE = Path("doctor_daemon", "clock.py")
OTHER = Path("doctor_daemon", "other.py")
SUITE = Path("tests", "test_clock.py")
SHARED = Path("tests", "rig.py")
SECOND = Path("tests", "test_second.py")
AREA = Area("clocks", ("clock.py",), ("tests",), seeds=2)
MUTANT = Mutant(MODULE, 7, "f", "a < b", "a <= b", 1, "changed", 8)
KILL = Fate(MUTANT, record.TESTS, f"{SUITE}::test_it")
LIFE = Fate(MUTANT, "")
BY_SEED = Fate(MUTANT, record.SEEDS, "seed 1")


def forget() -> None:
    """Have everything looked at anew, as the next call does."""
    traces.ground.cache_clear()
    record.forget()


@pytest.fixture(autouse=True)
def _tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for file in (FILE, OTHER, SUITE, SHARED, SECOND):
        file.parent.mkdir(exist_ok=True)
        file.write_text(file.name, "utf-8")
    forget()
    yield
    forget()


def known(file: Path, fate: Fate) -> bool:
    """Write a fate, change a file, and see whether it is still known."""
    into = Path("record.jsonl")
    record.write(AREA, fate, into)
    assert record.read(AREA, [MUTANT], into) == {MUTANT.name: fate}
    file.write_text("other", "utf-8")
    forget()
    return record.read(AREA, [MUTANT], into) == {MUTANT.name: fate}


@pytest.mark.parametrize(
    ("file", "fate", "holds"),
    [
        (FILE, KILL, False),
        (SUITE, KILL, False),
        (OTHER, KILL, True),
        (SECOND, KILL, True),
        (SHARED, KILL, True),
        (FILE, LIFE, False),
        (SUITE, LIFE, False),
        (OTHER, LIFE, False),
        (SECOND, LIFE, False),
        (SHARED, LIFE, False),
        (FILE, BY_SEED, False),
        (OTHER, BY_SEED, False),
        (SECOND, BY_SEED, True),
    ],
)
def test_a_fate_rests_on_its_module_and_on_what_ended_it_a_life_on_everything(
    file: Path, fate: Fate, *, holds: bool
) -> None:
    assert known(file, fate) is holds


def test_the_last_word_of_a_mutant_counts_and_other_areas_have_their_own() -> None:
    into = Path("record.jsonl")
    for fate in (LIFE, KILL):
        record.write(AREA, fate, into)
    assert record.read(AREA, [MUTANT], into) == {MUTANT.name: KILL}
    assert record.read(Area("others", AREA.patterns, AREA.tests), [MUTANT], into) == {}
    assert record.read(AREA, [], into) == {}


def test_what_has_killed_a_mutant_is_remembered_though_it_holds_no_more() -> None:
    into = Path("record.jsonl")
    assert record.killers(AREA, into) == {}
    for fate in (Fate(MUTANT, record.TESTS, "another"), KILL, LIFE):
        record.write(AREA, fate, into)
    SUITE.write_text("other", "utf-8")
    forget()
    assert record.killers(AREA, into) == {MUTANT.name: KILL.test}
    assert record.killers(Area("others", AREA.patterns, AREA.tests), into) == {}


# which tests run a line


def ran(seconds: float, *lines: int, edges: tuple[str, ...] = ()) -> Ran:
    return Ran(seconds, {str(FILE): lines}, edges)


def trace() -> None:
    slow, quick = f"{SUITE}::test_slow", f"{SUITE}::test_quick"
    traces.keep(AREA.mark, SUITE, {slow: ran(2.0, 7), quick: ran(0.1, 8, 9)})
    traces.keep(AREA.mark, SECOND, {f"{SECOND}::test_else": ran(0.01, 9)})
    seeds = {"0": ran(3.0, 7, edges=("a -> b",)), "1": ran(1.0, 9, edges=("b -> c",))}
    traces.keep(AREA.mark, traces.SEEDS, seeds)


def test_only_tests_that_run_the_line_are_tried_and_the_quickest_first() -> None:
    trace()
    covering = Covering(AREA)
    assert list(covering.tests(MUTANT, [])) == [f"{SUITE}::test_quick", f"{SUITE}::test_slow"]
    assert list(covering.seeds(MUTANT)) == ["0"]
    assert covering.walked_without(["0"]) == {"b -> c"}


def test_of_quick_tests_those_come_first_that_are_about_little_else() -> None:
    broad, narrow = (f"{SUITE}::test_{name}" for name in ("broad", "narrow"))
    traces.keep(AREA.mark, SUITE, {broad: ran(0.01, 7, 8, 9), narrow: ran(0.02, 7)})
    traces.keep(AREA.mark, SECOND, {f"{SECOND}::test_slow": ran(5.0, 7)})
    traces.keep(AREA.mark, traces.SEEDS, {})
    assert list(Covering(AREA).tests(MUTANT, [])) == [narrow, broad, f"{SECOND}::test_slow"]


def test_what_has_killed_a_neighbour_is_tried_first() -> None:
    trace()
    first = [f"{SECOND}::test_else", f"{SUITE}::test_slow"]
    assert list(Covering(AREA).tests(MUTANT, first)) == [
        f"{SUITE}::test_slow",
        f"{SUITE}::test_quick",
    ]


def test_a_line_that_is_run_as_modules_are_loaded_is_known() -> None:
    trace()
    assert not Covering(AREA).imported(MUTANT)
    traces.keep_imported(AREA.mark, {str(FILE): [1, 2]})
    traces.keep_imported(AREA.mark, {str(FILE): [8]})
    assert Covering(AREA).imported(MUTANT)
    assert traces.imported(AREA.mark) == {str(FILE): [1, 2, 8]}


def test_what_was_traced_for_other_modules_says_nothing_of_these() -> None:
    trace()
    wider = Area("clocks", ("*.py",), ("tests",))
    assert list(traces.stale(wider.mark, [SUITE])) == [SUITE]
    assert list(traces.stale(AREA.mark, [SUITE])) == []


def test_a_trace_holds_until_its_file_or_what_is_shared_changes() -> None:
    trace()
    suites = [SUITE, SECOND]
    assert list(traces.stale(AREA.mark, suites)) == []
    assert list(traces.stale("other", suites)) == suites
    SECOND.write_text("other", "utf-8")
    assert list(traces.stale(AREA.mark, suites)) == [SECOND]
    with pytest.raises(KeyError, match=SECOND.name):
        Covering(AREA)
    SHARED.write_text("other", "utf-8")
    forget()
    assert list(traces.stale(AREA.mark, [*suites, traces.SEEDS])) == [*suites, traces.SEEDS]
