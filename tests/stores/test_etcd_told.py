"""What is known of incidents that are over without reading them whole, and when that is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.ports import Change, NoticeRow, Wanted
from doctor_daemon.stores.etcd_past import BREATHER, Over, Past, over, read
from doctor_daemon.stores.etcd_values import SHORT
from doctor_daemon.stores.saved import Saved
from tests.stores.values import closing, head_of, host, notice, opening

ONE = IncidentId("one")


def told(number: int, id_: str = "one") -> NoticeRow:
    return replace(notice(number, id_=id_), state="delivered")


def kept(id_: str, order: int, *orders: int) -> Over:
    """Return an incident that is over, of which was told in commits of these orders."""
    begun = opening(id_, id_)
    ended = closing(head_of(begun), 1)
    saved = Saved(head_of(begun))
    saved.put(head_of(ended), ended)
    return over(saved, order, [(one, told(one, id_)) for one in orders])


def unreadable(one: Over) -> Over:
    return replace(one, body=b"nonsense")


def past(*some: Over) -> Past:
    found = Past()
    found.add(some)
    return found


def test_an_incident_that_is_over_is_known_by_its_id_until_it_is_dropped() -> None:
    found = past(kept("one", 1, 5), kept("two", 2))
    assert ONE in found
    with pytest.raises(Conflict, match="incident one is over"):
        found.check(opening())
    with pytest.raises(Conflict, match="this notice has been written before"):
        found.check(Change(notices=(told(5),)))
    found.check(opening("three"))
    found.check(Change(notices=(told(6),)))
    found.drop(IncidentId("unknown"))
    found.drop(ONE)
    assert (ONE in found, IncidentId("two") in found) == (False, True)
    found.check(opening())
    found.check(Change(notices=(told(5),)))
    assert found.find(ONE) is None


def test_the_newest_are_those_that_were_opened_last() -> None:
    found = past(kept("b", 2), kept("c", 3), kept("a", 1))
    assert [(order, one.id) for order, one in found.newest(None)] == [(3, "c"), (2, "b"), (1, "a")]
    assert [one.id for _, one in found.newest(host("b"))] == ["b"]
    found.add([kept("d", 0)])
    assert [one.id for _, one in found.newest(None)] == ["c", "b", "a", "d"]


async def listed(found: Past, wanted: Wanted, limit: int, *beside: int) -> Sequence[int]:
    rows = [(number, told(number)) for number in beside]
    return [order for order, _ in await found.told(wanted, limit, rows)]


async def test_what_was_told_is_listed_the_newest_first_whatever_it_is_of() -> None:
    found = past(kept("one", 1, 3, 9), kept("two", 2, 5), kept("three", 3))
    assert await listed(found, Wanted(), 99, 4, 12, 7) == [12, 9, 7, 5, 4, 3]
    assert await listed(found, Wanted(state="delivered"), 3, 4) == [9, 5, 4]
    assert await listed(found, Wanted(state="dead"), 9, 4, 8) == [8, 4]
    assert await listed(found, Wanted(), 0, 4) == []
    assert await listed(found, Wanted(), 0) == []
    assert await listed(found, Wanted(ids=frozenset({told(5, "two").id})), 9) == [5]
    assert await listed(found, Wanted(ids=frozenset({"unknown"})), 9) == []


async def test_only_what_is_needed_is_read_whole() -> None:
    found = past(kept("one", 1, 9), unreadable(kept("two", 2, 5)))
    assert await listed(found, Wanted(), 1) == [9]
    assert await listed(found, Wanted(state="dead"), 9, 4) == [4]
    assert await listed(found, Wanted(ids=frozenset({told(9, "one").id})), 9) == [9]
    assert await listed(found, Wanted(), 0) == []
    for limit in (2, 99):
        with pytest.raises(Permanent):
            await listed(found, Wanted(), limit)


async def test_everybody_else_has_his_turn_while_many_are_read() -> None:
    found = past(*(kept(f"i{number}", number, number) for number in range(1, BREATHER + 6)))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(others())
    assert len(await listed(found, Wanted(), 99)) == BREATHER + 5
    running.cancel()
    assert 1 <= turns <= 3


def test_one_has_a_short_and_a_body() -> None:
    one = kept("one", 1, 5)
    assert read(one.value()) == one
    for value in (b"", SHORT.dumps(one.short).encode(), b"nonsense\n" + one.body):
        with pytest.raises(Permanent):
            read(value)
    incident, rows = one.whole()
    assert (incident.id, [row.id for row in rows]) == (ONE, [told(5).id])
    for orders in ((), (5, 6)):
        with pytest.raises(Permanent, match="other notices than its short says"):
            replace(one, short=replace(one.short, orders=orders)).whole()
