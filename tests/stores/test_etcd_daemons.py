"""B10: what is read in etcd of who leads and who stands by, and what a daemon makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.etcd_daemons import (
    DAEMON,
    DAEMONS_MAX,
    LEADER,
    NOBODY,
    SOMEBODY,
    Daemon,
    Leader,
    Own,
    handed_over,
    leader_of,
    look,
    seen,
    why_over,
)
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_values import CLAIM, Claim
from tests.simulation.virtual import run
from tests.stores.etcd_cluster import code

PREFIX, LEASE = "/x/", 7
OWN = Own(Claim(2, "me"), 5, LEASE)
ANY = Own(OWN.claim, OWN.revision, 0)
Record = Mapping[str, Any]


def term(claim: Claim, revision: int) -> Record:
    return {"value": code(CLAIM.dumps(claim)), "mod_revision": str(revision)}


def led(leader: Leader, revision: int, lease: int = LEASE) -> Record:
    value = code(LEADER.dumps(leader))
    return {"value": value, "create_revision": str(revision), "lease": str(lease)}


def shown(id_: str, name: str, *, ready: bool) -> Record:
    value = code(DAEMON.dumps(Daemon(name, 1.0, ready=ready)))
    return {"key": code(f"{PREFIX}daemons/{id_}"), "value": value}


def told(*daemons: Record, leader: Record | None = None, places: int = 4) -> dict[str, Any]:
    """Return the answer to a look; `places`: of how many ranges it is."""
    kvs = [[term(OWN.claim, 5)], [leader] if leader else [], list(daemons), []]
    responses = [{"response_range": {"kvs": some}} for some in kvs]
    return {"header": {"revision": "9", "raft_term": "2"}, "responses": responses[:places]}


OURS, OUR_TERM = led(Leader("a", "me", 2), 5), term(OWN.claim, 5)
OTHERS = led(Leader("b", "other", 3), 8)
LAPSED = "term 2 is over: our lease has run out or was revoked, and another may lead at any time"
STRANGE = "etcd: somebody else has written below /x/: who leads does not hang on our lease"


@pytest.mark.parametrize(
    ("own", "newest", "leader", "why"),
    [
        (OWN, OUR_TERM, OURS, ""),
        (OWN, {}, OURS, "etcd: everything below /x/ is gone, our term too"),
        (OWN, term(Claim(3, "other"), 8), {}, "term 2 is over: term 3 has been claimed"),
        (
            OWN,
            term(Claim(3, "other"), 8),
            OTHERS,
            "term 2 is over: term 3 has been claimed, and b leads",
        ),
        (OWN, term(OWN.claim, 8), OURS, "term 2 is over: term 2 has been claimed, and a leads"),
        (
            OWN,
            term(Claim(2, "other"), 5),
            OURS,
            "term 2 is over: term 2 has been claimed, and a leads",
        ),
        (
            OWN,
            {**OUR_TERM, "value": code("nonsense")},
            {},
            "term 2 is over: term 0 has been claimed",
        ),
        (OWN, OUR_TERM, {}, LAPSED),
        (OWN, OUR_TERM, led(Leader("b", "other", 2), 6), "term 2 is over: b leads"),
        (OWN, OUR_TERM, led(Leader("a", "me", 2), 5, 8), STRANGE),
        (OWN, OUR_TERM, led(Leader("a", "me", 2), 5, 0), STRANGE),
        (ANY, OUR_TERM, led(Leader("a", "me", 2), 5, 8), ""),
    ],
)
def test_b10_a_daemon_leads_as_long_as_all_that_it_has_claimed_stands(
    own: Own, newest: Record, leader: Record, why: str
) -> None:
    assert why_over(own, PREFIX, newest, leader) == why


def test_those_are_ready_that_stand_by_and_say_so() -> None:
    every = (
        shown("me", "a", ready=True),
        shown("other", "b", ready=True),
        shown("third", "d", ready=True),
        shown("fourth", "c", ready=True),
        shown("fifth", "e", ready=False),
        {"key": code(f"{PREFIX}daemons/odd"), "value": code("nonsense")},
    )
    found = seen(told(*every, leader=OTHERS), PREFIX)
    assert found.ready("me") == ("c", "d")
    assert seen(told(*every), PREFIX).ready("me") == ("b", "c", "d")
    assert (found.revision, found.raft_term, found.word) == (9, 2, {})


def test_no_more_are_believed_than_were_asked_for() -> None:
    many = [shown(f"d{n}", f"d{n}", ready=True) for n in range(DAEMONS_MAX + 1)]
    assert len(seen(told(*many), PREFIX).daemons) == DAEMONS_MAX


@pytest.mark.parametrize("places", [0, 2, 3])
def test_e5_a_look_that_is_not_answered_whole_is_none(places: int) -> None:
    assert len(look(PREFIX)["success"]) == 4
    with pytest.raises(Permanent, match="is not whole"):
        seen(told(places=places), PREFIX)


def test_whoever_leads_and_cannot_be_read_is_somebody() -> None:
    assert leader_of({}) == NOBODY
    assert leader_of({"value": code("nonsense")}) == SOMEBODY
    assert leader_of(OTHERS) == Leader("b", "other", 3)


class Busy:
    """Who takes what is asked of him at the third time."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    async def call(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append((path, body))
        if len(self.asked) < 3:
            msg = "too many requests"
            raise Temporary(msg)
        return {}


def test_b10_what_is_led_is_handed_over_as_soon_as_somebody_takes_it() -> None:
    async def main() -> None:
        busy = Busy()
        async with asyncio.timeout(5):
            await handed_over(cast("Gateway", busy), PREFIX, OWN)
        (path, body), *again = busy.asked
        assert again == [(path, body)] * 2
        assert body["compare"][0]["create_revision"] == "5"
        gone = [one["request_delete_range"]["key"] for one in body["success"]]
        assert gone == [code("/x/leader"), code("/x/daemons/me")]

    run(main())
