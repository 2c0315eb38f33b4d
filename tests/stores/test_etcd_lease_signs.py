"""A12, B10: which signs of life count, and what is left in etcd at the end: in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.errors import Conflict
from doctor_daemon.ports.leading import Role
from doctor_daemon.stores.etcd_lease import RELEASED, EtcdLease
from tests.stores.test_etcd_lease_kept import ANOTHER, LEASE, TTL_S, Etcd, leads, own, played


def test_one_that_stands_by_keeps_the_lease_that_it_has_and_shows_itself_once() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await lease.stand_by(ANOTHER)
        await asyncio.sleep(3 * TTL_S)
        assert (etcd.calls.count("lease/grant"), etcd.calls.count("kv/put")) == (1, 1)
        assert etcd.calls.count("lease/keepalive") >= 10
        etcd.granted, etcd.ttl = LEASE + 1, "0"
        await asyncio.sleep(2.5)
        assert "a lease of no length" in lease.standing().text
        etcd.ttl = str(TTL_S)
        await asyncio.sleep(1)
        assert (await lease.lease(), lease.standing().text) == (LEASE + 1, "")
        assert [one["lease"] for one in etcd.told] == [str(LEASE), str(LEASE + 1)]

    played(story)


def test_a12_a_lease_of_no_length_is_none() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        etcd.ttl = "0"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(TTL_S):
                await lease.lease()
        assert "a lease of no length" in lease.standing().text

    played(story)


def test_a12_a_lease_that_etcd_does_not_know_any_more_is_not_lengthened() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await leads(lease, etcd)
        left_s, etcd.ttl = lease.left_s(), "0"
        await asyncio.sleep(TTL_S / 2)
        assert "knows nothing of the lease" in lease.standing().text
        assert lease.left_s() == pytest.approx(left_s - TTL_S / 2)

    played(story)


def test_a12_a_sign_of_life_of_before_the_claim_does_not_count() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await lease.stand_by(ANOTHER)
        held = etcd.held["kv/txn"] = asyncio.Event()
        await asyncio.sleep(1.5)
        assert etcd.calls[-1] == "kv/txn"
        etcd.claim(own(lease), "a")
        leading = asyncio.create_task(lease.lead(own(lease)))
        await asyncio.sleep(0.1)
        etcd.held["lease/keepalive"] = asyncio.Event()
        held.set()
        await asyncio.sleep(0.1)
        assert lease.left_s() <= 0
        etcd.held.pop("lease/keepalive").set()
        await leading
        assert 0 < lease.left_s() <= TTL_S - 2

    played(story)


def test_a12_a_lease_that_is_granted_after_the_claim_is_not_the_leaders() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await lease.stand_by(ANOTHER)
        held = etcd.held["lease/grant"] = asyncio.Event()
        etcd.granted, etcd.known = LEASE + 1, False
        await asyncio.sleep(1.5)
        assert etcd.calls[-1] == "lease/grant"
        etcd.known = True
        etcd.claim(own(lease), "a")
        leading = asyncio.create_task(lease.lead(own(lease)))
        held.set()
        await leading
        assert await lease.lease() == LEASE
        assert {one["lease"] for one in etcd.told} == {str(LEASE)}

    played(story)


def test_a12_a_lease_that_was_gone_just_before_the_claim_is_not_granted_anew() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await lease.stand_by(ANOTHER)
        held, etcd.known = asyncio.Event(), False
        etcd.held["kv/txn"] = held
        await asyncio.sleep(1.5)
        assert etcd.calls[-1] == "kv/txn"
        etcd.known = True
        etcd.claim(own(lease), "a")
        leading = asyncio.create_task(lease.lead(own(lease)))
        await asyncio.sleep(0.1)
        held.set()
        await leading
        assert (await lease.lease(), etcd.calls.count("lease/grant")) == (LEASE, 1)

    played(story)


def test_nothing_is_asked_after_the_end() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await leads(lease, etcd)
        held = etcd.held["lease/keepalive"] = asyncio.Event()
        await asyncio.sleep(2.1)
        assert etcd.calls[-1] == "lease/keepalive"
        await lease.close()
        assert etcd.calls[-1] == "lease/revoke"
        held.set()
        await asyncio.sleep(TTL_S)
        assert etcd.calls[-1] == "lease/revoke"

    played(story)


def test_b10_what_is_released_while_another_leads_is_left_to_him() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await lease.stand_by(ANOTHER)
        asked = etcd.calls.count("kv/txn")
        await lease.release()
        assert etcd.calls.count("kv/txn") == asked
        with pytest.raises(Conflict, match=RELEASED):
            await lease.lease()

    played(story)


def test_b10_a_leader_that_releases_has_its_key_taken_away_at_once() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await leads(lease, etcd)
        asked = len(etcd.calls)
        await lease.release()
        assert etcd.calls[asked:] == ["kv/txn"]
        await lease.release()
        assert len(etcd.calls) == asked + 1

    played(story)


@pytest.mark.parametrize(("ttl", "leases"), [(str(TTL_S), [{"ID": str(LEASE)}]), ("0", [])])
def test_at_its_end_the_lease_is_given_back_if_there_is_one(ttl: str, leases: list[object]) -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        etcd.ttl = ttl
        await asyncio.sleep(1)
        await lease.close()
        await lease.close()
        assert etcd.told == leases

    played(story)


async def test_one_that_was_never_begun_ends_too() -> None:
    lease = EtcdLease("/x/", "a", TTL_S)
    await lease.close()
    assert lease.standing().role is Role.OVER
