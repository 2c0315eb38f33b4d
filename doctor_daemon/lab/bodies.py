"""The bodies that the control of a lab is sent: read strictly, and refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from aiohttp import web

from doctor_daemon.lab.faults import Do, Rule, Service

Json = dict[str, Any]
Fields = Mapping[str, type | tuple[type, ...]]
"""The fields that an object may have, and their types."""
RULE_FIELDS: Fields = {
    "service": str,
    "do": str,
    "method": str,
    "path": str,
    "host": str,
    "times": (int, type(None)),
    "after": int,
    "seconds": (int, float),
    "status": int,
    "retry_after_s": (int, type(None)),
}


def read_rule(body: object) -> Rule:
    """Read a rule from JSON. Raises HTTPBadRequest that names the field that is wrong."""
    words = typed(body, RULE_FIELDS)
    for name in ("service", "do"):
        if name not in words:
            raise bad(f"{name} is missing")
    words["service"] = choice(Service, "service", words["service"])
    words["do"] = choice(Do, "do", words["do"])
    if words.get("times") is not None and words.get("times", 1) < 1:
        raise bad(f"times is {words['times']}, expected at least 1, or null for ever")
    return Rule(**{field.name: words[field.name] for field in fields(Rule) if field.name in words})


def choice(kind: Callable[[str], Any], name: str, word: str) -> Any:  # noqa: ANN401 - the enum's own
    """Read one word of an enum. Raises HTTPBadRequest."""
    try:
        return kind(word)
    except ValueError as error:
        raise bad(f"{name} is {word!r}, which is not one of those known") from error


async def body_of(request: web.Request, allowed: Fields) -> Json:
    """Read an object with some of the fields allowed. Raises HTTPBadRequest."""
    return typed(await json_of(request), allowed)


async def json_of(request: web.Request) -> object:
    """Read any JSON; no body is an empty object. Raises HTTPBadRequest."""
    raw = await request.read()
    try:
        return json.loads(raw) if raw else {}
    except ValueError as error:
        raise bad("the body is not JSON") from error


def typed(body: object, allowed: Fields) -> Json:
    """Take an object with some of the fields allowed. Raises HTTPBadRequest."""
    if not isinstance(body, dict):
        raise bad(f"{body!r} is not an object")
    for name, value in body.items():
        if name not in allowed:
            raise bad(f"{name} is not known; expected some of {[*allowed]}")
        if not isinstance(value, allowed[name]):
            raise bad(f"{name} is {value!r}, which is of the wrong type")
    return body


def texts(name: str, value: Json) -> dict[str, str]:
    """Take an object of texts. Raises HTTPBadRequest."""
    wrong = [key for key, text in value.items() if not isinstance(text, str)]
    if wrong:
        raise bad(f"{name}.{wrong[0]} is {value[wrong[0]]!r}, expected a text")
    return dict(value)


def bad(why: str) -> web.HTTPBadRequest:
    """Make the refusal of a body or of a query."""
    return web.HTTPBadRequest(text=why)
