"""What etcd tells of changes below a prefix, change by change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import Json, coded, decoded, number, records, revision_of
from doctor_daemon.stores.etcd_meaning import Compacted, Unanswered
from doctor_daemon.stores.etcd_stream import Stream

WAITING_MAX = 64 * 1024 * 1024
"""Bytes of changes that belong together and have not come as a whole."""


class Gap(Temporary):
    """Something has not been told: all is to be read anew."""


@dataclass(frozen=True, slots=True)
class Put:
    """What was written. `version`: how often this key was, since it was made."""

    value: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Heard:
    """One change: the key without the prefix, and what was written; nothing: it was dropped."""

    key: str
    revision: int
    put: Put | None


async def watched(gateway: Gateway, prefix: str, revision: int) -> Stream:
    """Have all changes from a revision on told, those of one revision together or in pieces."""
    begin, end = prefix.encode(), f"{prefix[:-1]}0".encode()
    asked = {
        "key": coded(begin),
        "range_end": coded(end),
        "start_revision": str(revision),
        "fragment": True,
    }
    return await gateway.stream("watch", {"create_request": asked})


def heard(word: Json, prefix: str, waiting: list[Heard]) -> Sequence[Heard] | None:
    """Return what a word tells, with those pieces that were `waiting` for it; nothing: not yet.

    Raise Compacted when what was asked for is not kept any more, Unanswered when no more will be
    told, Gap for pieces that do not end.
    """
    if word.get("canceled"):
        if number(word, "compact_revision"):
            raise Compacted("etcd: it was compacted meanwhile")
        raise Unanswered("etcd tells of no more changes", sent=False)
    waiting += [_heard(event, prefix) for event in records(word, "events")]
    if word.get("fragment"):
        if sum(len(one.put.value) for one in waiting if one.put) > WAITING_MAX:
            raise Gap(f"changes that belong together have more than {WAITING_MAX} bytes")
        return None
    some = tuple(waiting)
    waiting.clear()
    return some


def _heard(event: Mapping[str, Any], prefix: str) -> Heard:
    found = event.get("kv")
    if not isinstance(found, dict):
        raise Permanent("etcd: a change is of no key")
    begin, key = prefix.encode(), decoded(found.get("key"))
    if not key.startswith(begin):
        raise Permanent("etcd: a change was told that was not asked for")
    name, revision = key[len(begin) :].decode(errors="replace"), revision_of(found, "mod_revision")
    if event.get("type") == "DELETE":
        return Heard(name, revision, None)
    return Heard(name, revision, Put(decoded(found.get("value")), number(found, "version")))
