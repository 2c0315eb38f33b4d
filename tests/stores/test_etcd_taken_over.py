"""B10: what whoever stood by takes over with, and when he has to read everything anew instead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.stores.etcd_loading import PAGE
from doctor_daemon.stores.etcd_mirror import WAIT_S
from tests.stores.etcd_teller import Teller
from tests.stores.test_etcd_heard import followed
from tests.stores.test_etcd_read import ended, played
from tests.stores.values import opening


def written() -> Teller:
    """Return an etcd in which one incident is open, one is over, and one daemon stands by."""
    teller = Teller()
    rows = {"x/over": ended("over"), "a/1": b"1", "schema": b"2", "daemons/me": b"1"}
    teller.commit(opening("one"), {**rows, "leader": b"1", "term": b"1"})
    return teller


def test_what_was_heard_up_to_the_own_claim_is_taken_over_as_it_is() -> None:
    async def story() -> None:
        teller = written()
        mirror = await followed(teller)
        teller.commit(opening("two", "cmp-2"), {"a/2": b"1", "x/more": ended("more")})
        teller.write({"leader": None})
        teller.write({"leader": b"2", "term": b"2"})
        began_s = asyncio.get_running_loop().time()
        found = await mirror.taken(teller.revision)
        assert asyncio.get_running_loop().time() == began_s
        assert found is not None
        assert found.contents.snapshot() == teller.held.contents.snapshot()
        assert {one.short.id for one in found.past.all()} == {"over", "more"}
        assert found.past is mirror.past
        assert teller.tellings[0].closed
        assert mirror.reads == 1
        await mirror.stop()

    played(story)


def test_the_last_changes_are_waited_for_and_not_for_ever() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        teller = written()
        mirror = await followed(teller)
        teller.write({"leader": b"2", "term": b"2"}, told=False)
        taking, began_s = asyncio.create_task(mirror.taken(teller.revision)), loop.time()
        await asyncio.sleep(WAIT_S / 2)
        teller.tellings[0].tell(teller.last())
        assert await taking is not None
        assert loop.time() == pytest.approx(began_s + WAIT_S / 2)
        mirror = await followed(written())
        began_s = loop.time()
        assert await mirror.taken(99) is None
        assert loop.time() == pytest.approx(began_s + WAIT_S)
        assert mirror.past is None

    played(story)


def test_while_nothing_has_been_read_nothing_is_waited_for() -> None:
    async def story() -> None:
        mirror = written().mirror()
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        assert await mirror.taken(2) is None
        assert loop.time() == began_s

    played(story)


def test_before_the_first_claim_no_term_is_there_and_it_is_waited_for() -> None:
    async def story() -> None:
        teller = Teller()
        mirror = await followed(teller)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        taking = asyncio.create_task(mirror.taken(2))
        await asyncio.sleep(WAIT_S / 2)
        teller.write({"leader": b"1", "term": b"1"})
        assert await taking is not None
        assert loop.time() == pytest.approx(began_s + WAIT_S / 2)

    played(story)


@pytest.mark.parametrize(
    "missed",
    [
        lambda teller: teller.commit(opening("two", "cmp-2"), lost=True),
        lambda teller: teller.write({"l/0000000000000001": b"1"}, lost=True),
        lambda teller: teller.write({"i/one": None}, lost=True),
    ],
    ids=["commit", "key", "drop"],
)
def test_where_anything_was_missed_nothing_is_taken_over(
    missed: Callable[[Teller], None],
) -> None:
    async def story() -> None:
        teller = written()
        mirror = await followed(teller)
        assert mirror.whole
        missed(teller)
        teller.write({"leader": b"2", "term": b"2"})
        assert await mirror.taken(teller.revision) is None
        assert mirror.past is None
        assert teller.tellings[0].closed

    played(story)


def test_what_is_over_is_left_to_be_read_where_not_all_of_it_has_been() -> None:
    async def story() -> None:
        teller = written()
        more = {f"x/i{number}": ended(f"i{number}") for number in range(PAGE)}
        teller.commit(opening("two", "cmp-2"), more)
        first, second = asyncio.Event(), asyncio.Event()
        first.set()
        teller.holding = [first, second]
        mirror = await followed(teller)
        teller.write({"leader": b"2", "term": b"2"})
        found = await mirror.taken(teller.revision)
        assert found is not None
        assert found.contents.find(IncidentId("two")) is not None
        assert list(found.past.all()) == []
        assert mirror.past is None

    played(story)
