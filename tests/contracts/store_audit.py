"""The contract of stores: the audit is one chain, whoever writes, and whatever is refused."""

from __future__ import annotations

import asyncio
import json

import pytest

from doctor_daemon.core.audit import ORIGIN, Check, Page, Part, Row
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, Store
from tests.contracts.store_disk import KEEP_DAYS, Disk
from tests.stores.values import DAY_S, at, audit_line, closing, evidence, head_of, opening, step


def said(number: int, seconds: float = 0.0, part: Part = Part.INTENT) -> Change:
    return Change(audit=(audit_line(number, seconds, part),))


def moment(seconds: float) -> Change:
    """Return a change that tells the store what time it is."""
    return Change(evidence=(evidence(f"k{seconds}", seconds),))


def checked(page: Page) -> Check:
    """Follow all that is kept, from end to end."""
    check = Check(page.anchor)
    for row in page.rows:
        check.take(row)
    check.end(page.last)
    return check


def names(rows: list[Row]) -> list[str]:
    return [json.loads(row.body)["id"] for row in rows]


async def whole(store: Store, some: int = 2) -> list[Row]:
    """Read all lines, so many at a time, and follow their chain."""
    page = await store.audit(0, 0)
    check, found = Check(page.anchor), list[Row]()
    while rows := (await store.audit(check.at.number, some)).rows:
        assert len(rows) <= some
        for row in rows:
            check.take(row)
        found += rows
    check.end(page.last)
    return found


class Audit:
    """Lines are chained in the order in which they are written, for ever."""

    async def test_i17_nothing_was_said_at_first(self, disk: Disk) -> None:
        store, term = await disk.store()
        assert await store.audit(0, 10) == Page(ORIGIN, ORIGIN, ())
        await store.commit(opening(), term=term)
        assert await store.audit(0, 10) == Page(ORIGIN, ORIGIN, ())

    async def test_i17_a_line_is_as_it_was_made(self, disk: Disk) -> None:
        store, term = await disk.store()
        line = audit_line(1)
        await store.commit(Change(audit=(line,)), term=term)
        (row,) = (await store.audit(0, 10)).rows
        assert (row.number, json.loads(row.body)) == (1, line.record())

    async def test_i17_the_chain_goes_on_with_the_next_daemon(self, disk: Disk) -> None:
        for number in (1, 2, 3):
            store, term = await disk.store()
            two = (audit_line(number), audit_line(number, part=Part.RESULT))
            await store.commit(Change(audit=two), term=term)
            await store.commit(said(10 * number), term=term)
        again, _ = await disk.store()
        rows = await whole(again)
        assert [row.number for row in rows] == list(range(1, 10))
        assert names(rows)[:4] == ["one/1", "one/1", "one/10", "one/2"]
        assert checked(await again.audit(0, 100)).open.keys() == {"one/10", "one/20", "one/30"}

    async def test_i17_a_commit_that_is_refused_leaves_no_gap(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(opening(), term=term)
        before = head_of(opening())
        after = step(before, before.note(at(1), "on it goes"))
        line = audit_line(1)
        with_line = Change(head=after.head, entries=after.entries, audit=(line,))
        await store.commit(with_line, term=term)
        refused = Change(head=after.head, entries=after.entries, audit=(audit_line(2),))
        with pytest.raises(Conflict):
            await store.commit(refused, term=term)
        await store.commit(said(3), term=term)
        assert names(await whole(store)) == ["one/1", "one/3"]

    async def test_i17_nothing_is_chained_in_a_stale_term(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(said(1), term=term)
        again, newer = await disk.store()
        with pytest.raises(Conflict):
            await store.commit(said(2), term=term)
        await again.commit(said(3), term=newer)
        assert names(await whole(again)) == ["one/1", "one/3"]

    async def test_i17_a_line_that_is_saved_twice_stands_there_once(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(said(1), term=term)
        await store.commit(said(1), term=term)
        await store.commit(Change(audit=(audit_line(2), audit_line(1), audit_line(2))), term=term)
        assert names(await whole(store)) == ["one/1", "one/2"]

    async def test_i17_what_is_written_at_once_is_one_chain(self, disk: Disk) -> None:
        store, term = await disk.store()
        changes = [opening(f"i{n}", f"cmp-{n}") if n % 3 == 2 else said(n) for n in range(60)]
        await asyncio.gather(*(store.commit(change, term=term) for change in changes))
        again, _ = await disk.store()
        rows = await whole(again)
        assert sorted(names(rows)) == sorted(f"one/{n}" for n in range(60) if n % 3 != 2)

    async def test_i17_what_is_pruned_leaves_a_chain_that_can_be_followed(self, disk: Disk) -> None:
        store, term = await disk.store()
        for number in range(1, 6):
            await store.commit(said(number, number * DAY_S), term=term)
        await store.prune(term=term)
        assert len(await whole(store)) == 5  # the store has not heard what time it is
        await store.commit(moment((KEEP_DAYS + 3.5) * DAY_S), term=term)
        before = (await store.audit(0, 10)).rows
        await store.prune(term=term)
        assert await whole(store) == list(before[3:])
        again, newer = await disk.store()
        page = await again.audit(0, 10)
        assert (page.anchor, page.last) == (before[2].link, before[4].link)
        await again.commit(moment((KEEP_DAYS + 9) * DAY_S), term=newer)
        await again.prune(term=newer)
        assert await again.audit(0, 10) == Page(before[4].link, before[4].link, ())
        await again.commit(said(6, 40 * DAY_S), term=newer)
        assert [row.number for row in await whole(again)] == [6]

    async def test_i17_what_belongs_to_an_incident_that_is_kept_is_kept(self, disk: Disk) -> None:
        store, term = await disk.store()
        opened = opening()
        await store.commit(said(1, -1), term=term)
        await store.commit(opened, term=term)
        await store.commit(said(2, 1), term=term)
        ended = closing(head_of(opened), 10 * DAY_S)
        await store.commit(ended, term=term)
        await store.commit(moment((KEEP_DAYS + 5) * DAY_S), term=term)
        await store.prune(term=term)
        assert names(await whole(store)) == ["one/2"]
        await store.commit(moment((KEEP_DAYS + 11) * DAY_S), term=term)
        await store.prune(term=term)
        await store.prune(term=term)
        assert await whole(store) == []

    async def test_i17_what_comes_after_a_line_that_is_kept_is_kept(self, disk: Disk) -> None:
        """The wall clock was set right after the first one."""
        store, term = await disk.store()
        await store.commit(said(1, (KEEP_DAYS + 1) * DAY_S), term=term)
        await store.commit(said(2, 1), term=term)
        await store.commit(moment((KEEP_DAYS + 2) * DAY_S), term=term)
        await store.prune(term=term)
        assert names(await whole(store)) == ["one/1", "one/2"]

    async def test_i17_a_page_has_no_more_than_is_asked_for(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(Change(audit=tuple(map(audit_line, range(1, 6)))), term=term)
        for after, limit, numbers in (
            (0, 0, []),
            (0, -1, []),
            (0, 3, [1, 2, 3]),
            (2, 2, [3, 4]),
            (4, 9, [5]),
            (5, 9, []),
            (99, 9, []),
        ):
            rows = (await store.audit(after, limit)).rows
            assert [row.number for row in rows] == numbers, (after, limit)
