"""Odd JSON from good JSON: bytes changed at random are hardly ever JSON, and die in the parser.

So half of the changes to what is JSON are made to its tree: a value is replaced by one that is hard
to bear, a member is left out, doubled or renamed. The other half are the fuzzer's own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

DEPTHS = (100, 300, 3000)
ODD: tuple[str, ...] = (
    *("null", "true", "false", "0", "1", "-1", "1.5", "1e999", "-0.0", "NaN", "[]", "{}", '""'),
    *("9" * 30, "9" * 400, "9" * 5000, '"\\ud800"', '"\\u0000"', '"\\u2028"', '"\\u001b[2J"'),
    *('"' + "x" * 300 + '"', '"' + "é" * 256 + '"', '"cmp-1"', '"cmp-2"', '"nobody"', '"down"'),
    *('"2027-01-15T08:00:00Z"', '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59"'),
    *('"11111111-2222-3333-4444-555555555555"', "[[]]", "[{}]", '["a","a"]', '{"a":{"b":[1]}}'),
    *("[" * depth + "]" * depth for depth in DEPTHS),
)
"""As text, since not all of it can be made by an encoder."""
_MARK = "\ue000"


def mutated(data: bytes, size_max: int, seed: int, plain: Callable[[bytes, int], bytes]) -> bytes:
    """Change an input once; `plain` changes bytes."""
    dice = random.Random(seed)
    if dice.random() < 0.5:
        return plain(data, size_max)
    try:
        tree: object = json.loads(data)
    except (ValueError, RecursionError):
        return plain(data, size_max)
    for _ in range(dice.randint(1, 3)):
        tree = _changed(tree, dice)
    try:
        text = json.dumps(tree)
    except RecursionError:
        return plain(data, size_max)
    while (at := text.find(json.dumps(_MARK))) >= 0:
        text = text[:at] + dice.choice(ODD) + text[at + len(json.dumps(_MARK)) :]
    return text.encode()[:size_max]


def _places(tree: object) -> list[tuple[Any, Any]]:
    """Return every container with each of its keys."""
    found: list[tuple[Any, Any]] = []
    rest: list[Any] = [tree]
    while rest:
        one = rest.pop()
        keys = (
            list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        )
        for key in keys:
            found.append((one, key))
            rest.append(one[key])
    return found


def _changed(tree: object, dice: random.Random) -> object:
    places = _places(tree)
    if not places:
        return _MARK
    inside, key = dice.choice(places)
    match dice.randrange(5):
        case 0:
            del inside[key]
        case 1 if isinstance(inside, list):
            inside.append(inside[key])
        case 2 if isinstance(inside, dict):
            inside[dice.choice([one for holder, one in places if isinstance(holder, dict)])] = (
                inside.pop(key)
            )
        case 3:
            other, place = dice.choice(places)
            inside[key] = json.loads(json.dumps(other[place]))
        case _:
            inside[key] = _MARK
    return tree
