"""What is dropped is what is old when it is dropped, and not when somebody began to look."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.ports import Change, Delivery
from doctor_daemon.stores.contents import Keeping
from doctor_daemon.stores.etcd_pruning import removals
from doctor_daemon.stores.etcd_rows import Loaded, commit_plan, notices_plan
from doctor_daemon.stores.etcd_transactions import Plan
from tests.stores.values import DAY_S, notice, opening

GONE = IncidentId("of which nothing is kept")


class Written:
    """What is written, without an etcd."""

    def __init__(self) -> None:
        self.held = Loaded()
        self.keys: set[str] = set()
        self._order = 0

    def write(self, plan: Plan) -> None:
        for begin, end in plan.drops:
            self.keys -= {key for key in self.keys if key == begin or begin < key < end}
        self.keys |= plan.puts.keys()
        self._order += plan.orders
        plan.apply(self._order)

    def commit(self, change: Change) -> None:
        self.write(commit_plan(self.held, change, self._order + 1))

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
