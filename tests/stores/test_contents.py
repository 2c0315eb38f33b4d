"""What a store holds, at its limits: from when things grow old, and which incident may be saved."""

from __future__ import annotations

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change
from doctor_daemon.stores.contents import Contents, Keeping
from tests.stores.values import DAY_S, at, closing, evidence, head_of, opening, step


def put(contents: Contents, *changes: Change) -> None:
    for change in changes:
        contents.check(change)
        contents.put(change)


def test_a_change_that_tells_no_time_keeps_nothing_from_growing_old() -> None:
    contents, begun = Contents(), opening()
    put(contents, begun, closing(head_of(begun), 1), Change(evidence=(evidence("k", 2 * DAY_S),)))
    put(contents, Change(armed=Armed(on=True, by="ann", why="in production")))
    assert contents.moment == at(2 * DAY_S)
    assert contents.over(Keeping(1, 1000)) == ("one",)


@pytest.mark.parametrize(("later_s", "over"), [(DAY_S, ()), (DAY_S + 0.25, ("one",))])
def test_what_is_over_is_kept_for_as_many_days_as_is_said(
    later_s: float, over: tuple[str, ...]
) -> None:
    contents, begun = Contents(), opening()
    said = Change(evidence=(evidence("k", 1 + later_s),))
    put(contents, begun, closing(head_of(begun), 1), said)
    assert contents.over(Keeping(1, 1000)) == over


def test_what_is_over_is_saved_beside_another_that_is_open_on_its_host() -> None:
    """An answer may come after its end. Only of those that are open there is one at a time."""
    contents, first, second = Contents(), opening("one"), opening("two")
    over = closing(head_of(first), 1)
    put(contents, first, over, second)
    put(contents, step(head_of(over), head_of(over).note(at(2), "cut unknown")))
    put(contents, closing(head_of(second), 3))
    put(contents, opening("three"))
    with pytest.raises(Conflict, match="cmp-1 has another open incident: three"):
        contents.check(opening("four"))
