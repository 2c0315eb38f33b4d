"""How the values of the core turn into plain JSON data and back, derived from their type hints.

A converter is made once per type. It checks what it writes as strictly as what it reads: a value
of the wrong type must be refused while the caller is still there, not by the daemon that starts
after a crash and cannot read its own state.

Dataclasses become objects with their fields' names, so that a record stays readable and can grow.
Two are bare lists. An instant is `[boot, boot_s, wall_s]`: an incident has dozens of them, and
nearly always of one boot, so the boot's id stands once, in a table beside the data. An intent is
`[number, what, target]`: an incident may have hundreds that are open at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.journal import Intent

Boots = list[str]
"""The table of boot ids that instants refer to."""
WHOLE_MAX = 10**300
"""No whole number from here on is taken for a number that may have a fraction: it may be none."""
STEP_MAX = 64
"""Characters of each name on the way to what is wrong: one that is none of ours may be long."""
Convert = Callable[[Any, Boots], Any]


class Mismatch(ValueError):
    """A value that is not what its type says. `path` leads to it, innermost last."""

    def __init__(self, expected: str, found: object) -> None:
        """Say what was expected; of what was found the type alone, for it may be long."""
        super().__init__(f"expected {expected}, found {type(found).__name__}")
        self.path: list[str] = []

    def within(self, step: str) -> Mismatch:
        """Lead to it from one step further out."""
        self.path.insert(0, step)
        return self

    def __str__(self) -> str:
        """Say where, and what."""
        path = ".".join(step[:STEP_MAX] for step in self.path)
        return f"{path or 'it'}: {super().__str__()}"


@dataclass(frozen=True, slots=True)
class Shape:
    """Both directions of one type. Each raises Mismatch."""

    encode: Convert
    decode: Convert


@cache
def shape(hint: object) -> Shape:
    """Return the shape of a type: plain values, enums, dataclasses, tuples, mappings, `| None`."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if hint in _SINGLE:
        return _SINGLE[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _choice(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return record(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments:  # noqa: PLR2004 - one type, or None
        return _optional(shape(next(one for one in arguments if one is not NoneType)))
    if origin is tuple and arguments[1:] == (...,):
        return _sequence(shape(arguments[0]))
    if origin is Mapping and shape(arguments[0]) is _SINGLE[str]:
        return _mapping(shape(arguments[1]))
    msg = f"{hint} has no shape"
    raise TypeError(msg)


def _plain(kind: type) -> Shape:
    def check(value: object, _: Boots) -> object:
        if type(value) is kind:
            return value
        # To Python true is a 1; in a record it is a mistake.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise Mismatch(kind.__name__, value)
        return value

    return Shape(check, check)


def _number(value: object, _: Boots) -> float:
    # JSON has one kind of number: 3.0 may come back as 3. It has no infinity.
    if type(value) is float or (type(value) is int and abs(value) < WHOLE_MAX):
        number = float(value)
        if math.isfinite(number):
            return number
    raise Mismatch("a finite number", value)


def _instant_out(value: object, boots: Boots) -> list[object]:
    if not isinstance(value, Instant):
        raise Mismatch("an instant", value)
    if value.boot_id not in boots:
        boots.append(value.boot_id)
    return [boots.index(value.boot_id), _number(value.boot_s, boots), _number(value.wall_s, boots)]


def _instant_in(value: object, boots: Boots) -> Instant:
    if type(value) is list and len(value) == 3:  # noqa: PLR2004 - the boot, and two clocks
        boot, boot_s, wall_s = value
        if type(boot) is int and 0 <= boot < len(boots):
            return Instant(boots[boot], _number(boot_s, boots), _number(wall_s, boots))
    raise Mismatch("an instant", value)


def _intent_out(value: object, _: Boots) -> list[object]:
    match value:
        case Intent(int(number), str(what), str(target)) if not isinstance(number, bool):
            return [number, what, target]
    raise Mismatch("an intent", value)


def _intent_in(value: object, _: Boots) -> Intent:
    match value:
        case [int(number), str(what), str(target)] if not isinstance(number, bool):
            return Intent(number, what, target)
    raise Mismatch("an intent", value)


_SINGLE: Mapping[object, Shape] = {
    str: _plain(str),
    int: _plain(int),
    bool: _plain(bool),
    float: Shape(_number, _number),
    Instant: Shape(_instant_out, _instant_in),
    Intent: Shape(_intent_out, _intent_in),
}


def _choice(kind: type[Enum]) -> Shape:
    members = {member.value: member for member in kind}

    def encode(value: object, _: Boots) -> object:
        if isinstance(value, kind):
            return value.value
        raise Mismatch(kind.__name__, value)

    def decode(value: object, _: Boots) -> Enum:
        if type(value) in (str, int) and value in members:
            return members[value]
        raise Mismatch(f"one of {', '.join(map(str, members))}", value)

    return Shape(encode, decode)


def _optional(inner: Shape) -> Shape:
    def both(convert: Convert) -> Convert:
        return lambda value, boots: None if value is None else convert(value, boots)

    return Shape(both(inner.encode), both(inner.decode))


def _sequence(item: Shape) -> Shape:
    def encode(value: object, boots: Boots) -> list[object]:
        if not isinstance(value, tuple):
            raise Mismatch("a tuple", value)
        return [_at(str(n), item.encode, one, boots) for n, one in enumerate(value)]

    def decode(value: object, boots: Boots) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise Mismatch("a list", value)
        return tuple([_at(str(n), item.decode, one, boots) for n, one in enumerate(value)])

    return Shape(encode, decode)


def _mapping(inner: Shape) -> Shape:
    def both(convert: Convert) -> Convert:
        return lambda value, boots: dict(_pairs(value, convert, boots))

    return Shape(both(inner.encode), both(inner.decode))


def _pairs(value: object, convert: Convert, boots: Boots) -> Iterator[tuple[str, object]]:
    if type(value) is not dict and not isinstance(value, Mapping):
        raise Mismatch("a mapping", value)
    for key, item in value.items():
        if not isinstance(key, str):
            raise Mismatch("text as a key", key)
        yield key, _at(key, convert, item, boots)


def record(kind: type[Any], without: frozenset[str] = frozenset()) -> Shape:
    """Return the shape of a dataclass: an object of all its fields but those that are left out.

    Every field is written, be it at its default or not: what was saved must mean the same after a
    default has changed. A field that is missing takes its default: it is newer than the record.
    """
    hints = get_type_hints(kind)
    kept = {field.name: field for field in fields(kind) if field.name not in without}
    inner = {name: shape(hints[name]) for name in kept}
    needed = {name for name, field in kept.items() if _needed(field)}

    steps = tuple((name, one.encode) for name, one in inner.items())

    def encode(value: object, boots: Boots) -> dict[str, object]:
        if type(value) is not kind:
            raise Mismatch(kind.__name__, value)
        told: dict[str, object] = {}
        name = ""
        try:  # once for all fields: hundreds of records are written before a notice is told
            for name, convert in steps:
                told[name] = convert(getattr(value, name), boots)
        except Mismatch as error:
            raise error.within(name) from None
        return told

    return Shape(encode, _decoder(kind, inner, {name: hints[name] for name in kept}, needed))


def _decoder(
    kind: type[Any], inner: Mapping[str, Shape], hints: Mapping[str, object], needed: set[str]
) -> Convert:
    """Return what makes a record of an object: of all fields, or of those that are needed."""
    decoders = {name: one.decode for name, one in inner.items()}
    plain = {name: hint for name, hint in hints.items() if hint in (str, bool, int)}
    kinds = [*plain.values()]
    mixed = [(name, convert) for name, convert in decoders.items() if name not in plain]

    def decode(value: object, boots: Boots) -> object:
        if type(value) is not dict:
            raise Mismatch(f"an object for {kind.__name__}", value)
        if value.keys() == inner.keys() and [type(value[name]) for name in plain] == kinds:
            todo = mixed  # what is plain is as it should be: a start reads tens of thousands
        elif needed <= value.keys() <= inner.keys():
            todo = [(name, decoders[name]) for name in value]
        else:
            raise _misfit(kind, value, inner.keys(), needed)
        found, name = value.copy(), ""
        try:  # once for all fields, as above
            for name, convert in todo:
                found[name] = convert(value[name], boots)
        except Mismatch as error:
            raise error.within(name) from None
        return kind(**found)

    return decode


def _misfit(
    kind: type[Any], value: Mapping[str, object], kept: AbstractSet[str], needed: AbstractSet[str]
) -> Mismatch:
    """Return what is wrong with the fields of a record: the first that is too many, or missing."""
    for name in sorted(value.keys() - kept):
        return Mismatch(f"no such field in {kind.__name__}", value[name]).within(name)
    return Mismatch("a value", None).within(min(needed - value.keys()))


def _needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _at(name: str, convert: Convert, value: object, boots: Boots) -> object:
    try:
        return convert(value, boots)
    except Mismatch as error:
        raise error.within(name) from None
