"""Problems of a configuration: all of them at once, in one form.

A person who mends a file wants every fault in it named, and each with file, line, path, what was
found and what is expected. What was found is not shown where it may be a secret that was put into
the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from doctor_daemon.config.texts import texts
from doctor_daemon.errors import ConfigError
from doctor_daemon.log import escaped, printable, secret_key
from doctor_daemon.ports import conceal

SHOWN_MAX = 100
LETTERS_MAX = 50_000
"""Of all that are shown together; of one alone a twenty-fifth of it."""
FOUND_MAX = 80

Loc = tuple[int | str, ...]
"""Where in a document: keys, and numbers in lists."""

_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping",
    "path_type": "a path",
    "string_type": "text",
    "tuple_type": "a list",
}
_BOUNDS = (
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
    ("greater than", "more than"),
)
# What pydantic puts into a place for the branches of a union: they are no keys of the file.
_BRANCH = re.compile(
    r"(literal|tuple|list|set|frozenset|dict|function|constrained|nullable|is-instance"
    r"|lax-or-strict|json-or-python|chain)[\[(-].*|str|int|float|bool"
)
_QUOTED = re.compile(r"'[^']*'")
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "a truth value"),
    ((int, float), "a number"),
    (str, "text"),
    (Mapping, "a mapping"),
    (list, "a list"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file as plain data, and the line of each of its parts."""

    file: Path
    value: dict[str, Any]
    lines: Mapping[Loc, int] = field(default_factory=dict)

    def line(self, loc: Loc) -> int:
        """Return the line of a part, or of the nearest part around it."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)

    def items(self, option: str) -> Iterator[tuple[Loc, object]]:
        """Yield place and value of each item of a list, if there is such a list."""
        found = self.value.get(option)
        for number, item in enumerate(found if isinstance(found, list) else []):
            yield (option, number), item


def dotted(loc: Loc) -> str:
    """Write a place as people do: sources[1].auth.bearer_file."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "".join(parts).removeprefix(".")


@dataclass(slots=True)
class Problem:
    """One fault. `hosts` are those of a pattern that share it."""

    document: Document
    loc: Loc
    text: str
    hosts: list[str] = field(default_factory=list)

    @property
    def line(self) -> int:
        """Where in its file it is."""
        return self.document.line(self.loc)

    def __str__(self) -> str:
        more = f" and {len(self.hosts) - 1} more" if len(self.hosts) > 1 else ""
        hosts = f" (host {self.hosts[0]}{more})" if self.hosts else ""
        place = f" {dotted(self.loc)}:" if self.loc else ""
        text = f"{self.document.file}:{self.line}:{place} {self.text}{hosts}"
        return printable(escaped(conceal(text)), LETTERS_MAX // 25)


class Problems:
    """Collects what is wrong, and raises it together."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[tuple[Path, Loc, str], Problem] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, document: Document, loc: Loc, text: str, host: str = "") -> None:
        """Note a problem. Hosts of a pattern that have the same one at one place share it."""
        key = (document.file, loc, _QUOTED.sub("", text) if host else text)
        problem = self._found.setdefault(key, Problem(document, loc, text))
        if host:
            problem.hosts.append(host)

    def check(
        self,
        document: Document,
        loc: Loc,
        error: ValidationError,
        model: type[BaseModel],
        *,
        known: tuple[str, ...] = (),
        host: str = "",
    ) -> None:
        """Note every problem that a model has with what stands at `loc`.

        `known` are options that stand beside the model's own.
        """
        for place, text in explained(error, model, known):
            self.add(document, (*loc, *place), text, host)

    def raise_any(self) -> None:
        """Raise ConfigError with every problem, if there is any."""
        if not self._found:
            return
        found = sorted(self._found.values(), key=lambda one: (one.document.file, one.line))
        shown = list(_fitting(found))
        if len(found) > len(shown):
            shown.append(f"and {len(found) - len(shown)} problems more")
        raise ConfigError("\n".join(shown))


def _fitting(found: Sequence[Problem]) -> Iterator[str]:
    """Yield the first problems as text, as many as anybody will read."""
    left = LETTERS_MAX
    for problem in found[:SHOWN_MAX]:
        text = str(problem)
        left -= len(text) + 1
        if left < 0:
            return
        yield text


def explained(
    error: ValidationError, model: type[BaseModel], known: tuple[str, ...] = ()
) -> Iterator[tuple[Loc, str]]:
    """Yield place and text for each of pydantic's errors, which would quote what was found."""
    for details in error.errors(include_url=False):
        place = tuple(part for part in details["loc"] if not _BRANCH.fullmatch(str(part)))
        yield place, _text(details, model, known)


def _text(details: ErrorDetails, model: type[BaseModel], known: tuple[str, ...]) -> str:
    loc, kind = details["loc"], details["type"]
    if kind == "extra_forbidden":
        there = options(model, loc[:-1])
        beside = known if len(loc) == 1 else ()
        return f"unknown option; {meant(str(loc[-1]), (*beside, *there))}"
    if kind == "missing":
        about = _description(model, loc)
        return f"missing; expected: {about}" if about else "missing"
    found = _found(details["input"], loc, kind)
    if kind == "value_error":
        return f"found {found}; {printable(details['msg'].removeprefix('Value error, '))}"
    expected = _EXPECTED.get(kind) or details["msg"].removeprefix("Input should be ")
    for bound, words in _BOUNDS:
        expected = expected.replace(bound, words)
    return f"found {found}; expected {expected}"


def meant(word: str, known: tuple[str, ...]) -> str:
    """Suggest what a misspelt word was meant to be, or list what there is."""
    near = get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(known)}"


def _found(value: object, loc: Loc, kind: str) -> str:
    """Show what was found, unless a secret may have been put there."""
    if value is None:
        return "nothing"
    name = next((part for part in reversed(loc) if isinstance(part, str)), "")
    what = next((text for type_, text in _KINDS if isinstance(value, type_)), "something else")
    # Text in the place of a section may be the secret that the section would name the file of.
    displaced = kind in ("model_type", "dict_type", "list_type", "tuple_type")
    if displaced or secret_key(name) or isinstance(value, Mapping | list):
        return what
    if isinstance(value, bool):
        return str(value).lower()
    shown = repr(value) if isinstance(value, str) else str(value)
    return printable(shown, FOUND_MAX)


def options(model: type[BaseModel], loc: Loc) -> tuple[str, ...]:
    """Return the options that there are at a place."""
    here = _model_at(model, loc)
    return tuple(here.model_fields) if here else ()


def _description(model: type[BaseModel], loc: Loc) -> str:
    here = _model_at(model, loc[:-1])
    text = texts(here).get(str(loc[-1]), "") if here else ""
    first = text.partition(". ")[0].rstrip(".").replace("\n", " ")
    return first[:1].lower() + first[1:]


def _model_at(model: type[BaseModel] | None, loc: Loc) -> type[BaseModel] | None:
    for part in loc:
        if model is None:
            return None
        if isinstance(part, str):
            found = model.model_fields.get(part)
            model = _model_in(found.annotation) if found else None
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Find the model that an annotation is about, through lists and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in found if model), None)
