"""What rows of etcd say together, and up to which size an incident's steps become one value."""

from __future__ import annotations

from random import Random

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd_putting import Putting, check_ours, read
from doctor_daemon.stores.etcd_rows import FOLD_PARTS, FOLDED_MAX, Loaded, commit_plan
from doctor_daemon.stores.etcd_transactions import Plan
from doctor_daemon.stores.etcd_values import CHANGE, MARK, Mark, Opened, packed, parts_key
from tests.stores.values import at, head_of, incident, opening, step

ONE = IncidentId("one")
TEXT = Random(1).randbytes(1_500_000).hex()


def put(*rows: tuple[str, object], order: int = 5) -> Loaded:
    """Put rows together, and the mark of this order behind them."""
    putting = Putting()
    for key, found in rows:
        putting.put(key, found, 7)  # type: ignore[arg-type] # what a value says
    putting.put("mark", Mark("m", order), 7)
    return putting.whole()


def test_an_incident_of_which_no_step_says_more_is_there() -> None:
    loaded = put(("i/one", Opened(5, incident())))
    assert loaded.contents.find(ONE) == incident()
    assert loaded.books.incidents[ONE].parts == 0


def test_small_rows_are_noted_by_their_number() -> None:
    loaded = put(("l/0000000000000004", Change(armed=Armed(on=True))))
    assert loaded.books.rest == {4}
    assert loaded.contents.snapshot().armed.on


def test_rows_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(Permanent, match="rows and no head"):
        put((parts_key("one", 1), Change(entries=opening().entries)))
    with pytest.raises(Permanent, match="rows of commit 5, and the mark is of 4"):
        put(("i/one", Opened(5, incident())), order=4)
    with pytest.raises(Permanent, match="none of our keys"):
        check_ours("other/one")


def test_a_value_is_read_as_what_its_key_says() -> None:
    change = packed(CHANGE.dumps(Change(entries=opening().entries)))
    assert read(parts_key("one", 1), change) == Change(entries=opening().entries)
    assert read("mark", packed(MARK.dumps(Mark("m", 3)))) == Mark("m", 3)
    for key in ("term", "leader", "schema", "x/one", "daemons/one", "audit"):
        assert read(key, b"nothing to be read here") is None


def folded(told: int, why: int) -> tuple[Plan, int]:
    """Plan what folds an incident of which so much was told; tell how large all of it is."""
    held = Loaded()
    saved = head_of(opening())
    changes = [opening(), step(saved, saved.note(at(1), TEXT[:told]))]
    for number, change in enumerate(changes, 1):
        commit_plan(held, change, number).apply(number)
    saved = head_of(changes[-1])
    held.books.incidents[ONE].parts = FOLD_PARTS
    after = step(saved, saved.note(at(2), "on it goes"))
    rest = Armed(on=True, why="w" * why)
    plan = commit_plan(held, Change(head=after.head, entries=after.entries, armed=rest), 9)
    return plan, plan.size - len(parts_key("one", head_of(after).version))


def test_steps_become_one_value_while_it_is_below_the_limit_with_all_that_is_beside_it() -> None:
    told, why, left = 2_000_000, 1, 0
    while not 0 < left <= 300:  # a character more is a byte more at most
        told += max(0, left - 100)
        plan, size = folded(told, why)
        assert plan.drops
        left = FOLDED_MAX - 1 - size
    plan, size = folded(told, why + left)
    assert (size, len(plan.drops)) == (FOLDED_MAX - 1, 1)
    plan, _ = folded(told, why + left + 1)
    assert plan.drops == []
