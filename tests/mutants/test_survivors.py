"""Explanations: whole, one for each survivor, and none that explains nothing."""

from pathlib import Path

import pytest

from tests.mutants.mutate import mutants
from tests.mutants.survivors import FILE, Explained, read, stale

ENTRY = """
[[survivor]]
module = "pkg.mod"
place = "f"
was = "a < b"
becomes = "a <= b"
why = "b is never a"
"""
SOURCE = "def f(a, b):\n    return a < b"
LIMIT, OPPOSITE = mutants("pkg.mod", SOURCE)
KNOWN = Explained("pkg.mod", "f", "a < b", "a <= b", "b is never a")


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "survivors.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_explanation_names_its_mutant(tmp_path: Path) -> None:
    (entry,) = read(written(tmp_path, ENTRY))
    assert entry == KNOWN
    assert entry.name == LIMIT.name


def test_a_file_without_survivors_is_the_best_one(tmp_path: Path) -> None:
    assert read(written(tmp_path, "# none\n")) == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (ENTRY.replace('why = "b is never a"', ""), "survivor 1 has"),
        (ENTRY + 'line = "7"', "survivor 1 has"),
        (ENTRY.replace("b is never a", "  "), "survivor 1 does not say why"),
    ],
)
def test_an_explanation_that_is_not_whole_is_refused(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(written(tmp_path, text))


def test_an_explanation_of_a_survivor_is_not_stale() -> None:
    assert list(stale([KNOWN], [LIMIT, OPPOSITE], [LIMIT])) == []


def test_an_explanation_of_a_mutant_that_was_killed_is_stale() -> None:
    assert list(stale([KNOWN], [LIMIT, OPPOSITE], [OPPOSITE])) == [
        "killed after all: mod.f: a < b -> a <= b"
    ]


def test_an_explanation_of_a_mutant_that_is_gone_is_stale() -> None:
    assert list(stale([KNOWN], [OPPOSITE], [OPPOSITE])) == [
        "no such mutant any more: mod.f: a < b -> a <= b"
    ]


def test_every_explanation_of_the_core_names_a_mutant_that_exists() -> None:
    made = {
        one.name
        for module in {entry.module for entry in read()}
        for one in mutants(module, Path(module.replace(".", "/") + ".py").read_text("utf-8"))
    }
    assert FILE.exists()
    assert [entry.name for entry in read() if entry.name not in made] == []
