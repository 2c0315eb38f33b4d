"""Rows of lists, read strictly: what is not as documented is an error, not a default."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from doctor_daemon.errors import Permanent, Temporary

Row = Mapping[str, object]
INLINE_MAX = 128 * 1024
"""Bytes of JSON that are parsed on the event loop: less than a millisecond."""


def decode(body: bytes, of: str = "Nova") -> Mapping[str, object]:
    """Decode a JSON object. Raise Temporary: half an answer, or a proxy's page in its place.

    The hook does nothing, and that is its use: the parser holds Python's global lock from end to
    end unless it calls back into Python. With it a large list parsed in a thread lets the event
    loop go on (37 MB: 59 ms at most, against 207). What is parsed on the loop itself is parsed in
    three fifths of the time without it.
    """
    try:
        document = json.loads(body, object_hook=_same if len(body) > INLINE_MAX else None)
    except (ValueError, RecursionError) as error:
        msg = f"{of}'s answer is not JSON: {type(error).__name__}"
        raise Temporary(msg) from None
    if not isinstance(document, dict):
        msg = f"{of}'s answer is a JSON {type(document).__name__}, expected an object"
        raise Temporary(msg)
    return document


def _same(row: dict[str, object]) -> dict[str, object]:
    return row


def rows(document: Mapping[str, object], key: str, of: str = "Nova") -> Sequence[Row]:
    """Return the list of objects under a key. Raise Permanent."""
    found = document.get(key)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        msg = f"{of}'s answer has no list {key!r} of objects"
        raise Permanent(msg)
    return found


def optional(row: Row, key: str) -> str:
    """Return a text that may be missing or null, which is the empty text then."""
    value = row.get(key)
    return value if isinstance(value, str) else ""


def text(row: Row, key: str, of: str = "Nova") -> str:
    """Return a text that must be there. Raise Permanent."""
    value = row.get(key)
    if not isinstance(value, str) or not value:
        msg = f"{of}'s row has {key} = {value!r:.60}, expected a text"
        raise Permanent(msg)
    return value
