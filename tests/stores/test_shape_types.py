"""Which types have a shape: `| None` in whatever order, and no value in the place of a type."""

from __future__ import annotations

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
    one = shape(None | int)
    assert [one.decode(data, []) for data in (None, 7)] == [None, 7]


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


def test_of_what_is_wrong_in_a_whole_record_the_first_of_its_type_is_named() -> None:
    with pytest.raises(Mismatch, match="one: expected a finite number"):
        shape(Pair).decode({"other": "2", "one": "1"}, [])
