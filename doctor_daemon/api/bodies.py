"""What an operator sends, read as strictly as the configuration: nothing misspelt is ignored."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from doctor_daemon.api.answers import too_large
from doctor_daemon.core.evacuation import Stuck
from doctor_daemon.ports.refusal import Refusal

BODY_MAX = 65_536
WHY_MAX = 500
SHOWN_MAX = 60
STUCK_MAX = 20
SECONDS_MAX = 366 * 24 * 3600
_STUCK = re.compile(r"([0-9]{1,18})(?:@([^\s@]{1,255}))?", re.ASCII)


def wrong(field: str, found: object, expected: str) -> Refusal:
    """Refuse a field for what is in it, or for not being there."""
    said = "it is missing" if found is None else f"found {shown(found)}"
    return Refusal(422, "invalid", said, field=field, expected=expected)


def shown(found: object) -> str:
    """Show what was found, in short."""
    if isinstance(found, list | dict):
        return "a list" if isinstance(found, list) else "an object"
    text = repr(found)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."


async def read_body(request: web.Request, *fields: str) -> Mapping[str, Any]:
    """Read a JSON object that has no other fields than these."""
    try:
        body = json.loads(await request.read())
    except web.HTTPRequestEntityTooLarge:
        raise too_large(BODY_MAX) from None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refusal(
            400, "invalid", "it is no JSON object", field="body", expected="a JSON object"
        )
    for name in body:
        if name not in fields:
            expected = ", ".join(fields)
            raise Refusal(422, "invalid", "unknown field", field=shown(name), expected=expected)
    return body


def read_why(body: Mapping[str, Any]) -> str:
    """Read the reason, on one line."""
    why = body.get("why")
    if not isinstance(why, str) or not 0 < len(why.strip()) <= WHY_MAX:
        raise wrong("why", why, f"a text of 1 to {WHY_MAX} characters")
    return " ".join(why.split())


def read_seconds(body: Mapping[str, Any], field: str) -> float:
    """Read a number of seconds. JSON as Python reads it has NaN, which is no number of seconds."""
    value: Any = body.get(field)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= SECONDS_MAX:
        raise wrong(field, value, f"a number of seconds above 0, up to {SECONDS_MAX}")
    return float(value)


def read_stuck(body: Mapping[str, Any]) -> tuple[Stuck, ...]:
    """Read the evacuations that a human takes for stuck: each `MIGRATION@DESTINATION`."""
    found = body.get("accept_stuck", [])
    if not isinstance(found, list) or len(found) > STUCK_MAX:
        raise wrong("accept_stuck", found, f"a list of up to {STUCK_MAX} evacuations")
    return tuple(map(_stuck, found))


def _stuck(found: object) -> Stuck:
    parts = _STUCK.fullmatch(found) if isinstance(found, str) else None
    if parts is None:
        expected = "each MIGRATION@DESTINATION, or MIGRATION alone where Nova shows no destination"
        raise wrong("accept_stuck", found, expected)
    return Stuck(int(parts[1]), parts[2] or "")
