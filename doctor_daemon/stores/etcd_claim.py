"""Claiming the store in etcd: the term after the newest, for one opening alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from doctor_daemon.errors import Permanent
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded, decoded, is_number, number, revision_of
from doctor_daemon.stores.etcd_loading import AGAIN_S, answered
from doctor_daemon.stores.etcd_transactions import first
from doctor_daemon.stores.etcd_values import CLAIM, DIGITS, SCHEMA, Claim, packed, unpacked


async def claimed(gateway: Gateway, prefix: str, by: str) -> tuple[Claim, int]:
    """Write the next term, and return it and its revision. The caller bounds the time.

    `by` is of this opening alone: by it a term is known again whose answer was lost. Raise
    Permanent for a schema that is newer than ours, and for what cannot be read.
    """
    keys = {name: coded(f"{prefix}{name}".encode()) for name in ("schema", "term")}
    read = [{"request_range": {"key": key}} for key in keys.values()]
    while True:
        answer = await answered(gateway, "kv/txn", {"success": read})
        schema, term = first(answer, 0), first(answer, 1)
        _check_schema(schema, prefix)
        before = CLAIM.loads(unpacked(decoded(term.get("value")))) if term else Claim(0, "")
        revision = number(term, "mod_revision")
        if before.by == by:
            return before, revision
        own = Claim(before.term + 1, by)
        values = {"schema": str(SCHEMA).encode(), "term": packed(CLAIM.dumps(own))}
        seen = {"schema": number(schema, "mod_revision"), "term": revision}
        same = [
            {"key": keys[name], "target": "MOD", "result": "EQUAL", "mod_revision": str(at)}
            for name, at in seen.items()
        ]
        puts = [
            {"request_put": {"key": keys[name], "value": coded(value)}}
            for name, value in values.items()
        ]
        answer = await answered(gateway, "kv/txn", {"compare": same, "success": puts})
        if answer.get("succeeded") is True:
            return own, revision_of(answer["header"])
        await asyncio.sleep(AGAIN_S)  # somebody else was faster


def _check_schema(schema: Mapping[str, Any], prefix: str) -> None:
    if not schema:
        return
    text = decoded(schema.get("value")).decode(errors="replace")
    if not is_number(text, DIGITS) or not 1 <= int(text) <= SCHEMA:
        raise Permanent(
            f"etcd: {prefix}schema is {text[:20]!r}; this version of the daemon knows {SCHEMA}"
            " at most: a newer one has written here"
        )
