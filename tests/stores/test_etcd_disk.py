"""Whatever is written to etcd, plan by plan, is read back as what the store holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import cast

import pytest

from doctor_daemon.core.context import Charge
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.ports import Change, Delivery, Heading, NoticeRow, Snapshot, Store, Wanted
from doctor_daemon.stores.contents import Keeping
from doctor_daemon.stores.etcd_endings import SETTLED_S, endings
from doctor_daemon.stores.etcd_folding import fold
from doctor_daemon.stores.etcd_past import Past
from doctor_daemon.stores.etcd_past import read as read_past
from doctor_daemon.stores.etcd_pruning import removals
from doctor_daemon.stores.etcd_putting import Putting
from doctor_daemon.stores.etcd_questions import headings, notices
from doctor_daemon.stores.etcd_rows import Loaded, charges_plan, commit_plan, notices_plan
from doctor_daemon.stores.etcd_transactions import check_size, linked
from doctor_daemon.stores.etcd_values import MARK, PAST, Mark, packed
from doctor_daemon.stores.etcd_writer import Make
from doctor_daemon.stores.memory import MemoryConfig, MemoryStore
from tests.stores.test_etcd_walk import CLOSED_MAX, Walk
from tests.stores.values import DAY_S, at, closing, evidence, head_of, host, notice, opening

KEEPING = Keeping(400, 1000)
LATER_S = SETTLED_S + 1


class Disk:
    """Keys as etcd has them, and what a store holds that has written them."""

    def __init__(self, keeping: Keeping = KEEPING) -> None:
        self.keys: dict[str, tuple[bytes, int]] = {}
        self.held, self.mark, self.revision = Loaded(), Mark(""), 0
        self._keeping = keeping

    def write(self, make: Make) -> None:
        """Do one transaction, as etcd and the writer do."""
        plan = linked(make(self.mark.order + 1), self.mark.audit)
        check_size(plan)
        for key, revision in plan.heads.items():
            assert self.keys.get(key, (b"", 0))[1] == revision
        gone = {
            key
            for key in {*self.keys, *plan.puts}
            for begin, end in plan.drops
            if (begin <= key < end if end else key == begin)
        }
        assert not gone & plan.puts.keys(), "etcd refuses to drop and to write one key at once"
        self.revision += 1
        self.keys = {key: kept for key, kept in self.keys.items() if key not in gone}
        self.keys |= {key: (value, self.revision) for key, value in plan.puts.items()}
        order, moment = self.mark.order + plan.orders, plan.moment or self.mark.moment
        name = f"m{self.revision}"
        self.mark = Mark(name, order, moment, plan.link or self.mark.audit)
        self.keys["mark"] = packed(MARK.dumps(self.mark)), self.revision
        plan.apply(self.revision)

    def prune(self) -> None:
        for makes in (removals(self.held, self._keeping), endings(self.held), fold(self.held)):
            for make in makes:
                self.write(make)

    def again(self) -> Loaded:
        """Read it as the next daemon does."""
        putting, past = Putting(), Past()
        for key, (value, revision) in sorted(self.keys.items()):
            if key.startswith(PAST):
                past.add((read_past(value),))
            elif not key.startswith("a/"):
                putting.take(key, value, revision)
        loaded = putting.whole()
        loaded.past = past
        return loaded

    def kinds(self) -> dict[str, int]:
        """Count the keys of each kind, but for the mark."""
        names = [key.partition("/")[0] for key in self.keys if key != "mark"]
        return {kind: names.count(kind) for kind in sorted(set(names))}

    # as a store

    async def commit(self, change: Change, *, term: int) -> None:
        self.write(lambda order: commit_plan(self.held, change, order))

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None:
        letters = self.held.contents.letters
        self.write(lambda _: notices_plan(self.held, letters.delivered(batch)))

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        letters = self.held.contents.letters
        self.write(lambda _: notices_plan(self.held, letters.replayed(ids)[0]))
        return letters.replayed(ids)[1]

    async def load(self) -> Snapshot:
        return self.held.contents.snapshot()

    async def find(self, id_: IncidentId) -> Incident | None:
        return self.held.contents.find(id_) or self.held.past.find(id_)

    async def headings(self, of: HostId | None, limit: int) -> Sequence[Heading]:
        return headings(self.held, of, limit)

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        return await notices(self.held, wanted, limit)


class Pruned(Disk):
    """One that is pruned by a term, as a walk does it."""

    async def prune(self, *, term: int) -> None:  # type: ignore[override] # as a store has it
        super().prune()


async def same(disk: Disk) -> None:
    """Hold what is read anew against what is held."""
    held, found = disk.held, disk.again()
    assert found.contents.snapshot() == held.contents.snapshot()
    assert found.books == held.books
    ids = [one.id for one in held.contents.heads()]
    assert [one.id for one in found.contents.heads()] == ids
    assert list(map(found.contents.find, ids)) == list(map(held.contents.find, ids))
    assert {one.short.id: one for one in found.past.all()} == {
        one.short.id: one for one in held.past.all()
    }
    assert headings(found, None, 500) == headings(held, None, 500)
    assert await notices(found, Wanted(), 500) == await notices(held, Wanted(), 500)
    assert found.contents.letters.gaps() == held.contents.letters.gaps()
    assert (found.mark, found.mark_revision) == (disk.mark, disk.revision)


@pytest.mark.parametrize("seed", range(20, 24))
async def test_whatever_is_done_it_answers_as_memory_does_and_so_does_the_next(seed: int) -> None:
    memory = MemoryStore(MemoryConfig(closed_max=CLOSED_MAX))
    disk = Pruned(Keeping(memory_days(), CLOSED_MAX))
    store = cast("Store", disk)
    walk = Walk(seed, ((memory, await memory.open()), (store, 1)))
    await walk.go()
    expected = await walk.answers(memory)
    assert await walk.answers(store) == expected
    await same(disk)
    disk.held = disk.again()
    assert await walk.answers(store) == expected


def memory_days() -> int:
    return MemoryConfig(closed_max=CLOSED_MAX).keep_days


def commit(disk: Disk, change: Change) -> None:
    disk.write(lambda order: commit_plan(disk.held, change, order))


def deliver(disk: Disk, *ends: Delivery) -> None:
    letters = disk.held.contents.letters
    disk.write(lambda _: notices_plan(disk.held, letters.delivered(ends)))


def ended(disk: Disk, id_: str, name: str, *numbers: int, seconds: float = 0.0) -> None:
    """Have an incident that is over, of which so much was told at once."""
    told = tuple(notice(number, name, id_=id_) for number in numbers)
    begun = opening(id_, name, seconds)
    commit(disk, replace(begun, notices=told))
    commit(disk, closing(head_of(begun), seconds))


def pass_by(disk: Disk, seconds: float) -> None:
    """Have it be so late."""
    commit(disk, Change(evidence=(evidence(f"at {seconds}", seconds),)))


@pytest.mark.parametrize(("seconds", "moved"), [(SETTLED_S, 0), (LATER_S, 1)])
async def test_what_is_over_for_long_is_written_as_one_value(seconds: float, moved: int) -> None:
    disk = Disk()
    ended(disk, "one", "cmp-1", 1, 2)
    deliver(disk, *(Delivery(notice(number).id, "delivered", 1) for number in (1, 2)))
    before = await notices(disk.held, Wanted(), 9)
    pass_by(disk, seconds)
    disk.prune()
    assert disk.kinds() == ({"s": 1, "x": 1} if moved else {"d": 1, "i": 1, "n": 1, "p": 2}) | {
        "e": 1
    }
    assert await notices(disk.held, Wanted(), 9) == before
    await same(disk)


@pytest.mark.parametrize("state", ["pending", "dead"])
async def test_what_was_not_delivered_keeps_its_incident_where_it_is(state: str) -> None:
    disk = Disk()
    ended(disk, "one", "cmp-1", 1, 2)
    ended(disk, "two", "cmp-2")
    deliver(disk, Delivery(notice(1).id, "delivered", 1), Delivery(notice(2).id, state, 1))
    pass_by(disk, LATER_S)
    disk.prune()
    assert [one.short.id for one in disk.held.past.all()] == ["two"]
    assert IncidentId("one") in disk.held.books.incidents
    await same(disk)
    deliver(disk, Delivery(notice(2).id, "delivered", 2))
    disk.prune()
    assert {one.short.id for one in disk.held.past.all()} == {"one", "two"}
    await same(disk)


async def test_notices_of_two_incidents_that_were_made_together_keep_both() -> None:
    disk = Disk()
    ended(disk, "one", "cmp-1")
    ended(disk, "two", "cmp-2")
    rows = notice(1), notice(1, "cmp-2", id_="two")
    commit(disk, Change(notices=rows))
    deliver(disk, *(Delivery(row.id, "delivered", 1) for row in rows))
    pass_by(disk, LATER_S)
    disk.prune()
    assert list(disk.held.past.all()) == []
    await same(disk)


async def test_one_that_is_open_stays_however_old_it_is() -> None:
    disk = Disk()
    commit(disk, opening())
    pass_by(disk, LATER_S)
    disk.prune()
    assert disk.kinds()["i"] == 1
    await same(disk)


async def test_one_of_which_more_was_told_meanwhile_stays() -> None:
    disk = Disk()
    ended(disk, "one", "cmp-1", 1)
    deliver(disk, Delivery(notice(1).id, "delivered", 1))
    pass_by(disk, LATER_S)
    making = list(endings(disk.held))
    deliver(disk, Delivery(notice(1).id, "delivered", 2))
    for make in making:
        disk.write(make)
    assert list(disk.held.past.all()) == []
    await same(disk)


async def test_all_is_dropped_that_is_kept_no_more() -> None:
    disk = Disk()
    for number in range(70):
        ended(disk, f"i{number}", f"cmp-{number}", 1, seconds=number)
        deliver(disk, Delivery(notice(1, f"cmp-{number}").id, "delivered", 1))
    pass_by(disk, LATER_S + 100)
    disk.prune()
    commit(disk, opening("now", "now", 401 * DAY_S))
    disk.prune()
    assert disk.kinds() == {"i": 1, "p": 1, "s": 1}
    assert list(disk.held.past.all()) == []
    await same(disk)
    assert disk.again().contents.snapshot().sequences[("vnfm", host("cmp-7"))] == 1


async def test_of_rows_that_were_made_together_those_stay_that_are_kept() -> None:
    disk = Disk()
    old = replace(notice(1), incident=IncidentId("none"), made_at=at(0))
    new = replace(notice(2), incident=IncidentId("none"), made_at=at(300 * DAY_S))
    commit(disk, Change(notices=(old, new)))
    deliver(disk, Delivery(new.id, "pending", 3))
    commit(disk, Change(charges=(Charge("a", 1, "rack", at(0)), Charge("a", 2, "rack", at(0)))))
    commit(disk, Change(evidence=(evidence("k1", 0), evidence("k2", 0))))
    commit(disk, Change(evidence=(evidence("k1", 401 * DAY_S),)))
    disk.prune()
    assert disk.kinds() == {"e": 1, "n": 1, "s": 1}
    (row,) = disk.held.contents.snapshot().pending
    assert (row.sequence, row.attempts) == (2, 3)
    await same(disk)


async def test_charges_that_take_the_place_of_all_are_read_back() -> None:
    disk = Disk()
    commit(disk, Change(charges=(Charge("a", 1, "rack", at(0)),)))
    charges = (Charge("b", 1, "rack", at(1)), Charge("c", 1, "rack", at(1)))
    disk.write(lambda order: charges_plan(disk.held, charges, order))
    await same(disk)
