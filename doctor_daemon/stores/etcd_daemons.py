"""What stands in etcd of the daemons that share one state: who leads, and who stands by."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.codec import Codec
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import Json, coded, decoded, number, records, revision_of
from doctor_daemon.stores.etcd_transactions import first, leads
from doctor_daemon.stores.etcd_values import CLAIM, DAEMONS, WORD, Claim, unpacked
from doctor_daemon.stores.shape import shape

T = TypeVar("T")
AGAIN_S = 0.2
DAEMONS_MAX = 20
"""Of so many daemons it is known whether they are ready."""


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads: what it is called, the id of its opening, and its term."""

    name: str
    id: str
    term: int


@dataclass(frozen=True, slots=True)
class Daemon:
    """One of those that share the state. `ready`: it could take over at once."""

    name: str
    started_wall_s: float
    ready: bool


LEADER: Codec[Leader] = Codec("leader", shape(Leader))
DAEMON: Codec[Daemon] = Codec("daemon", shape(Daemon))
NOBODY = Leader("", "", 0)
SOMEBODY = Leader("somebody unknown", "", 0)


@dataclass(frozen=True, slots=True)
class Own:
    """What a daemon has claimed, at which revision, and the lease that it hangs on; 0: any."""

    claim: Claim
    revision: int
    lease: int


@dataclass(frozen=True, slots=True)
class Seen:
    """How all daemons stood at one moment that came after it was asked for."""

    term: Mapping[str, Any]
    leader: Mapping[str, Any]
    """The records of both keys; empty: there is none."""
    daemons: Mapping[str, Daemon]
    """By their ids."""
    word: Mapping[str, Any]
    """The record of what was said to whoever leads; empty: nothing."""
    revision: int
    """Of which revision all this is."""
    raft_term: int
    """Which of etcd's own leaders was in office."""

    def ready(self, but: str) -> tuple[str, ...]:
        """Name those that stand by and are ready, without one and without the leader."""
        others = self.daemons.keys() - {but, leader_of(self.leader).id}
        return tuple(
            sorted(one.name for id_, one in self.daemons.items() if one.ready and id_ in others)
        )


def look(prefix: str) -> Json:
    """Return what asks how all daemons stand. No transaction that only reads answers of before."""
    begin, end = f"{prefix}{DAEMONS}", f"{prefix}{DAEMONS[:-1]}0"
    asked: Sequence[Json] = (
        {"key": coded(f"{prefix}term".encode())},
        {"key": coded(f"{prefix}leader".encode())},
        {"key": coded(begin.encode()), "range_end": coded(end.encode()), "limit": str(DAEMONS_MAX)},
        {"key": coded(f"{prefix}{WORD}".encode())},
    )
    return {"success": [{"request_range": one} for one in asked]}


def seen(answer: Json, prefix: str) -> Seen:
    """Read the answer. Raise Permanent for one that is out of its mind."""
    term, leader, responses = first(answer, 0), first(answer, 1), records(answer, "responses")
    if len(responses) < len(look(prefix)["success"]):
        raise Permanent("etcd: the answer to a transaction is not whole")
    found = records(responses[2].get("response_range"), "kvs")
    begin = len(f"{prefix}{DAEMONS}".encode())
    daemons = {
        decoded(one.get("key"))[begin:].decode(errors="replace"): or_else(DAEMON, one, _SILENT)
        for one in found[:DAEMONS_MAX]
    }
    header = answer["header"]
    at = revision_of(header), number(header, "raft_term")
    return Seen(term, leader, daemons, first(answer, 3), *at)


_SILENT = Daemon("", 0.0, ready=False)


def leader_of(record: Mapping[str, Any]) -> Leader:
    """Return who leads by the key of the leader."""
    return or_else(LEADER, record, SOMEBODY) if record else NOBODY


def why_over(own: Own, prefix: str, term: Mapping[str, Any], leader: Mapping[str, Any]) -> str:
    """Tell from what stands in etcd why this daemon leads no more; nothing: it does."""
    if not term:
        return f"etcd: everything below {prefix} is gone, our term too"
    over = f"term {own.claim.term} is over"
    newest = or_else(CLAIM, term, Claim(0, ""))
    if number(term, "mod_revision") != own.revision or newest != own.claim:
        who = leader_of(leader).name
        return f"{over}: term {newest.term} has been claimed{f', and {who} leads' if who else ''}"
    if not leader:
        return f"{over}: our lease has run out or was revoked, and another may lead at any time"
    if number(leader, "create_revision") != own.revision:
        return f"{over}: {leader_of(leader).name} leads"
    if own.lease and number(leader, "lease") != own.lease:
        return (
            f"etcd: somebody else has written below {prefix}: who leads does not hang on our lease"
        )
    return ""


async def handed_over(gateway: Gateway, prefix: str, own: Own) -> None:
    """Take the key of the leader away, if it is ours; again until somebody answers.

    The caller bounds the time. Of what was being written meanwhile nothing comes after this.
    """
    leader, daemon = (
        coded(f"{prefix}{name}".encode()) for name in ("leader", f"{DAEMONS}{own.claim.by}")
    )
    body: Json = {
        "compare": [leads(leader, own.revision)],
        "success": [{"request_delete_range": {"key": key}} for key in (leader, daemon)],
    }
    while True:
        with suppress(Temporary):
            await gateway.call("kv/txn", body)
            return
        await asyncio.sleep(AGAIN_S)


def or_else(codec: Codec[T], record: Mapping[str, Any], other: T) -> T:
    """Read a key that is there, and is one of ours; else return the other."""
    try:
        return codec.loads(unpacked(decoded(record.get("value"))))
    except Permanent:
        return other
