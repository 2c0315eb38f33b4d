"""A JSON body, read strictly, with a refusal that names the field for whatever is not as expected.

Written by hand and not with models: one format here has five shapes, and a model's complaints about
a union name every branch that did not fit, when the sender wants to know which field to mend. Every
text has a limit, and nothing that was sent is trusted to be printable.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import Field

from doctor_daemon.ports.refusal import Refusal

ITEMS_MAX = 1000
"""Statements of one request."""
NAME_MAX = 255
SUMMARY_MAX = 300
SHOWN_MAX = 60
"""Characters of what was found that a refusal repeats."""

RoutePath = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)+$", max_length=200)]
"""A path to be served, from the first slash on and without one at its end."""

_Choice = TypeVar("_Choice", bound=StrEnum)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?P<by>[Tt ])"
    r"(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?P<part>\.[0-9]{1,9})?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)


class Found:
    """One value of a body, and where it stands there."""

    __slots__ = ("field", "value")

    def __init__(self, value: object, field: str = "") -> None:
        """Name the place as a path from the body's root, which is ''."""
        self.value = value
        self.field = field

    def wrong(self, expected: str, code: str = "wrong_type") -> Refusal:
        """Return the refusal (400) of this very value."""
        message = f"found {shown(self.value)}"
        return Refusal(400, code, message, field=self.field or "body", expected=expected)

    def object(self) -> Mapping[str, object]:
        """Return the object that this must be."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return self.value

    def may(self, name: str) -> Found | None:
        """Return a member, or None where it is left out or null."""
        value = self.object().get(name)
        return None if value is None else Found(value, self._below(name))

    def must(self, name: str, expected: str) -> Found:
        """Return a member that has to be there."""
        found = self.may(name)
        if found is None:
            field = self._below(name)
            raise Refusal(400, "missing", "it is missing", field=field, expected=expected)
        return found

    def only(self, *names: str) -> None:
        """Refuse members of any other name: a word that is not understood may matter."""
        for name in self.object():
            if name not in names:
                known = ", ".join(names)
                raise Refusal(
                    400,
                    "unknown_field",
                    "there is no such field",
                    field=self._below(name),
                    expected=f"only {known}",
                )

    def items(self, of: str) -> list[Found]:
        """Return the items of a list that must have one at least."""
        if not isinstance(self.value, list):
            raise self.wrong(f"a list of {of}")
        if not self.value:
            raise self.wrong(f"at least one of {of}: an empty list selects nothing", "empty")
        if len(self.value) > ITEMS_MAX:
            message = f"found {len(self.value)} of {of}"
            raise Refusal(
                413,
                "too_many",
                message,
                field=self.field or "body",
                expected=f"at most {ITEMS_MAX} in one request",
            )
        return [Found(item, f"{self.field}[{index}]") for index, item in enumerate(self.value)]

    def text(self, limit: int = NAME_MAX) -> str:
        """Return text of 1 to `limit` characters, as it was sent."""
        if not isinstance(self.value, str):
            raise self.wrong("text")
        if not 1 <= len(self.value) <= limit:
            raise self.wrong(f"text of 1 to {limit} characters", "wrong_length")
        return self.value

    def word(self, limit: int = NAME_MAX) -> str:
        """Return text that can be printed, and so be part of a key or a name."""
        text = self.text(limit)
        if not text.isprintable():
            raise self.wrong("text without control characters", "unprintable")
        return text

    def summary(self) -> str:
        """Return text for people: cut to 300 characters, and without control characters."""
        if not isinstance(self.value, str):
            raise self.wrong("text")
        return cleaned(self.value)

    def choice(self, kind: type[_Choice]) -> _Choice:
        """Return one of the words that an enum has."""
        for word in kind:
            if self.value == word.value:
                return word
        words = [word.value for word in kind]
        raise self.wrong(f"{', '.join(words[:-1])} or {words[-1]}", "wrong_value")

    def count(self) -> int:
        """Return a whole number from 0 up."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 0:
            raise self.wrong("a whole number from 0 up")
        return self.value

    def texts(self) -> dict[str, str]:
        """Return an object whose values are all text."""
        texts = {}
        for name, value in self.object().items():
            if not isinstance(value, str):
                raise Found(value, self._below(name)).wrong("text")
            texts[name] = value
        return texts

    def moment(self) -> float:
        """Return Unix seconds of a time with its zone (RFC 3339)."""
        seconds = moment(self.value)
        if seconds is None:
            raise self.wrong("an RFC 3339 time with its zone, as 2026-11-21T10:00:00Z")
        return seconds

    def _below(self, name: str) -> str:
        if not name.isidentifier() or len(name) > SHOWN_MAX or not name.isascii():
            return f"{self.field}[{shown(name)}]"
        return f"{self.field}.{name}" if self.field else name


def moment(value: object) -> float | None:
    """Return Unix seconds of a time; None where it is no time, or has no zone."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None or match["zone"] is None:
        return None
    time = _parsed(match)
    return None if time is None else (time - _EPOCH).total_seconds()


def is_time(value: str) -> bool:
    """Tell whether text is a time, with a zone or without."""
    match = _TIME.fullmatch(value)
    return match is not None and _parsed(match) is not None


def _parsed(match: re.Match[str]) -> datetime | None:
    zone = (match["zone"] or "").upper().replace("Z", "+00:00")
    part = (match["part"] or ".")[:7].ljust(7, "0")  # microseconds; nothing finer matters here
    try:
        return datetime.fromisoformat(f"{match['day']}T{match['time']}{part}{zone}")
    except ValueError:
        return None


async def read(request: web.Request) -> Found:
    """Return a request's body. The listener has bounded its size and the time that it takes."""
    if request.content_type != "application/json":
        named = request.headers.get("Content-Type")
        message = f"found {shown(named)}" if named else "it is missing"
        raise Refusal(415, "not_json", message, field="Content-Type", expected="application/json")
    return Found(parsed(await request.read()))


def parsed(body: bytes) -> object:
    """Return the value of a JSON text (RFC 8259). Raise Refusal (400) for what is none."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_members, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise _not_json("it is not UTF-8") from None
    except RecursionError:
        raise _not_json("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _not_json(f"{error.msg} at character {error.pos}") from None
    except ValueError:  # a number of thousands of digits
        raise _not_json("a number has too many digits") from None


def _not_json(message: str) -> Refusal:
    return Refusal(400, "not_json", message, field="body", expected="one JSON value")


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a name that comes twice: readers disagree about which of the two counts."""
    members = dict(pairs)
    if len(members) < len(pairs):
        [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise _not_json(f"the name {shown(name)} comes twice in one object")
    return members


def _no_number(name: str) -> object:
    raise _not_json(f"{name} is no number")


def shown(value: object) -> str:
    """Describe a value in a few printable characters."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            text = json.dumps(value[:SHOWN_MAX])
            return text if len(value) <= SHOWN_MAX else f"{text} and more, {len(value)} in all"
        case int() | float():
            return f"the number {str(value)[:SHOWN_MAX]}"
        case list():
            return "an empty list" if not value else "a list"
        case _:
            return "an object"


def cleaned(text: str, limit: int = SUMMARY_MAX) -> str:
    """Return text for people, without control characters, line breaks and half characters."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * limit])
    return " ".join(printable.split())[:limit]


def digest(*parts: str) -> str:
    """Return a short name for several texts, of which none can pass for two."""
    spelled = json.dumps(parts).encode()
    return hashlib.sha256(spelled).hexdigest()[:32]
