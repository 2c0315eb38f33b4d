"""Rows that are written together in etcd: how many fit, and how they are cut where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.ports import Change
from doctor_daemon.ports.replays import Spent
from doctor_daemon.stores.etcd_folding import AT_ONCE, FOLD_REST, PIECE_MAX, RECORDS_MAX, fold
from doctor_daemon.stores.etcd_pieces import Gathered, of_field, pieces
from doctor_daemon.stores.etcd_rows import Loaded, commit_plan
from doctor_daemon.stores.etcd_transactions import Plan
from doctor_daemon.stores.etcd_values import CHANGE, TooLarge, ordered, unpacked


def cut(rows: Sequence[int], largest: int = PIECE_MAX, refused: int = 10**9) -> list[list[int]]:
    """Cut numbers that take as many bytes as they say; what takes `refused` bytes is no value."""

    def value(some: Sequence[int]) -> bytes:
        if sum(some) >= refused:
            msg = "too large"
            raise TooLarge(msg)
        return b"x" * sum(some)

    found = list(pieces(rows, value))
    assert all(len(made) == sum(some) for some, made in found)
    assert all(len(made) <= largest or len(some) == 1 for some, made in found)
    return [list(some) for some, _ in found]


def test_what_fits_is_one_piece() -> None:
    assert cut([]) == []
    assert cut([1]) == [[1]]
    assert cut([1] * RECORDS_MAX) == [[1] * RECORDS_MAX]
    assert cut([PIECE_MAX // 2, PIECE_MAX - PIECE_MAX // 2]) == [
        [PIECE_MAX // 2, PIECE_MAX - PIECE_MAX // 2]
    ]


def test_what_does_not_fit_is_cut_by_halves() -> None:
    many = RECORDS_MAX + 1
    assert [len(some) for some in cut([1] * many)] == [many // 2, many - many // 2]
    half = PIECE_MAX // 2 + 1
    assert cut([half, half]) == [[half], [half]]
    assert cut([1, 2, half, half]) == [[1, 2], [half], [half]]


def test_one_row_is_a_piece_however_large_and_none_where_no_value_takes_it() -> None:
    assert cut([PIECE_MAX + 1]) == [[PIECE_MAX + 1]]
    assert cut([5, 5], refused=10) == [[5], [5]]
    with pytest.raises(TooLarge):
        cut([1, 10], refused=10)


def test_rows_are_gathered_until_they_are_as_many_as_one_value_takes() -> None:
    rows: Gathered[int] = Gathered(2)
    assert not rows.full
    rows.rows.append(1)
    assert not rows.full
    rows.rows.append(2)
    assert rows.full
    assert (rows.taken(), rows.taken(), rows.full) == ((1, 2), (), False)


def test_a_value_of_one_field_is_a_change_of_it() -> None:
    rows = (Spent("a", "b", 1),)
    assert CHANGE.loads(unpacked(of_field("spent")(rows))) == Change(spent=rows)


def full(orders: int, *more: Change) -> Loaded:
    """Have so many keys of small rows."""
    held = Loaded()
    for order in range(1, orders + 1):
        commit_plan(held, Change(armed=Armed(why=f"{order}")), order).apply(order)
    for order, change in enumerate(more, orders + 1):
        commit_plan(held, change, order).apply(order)
    return held


def folded(held: Loaded, order: int) -> Iterator[Plan]:
    """Yield what writes the small rows anew, each as it is planned, and have it written."""
    for make in fold(held):
        plan = make(order)
        yield plan
        plan.apply(order)
        order += plan.orders


def test_few_small_rows_are_left_as_they_are() -> None:
    assert list(folded(full(FOLD_REST), 1000)) == []


def test_many_small_rows_are_written_anew_in_few_keys_and_the_others_go() -> None:
    spent = tuple(Spent("a", f"{n}", n) for n in range(3))
    held = full(FOLD_REST, Change(spent=spent))
    begun, last = folded(held, 1000)
    assert (begun.orders, begun.puts, begun.drops) == (4, {}, ())
    assert set(last.puts) == {ordered("l", order) for order in (1000, 1001)}
    assert last.drops == (("l/", ordered("l", 1000)),)
    found = [CHANGE.loads(unpacked(value)) for value in last.puts.values()]
    assert found == [Change(armed=Armed(why=f"{FOLD_REST}")), Change(spent=spent)]
    assert held.books.rest == {1000, 1001}


def test_what_is_committed_meanwhile_stays_beside_it() -> None:
    held = full(FOLD_REST + 1)
    making = fold(held)
    next(making)(1000).apply(0)
    commit_plan(held, Change(armed=Armed(why="meanwhile")), 1001).apply(0)
    next(making)(1002).apply(0)
    assert held.books.rest == {1000, 1001}


def noise(source: str, count: int, size: int) -> Change:
    """Return small rows that cannot be made smaller."""
    rng = Random(source)
    rows = (Spent(source, rng.randbytes(size).hex(), n) for n in range(count))
    return Change(spent=tuple(rows))


def test_more_than_one_transaction_holds_is_written_in_several_and_dropped_with_the_last() -> None:
    held = full(FOLD_REST, *(noise(source, RECORDS_MAX, 4000) for source in "ab"))
    _, *plans = folded(held, 1000)
    assert len(plans) > 1
    assert [bool(plan.drops) for plan in plans] == [False] * (len(plans) - 1) + [True]
    for plan in plans:
        assert plan.size <= PIECE_MAX + 1000
        assert len(plan.puts) <= AT_ONCE
    found = [CHANGE.loads(unpacked(one)) for plan in plans for one in plan.puts.values()]
    rows = [row for change in found for row in change.spent]
    assert sorted(rows, key=lambda row: (row.source, row.signed_s)) == rows
    assert len(rows) == 2 * RECORDS_MAX
    assert [len(change.spent) for change in found if len(change.spent) > RECORDS_MAX] == []


def test_many_small_ones_are_cut_by_their_number() -> None:
    held = full(FOLD_REST, noise("a", RECORDS_MAX + 1, 4))
    _, last = folded(held, 1000)
    found = [CHANGE.loads(unpacked(one)).spent for one in last.puts.values()]
    assert [len(some) for some in found] == [0, RECORDS_MAX // 2, RECORDS_MAX // 2 + 1]


def test_no_more_keys_than_these_are_written_at_once() -> None:
    held = full(FOLD_REST, noise("a", (AT_ONCE + 1) * RECORDS_MAX, 4))
    _, *plans = folded(held, 1000)
    assert len(plans) == 2
    assert max(len(plan.puts) for plan in plans) == AT_ONCE


def test_until_the_last_is_written_what_is_there_is_known_of() -> None:
    held = full(FOLD_REST, *(noise(source, RECORDS_MAX, 4000) for source in "ab"))
    making = folded(held, 1000)
    for _ in range(3):
        next(making)
    assert held.books.rest >= set(range(1, FOLD_REST + 3))
    assert 1000 in held.books.rest


NOISE = Random(1).randbytes(PIECE_MAX + 1).hex()


@pytest.mark.parametrize(
    ("large", "keys"),
    [
        (Change(armed=Armed(why=NOISE)), [0, 1]),
        (Change(spent=(Spent("a", NOISE, 1),)), [0, 1, 1]),
    ],
    ids=["one", "of-many"],
)
def test_one_that_is_large_is_written_alone_and_nothing_before_it(
    large: Change, keys: list[int]
) -> None:
    held = Loaded()
    held.books.rest |= set(range(1, FOLD_REST + 1))
    commit_plan(held, large, FOLD_REST + 1).apply(1)
    assert [len(plan.puts) for plan in folded(held, 1000)] == keys


def test_as_many_as_one_value_takes_are_one() -> None:
    held = full(FOLD_REST, noise("a", RECORDS_MAX, 4))
    _, last = folded(held, 1000)
    found = [CHANGE.loads(unpacked(one)).spent for one in last.puts.values()]
    assert [len(some) for some in found] == [0, RECORDS_MAX]
