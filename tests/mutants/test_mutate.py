"""Small programs in, every expected mutant out."""

import ast
from itertools import product
from pathlib import Path

import pytest

from tests.mutants.mutate import NEIGHBOURS, Mutant, mutants

HEAD = "from __future__ import annotations\n"


def made(source: str) -> list[Mutant]:
    return list(mutants("pkg.mod", source))


def changes(source: str) -> set[tuple[str, str]]:
    return {(one.was, one.becomes) for one in made(source)}


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("a < b", {"a <= b", "a >= b"}),
        ("a <= b", {"a < b", "a > b"}),
        ("a > b", {"a >= b", "a <= b"}),
        ("a >= b", {"a > b", "a < b"}),
        ("a == b", {"a != b"}),
        ("a != b", {"a == b"}),
        ("a is b", {"a is not b"}),
        ("a is not b", {"a is b"}),
        ("a in b", {"a not in b"}),
        ("a not in b", {"a in b"}),
    ],
)
def test_every_comparison_and_its_neighbours(was: str, becomes: set[str]) -> None:
    assert changes(f"x = {was}") == {(was, new) for new in becomes}


def test_every_operator_of_a_chain() -> None:
    was = "a <= b < c"
    assert changes(f"x = {was}") == {
        (was, "a < b < c"),
        (was, "a > b < c"),
        (was, "a <= b <= c"),
        (was, "a <= b >= c"),
    }


def test_no_operator_of_python_is_forgotten() -> None:
    assert set(NEIGHBOURS) == set(ast.cmpop.__subclasses__())


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("a and b", {"a or b", "a", "b"}),
        ("a or b", {"a and b", "a", "b"}),
        ("a and b and c", {"a or b or c", "b and c", "a and c", "a and b"}),
        ("not a", {"a"}),
    ],
)
def test_every_boolean_is_swapped_and_each_operand_left_out(was: str, becomes: set[str]) -> None:
    assert changes(f"x = {was}") == {(was, new) for new in becomes}


@pytest.mark.parametrize(
    "source",
    [
        "if a:\n    f()",
        "if b:\n    f()\nelif a:\n    g()",
        "while a:\n    f()",
        "x = f() if a else g()",
        "x = [y for y in z if a]",
        "x = {y for y in z if a}",
        "x = {y: y for y in z if a}",
        "x = list((y for y in z if a))",
        "match x:\n    case 1 if a:\n        f()",
    ],
)
def test_every_condition_is_forced_both_ways(source: str) -> None:
    assert {("a", "True"), ("a", "False")} <= changes(source)
    assert {new for was, new in changes(source) if was == "a"} == {"True", "False"}


def test_a_case_and_a_comprehension_without_a_condition_have_no_mutant() -> None:
    assert made("x = [y for y in z]\nmatch x:\n    case 1:\n        f()") == []


def test_a_condition_is_changed_in_its_parts_too() -> None:
    assert changes("if a and not b:\n    f()") == {
        ("a and (not b)", "True"),
        ("a and (not b)", "False"),
        ("a and (not b)", "a or not b"),
        ("a and (not b)", "not b"),
        ("a and (not b)", "a"),
        ("not b", "b"),
    }


def test_equal_programs_are_made_once() -> None:
    """`not a` without its `not`, and the second operand of `True and a`, are nothing new here."""
    sources = [one.source for one in made("if a or a:\n    f()")]
    assert len(sources) == len(set(sources))
    assert ("a or a", "a") in changes("if a or a:\n    f()")


def test_a_condition_that_is_forced_already_is_not_forced_again() -> None:
    assert changes("while True:\n    f()") == {("True", "False")}


@pytest.mark.parametrize(
    "source",
    [
        '"""Whether a < b and not c."""',
        "x: 'a < b' = 1",
        HEAD + "x: (A if B else C) = 1",
        HEAD + "def f(x: (a < b), *, y: (a and b)) -> (not c):\n    return x",
        "if TYPE_CHECKING:\n    x = a < b",
        "if typing.TYPE_CHECKING:\n    x = not a",
        "x = a + b",
    ],
)
def test_what_is_never_run_is_left_alone(source: str) -> None:
    assert made(source) == []


def test_a_mutant_is_the_whole_program_with_one_change() -> None:
    source = "def f(a, b):\n    if a < b:\n        return a\n    return b < a"
    programs = {one.name: one.source for one in made(source)}
    assert programs["mod.f: b < a -> b <= a"] == source.replace("b < a", "b <= a")
    assert programs["mod.f: a < b -> True"] == source.replace("a < b", "True")
    for program in programs.values():
        lines = zip(program.splitlines(), source.splitlines(), strict=True)
        assert sum(one != other for one, other in lines) == 1


def test_a_mutant_is_named_by_its_function_and_not_by_its_line() -> None:
    source = "class A:\n    def f(self):\n        return x < y"
    moved = "y = 1\n\n\n" + source
    assert [one.name for one in made(source)] == [one.name for one in made(moved)]
    assert [one.line for one in made(moved)] == [6, 6]
    assert made(source)[0].name == "mod.A.f: x < y -> x <= y"


def test_equal_changes_of_one_function_are_counted() -> None:
    source = "def f():\n    g(not a)\n    g(not a)"
    assert [one.name for one in made(source)] == ["mod.f: not a -> a", "mod.f: not a -> a (2)"]
    first, second = made(source)
    assert first.source != second.source


def test_what_is_inside_a_string_that_is_formatted_is_changed() -> None:
    assert changes("x = f\"{a or 'none'}\"") == {
        ("a or 'none'", "a and 'none'"),
        ("a or 'none'", "a"),
        ("a or 'none'", "'none'"),
    }


def test_every_mutant_of_a_real_module_is_a_program_of_its_own() -> None:
    source = Path(__file__).with_name("mutate.py").read_text("utf-8")
    found = made(source)
    assert len({one.name for one in found}) == len(found)
    for one, other in product(found[:20], repeat=2):
        assert one is other or one.source != other.source
    for one in found:
        ast.parse(one.source)
