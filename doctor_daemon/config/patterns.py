"""One pattern form for names, and one template form for what depends on the name.

cmp-[001-500] stands for 500 names: a number keeps the width that it is written with. In a template
{host} is the name, {n} the number as the name has it, and other variables come from an inventory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

HOSTS_MAX = 10_000
NAME_MAX = 255
"""Characters of a service's host name in Nova's database."""

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{NAME_MAX}}}")  # as Nova's API takes them
_VARIABLE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Named:
    """A name, and its number as written; empty where it comes from no pattern."""

    host: str
    number: str = ""


def expand(pattern: str) -> Iterator[Named]:
    """Yield the names of a pattern. Raise ValueError, for too many names before the first."""
    found = _BRACKETS.findall(pattern)
    if not found:
        yield Named(_checked(pattern))
        return
    if len(found) > 1:
        msg = "expected one pair of brackets, as in cmp-[001-500]"
        raise ValueError(msg)
    ranges = [_range(text.strip()) for text in found[0].split(",")]
    if sum(len(numbers) for numbers, _ in ranges) > HOSTS_MAX:
        msg = f"expected at most {HOSTS_MAX} hosts"
        raise ValueError(msg)
    before, after = _BRACKETS.split(pattern)[::2]
    for numbers, width in ranges:
        for number in numbers:
            written = f"{number:0{width}}"
            yield Named(_checked(f"{before}{written}{after}"), written)


def _range(text: str) -> tuple[range, int]:
    """Return the numbers of 7, 1-500 or 001-500, and the width they are written with."""
    found = _RANGE.fullmatch(text)
    if found is None:
        msg = f"expected a range as 001-500 in the brackets, not {text!r}"
        raise ValueError(msg)
    first, last = found[1], found[2] or found[1]
    padded = any(len(number) > 1 and number.startswith("0") for number in (first, last))
    if padded and len(first) != len(last):
        msg = f"expected both ends of {text} in the same width"
        raise ValueError(msg)
    if int(last) < int(first):
        msg = f"expected {text} to ascend"
        raise ValueError(msg)
    return range(int(first), int(last) + 1), len(first) if padded else 1


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        msg = f"expected a host's name of letters, digits, '.', '_' and '-', not {name!r}"
        raise ValueError(msg)
    return name


def fill(template: str, variables: Mapping[str, str]) -> str:
    """Replace {variables}; {{ and }} stand for braces. Raise ValueError for one that is unknown."""
    return _VARIABLE.sub(_replacement(variables), template)


def _replacement(variables: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        name = found[1]
        if name is None or name not in variables:
            known = ", ".join(f"{{{variable}}}" for variable in variables)
            msg = f"{found[0]} stands for nothing; expected one of {known}"
            raise ValueError(msg)
        return variables[name]

    return replace
