"""Read a YAML file as plain data, knowing the line of each part.

The language is cut down to what a configuration needs, because the rest surprises: a word is only
ever true or false when it is one of these two, 010 is not eight, 12:30 is not 750, a key that
stands twice is an error, and there are no anchors, by which a small file can become a large one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from doctor_daemon.config.problems import Document, Loc, Problems

SIZE_MAX = 8 * 1024 * 1024
"""Bytes: an inventory of ten thousand hosts fits several times."""
DEPTH_MAX = 24

_TAG: Final = "tag:yaml.org,2002:"
_PLAIN = (
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", "~n"),
    ("int", r"[-+]?(0|[1-9][0-9]{0,17})", "-+0123456789"),
    ("float", r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}", "-+0123456789"),
)
"""Plain words that are more than text: pattern and first characters. YAML 1.2 has more."""


def limited(base: type[Any]) -> type[Any]:
    """Return a loader of PyYAML's that resolves plain words as listed above."""
    made: Any = type("Limited", (base,), {"yaml_implicit_resolvers": {}})
    for name, pattern, first in _PLAIN:
        # An empty word has no first character: it is nothing.
        starts = [*first, ""] if name == "null" else [*first]
        made.add_implicit_resolver(_TAG + name, re.compile(rf"^(?:{pattern})$"), starts)
    found: type[Any] = made
    return found


# libyaml is ten times as fast, and not on every machine.
LOADER = limited(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)

_SCALARS: dict[str, Callable[[str], object]] = {
    _TAG + "str": str,
    _TAG + "int": int,
    _TAG + "float": float,
    _TAG + "bool": lambda text: text == "true",
    _TAG + "null": lambda _: None,
}


def read_document(file: Path, problems: Problems, loader: type[Any] = LOADER) -> Document | None:
    """Read a file; note what is wrong with it, and return None if nothing can be read from it."""
    blank = Document(file, {})
    try:
        node = _composed(_text(file), loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        place = Document(file, {}, {(): line})
        problems.add(place, (), f"this is not valid YAML: {error.problem}")
        return None
    except (OSError, ValueError, yaml.YAMLError) as error:
        problems.add(blank, (), _why(error))
        return None
    if not isinstance(node, yaml.MappingNode):
        problems.add(blank, (), "expected a mapping of options")
        return None
    return _Reading(file, problems).document(node)


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"the file cannot be read: {error.strerror}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8 text"
    return str(error)


def _text(file: Path) -> str:
    with file.open("rb") as source:
        content = source.read(SIZE_MAX + 1)
    if len(content) > SIZE_MAX:
        msg = f"the file is longer than {SIZE_MAX} bytes"
        raise ValueError(msg)
    return content.decode()


def _composed(text: str, loader: type[Any]) -> yaml.Node | None:
    """Return the file's tree. What could make it larger or deeper than the file is refused."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        problem = ""
        if getattr(event, "anchor", None) is not None:
            problem = "anchors and aliases are not supported"
        elif depth > DEPTH_MAX:
            problem = f"this is nested more than {DEPTH_MAX} levels deep"
        if problem:
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
    node: yaml.Node | None = yaml.compose(text, Loader=loader)
    return node


class _Reading:
    """Turns a tree into plain data."""

    def __init__(self, file: Path, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._lines: dict[Loc, int] = {}

    def document(self, node: yaml.MappingNode) -> Document:
        """Return the whole."""
        return Document(self._file, self._mapping(node, ()), self._lines)

    def _value(self, node: yaml.Node, loc: Loc) -> object:
        self._lines[loc] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*loc, number)) for number, item in enumerate(node.value)]
        made = _SCALARS.get(node.tag)
        if made is None:
            self._add(loc, f"the tag {node.tag!r} is not supported")
            return None
        try:
            return made(node.value)
        except ValueError:
            self._add(loc, f"found {node.value!r}; it is not what its tag says")
            return None

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._problems.add(Document(self._file, {}, {loc: line}), loc, "a key must be text")
                continue
            place = (*loc, key.value)
            if key.value in found:
                known = self._lines.get(place, 1)
                text = f"this key stands twice, first in line {known}"
                self._problems.add(Document(self._file, {}, {place: line}), place, text)
                continue
            found[key.value] = self._value(value, place)
            self._lines[place] = line
        return found

    def _add(self, loc: Loc, text: str) -> None:
        self._problems.add(Document(self._file, {}, self._lines), loc, text)
