"""What stands in the JSON of etcd's gateway, read with care: a peer may answer anything.

Keys and values are base64, 64-bit numbers are texts, and fields that are false, zero or empty are
left out.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from doctor_daemon.errors import Permanent
from doctor_daemon.ports.secrets import LENGTH_MIN

Json = dict[str, Any]

NUMBER_MAX = 20
"""Digits of a number of 64 bits."""
TOKEN_MAX = 16 * 1024
"""Characters of a token."""


def coded(data: bytes) -> str:
    """Return bytes as the gateway takes them."""
    return b64encode(data).decode()


def decoded(text: object) -> bytes:
    """Return bytes as the gateway gave them. Raise Permanent if they are none."""
    try:
        return b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        raise Permanent("etcd: an answer holds what is no base64") from None


def number(record: Mapping[str, object], name: str) -> int:
    """Return a 64-bit number of an answer: a text, and 0 where it is left out.

    Raise Permanent if it is none.
    """
    found = record.get(name, "0")
    digits = str(found) if type(found) is int else found
    if not isinstance(digits, str) or not is_number(digits, NUMBER_MAX):
        raise Permanent(f"etcd: an answer's {name} is no number")
    return int(digits)


def revision_of(record: Mapping[str, object], name: str = "revision") -> int:
    """Return a revision. Raise Permanent if there is none."""
    found = number(record, name)
    if not found:
        raise Permanent(f"etcd: an answer has no {name}")
    return found


def is_number(text: str, digits_max: int) -> bool:
    """Tell whether a text is a few digits: int() takes others too, or fails at very many."""
    return text.isascii() and text.isdigit() and len(text) <= digits_max


def is_token(text: str) -> bool:
    """Tell whether a text can be a token: it is the value of a header, and a secret."""
    return LENGTH_MIN <= len(text) <= TOKEN_MAX and text.isascii() and text.isprintable()


def records(holder: object, name: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of an answer: nothing where it is left out. Raise Permanent if it is none."""
    found = holder.get(name, []) if isinstance(holder, dict) else None
    if isinstance(found, list) and all(isinstance(one, dict) for one in found):
        return found
    raise Permanent(f"etcd: an answer's {name} is no list of objects")
