"""Strategies for any value that a type hint allows: what a codec must bring back unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from doctor_daemon.core.instant import Instant

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
"""Any text: also what is no valid Unicode, and what a shell or SQL would trip over."""

_SINGLE: Mapping[object, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(),
    bool: st.booleans(),
    float: NUMBERS,
    NoneType: st.none(),
    # Few boots, so that instants share them, as they do in service.
    Instant: st.builds(Instant, st.sampled_from(("b1", "b2", "b3")), NUMBERS, NUMBERS),
}


def anything(hint: object) -> st.SearchStrategy[Any]:
    """Return a strategy for any value of a type."""
    if isinstance(hint, NewType):
        return anything(hint.__supertype__)
    if hint in _SINGLE:
        return _SINGLE[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(
            hint, **{field.name: anything(hints[field.name]) for field in fields(hint)}
        )
    return _combined(get_origin(hint), get_args(hint))


def _combined(origin: object, arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin in (Union, UnionType):
        return st.one_of(*map(anything, arguments))
    if origin is Mapping:
        return st.dictionaries(anything(arguments[0]), anything(arguments[1]), max_size=3)
    assert origin is tuple
    assert arguments[1:] == (...,)
    return st.lists(anything(arguments[0]), max_size=3).map(tuple)
