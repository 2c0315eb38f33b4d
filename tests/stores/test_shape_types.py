"""Which types have a shape: `| None` in whatever order, and no value in the place of a type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import GenericAlias, MappingProxyType, NoneType

import pytest

from doctor_daemon.stores.shape import Mismatch, shape


@dataclass(frozen=True)
class Leaf:
    name: str


@dataclass(frozen=True)
class Pair:
    one: float
    other: float


def test_a_type_may_be_named_after_that_it_may_be_none() -> None:
    one = shape(None | Pair)
    assert [one.decode(data, []) for data in (None, {"one": 1.0, "other": 2})] == [None, Pair(1, 2)]


@pytest.mark.parametrize(
    "hint",
    [GenericAlias(tuple, (int, NoneType)), GenericAlias(list, (int, ...)), Leaf("a")],
    ids=str,
)
def test_what_only_looks_like_a_type_that_is_known_has_no_shape(hint: object) -> None:
    with pytest.raises(TypeError, match="has no shape"):
        shape(hint)


def test_a_mapping_that_is_no_dict_is_written_as_one() -> None:
    assert shape(Mapping[str, int]).encode(MappingProxyType({"a": 1}), []) == {"a": 1}


@dataclass(frozen=True)
class Plain:
    one: int
    other: str


@pytest.mark.parametrize(
    ("hint", "wrong", "named"),
    [
        (Pair, {"other": "2", "one": "1"}, "one: expected a finite number"),
        (Pair, {"other": 2.0, "one": math.inf}, "one: expected a finite number"),
        (Plain, {"other": 2, "one": "1"}, "other: expected str"),
        (Plain, {"one": "1", "other": 2}, "one: expected int"),
    ],
)
def test_one_field_that_is_wrong_is_named_the_first_there_where_they_are_plain(
    hint: type, wrong: dict[str, object], named: str
) -> None:
    """Of those that are not plain it is the first of the type."""
    with pytest.raises(Mismatch, match=named):
        shape(hint).decode(wrong, [])
