"""B10, D8: who may claim the next term, what is written with it, and for whom it is waited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from doctor_daemon.errors import Permanent
from doctor_daemon.stores.etcd_claim import claimed
from doctor_daemon.stores.etcd_daemons import LEADER, Leader, Own
from doctor_daemon.stores.etcd_empty import DATA
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import decoded
from doctor_daemon.stores.etcd_meaning import Unanswered
from doctor_daemon.stores.etcd_schema import IMPORTING
from doctor_daemon.stores.etcd_values import CLAIM, SCHEMA, Claim, unpacked
from tests.simulation.virtual import run
from tests.stores.etcd_cluster import code

LEASE, CLAIMED_AT = 7, 9
LOST = Unanswered("http://one: the answer was lost", sent=True)
OURS = Leader("a", "me", 4)


class Etcd:
    """Where some keys stand, and what is claimed there."""

    def __init__(
        self,
        schema: str = "",
        term: Claim | None = None,
        leader: Leader | None = None,
        counts: Sequence[int] = (),
    ) -> None:
        self.schema, self.term, self.leader, self.counts = schema, term, leader, counts
        self.refusals: list[Exception | None] = []
        """What becomes of the next claims: an error, or that something has come in between."""
        self.reads, self.asked = 0, 0
        """How often it was read, and of how many ranges the last time."""
        self.claims: list[Mapping[str, Any]] = []

    async def call(self, _: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        await asyncio.sleep(0)
        header = {"revision": str(CLAIMED_AT)}
        if "compare" in body:
            self.claims.append(body)
            for refused in self.refusals[:1]:
                del self.refusals[:1]
                if refused is not None:
                    raise refused
                return {"header": header}
            return {"header": header, "succeeded": True}
        self.reads += 1
        self.asked = len(body["success"])
        found = [*map(_ranged, self._keys()), *({"count": str(one)} for one in self.counts)]
        return {
            "header": header,
            "responses": [{"response_range": one} for one in found[: self.asked]],
        }

    def _keys(self) -> Sequence[Mapping[str, Any]]:
        schema = {"value": code(self.schema), "mod_revision": "3"} if self.schema else {}
        term, leader = self.term, self.leader
        return (
            schema,
            {"value": code(CLAIM.dumps(term)), "mod_revision": "5"} if term else {},
            {"value": code(LEADER.dumps(leader)), "create_revision": "5", "lease": str(LEASE + 1)}
            if leader
            else {},
        )


def _ranged(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"kvs": [record]} if record else {}


class Me:
    """`etcd_claim.Candidate`; whoever leads, or is newer, is gone the next time."""

    id, name = "me", "a"

    def __init__(self, etcd: Etcd) -> None:
        self.stood_by: list[Leader] = []
        self._etcd = etcd

    async def lease(self) -> int:
        return LEASE

    async def stand_by(self, leader: Leader) -> None:
        self.stood_by.append(leader)
        self._etcd.leader = None
        if self._etcd.schema == "9":
            self._etcd.schema = str(SCHEMA)


def claim(etcd: Etcd, *, importing: bool = False) -> tuple[Own, Me]:
    """Claim; return what was had, and how it was waited for."""
    me, had = Me(etcd), list[Own]()

    async def main() -> None:
        async with asyncio.timeout(10):
            had.append(await claimed(cast("Gateway", etcd), "/x/", me, importing=importing))

    run(main())
    return had[0], me


def put(body: Mapping[str, Any]) -> Mapping[str, tuple[str, str]]:
    """Return what a claim writes: by keys, values and leases."""
    puts = [one["request_put"] for one in body["success"]]
    return {
        decoded(one["key"]).decode(): (unpacked(decoded(one["value"])), one.get("lease", ""))
        for one in puts
    }


def compared(body: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what has to stand for a claim: keys, and the revisions that they must have."""
    return {
        decoded(one["key"]).decode(): one.get("mod_revision") or one["create_revision"]
        for one in body["compare"]
    }


def test_b10_where_nothing_is_the_first_term_is_claimed() -> None:
    etcd = Etcd()
    had, me = claim(etcd)
    assert (had, me.stood_by) == (Own(Claim(1, "me"), CLAIMED_AT, LEASE), [])
    assert (etcd.reads, etcd.asked) == (1, 3)
    (body,) = etcd.claims
    assert compared(body) == {"/x/schema": "0", "/x/term": "0", "/x/leader": "0"}
    wanted = LEADER.dumps(Leader("a", "me", 1)), CLAIM.dumps(Claim(1, "me"))
    assert put(body) == {
        "/x/schema": (str(SCHEMA), ""),
        "/x/term": (wanted[1], ""),
        "/x/leader": (wanted[0], str(LEASE)),
    }


def test_b10_the_next_term_is_claimed_as_it_was_read() -> None:
    etcd = Etcd("1", Claim(4, "other"))
    had, _ = claim(etcd)
    assert had == Own(Claim(5, "me"), CLAIMED_AT, LEASE)
    assert compared(etcd.claims[0]) == {"/x/schema": "3", "/x/term": "5", "/x/leader": "0"}


def test_b10_a_claim_that_something_came_in_between_of_is_made_anew() -> None:
    etcd = Etcd("1", Claim(4, "other"))
    etcd.refusals = [None, LOST]
    had, _ = claim(etcd)
    assert (had.claim.term, etcd.reads, len(etcd.claims)) == (5, 3, 3)


@pytest.mark.parametrize(
    ("term", "leader", "waits"),
    [
        (Claim(4, "me"), OURS, 0),
        (Claim(4, "other"), Leader("b", "other", 4), 1),
        (Claim(4, "other"), OURS, 1),
        (Claim(4, "me"), Leader("b", "other", 4), 1),
        (None, Leader("b", "", 4), 1),
    ],
)
def test_c5_a_claim_whose_answer_was_lost_is_known_again_and_no_other(
    term: Claim | None, leader: Leader, waits: int
) -> None:
    etcd = Etcd("2", term, leader)
    had, me = claim(etcd)
    assert me.stood_by == [leader] * waits
    assert len(etcd.claims) == waits
    if not waits:
        assert had == Own(Claim(4, "me"), 5, LEASE + 1)


def test_d8_a_newer_schema_is_waited_for_whoever_leads() -> None:
    for leader in (None, Leader("b", "other", 4)):
        etcd = Etcd("9", Claim(4, "other"), leader)
        _, me = claim(etcd)
        assert [one.name for one in me.stood_by] == ["b" if leader else ""]
        assert put(etcd.claims[0])["/x/schema"] == (str(SCHEMA), "")


def test_d8_what_is_not_whole_is_claimed_by_an_import_alone() -> None:
    etcd = Etcd(IMPORTING, Claim(4, "other"), counts=[5] * len(DATA))
    with pytest.raises(Permanent, match="not whole"):
        claim(etcd)
    assert etcd.claims == []
    had, _ = claim(etcd, importing=True)
    assert had.claim == Claim(5, "me")
    assert put(etcd.claims[0])["/x/schema"] == (IMPORTING, "")


def test_d8_an_import_claims_what_is_empty_and_nothing_else() -> None:
    empty = Etcd(counts=[0] * len(DATA))
    claim(empty, importing=True)
    assert put(empty.claims[0])["/x/schema"] == (IMPORTING, "")
    for schema in ("", "2"):
        full = Etcd(schema, Claim(4, "other"), counts=[0] * (len(DATA) - 1) + [1])
        with pytest.raises(Permanent, match="there is state below /x/ already"):
            claim(full, importing=True)
        assert full.claims == []


def test_a_daemon_claims_what_has_state() -> None:
    had, _ = claim(Etcd("2", Claim(4, "other"), counts=[1] * len(DATA)))
    assert had.claim.term == 5
