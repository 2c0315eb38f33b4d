"""A run that tested less than it should fails, and says why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house.minimums import read_minimums

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """A project with suite `a` of two tests and suite `b` of one, whose minimums are given."""

    def with_minimums(a: int, b: int, *arguments: str) -> pytest.RunResult:
        minimums = pytester.path / "tests" / "minimums.toml"
        minimums.write_text(f'[test]\n"tests/a" = {a}\n[other]\n"tests/b/test_b.py" = {b}\n')
        return pytester.runpytest_inprocess("-p", "tests.house.minimums", *arguments)

    for name, text in {
        "a/test_a.py": "def test_one(): pass\ndef test_two(): pass\n",
        "b/test_b.py": "def test_three(): pass\n",
    }.items():
        file = pytester.path / "tests" / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    return with_minimums


def test_a_full_run_passes(run: Run) -> None:
    result = run(2, 1, "tests")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*less was tested*")


def test_a_run_without_arguments_asks_for_every_suite(run: Run) -> None:
    assert run(2, 2).ret == pytest.ExitCode.TESTS_FAILED


def test_a_suite_below_its_minimum_fails_the_run(run: Run) -> None:
    result = run(3, 1, "tests")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*less was tested*", "tests/a: collected 2, * asks for 3"])
    result.stdout.fnmatch_lines(["*3 passed*"])


def test_a_suite_that_vanished_fails_the_run(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "tests" / "b" / "test_b.py").unlink()
    result = run(2, 1, "tests")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["tests/b/test_b.py: collected 0, * asks for 1"])


def test_no_tests_at_all_is_a_failure_too(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "tests" / "b" / "test_b.py").unlink()
    assert run(2, 1, "tests/b").ret == pytest.ExitCode.TESTS_FAILED
    assert run(2, 1, "tests/b", "-k", "three").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    "arguments",
    [
        ("tests/b",),
        ("tests/a/test_a.py",),
        ("tests/a/test_a.py::test_one",),
        ("tests", "-k", "one"),
        ("tests", "-m", "not slow"),
        ("tests", "--deselect=tests/a/test_a.py::test_one"),
        ("tests", "--ignore=tests/a"),
        ("tests", "--ignore=tests/a/test_a.py"),
        ("tests", "--lf"),
    ],
    ids=" ".join,
)
def test_a_run_that_does_not_ask_for_the_whole_suite_is_free(
    run: Run, arguments: tuple[str, ...]
) -> None:
    assert run(9, 1, *arguments).ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("test", "line"),
    [
        ("@pytest.mark.skip\ndef test_more(): pass", "*::test_more: skipped"),
        ("def test_more(): pytest.importorskip('nowhere')", "*::test_more: skipped"),
        ("pytest.importorskip('nowhere')", "*test_more.py: skipped whole"),
        ("@pytest.mark.xfail\ndef test_more(): 1 / 0", "*::test_more: expected to fail"),
        ("@pytest.mark.xfail\ndef test_more(): pass", "*::test_more: expected to fail"),
    ],
    ids=["mark", "import", "module", "xfail", "xpass"],
)
def test_whatever_was_skipped_fails_the_run(
    run: Run, pytester: pytest.Pytester, test: str, line: str
) -> None:
    (pytester.path / "tests" / "a" / "test_more.py").write_text(f"import pytest\n{test}\n")
    result = run(1, 1, "tests", "-k", "more or one")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([line])


def test_a_failure_stays_a_failure(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "tests" / "a" / "test_more.py").write_text("def test_more(): 1 / 0\n")
    result = run(9, 1, "tests")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=3, failed=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"tests/a" = 3', "expected a table"),
        ('[test]\n"tests/a" = 0', "expected a number from 1"),
        ('[test]\n"tests/a" = "3"', "expected a number from 1"),
        ('[test]\n"tests/a" = true', "expected a number from 1"),
    ],
)
def test_a_minimum_that_says_nothing_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "minimums.toml"
    file.write_text(text)
    with pytest.raises(pytest.UsageError, match=message):
        read_minimums(file)
