"""A12, I-5: a lease is never longer here than it is in etcd, whatever is late, frozen or stale."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from doctor_daemon.errors import LateError
from doctor_daemon.ports.leading import Role
from doctor_daemon.stores.etcd_daemons import LEADER, Leader, Own
from doctor_daemon.stores.etcd_lease import BELIEVED_MAX_S, EtcdLease
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_values import CLAIM, Claim
from tests.stores.etcd_cluster import code, running
from tests.stores.test_etcd import opened
from tests.stores.test_etcd_access import answering

LEASE = 7
CLAIMED = Own(Claim(1, "me"), 3, LEASE)


@dataclass
class Peer:
    """An etcd in which this daemon leads; each answer may take its time."""

    now_s: float = 1000.0
    ttl: str = "10"
    late_s: dict[str, float] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)
    """When each path was asked last."""

    def answer(self, request: web.Request, _: str) -> web.Response:
        path = request.path.removeprefix("/v3/")
        self.asked[path] = self.now_s
        self.now_s += self.late_s.get(path, 0.0)
        header = {"cluster_id": "1", "revision": "9", "raft_term": self.terms.get(path, "2")}
        term = {"value": code(CLAIM.dumps(CLAIMED.claim)), "mod_revision": "3"}
        leader = {
            "value": code(LEADER.dumps(Leader("a", "me", 1))),
            "create_revision": "3",
            "lease": f"{LEASE}",
        }
        found: list[dict[str, Any]] = [
            {"response_range": {"kvs": kvs}} for kvs in ([term], [leader], [], [])
        ]
        told: dict[str, Any] = {
            "lease/grant": {"header": header, "ID": f"{LEASE}", "TTL": self.ttl},
            "lease/keepalive": {"result": {"header": header, "ID": f"{LEASE}", "TTL": self.ttl}},
            "kv/txn": {"header": header, "succeeded": True, "responses": found},
        }
        return web.Response(text=json.dumps(told.get(path, {"header": header})) + "\n")


@asynccontextmanager
async def leading(peer: Peer) -> AsyncIterator[EtcdLease]:
    async with answering(peer.answer) as (gateway, _):
        lease = EtcdLease("/x/", "a", 10, now=lambda: peer.now_s)
        lease.begin(gateway)
        try:
            await lease.lease()
            async with asyncio.timeout(20):
                await lease.lead(CLAIMED)
            yield lease
        finally:
            await lease.close()


@pytest.mark.parametrize("path", ["lease/keepalive", "kv/txn"])
async def test_a12_a_lease_counts_from_before_it_was_asked_for(path: str) -> None:
    peer = Peer(late_s={path: 3.0})
    async with leading(peer) as lease:
        assert lease.left_s() == pytest.approx(10 - 2 - 3)
        peer.now_s += 4
        assert lease.standing().role is Role.LEADING
        peer.now_s += 1
        assert (lease.left_s(), lease.standing().role) == (0, Role.UNSURE)


async def test_a12_an_answer_that_came_after_the_end_of_the_lease_is_worth_nothing() -> None:
    peer = Peer(late_s={"lease/keepalive": 60.0})
    async with answering(peer.answer) as (gateway, _):
        lease = EtcdLease("/x/", "a", 10, now=lambda: peer.now_s)
        lease.begin(gateway)
        await lease.lease()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await lease.lead(CLAIMED)
        assert "lease/keepalive" in peer.asked
        assert lease.standing().role is Role.UNSURE
        await lease.close()


async def test_a12_a_sign_of_life_of_another_term_of_etcds_own_leader_does_not_count() -> None:
    peer = Peer()
    async with leading(peer) as lease:
        peer.now_s += 5
        peer.terms["kv/txn"] = "3"  # who took the sign was its cluster's leader no more
        lease.ready(whole=True, why="")  # has it renewed at once
        async with asyncio.timeout(20):
            while not lease.standing().text:  # noqa: ASYNC110 - it has no event for it
                await asyncio.sleep(0.01)
        assert "own leader has changed" in lease.standing().text
        assert lease.left_s() == pytest.approx(10 - 2 - 5)
        peer.terms["lease/keepalive"] = "3"
        async with asyncio.timeout(20):
            while lease.standing().text:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        assert lease.left_s() == pytest.approx(10 - 2)


async def test_a12_a_confirmation_that_was_taken_late_is_none() -> None:
    peer = Peer()
    async with leading(peer) as lease:
        await lease.confirm()
        peer.late_s["kv/txn"] = 1.5  # as if the machine had been frozen with the answer in it
        with pytest.raises(LateError, match="after the question"):
            await lease.confirm()
        peer.late_s.clear()
        await lease.confirm()


@pytest.mark.parametrize(
    ("ttl", "left_s"), [("1", 0.0), ("5", 4.0), ("8", 6.4), ("30", 24.0), ("999999", 48.0)]
)
async def test_i5_a_margin_is_taken_off_whatever_etcd_grants(ttl: str, left_s: float) -> None:
    peer = Peer(ttl=ttl)
    async with answering(peer.answer) as (gateway, _):
        lease = EtcdLease("/x/", "a", 10, now=lambda: peer.now_s)
        lease.begin(gateway)
        await lease.lease()
        leads = asyncio.create_task(lease.lead(CLAIMED))
        done, _ = await asyncio.wait((leads,), timeout=20 if left_s else 0.5)
        assert bool(done) is (left_s > 0)
        assert lease.left_s() == pytest.approx(left_s)
        assert left_s <= BELIEVED_MAX_S
        leads.cancel()
        await asyncio.gather(leads, return_exceptions=True)
        await lease.close()


async def test_a_lease_that_etcd_makes_longer_is_as_long_as_it_says(tmp_path: Path) -> None:
    with running(tmp_path / "slow", options=("--election-timeout", "5000")) as cluster:
        config = EtcdConfig(endpoints=cluster.urls, lease_s=5)
        async with opened(config) as (store, _):
            assert 5 < store.leadership.left_s() <= 8 * 0.8  # etcd's least is 8 s then
