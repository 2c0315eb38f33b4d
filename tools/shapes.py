"""What the tables of what is served over HTTP are made of: operations, and their schemas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Schema = Mapping[str, object]

EVIDENCE, MASAKARI, OPERATORS, METRICS = "evidence", "masakari", "operators", "metrics"
JSON, TEXT = "application/json", "text/plain"

text: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
moment: Schema = {"type": "string", "format": "date-time"}


def members(required: tuple[str, ...], /, *, more: bool = False, **of: Schema) -> Schema:
    """Return the schema of an object; `more`: members that are not listed are let be."""
    found: dict[str, object] = {"type": "object", "properties": of, "required": list(required)}
    return found if more else {**found, "additionalProperties": False}


def whole(may: Mapping[str, Schema] | None = None, /, **of: Schema) -> Schema:
    """Return the schema of an object with all these members, and none but those that it `may`."""
    found = {"type": "object", "properties": {**of, **(may or {})}, "required": list(of)}
    return {**found, "additionalProperties": False}


def some(of: Schema, most: int = 1000) -> Schema:
    """Return the schema of a list with one item at least."""
    return {"type": "array", "items": of, "minItems": 1, "maxItems": most}


def one_of(*words: str) -> Schema:
    """Return the schema of one of these words."""
    return {"type": "string", "enum": [str(word) for word in words]}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `kind` is the media type of a good answer, `good` its status."""

    room: str
    method: str
    path: str
    summary: str
    body: Schema | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    kind: str = JSON
    errors: tuple[int, ...] = ()
    good: int = 200
    answer: Schema | None = None
    """What a good answer is; None: the page says no more than its media type."""
    places: Mapping[str, str] = field(default_factory=dict)
    """An example of what stands in the path: a name in it -> its value."""
    versioned: bool = False
    """Whether a microversion of Masakari's is agreed upon, and each error may have its form."""
