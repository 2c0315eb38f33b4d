"""Claiming the store in etcd: the term after the newest, when nobody leads, for one opening alone.

The key of the leader hangs on a lease. It is written together with the term and only where it is
not there; so of several that claim at the same time one is the leader, and the others see whom.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from doctor_daemon.stores.etcd_daemons import LEADER, Leader, Own, leader_of
from doctor_daemon.stores.etcd_empty import asked, check_empty
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import Json, coded, decoded, number, revision_of
from doctor_daemon.stores.etcd_loading import AGAIN_S, answered
from doctor_daemon.stores.etcd_meaning import Unanswered
from doctor_daemon.stores.etcd_schema import IMPORTING, Newer, check_schema, is_importing
from doctor_daemon.stores.etcd_transactions import first, leads
from doctor_daemon.stores.etcd_values import CLAIM, SCHEMA, Claim, packed, unpacked

KEYS = ("schema", "term", "leader")


class Candidate(Protocol):
    """Whoever wants to lead."""

    id: str
    """Of this opening alone."""
    name: str

    async def lease(self) -> int:
        """Return the lease that everything of ours hangs on. Raise Conflict when it is given up."""
        ...

    async def stand_by(self, leader: Leader) -> None:
        """Wait for a while, or until the leader may have gone."""
        ...


async def claimed(
    gateway: Gateway,
    prefix: str,
    candidate: Candidate,
    schema: int = SCHEMA,
    *,
    importing: bool = False,
) -> Own:
    """Wait until nobody leads, and claim the next term. The caller bounds the time.

    A claim whose answer was lost is known again by the id of the candidate. Where a newer schema
    than ours stands it waits until that is another. Raise Permanent for what cannot be read, and
    for a state that is not whole.

    Whoever is `importing` one claims where there is none, or one that is not whole: that stands
    with the claim, and stays until the import has come to its end.
    """
    keys = {name: coded(f"{prefix}{name}".encode()) for name in KEYS}
    body = {"success": [*_ranges(keys), *(asked(prefix) if importing else ())]}
    while True:
        lease = await candidate.lease()
        answer = await answered(gateway, "kv/txn", body)
        version, term, leader = (first(answer, place) for place in range(len(KEYS)))
        stays = importing and is_importing(version)
        try:
            check_schema({} if stays else version, prefix, schema)
        except Newer:  # whoever follows says so to all
            await candidate.stand_by(leader_of(leader))
            continue
        before = CLAIM.loads(unpacked(decoded(term.get("value")))) if term else Claim(0, "")
        at = {"schema": number(version, "mod_revision"), "term": number(term, "mod_revision")}
        if leader:
            leading = leader_of(leader)
            if leading.id == before.by == candidate.id:
                return Own(before, revision_of(leader, "create_revision"), number(leader, "lease"))
            await candidate.stand_by(leading)
            continue
        if importing and not stays:
            check_empty(answer, len(KEYS), prefix)
        own = Claim(before.term + 1, candidate.id)
        who = candidate.name, lease, IMPORTING if importing else str(schema)
        try:
            answer = await gateway.call("kv/txn", _body(keys, at, own, who))
        except Unanswered:  # of a lease, too, that is not there any more
            await asyncio.sleep(AGAIN_S)
            continue
        if answer.get("succeeded") is True:
            return Own(own, revision_of(answer["header"]), lease)


def _ranges(keys: Mapping[str, str]) -> list[Json]:
    return [{"request_range": {"key": key}} for key in keys.values()]


def _body(
    keys: Mapping[str, str], at: Mapping[str, int], own: Claim, who: tuple[str, int, str]
) -> Json:
    """Return what claims the term, if all stands as it was read and nobody leads.

    `who`: the name, the lease, and the schema that is to stand.
    """
    name, lease, schema = who
    leader = packed(LEADER.dumps(Leader(name, own.by, own.term)))
    values = {"schema": schema.encode(), "term": packed(CLAIM.dumps(own))}
    puts: list[Json] = [
        {"request_put": {"key": keys[one], "value": coded(value)}} for one, value in values.items()
    ]
    hung = {"key": keys["leader"], "value": coded(leader), "lease": str(lease)}
    same: list[Json] = [
        {"key": keys[one], "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}
        for one, revision in at.items()
    ]
    nobody = leads(keys["leader"], 0)
    return {"compare": [*same, nobody], "success": [*puts, {"request_put": hung}]}
