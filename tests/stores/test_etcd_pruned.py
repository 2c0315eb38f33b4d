"""What is taken out of etcd, what stays beside it, and rows that are read one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change, Delivery, NoticeRow
from doctor_daemon.stores.etcd_pruning import removals
from doctor_daemon.stores.etcd_putting import NAMED_MAX, Putting, check_ours, read
from doctor_daemon.stores.etcd_rows import notices_plan
from doctor_daemon.stores.etcd_values import CHANGE, packed, parts_key
from tests.stores.test_etcd_disk import (
    KEEPING,
    LATER_S,
    Disk,
    commit,
    deliver,
    ended,
    pass_by,
    same,
)
from tests.stores.values import evidence, notice, opening


def of_none(number: int) -> NoticeRow:
    """Return a notice whose incident is not kept."""
    return notice(number, id_="none")


def delivered(number: int, state: str = "delivered") -> Delivery:
    return Delivery(notice(number).id, state, 1)


async def test_what_is_settled_without_an_incident_goes_with_all_that_was_noted_of_it() -> None:
    disk = Disk()
    commit(disk, Change(notices=(of_none(1), of_none(2))))
    commit(disk, Change(notices=(of_none(3),)))
    deliver(disk, delivered(1), delivered(2, "dead"))
    deliver(disk, delivered(3))
    pass_by(disk, 1)
    disk.prune()
    assert disk.kinds() == {"e": 1, "s": 1}
    await same(disk)


async def test_one_that_is_told_again_meanwhile_stays() -> None:
    disk = Disk()
    commit(disk, Change(notices=(of_none(1),)))
    deliver(disk, delivered(1, "dead"))
    pass_by(disk, 1)
    making = list(removals(disk.held, KEEPING))
    letters = disk.held.contents.letters
    disk.write(lambda _: notices_plan(disk.held, letters.replayed([notice(1).id])[0]))
    for make in making:
        disk.write(make)
    assert [row.id for row in disk.held.contents.snapshot().pending] == [notice(1).id]
    await same(disk)


async def test_how_notices_stand_is_kept_where_events_of_the_same_commit_go() -> None:
    disk = Disk()
    name = notice(1).id  # an event may be called as a notice is
    told = replace(notice(2), id="another")
    said = (evidence(name, 0), evidence("k2", 0))
    commit(disk, replace(opening(), notices=(told, notice(1)), evidence=said))
    deliver(disk, Delivery("another", "dead", 3))
    commit(disk, Change(evidence=(evidence(name, 1),)))
    disk.prune()
    assert disk.kinds() == {"d": 1, "e": 2, "i": 1, "n": 1, "p": 1}
    rows = disk.held.contents.letters.rows
    assert {id_: row.state for id_, row in rows.items()} == {"another": "dead", name: "pending"}
    commit(disk, Change(evidence=(evidence("k2", 2),)))
    disk.prune()
    assert disk.kinds()["e"] == 2
    assert len(disk.held.contents.letters.rows) == 2
    await same(disk)


async def test_what_is_told_late_of_an_incident_that_is_over_stays_with_it() -> None:
    disk = Disk()
    ended(disk, "one", "cmp-1")
    pass_by(disk, LATER_S)
    disk.prune()
    assert IncidentId("one") in disk.held.past
    commit(disk, Change(notices=(notice(1),)))
    deliver(disk, delivered(1))
    disk.prune()
    assert disk.kinds()["n"] == 1
    await same(disk)


async def test_where_nothing_says_when_it_is_nothing_goes() -> None:
    disk = Disk()
    commit(disk, Change(notices=(of_none(1),)))
    deliver(disk, delivered(1))
    assert disk.held.contents.moment is None
    disk.prune()
    assert disk.kinds() == {"d": 1, "n": 1}
    await same(disk)


async def test_small_rows_are_known_by_their_keys() -> None:
    disk = Disk()
    commit(disk, Change(armed=Armed(on=True)))
    commit(disk, Change(armed=Armed(on=False, why="x")))
    assert disk.again().books.rest == {1, 2}
    await same(disk)


def test_what_is_none_of_ours_is_named_in_short() -> None:
    for key in ("members/a", "x" * 2000):
        with pytest.raises(Permanent, match="none of our keys") as refused:
            Putting().take(key, b"1", 1)
        assert len(str(refused.value)) < NAMED_MAX + 100
        with pytest.raises(Permanent, match="none of our keys"):
            check_ours(key)


@pytest.mark.parametrize(
    "key", ["schema", "term", "leader", "daemons/one", "disarm", "audit", "x/a"]
)
def test_what_says_nothing_of_the_state_is_not_read(key: str) -> None:
    assert read(key, b"2") is None


@pytest.mark.parametrize("key", ["mark", "returns", "i/one", "p/one/1", f"s/{0:016}", f"l/{1:016}"])
def test_what_says_something_has_to_be_readable(key: str) -> None:
    with pytest.raises(Permanent, match="cannot be read"):
        read(key, b"2")


def test_an_incident_has_a_head() -> None:
    putting = Putting()
    putting.take(parts_key("one", 1), packed(CHANGE.dumps(opening())), 1)
    with pytest.raises(Permanent, match="rows and no head"):
        putting.whole()
