"""The version of what stands in etcd, and what it means to a daemon that knows another one.

A newer version may mean more than an older one can read: an order not to act, say. So what it has
written is neither taken over nor shown by an older one, which stands by until a newer one leads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from doctor_daemon.errors import Permanent
from doctor_daemon.ports.moving import NOT_WHOLE
from doctor_daemon.stores.etcd_json import decoded, is_number
from doctor_daemon.stores.etcd_values import DIGITS

IMPORTING = "import"
"""Stands in the place of a version while a whole state is being put in. No version takes it for
one of its own."""
_SHOWN_MAX = 20


class Newer(Permanent):
    """A newer version has led. One of that version may lead at any time."""


def check_schema(record: Mapping[str, Any], prefix: str, known: int) -> None:
    """Look at the key of the schema; an empty record: nothing was written yet.

    Raise Newer for one above the one that is known, Permanent for what is not whole or no version.
    """
    if not record:
        return
    if is_importing(record):
        raise Permanent(f"etcd: {prefix}: {NOT_WHOLE}")
    text = _text(record)
    number = int(text) if is_number(text, DIGITS) else 0
    if 1 <= number <= known:
        return
    said = (
        f"etcd: {prefix}schema is {text[:_SHOWN_MAX]!r}; this version of the daemon knows {known}"
        " at most: a newer one has written here"
    )
    if number > known:
        raise Newer(f"{said}, and this one can neither lead nor show what is there")
    raise Permanent(said)


def is_importing(record: Mapping[str, Any]) -> bool:
    """Tell whether a whole state was being put in, and has not come to its end."""
    return _text(record) == IMPORTING


def _text(record: Mapping[str, Any]) -> str:
    return decoded(record.get("value")).decode(errors="replace")
