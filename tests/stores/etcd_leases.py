"""Leases of daemons, as whoever has etcd's own tools sees and ends them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from doctor_daemon.stores.etcd_daemons import Leader
from tests.stores.etcd_cluster import Cluster, call, code


def leader(etcd: Cluster, prefix: str) -> dict[str, Any]:
    """Return the record of the leader's key; nothing: nobody leads."""
    found = call(etcd.members[0].port, "kv/range", {"key": code(f"{prefix}leader")})
    records: list[dict[str, Any]] = found.get("kvs", [])
    return records[0] if records else {}


def lapse(etcd: Cluster, prefix: str) -> None:
    """End the lease of whoever leads: for etcd it is as if it had run out."""
    if found := leader(etcd, prefix):
        call(etcd.members[0].port, "lease/revoke", {"ID": found["lease"]})


@dataclass
class Waiting:
    """`etcd_claim.Candidate` with a lease that nobody keeps."""

    granted: int = 1
    id: str = "me"
    name: str = "me"

    async def lease(self) -> int:
        return self.granted

    async def stand_by(self, _: Leader) -> None:
        await asyncio.sleep(0.1)


def granted(etcd: Cluster) -> Waiting:
    """Return a candidate with a lease of one minute."""
    return Waiting(int(call(etcd.members[0].port, "lease/grant", {"TTL": "60"})["ID"]))
