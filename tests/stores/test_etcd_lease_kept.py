"""A12, B10: what a daemon says of its lease, and when it asks etcd: in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from socket import gethostname
from typing import Any, cast

import pytest

from doctor_daemon.errors import Conflict, LateError, Temporary
from doctor_daemon.ports.leading import Role
from doctor_daemon.stores.etcd_daemons import DAEMON, LEADER, Daemon, Leader, Own
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import decoded
from doctor_daemon.stores.etcd_lease import EtcdLease
from doctor_daemon.stores.etcd_values import CLAIM, Claim, unpacked
from tests.simulation.virtual import VirtualLoop, run
from tests.stores.etcd_cluster import code

LEASE, TTL_S = 7, 10
ANOTHER = Leader("b", "other", 1)
TERM: dict[str, Any] = {"value": code(CLAIM.dumps(Claim(1, "other"))), "mod_revision": "3"}


class Etcd:
    """What etcd answers, and what it was asked, in the order of asking."""

    def __init__(self) -> None:
        self.failure = "etcd: http://one: no answer yet"
        self.calls: list[str] = []
        self.told: list[Mapping[str, Any]] = []
        """What was put, and what was revoked."""
        self.error: Exception | None = None
        self.ttl, self.granted = str(TTL_S), LEASE
        self.known = True
        """Whether the lease that was granted is known still."""
        self.led: Leader | None = ANOTHER
        self.term = TERM
        self.held: dict[str, asyncio.Event] = {}
        """What is asked of these paths is answered once that is set, as it was when it came."""
        self.late_s: dict[str, float] = {}
        """So long nothing runs while these paths are answered."""

    def claim(self, own: Own, name: str) -> None:
        """Have somebody lead."""
        self.term = {"value": code(CLAIM.dumps(own.claim)), "mod_revision": str(own.revision)}
        self.led = Leader(name, own.claim.by, own.claim.term)

    async def call(self, path: str, body: Mapping[str, Any], **_: object) -> Mapping[str, Any]:
        self.calls.append(path)
        answer = self._answer(path, body)
        if path in self.held:
            await self.held[path].wait()
        if late_s := self.late_s.get(path):
            cast("VirtualLoop", asyncio.get_running_loop()).freeze(late_s)
        if self.error is not None:
            raise self.error
        return answer

    def _answer(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        header = {"revision": "9", "raft_term": "2"}
        if path in ("kv/put", "lease/revoke"):
            self.told.append(body)
        if path != "kv/txn":
            ttl = self.ttl if self.known or path == "lease/grant" else "0"
            return {"header": header, "ID": str(self.granted), "TTL": ttl}
        led = [] if self.led is None else [_record(self.led, int(self.term["mod_revision"]))]
        found = [{"response_range": {"kvs": kvs}} for kvs in ([self.term], led, [], [])]
        return {"header": header, "succeeded": True, "responses": found}


def _record(leader: Leader, revision: int) -> Mapping[str, Any]:
    value = code(LEADER.dumps(leader))
    return {"value": value, "create_revision": str(revision), "lease": str(LEASE)}


def own(lease: EtcdLease, granted: int = LEASE) -> Own:
    """Return what a lease's daemon claims."""
    return Own(Claim(2, lease.id), 5, granted)


def played(story: Callable[[EtcdLease, Etcd], Awaitable[None]]) -> None:
    """Play a story of a daemon whose lease is kept from its begin on."""

    async def main() -> None:
        now = asyncio.get_running_loop().time
        lease, etcd = EtcdLease("/x/", "a", TTL_S, now=now), Etcd()
        lease.begin(cast("Gateway", etcd))
        try:
            await story(lease, etcd)
        finally:
            etcd.error, etcd.held = None, {}
            await lease.close()

    run(main())


async def leads(lease: EtcdLease, etcd: Etcd) -> None:
    """Have it lead."""
    await lease.lease()
    etcd.claim(own(lease), lease.name)
    async with asyncio.timeout(TTL_S):
        await lease.lead(own(lease))


def test_a_daemon_without_a_name_has_that_of_its_machine() -> None:
    assert EtcdLease("/x/", "", TTL_S).name == gethostname()
    assert EtcdLease("/x/", "a", TTL_S).name == "a"


def test_what_ails_the_lease_is_told_before_what_the_daemon_lacks() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        lease.ready(whole=False, why="not all has been read")
        assert lease.standing().text == "not all has been read"
        etcd.error = Temporary("too many requests")
        await asyncio.sleep(1)
        assert lease.standing().text == "the lease could not be renewed: too many requests"
        etcd.error = None
        await asyncio.sleep(1)
        assert lease.standing().text == "not all has been read"

    played(story)


def test_a_leader_says_why_its_lease_is_not_renewed_also_before_it_has_run_out() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await leads(lease, etcd)
        assert (lease.standing().role, lease.standing().text) == (Role.LEADING, "")
        etcd.error = Temporary("too many requests")
        await asyncio.sleep(TTL_S / 2)
        text = "the lease could not be renewed: too many requests"
        assert (lease.standing().role, lease.standing().text) == (Role.LEADING, text)
        await asyncio.sleep(TTL_S)
        assert (lease.standing().role, lease.standing().text) == (Role.UNSURE, text)

    played(story)


def test_a_leader_that_stood_still_is_unsure_until_it_has_asked() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await leads(lease, etcd)
        cast("VirtualLoop", asyncio.get_running_loop()).freeze(TTL_S)
        standing = lease.standing()
        assert standing.role is Role.UNSURE
        assert standing.text == "the lease has not been renewed in time"
        await asyncio.sleep(1)
        assert lease.standing().role is Role.LEADING

    played(story)


def test_trouble_is_logged_once_until_it_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await lease.lease()
        for _ in range(2):
            etcd.error = Temporary("too many requests")
            await asyncio.sleep(TTL_S)
            etcd.error = None
            await asyncio.sleep(1)
        etcd.held["lease/keepalive"] = asyncio.Event()
        await asyncio.sleep(TTL_S)

    played(story)
    said = [line for line in capsys.readouterr().out.splitlines() if "not be renewed" in line]
    assert ["too many requests" in line for line in said] == [True, True, False]
    assert "http://one: no answer yet" in said[2]


def test_b10_whoever_cannot_confirm_says_why() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        with pytest.raises(LateError, match="does not lead"):
            await lease.confirm()
        await leads(lease, etcd)
        etcd.late_s["kv/txn"] = 1.0
        await lease.confirm()  # that is just in time
        etcd.late_s["kv/txn"] = 1.1
        with pytest.raises(LateError, match="after the question"):
            await lease.confirm()
        etcd.late_s.clear()
        etcd.error = Temporary("too many requests")
        with pytest.raises(LateError, match="not certain that this daemon leads: too many"):
            await lease.confirm()
        etcd.error, etcd.held["kv/txn"] = None, asyncio.Event()
        with pytest.raises(LateError, match="leads: no answer within 1 s"):
            await lease.confirm()

    played(story)


def test_b10_what_has_ended_is_not_asked_of_etcd_any_more() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        ends: list[str] = []
        lease.ended = lambda error: ends.append(str(error))
        await leads(lease, etcd)
        lease.end("somebody said so")
        lease.end("and another thing")
        asked = len(etcd.calls)
        with pytest.raises(LateError, match="leads no more: somebody said so"):
            await lease.confirm()
        await asyncio.sleep(TTL_S)
        assert len(etcd.calls) == asked
        assert (ends, await lease.over()) == (["somebody said so"], "somebody said so")
        assert (lease.left_s(), lease.standing().role) == (0, Role.OVER)
        with pytest.raises(Conflict, match="somebody said so"):
            lease.check()

    played(story)


def test_b10_a_leader_whose_key_is_gone_tells_nobody_of_itself_any_more() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await leads(lease, etcd)
        await asyncio.sleep(1)
        assert [ready(one) for one in etcd.told] == [False]
        etcd.led = None
        lease.ready(whole=True, why="")
        await asyncio.sleep(1)
        assert "our lease has run out" in await lease.over()
        assert len(etcd.told) == 1

    played(story)


def test_one_that_stands_by_says_so_once_for_each_leader(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story(lease: EtcdLease, _: Etcd) -> None:
        waits: list[float] = []
        lease.patient = lambda: waits.append(asyncio.get_running_loop().time())
        for leader in (ANOTHER, ANOTHER, Leader("c", "third", 2)):
            await lease.stand_by(leader)
            assert lease.standing().leader in (leader.name, ANOTHER.name)
        assert waits == [0.0]

    played(story)
    said = [line for line in capsys.readouterr().out.splitlines() if "standing by" in line]
    assert ["leader=b" in line for line in said] == [True, False]


def test_one_that_stands_by_is_shown_as_ready_as_soon_as_it_is() -> None:
    async def story(lease: EtcdLease, etcd: Etcd) -> None:
        await lease.lease()
        await asyncio.sleep(TTL_S)
        assert etcd.told == []  # it neither leads nor stands by yet
        await lease.stand_by(ANOTHER)
        await asyncio.sleep(0.5)
        for whole in (True, False):
            lease.ready(whole=whole, why="")
            await asyncio.sleep(0.1)
            asked = len(etcd.calls)
            lease.ready(whole=whole, why="the reason may be another")
            await asyncio.sleep(0.1)
            assert len(etcd.calls) == asked
        assert [ready(one) for one in etcd.told] == [False, True, False]

    played(story)


def ready(put: Mapping[str, Any]) -> bool:
    daemon: Daemon = DAEMON.loads(unpacked(decoded(put["value"])))
    return daemon.ready
