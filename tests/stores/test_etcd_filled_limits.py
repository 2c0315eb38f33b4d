"""How many records that are put into etcd share a key, up to each limit and beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from doctor_daemon.core.incident import Incident
from doctor_daemon.ports import Change
from doctor_daemon.ports.moving import LastNumber, Told
from doctor_daemon.ports.replays import Spent
from doctor_daemon.stores.etcd_endings import SIZE_MAX
from doctor_daemon.stores.etcd_filling import HELD_MAX, RUN_MAX
from doctor_daemon.stores.etcd_folding import RECORDS_MAX
from doctor_daemon.stores.etcd_past import over
from doctor_daemon.stores.etcd_pruning import LANES_MAX
from doctor_daemon.stores.etcd_values import CHANGE, LANES, UNPACKED_MAX, ordered, unpacked
from doctor_daemon.stores.saved import Saved
from tests.stores.test_etcd_disk import Disk
from tests.stores.test_etcd_filled import filled, large
from tests.stores.test_etcd_read import played
from tests.stores.values import closing, head_of, host, notice, opening

MIB = 1024 * 1024


def ended() -> Incident:
    over = head_of(closing(head_of(opening()), 1))
    return replace(over, timeline=(*opening().entries, *over.timeline[1:]))


def told(number: int, body: str = "{}", id_: str = "one") -> Told:
    return Told(number, replace(notice(number, id_=id_), state="delivered", body=body))


def keys(disk: Disk, kind: str) -> list[str]:
    return sorted(key for key in disk.keys if key.startswith(f"{kind}/"))


def kinds(disk: Disk) -> str:
    return "".join(kind for kind in disk.kinds() if len(kind) == 1)


def rows(disk: Disk, field: str, kind: str) -> list[int]:
    """Count the rows of a field under each key of a kind."""
    found = [CHANGE.loads(unpacked(disk.keys[key][0])) for key in keys(disk, kind)]
    return [len(getattr(change, field)) for change in found]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([told(1), told(2)], "x"),
        ([told(1), told(2), told(3, id_="none")], "nx"),
        ([told(1, id_="none"), told(2, id_="none")], "nx"),
        ([], "x"),
    ],
)
def test_what_was_told_of_what_is_over_is_kept_with_it_and_nothing_else(
    records: Sequence[Told], expected: str
) -> None:
    async def story() -> None:
        _, disk = await filled([ended(), *records])
        assert kinds(disk) == expected
        (one,) = disk.held.past.all()
        own = [one.notice.id for one in records if one.notice.incident == "one"]
        others = [one.notice.id for one in records if one.notice.incident == "none"]
        assert (list(one.short.notices), list(disk.held.contents.letters.rows)) == (own, others)

    played(story)


def test_what_is_open_stays_so_though_all_was_delivered() -> None:
    async def story() -> None:
        _, disk = await filled([head_of(opening()), told(1)])
        assert kinds(disk) == "inp"
        assert [one.id for one in disk.held.contents.snapshot().incidents] == ["one"]

    played(story)


def test_whose_host_came_back_is_kept_and_of_nobody_else() -> None:
    async def story() -> None:
        taking, _ = await filled([ended()])
        assert b"/x/returns" not in taking.kept
        back = replace(ended(), release=replace(ended().release, returns=1))
        _, disk = await filled([back])
        assert disk.held.contents.returns == ((back.host, back.phase_at.wall_s),)

    played(story)


@pytest.mark.parametrize(("more", "expected"), [(0, "x"), (1, "inp")])
def test_of_one_incident_so_much_is_held_back_until_all_of_it_has_come(
    more: int, expected: str
) -> None:
    async def story() -> None:
        bodies = ["a" * MIB] * (HELD_MAX // MIB - 1)
        bodies.append("a" * (MIB + more))
        some = [told(number, body) for number, body in enumerate(bodies, 1)]
        _, disk = await filled([ended(), *some])
        assert kinds(disk) == expected
        assert disk.held.mark.order == len(bodies)

    played(story)


def test_what_is_over_stays_where_it_was_if_no_value_takes_it() -> None:
    async def story() -> None:
        body, many = "\x01" * MIB, UNPACKED_MAX // (6 * MIB) + 1  # six characters each as JSON
        assert many * MIB < HELD_MAX
        _, disk = await filled([ended(), *(told(number, body) for number in range(1, many + 1))])
        assert kinds(disk) == "inp"
        assert len(disk.held.contents.letters.rows) == many

    played(story)


def long(size: int) -> Told:
    """Return what was told of it, of which the value of both has so many bytes."""
    saved = Saved(ended())
    saved.put(ended(), Change(entries=ended().timeline))
    for seed in range(1, 50):
        one = large(seed, 1_000_000)
        name = 1
        for _ in range(9):
            one = replace(one, notice=replace(one.notice, id="i" * name))
            found = len(over(saved, 1, [(one.place, one.notice)]).value())
            if found == size:
                return one
            name += size - found
    raise AssertionError(size)


@pytest.mark.parametrize(("more", "expected"), [(0, "x"), (1, "inp")])
def test_what_is_over_may_have_so_many_bytes_and_no_more(more: int, expected: str) -> None:
    async def story() -> None:
        _, disk = await filled([ended(), long(SIZE_MAX + more)])
        assert kinds(disk) == expected

    played(story)


def test_so_many_notices_have_one_key_and_the_next_one_has_its_own() -> None:
    async def story() -> None:
        _, disk = await filled([told(one, id_="none") for one in range(1, RECORDS_MAX + 2)])
        assert keys(disk, "n") == [ordered("n", 1), ordered("n", RECORDS_MAX + 1)]
        many = RUN_MAX // MIB
        long = [told(one, "a" * MIB, "none") for one in range(1, 2 * many + 3)]
        _, disk = await filled(long)
        assert keys(disk, "n") == [ordered("n", 1), ordered("n", many + 2)]

    played(story)


@pytest.mark.parametrize(
    ("count", "each"),
    [(0, []), (2, [2]), (LANES_MAX, [LANES_MAX]), (LANES_MAX + 1, [LANES_MAX, 1])],
)
def test_so_many_last_numbers_have_one_key(count: int, each: Sequence[int]) -> None:
    async def story() -> None:
        _, disk = await filled([LastNumber("vnfm", host(f"h{one}"), 5) for one in range(count)])
        found = [LANES.loads(unpacked(disk.keys[key][0])).lanes for key in keys(disk, "s")]
        assert [len(lanes) for lanes in found] == each

    played(story)


def test_so_many_small_rows_of_one_field_have_one_key() -> None:
    async def story() -> None:
        spent = [Change(spent=(Spent("a", f"{one:03}", one),)) for one in range(RECORDS_MAX + 1)]
        _, disk = await filled(spent)
        assert rows(disk, "spent", "l") == [RECORDS_MAX, 1]

    played(story)
