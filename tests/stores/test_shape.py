"""What each type's values are as JSON, what is taken for one, and what is told of what is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any, NewType, Optional

import pytest

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.journal import Intent
from doctor_daemon.stores.shape import STEP_MAX, WHOLE_MAX, Mismatch, record, shape

Name = NewType("Name", str)
Alias = NewType("Alias", Name)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


class Text(str):
    """A text of a kind of its own, as other libraries make them."""

    __slots__ = ()


@dataclass(frozen=True)
class Leaf:
    name: str
    number: int
    flag: bool = False


@dataclass(frozen=True)
class Branch:
    leaf: Leaf
    others: tuple[Leaf, ...] = ()
    named: Mapping[str, Leaf] = field(default_factory=dict)
    at: Instant | None = None


@dataclass(frozen=True)
class Long(Leaf):
    """One that is another."""


def out(hint: object, value: object) -> object:
    return shape(hint).encode(value, [])


def back(hint: object, data: object, boots: Sequence[str] = ()) -> object:
    return shape(hint).decode(data, list(boots))


LEAF: dict[str, Any] = {"name": "a", "number": 1, "flag": True}
BRANCH: dict[str, Any] = {"leaf": LEAF, "others": [LEAF], "named": {"x": LEAF}, "at": [0, 1.0, 2.0]}


@pytest.mark.parametrize(
    ("hint", "value", "data"),
    [
        (str, "a", "a"),
        (Alias, "a", "a"),
        (int, 7, 7),
        (bool, True, True),
        (float, 1.5, 1.5),
        (Colour, Colour.RED, "red"),
        (Rank, Rank.HIGH, 2),
        (int | None, None, None),
        (Optional[int], 7, 7),  # noqa: UP045 - the older spelling is another type
        (tuple[int, ...], (1, 2), [1, 2]),
        (Mapping[str, int], {"a": 1}, {"a": 1}),
        (Mapping[Name, int], {"a": 1}, {"a": 1}),
        (Intent, Intent(1, "cut", "bmc"), [1, "cut", "bmc"]),
        (Leaf, Leaf("a", 1, flag=True), LEAF),
        (
            Branch,
            Branch(
                Leaf("a", 1, flag=True),
                (Leaf("a", 1, flag=True),),
                {"x": Leaf("a", 1, flag=True)},
                Instant("b", 1.0, 2.0),
            ),
            BRANCH,
        ),
    ],
)
def test_a_value_is_written_so_and_read_back(hint: object, value: object, data: object) -> None:
    assert out(hint, value) == data
    found = back(hint, data, ["b"])
    assert found == value
    assert type(found) is type(value)


def test_a_text_of_a_kind_of_its_own_is_a_text() -> None:
    assert out(str, Text("a")) == "a"


@pytest.mark.parametrize(
    ("hint", "wrong", "expected"),
    [
        (str, 1, "expected str, found int"),
        (str, None, "expected str, found NoneType"),
        (int, "1", "expected int, found str"),
        (int, True, "expected int, found bool"),
        (int, 1.0, "expected int, found float"),
        (bool, 1, "expected bool, found int"),
        (float, True, "expected a finite number, found bool"),
        (float, "1", "expected a finite number, found str"),
        (float, float("inf"), "expected a finite number"),
        (float, float("nan"), "expected a finite number"),
        (float, WHOLE_MAX, "expected a finite number"),
        (float, -WHOLE_MAX, "expected a finite number"),
        (int | None, "1", "expected int, found str"),
        (Mapping[str, int], [1], "expected a mapping, found list"),
        (Mapping[str, int], {1: 1}, "expected text as a key, found int"),
        (Mapping[str, int], {"a": "1"}, "a: expected int, found str"),
        (tuple[int, ...], "12", "found str"),
        (Instant, "b", "expected an instant, found str"),
        (Intent, "b", "expected an intent, found str"),
        (Leaf, "b", "found str"),
        (Colour, "green", "found str"),
        (Colour, 1, "found int"),
    ],
)
def test_what_is_no_such_value_is_neither_written_nor_read(
    hint: object, wrong: object, expected: str
) -> None:
    for way in (out, back):
        with pytest.raises(Mismatch, match=expected):
            way(hint, wrong)


@pytest.mark.parametrize("whole", [WHOLE_MAX - 1, 1 - WHOLE_MAX, 3])
def test_a_whole_number_is_taken_for_one_that_may_have_a_fraction(whole: int) -> None:
    for way in (out, back):
        found = way(float, whole)
        assert (found, type(found)) == (float(whole), float)


@pytest.mark.parametrize(
    ("hint", "wrong", "expected"),
    [
        (tuple[int, ...], [1], "expected a tuple, found list"),
        (tuple[int, ...], (1, "2"), "1: expected int, found str"),
        (Colour, "red", "expected Colour, found str"),
        (Leaf, Long("a", 1), "expected Leaf, found Long"),
        (Leaf, Leaf("a", "1"), "number: expected int, found str"),  # type: ignore[arg-type] # it is wrong
        (Branch, Branch(Leaf("a", 1), (Leaf(1, 1),)), "others.0.name: expected str"),  # type: ignore[arg-type] # as above
        (Intent, Intent(number=True, what="a", target="b"), "expected an intent"),
        (Intent, Intent(1, 2, "b"), "expected an intent"),  # type: ignore[arg-type] # as above
        (Intent, Intent(1, "a", 3), "expected an intent"),  # type: ignore[arg-type] # as above
        (Intent, (1, "a", "b"), "expected an intent"),
        (Instant, Instant("b", float("nan"), 1.0), "a finite number"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(
    hint: object, wrong: object, expected: str
) -> None:
    with pytest.raises(Mismatch, match=expected):
        out(hint, wrong)


@pytest.mark.parametrize(
    ("hint", "wrong", "expected"),
    [
        (tuple[int, ...], (1,), "expected a list, found tuple"),
        (tuple[int, ...], [1, "2"], "1: expected int, found str"),
        (Colour, Colour.RED, "expected one of red, blue, found Colour"),
        (Rank, 3, "expected one of 1, 2, found int"),
        (Rank, 1.0, "expected one of 1, 2, found float"),
        (Rank, True, "expected one of 1, 2, found bool"),
        (Colour, ["red"], "expected one of red, blue, found list"),
        (Leaf, [], "expected an object for Leaf, found list"),
        (Leaf, {}, "name: expected a value, found NoneType"),
        (Leaf, {"name": "a"}, "number: expected a value"),
        (Leaf, {**LEAF, "b": 1, "a": "2"}, "a: expected no such field in Leaf, found str"),
        (Leaf, {**LEAF, "number": True}, "number: expected int, found bool"),
        (Leaf, {"name": 1, "number": 1}, "name: expected str, found int"),
        (Branch, {**BRANCH, "named": {"x": {}}}, "named.x.name: expected a value"),
        (Branch, {**BRANCH, "leaf": {**LEAF, "flag": 1}}, "leaf.flag: expected bool, found int"),
        (Branch, {"leaf": LEAF, "others": [LEAF, 1]}, "others.1: expected an object for Leaf"),
        (Intent, [True, "a", "b"], "expected an intent"),
        (Intent, [1, 2, "b"], "expected an intent"),
        (Intent, [1, "a"], "expected an intent"),
        (Intent, [1, "a", None], "expected an intent"),
        (Instant, [0, 1.0], "expected an instant"),
        (Instant, (0, 1.0, 1.0), "expected an instant"),
        (Instant, [0, 1.0, 1.0, 1.0], "expected an instant"),
        (Instant, [1, 1.0, 1.0], "expected an instant"),
        (Instant, [-1, 1.0, 1.0], "expected an instant"),
        (Instant, [False, 1.0, 1.0], "expected an instant"),
        (Instant, ["b", 1.0, 1.0], "expected an instant"),
        (Instant, [0, "1", 1.0], "a finite number"),
        (Instant, [0, 1.0, None], "a finite number"),
    ],
)
def test_what_is_not_as_it_was_written_is_not_read(
    hint: object, wrong: object, expected: str
) -> None:
    with pytest.raises(Mismatch, match=expected):
        back(hint, wrong, ["b"])


def test_a_field_that_is_missing_takes_its_default_and_all_others_are_looked_at() -> None:
    assert back(Leaf, {"number": 1, "name": "a"}) == Leaf("a", 1)
    assert back(Branch, {"leaf": {"name": "a", "number": 1}}) == Branch(Leaf("a", 1))
    data = dict(BRANCH)
    back(Branch, data, ["b"])
    assert data == BRANCH  # what was read is left as it is


def test_what_is_left_out_is_neither_written_nor_read() -> None:
    few = record(Leaf, frozenset({"flag"}))
    assert few.encode(Leaf("a", 1, flag=True), []) == {"name": "a", "number": 1}
    assert few.decode({"name": "a", "number": 1}, []) == Leaf("a", 1)
    with pytest.raises(Mismatch, match="flag: expected no such field in Leaf"):
        few.decode(LEAF, [])


def test_the_boots_of_instants_stand_once_each() -> None:
    boots: list[str] = []
    moments = tuple(Instant(boot, 1.0, 2.0) for boot in "aba")
    data = shape(tuple[Instant, ...]).encode(moments, boots)
    assert (data, boots) == ([[0, 1.0, 2.0], [1, 1.0, 2.0], [0, 1.0, 2.0]], ["a", "b"])
    assert back(tuple[Instant, ...], data, boots) == moments


@pytest.mark.parametrize(
    "hint",
    [list[int], tuple[int, int], tuple[int], Mapping[int, str], int | str, int | str | None, Any],
    ids=str,
)
def test_a_type_without_a_shape_is_refused(hint: object) -> None:
    with pytest.raises(TypeError, match="has no shape"):
        shape(hint)


def test_a_mismatch_says_where_and_in_short() -> None:
    error = Mismatch("this", 1).within("x" * (STEP_MAX + 1)).within("a")
    assert str(error) == f"a.{'x' * STEP_MAX}: expected this, found int"
    assert str(Mismatch("this", 1)) == "it: expected this, found int"
