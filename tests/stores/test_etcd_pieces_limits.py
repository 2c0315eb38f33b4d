"""Small rows of exactly as many bytes as a value, or a transaction, may have; and of one more."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.ports import Change
from doctor_daemon.ports.replays import Spent
from doctor_daemon.stores.etcd_folding import FOLD_REST, PIECE_MAX
from doctor_daemon.stores.etcd_rows import Loaded, commit_plan
from doctor_daemon.stores.etcd_values import CHANGE, packed
from tests.stores.test_etcd_pieces import folded

NOISE = Random(1).randbytes(PIECE_MAX).hex()
Make = Callable[[str], Change]


def value_of(change: Change) -> int:
    return len(packed(CHANGE.dumps(change)))


def sized(size: int, make: Make) -> Change:
    """Return what is made with some noise, and has exactly so many bytes as a value."""
    letters = size * 3 // 2
    for salt in range(100):
        change = make(f"{NOISE[:letters]} {salt}")
        found = value_of(change)
        if found == size:
            return change
        letters += (size - found) * 3 // 2 or 1
    raise AssertionError(f"none has {size} bytes")


def two(noise: str) -> Change:
    return Change(spent=(Spent("a", noise, 1), Spent("b", "", 1)))


def fold(*changes: Change) -> list[int]:
    """Have these as small rows that are written anew; return the keys of each transaction."""
    held = Loaded()
    held.books.rest |= set(range(1, FOLD_REST + 1))
    for order, change in enumerate(changes, FOLD_REST + 1):
        commit_plan(held, change, order).apply(order)
    return [len(plan.puts) for plan in folded(held, 1000)][1:]


@pytest.mark.parametrize(("more", "keys"), [(0, 1), (1, 2)])
def test_many_stay_one_value_that_have_as_many_bytes_as_one_may_have(more: int, keys: int) -> None:
    assert sum(fold(sized(PIECE_MAX + more, two))) == 1 + keys  # and whether it is armed


@pytest.mark.parametrize(("more", "keys"), [(0, [2]), (1, [1, 1])])
def test_values_go_together_that_have_as_many_bytes_as_one_may_have(
    more: int, keys: list[int]
) -> None:
    armed = Change(armed=Armed(why=Random(1).randbytes(10_000).hex()))
    spent = sized(PIECE_MAX + more - value_of(armed), two)
    assert fold(armed, spent) == keys
