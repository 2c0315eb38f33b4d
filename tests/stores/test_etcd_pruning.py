"""What is dropped is what is old when it is dropped, and not when somebody began to look."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.ports import Change, Delivery
from doctor_daemon.ports.replays import Spent
from doctor_daemon.stores.contents import Keeping
from doctor_daemon.stores.etcd_endings import endings
from doctor_daemon.stores.etcd_folding import FOLD_REST, fold
from doctor_daemon.stores.etcd_pruning import removals
from doctor_daemon.stores.etcd_rows import Loaded, commit_plan, notices_plan
from doctor_daemon.stores.etcd_transactions import Plan
from doctor_daemon.stores.etcd_values import UNPACKED_MAX
from tests.stores.values import DAY_S, closing, head_of, notice, opening

GONE = IncidentId("of which nothing is kept")


class Written:
    """What is written, without an etcd."""

    def __init__(self) -> None:
        self.held = Loaded()
        self.keys: set[str] = set()
        self.order = 0

    def write(self, plan: Plan) -> None:
        for begin, end in plan.drops:
            self.keys -= {key for key in self.keys if key == begin or begin < key < end}
        self.keys |= plan.puts.keys()
        self.order += plan.orders
        plan.apply(self.order)

    def commit(self, change: Change) -> None:
        self.write(commit_plan(self.held, change, self.order + 1))

    def deliver(self, id_: str, state: str) -> None:
        rows = self.held.contents.letters.delivered([Delivery(id_, state, 1)])
        self.write(notices_plan(self.held, rows))

    def replay(self, id_: str) -> None:
        self.write(notices_plan(self.held, self.held.contents.letters.replayed([id_])[0]))


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside-another"])
@pytest.mark.parametrize("steps", [1, 2], ids=["before-its-turn", "at-its-turn"])
def test_a_notice_that_is_told_again_while_old_ones_are_dropped_is_kept(
    steps: int, *, beside: bool
) -> None:
    written = Written()
    dead = replace(notice(1), incident=GONE)
    other = replace(notice(2), incident=GONE)
    written.commit(Change(notices=(dead, other) if beside else (dead,)))
    written.deliver(dead.id, "dead")
    written.deliver(other.id, "delivered")
    written.commit(opening("two", "cmp-2", DAY_S))
    dropping = removals(written.held, Keeping(400, 5000))
    makes = [next(dropping)]  # the numbers, before what was told under them
    if steps > 1:
        written.write(makes.pop()(0))
        makes.append(next(dropping))
    written.replay(dead.id)
    for rest in chain(makes, dropping):
        written.write(rest(0))
    pending = written.held.contents.letters.pending()
    assert [row.id for row in pending] == [dead.id]
    assert len([key for key in written.keys if key.startswith("n/")]) == 1


def test_one_that_nobody_tells_again_is_dropped() -> None:
    written = Written()
    dead = replace(notice(1), incident=GONE)
    written.commit(Change(notices=(dead,)))
    written.deliver(dead.id, "dead")
    written.commit(opening("two", "cmp-2", DAY_S))
    for make in removals(written.held, Keeping(400, 5000)):
        written.write(make(0))
    assert written.held.contents.letters.rows == {}
    assert not [key for key in written.keys if key.startswith(("n/", "d/"))]


HALF = " " * (UNPACKED_MAX * 2 // 3)
"""Of a value that is small when it is packed; two of them would not be read back."""


def test_what_would_be_too_large_together_stays_as_it_is() -> None:
    written = Written()
    rows = [replace(notice(n), incident=IncidentId("one"), body=HALF) for n in (1, 2)]
    written.commit(opening())
    for row in rows:
        written.commit(Change(notices=(row,)))
        written.deliver(row.id, "delivered")
    written.commit(closing(head_of(opening()), 1))
    written.commit(opening("two", "cmp-2", DAY_S))
    for make in endings(written.held):
        written.write(make(written.order + 1))
    assert not [key for key in written.keys if key.startswith("x/")]


def test_small_rows_that_would_be_too_large_together_are_written_apart() -> None:
    written = Written()
    for number in range(FOLD_REST + 1):
        written.commit(Change(armed=Armed(why=f"{number}")))
    for number in (1, 2):
        written.commit(Change(spent=(Spent("am", f"{number}{HALF}", number),)))
    before = written.held.contents.snapshot()
    for make in fold(written.held):
        written.write(make(written.order + 1))
    assert len([key for key in written.keys if key.startswith("l/")]) == 3
    assert written.held.contents.snapshot() == before
