"""Which types have a shape: `| None` in whatever order, and no value in the place of a type."""

from __future__ import annotations

from dataclasses import dataclass
from types import GenericAlias, NoneType

import pytest

from doctor_daemon.stores.shape import shape


@dataclass(frozen=True)
class Leaf:
    name: str


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
