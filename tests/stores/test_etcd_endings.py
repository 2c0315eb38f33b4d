"""Which incidents that are over go to etcd's past, and how many of them together."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.ports import Change, Delivery
from doctor_daemon.stores.etcd_endings import endings
from doctor_daemon.stores.etcd_transactions import OPERATIONS_MAX
from tests.stores.test_etcd_disk import LATER_S, Disk, commit, deliver, ended, pass_by, same
from tests.stores.values import at, closing, head_of, notice, opening, step


def moved(disk: Disk) -> list[int]:
    """Have what is over go there; return how many of them went with each transaction."""
    found = []
    for make in endings(disk.held):
        before = disk.kinds().get("x", 0)
        disk.write(make)
        found.append(disk.kinds().get("x", 0) - before)
    return found


def over(disk: Disk, count: int, first: int = 0) -> None:
    """Have so many that are over, of which nothing was told."""
    for number in range(first, first + count):
        ended(disk, f"i{number}", f"cmp-{number}")


def noisy(disk: Disk, id_: str, size: int) -> None:
    """Have one that is over, and takes so many bytes at least."""
    begun = opening(id_, id_)
    commit(disk, begun)
    noise = Random(id_).randbytes(size).hex()
    after = head_of(begun).note(at(0), noise)
    commit(disk, step(head_of(begun), after))
    commit(disk, closing(replace(after, version=2), 0))


async def test_as_many_go_together_as_one_transaction_holds() -> None:
    disk = Disk()
    over(disk, OPERATIONS_MAX // 3)
    pass_by(disk, LATER_S)
    assert moved(disk) == [OPERATIONS_MAX // 3]
    disk = Disk()
    over(disk, OPERATIONS_MAX // 3 + 1)
    pass_by(disk, LATER_S)
    assert moved(disk) == [OPERATIONS_MAX // 3, 1]
    await same(disk)


async def test_to_the_last_operation() -> None:
    disk = Disk()
    over(disk, (OPERATIONS_MAX - 10) // 3, 2)
    for number in (0, 1):
        ended(disk, f"i{number}", f"cmp-{number}", 1)
        deliver(disk, Delivery(notice(1, f"cmp-{number}").id, "delivered", 1))
    pass_by(disk, LATER_S)
    assert moved(disk) == [0, (OPERATIONS_MAX - 10) // 3 + 2]  # first the numbers of notices
    await same(disk)


async def test_large_ones_go_alone_and_what_is_too_large_stays() -> None:
    disk = Disk()
    for id_ in "abc":
        noisy(disk, id_, 250_000)
    pass_by(disk, LATER_S)
    assert moved(disk) == [2, 1]
    disk = Disk()
    noisy(disk, "large", 750_000)
    pass_by(disk, LATER_S)
    assert moved(disk) == []
    assert IncidentId("large") in disk.held.books.incidents
    await same(disk)


async def test_one_of_which_was_told_in_too_many_steps_stays() -> None:
    disk = Disk()
    steps = (OPERATIONS_MAX - 3) // 2 + 1
    ended(disk, "one", "cmp-1")
    over(disk, 1)
    for number in range(1, steps + 1):
        commit(disk, Change(notices=(notice(number),)))
        deliver(disk, Delivery(notice(number).id, "delivered", 1))
    pass_by(disk, LATER_S)
    assert sum(moved(disk)) == 1
    assert IncidentId("one") in disk.held.books.incidents
    disk = Disk()
    ended(disk, "one", "cmp-1")
    for number in range(1, steps):
        commit(disk, Change(notices=(notice(number),)))
        deliver(disk, Delivery(notice(number).id, "delivered", 1))
    pass_by(disk, LATER_S)
    assert sum(moved(disk)) == 1
    await same(disk)


async def test_where_nothing_says_when_it_is_nothing_goes() -> None:
    disk = Disk()
    bare = closing(head_of(opening()), 0)
    commit(disk, Change(head=replace(head_of(bare), version=1, timeline=())))
    assert disk.held.contents.moment is None
    assert moved(disk) == []


async def test_one_that_goes_on_meanwhile_stays() -> None:
    disk = Disk()
    ended(disk, "one", "cmp-1")
    pass_by(disk, LATER_S)
    (make,) = endings(disk.held)
    saved = disk.held.contents.find(IncidentId("one"))
    assert saved is not None
    commit(disk, step(saved, saved.note(at(LATER_S), "a late word")))
    disk.write(make)
    assert disk.kinds().get("x", 0) == 0
    await same(disk)
