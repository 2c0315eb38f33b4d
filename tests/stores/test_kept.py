"""What is kept in memory, at its bounds: notices, the audit, requests, orders, tasks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.audit import ORIGIN, Link, Row
from doctor_daemon.core.context import Armed
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.masses import MassState
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.core.upkeep import Turn, Upkeep
from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.ports import Change, Delivery, NoticeRow, Wanted
from doctor_daemon.ports.moving import Inventory, Record, Told
from doctor_daemon.ports.replays import Floor, Spent
from doctor_daemon.stores.chain import Chain, unknown
from doctor_daemon.stores.changes import SUMMARY_MAX, check_change, check_new, moment_of
from doctor_daemon.stores.host_tasks import HostTasks
from doctor_daemon.stores.lately import age_s, came_back, fits, gaps, latest
from doctor_daemon.stores.letters import Letters
from doctor_daemon.stores.spent import SpentRequests
from doctor_daemon.stores.tally import Tally
from doctor_daemon.stores.volumes import LOADED_MAX, Records, loaded
from tests.stores.values import (
    at,
    audit_line,
    evidence,
    host,
    incident,
    mass_state,
    notice,
    opening,
    server,
    volume_order,
)

LANE = ("vnfm", host())


def told(number: int, state: str = "pending", **more: object) -> NoticeRow:
    return replace(notice(number), state=state, **more)  # type: ignore[arg-type] # a notice's fields


@pytest.mark.parametrize(
    ("states", "delivered", "is_gap"),
    [
        (["dead"], 0, True),
        (["delivered", "dead"], 0, True),
        (["dead", "delivered"], 0, False),
        (["dead", "pending"], 0, True),
        (["pending"], 0, False),
        (["dead"], 1, False),
        (["delivered", "dead"], 1, True),
        (["delivered", "dead"], 2, False),
    ],
)
def test_a_lane_has_a_gap_where_the_last_that_is_settled_was_given_up(
    states: list[str], delivered: int, *, is_gap: bool
) -> None:
    rows = [told(number, state) for number, state in enumerate(states, 1)]
    assert list(gaps(reversed(rows), {LANE: delivered})) == [LANE] * is_gap


@pytest.mark.parametrize(
    ("wanted", "is_fit"),
    [
        (Wanted(), True),
        (Wanted(state="dead", consumer="vnfm", ids=frozenset({notice(1).id})), True),
        (Wanted(state="pending", consumer="vnfm"), False),
        (Wanted(state="dead", consumer="other"), False),
        (Wanted(state="dead", ids=frozenset({"another"})), False),
        (Wanted(ids=frozenset()), False),
    ],
)
def test_a_notice_fits_where_all_that_is_named_does(wanted: Wanted, *, is_fit: bool) -> None:
    assert fits(told(1, "dead"), wanted) is is_fit


def test_a_host_has_come_back_where_its_incident_is_over_and_it_returned() -> None:
    back = replace(incident(), release=Release(returns=1))
    over = [one.move(Phase.DISMISSED, at(1), "") for one in (back, incident())]
    assert [came_back(one) for one in (back, incident(), *over)] == [False, False, True, False]


def test_the_latest_returns_stand_in_their_order_each_once() -> None:
    returns = [(host("b"), 2.0), (host("a"), 2.0), (host("c"), 1.0), (host("b"), 2.0)]
    assert latest(returns) == ((host("c"), 1.0), (host("a"), 2.0), (host("b"), 2.0))


def test_an_age_goes_by_the_boots_clock_where_that_can_be_compared() -> None:
    stepped = replace(at(10), wall_s=at(10).wall_s + 3600)
    assert age_s(at(0), stepped) == 10
    assert age_s(replace(at(0), boot_id="another"), stepped) == 3610


def test_a_notice_or_a_number_that_is_known_is_not_taken_twice() -> None:
    letters = Letters()
    letters.put([told(1)])
    for twice in ((told(1),), (replace(told(1), id="other"),), (told(2), told(2))):
        with pytest.raises(Conflict, match="has been written before"):
            letters.check(Change(notices=twice))
    letters.check(Change(notices=(told(2), told(3))))
    letters.drop([notice(1).id, "unknown"])
    letters.check(Change(notices=(told(1),)))
    assert letters.sequences == {LANE: 1}


def test_what_is_told_again_is_dead_and_what_is_late_waits_still() -> None:
    letters = Letters()
    letters.put([told(1, "dead", error="x"), told(2, "delivered"), told(3, late=True), told(4)])
    letters.put([told(5, "dead")])
    again, late = letters.replayed([notice(n).id for n in (1, 2, 3, 4)])
    assert [(one.sequence, one.state, one.error, one.late) for one in again] == [
        (1, "pending", "", True)
    ]
    assert [one.sequence for one in late] == [1, 3]
    assert letters.given_up() == {"vnfm": 2}
    assert [one.sequence for one in letters.pending()] == [3, 4]


def test_of_a_batch_only_what_is_kept_is_noted() -> None:
    letters = Letters()
    letters.put([told(1)])
    ends = [Delivery(notice(n).id, "dead", 3, "gone") for n in (1, 2)]
    (row,) = letters.delivered(ends)
    assert (row.state, row.attempts, row.error) == ("dead", 3, "gone")


@pytest.mark.parametrize(
    ("row", "is_over"),
    [
        (told(1, "delivered", incident="one"), False),
        (told(1, "delivered", incident="gone"), True),
        (told(1, "pending", incident="gone"), False),
        (told(1, "delivered", incident="gone", kind="maintenance"), False),
        (told(1, "pending", made_at=at(-100)), False),
        (told(1, "pending", made_at=at(-101)), True),
        (told(1, "delivered", kind="maintenance", made_at=at(-101)), True),
        (told(1, "pending", made_at=None), False),
    ],
)
def test_a_notice_goes_with_its_incident_once_it_is_settled_and_when_it_is_old(
    row: NoticeRow, *, is_over: bool
) -> None:
    letters = Letters()
    letters.put([row])
    assert letters.over({"one"}, 100, at(0)) == (row.id,) * is_over


@pytest.mark.parametrize(
    ("horizon_s", "most", "kept"),
    [(0, 9, [1, 2, 3]), (2, 9, [2, 3]), (2.5, 9, [3]), (4, 9, []), (0, 2, [2, 3]), (0, 0, [])],
)
def test_the_oldest_lines_go_and_the_chain_goes_on(
    horizon_s: float, most: int, kept: list[int]
) -> None:
    chain = Chain(most)
    lines = [audit_line(number, number) for number in (1, 2, 3)]
    chain.add(lines)
    whole = chain.page(0, 10)
    chain.drop(at(horizon_s).wall_s)
    page = chain.page(0, 10)
    assert [row.number for row in page.rows] == kept
    assert page.rows == whole.rows[3 - len(kept) :]
    assert page.last == whole.last
    assert page.anchor == (whole.rows[2 - len(kept)].link if len(kept) < 3 else ORIGIN)
    chain.add(lines)  # what is kept is known still, and what was dropped is not
    assert chain.page(0, 10).last.number == 3 + (3 - len(kept))


def test_a_line_that_stays_keeps_the_older_ones_behind_it() -> None:
    chain = Chain()
    chain.add([audit_line(1, 5), audit_line(2, 1), audit_line(3, 6)])
    chain.drop(at(3).wall_s)
    assert [row.number for row in chain.page(0, 10).rows] == [1, 2, 3]
    assert [row.number for row in chain.page(1, 1).rows] == [2]
    assert chain.page(0, -1).rows == ()


def test_a_line_that_stands_twice_is_one() -> None:
    one, two = audit_line(1), audit_line(2)
    assert unknown([one, two, one], {two.key}) == (one,)


def test_a_floor_drops_what_it_has_passed_of_its_source_alone() -> None:
    kept = SpentRequests()
    rows = tuple(Spent(source, f"n{at_s}", at_s) for source in ("a", "b") for at_s in (1, 2, 3))
    kept.put(Change(spent=rows))
    kept.put(Change(floors=(Floor("a", 2),)))
    assert kept.all_spent() == (rows[2], *rows[3:])
    kept.put(Change(spent=(Spent("b", "n1", 9),), floors=(Floor("a", 1),)))
    assert (kept.all_spent(), kept.all_floors()) == ((rows[2], *rows[3:]), (Floor("a", 2),))


def test_a_start_gets_what_is_not_over_and_the_last_of_the_rest() -> None:
    over = [volume_order(number, over=True) for number in range(2, LOADED_MAX + 3)]
    found = loaded([volume_order(1, over=False), *reversed(over)])
    assert [one.number for one in found] == [1, *range(3, LOADED_MAX + 3)]
    records = Records()
    records.put(Change(orders=tuple(over)))
    records.drop_old()
    assert len(records.orders) == len(over)


def test_what_is_known_of_the_fleet_stays_until_another_takes_its_place() -> None:
    tasks = HostTasks()
    assert tasks.mass_state() == MassState()
    tasks.put(Change(masses=mass_state()))
    tasks.put(Change())
    assert tasks.mass_state() == mass_state()


def test_a_change_is_checked_before_any_store_looks_at_it() -> None:
    check_change(Change())
    check_change(opening())
    check_change(Change(evidence=(evidence("k", summary="é" * (SUMMARY_MAX // 2)),)))
    with pytest.raises(ValueError, match=f"{SUMMARY_MAX + 1} bytes; {SUMMARY_MAX} at most"):
        check_change(Change(evidence=(evidence("k", summary="x" * (SUMMARY_MAX + 1)),)))
    for parts in (Change(entries=opening().entries), Change(servers=(server("s"),))):
        with pytest.raises(ValueError, match="parts of an incident and no head"):
            check_change(parts)
    check_new("key", ["a", "b"], {"c"})
    for keys in (["a", "c"], ["a", "a"]):
        with pytest.raises(Conflict, match="this key has been written before"):
            check_new("key", keys, {"c"})


def test_a_change_was_made_when_the_last_of_it_was() -> None:
    said = (evidence("k1", 1), evidence("k2", 2))
    assert moment_of(Change()) is None
    assert moment_of(Change(evidence=said)) == at(2)
    assert moment_of(replace(opening(seconds=7), evidence=said)) == at(7)
    told = Upkeep(host(), IncidentId("u-1"), Turn.BEGUN, at(5), ())
    assert moment_of(Change(upkeep=(told,), evidence=said)) == at(5)


INVENTORY = Inventory(0.0, 1, None, 2, 1, 1, Link(3, "a"), Link(5, "c"))


def test_all_that_was_announced_has_to_come() -> None:
    over = incident("two", "cmp-2").move(Phase.DISMISSED, at(1), "")
    every: list[Record] = [incident(), over, Told(1, notice(1)), Change(armed=Armed(on=True))]
    tally = Tally(INVENTORY)
    for one in every:
        tally.take(one)
    tally.end()
    for some in (every[1:], every[:2], [every[0], *every], [every[0], *every[:1], every[2]]):
        tally = Tally(INVENTORY)
        for one in some:
            tally.take(one)
        with pytest.raises(Permanent, match="expected 2, 1 and 1"):
            tally.end()


@pytest.mark.parametrize(
    ("numbers", "wrong"), [([4, 5], 0), ([5], 0), ([3], 3), ([4, 4], 4), ([6], 6)]
)
def test_lines_of_the_audit_come_in_their_order_and_none_beyond_the_last(
    numbers: list[int], wrong: int
) -> None:
    tally = Tally(INVENTORY)
    rows = [Row(number, "h", "body") for number in numbers]
    for row in rows[: -1 if wrong else None]:
        tally.take(row)
    if wrong:
        with pytest.raises(Permanent, match=f"line {wrong} of the audit cannot come after"):
            tally.take(rows[-1])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (Change(), "rows of nothing"),
        (opening(), "rows of head, entries"),
        (Change(notices=(notice(1),)), "rows of notices"),
        (Change(spent=(Spent("a", "b", 1), Spent("a", "c", 1))), "rows of spent"),
        (Change(armed=Armed(on=True), spent=(Spent("a", "b", 1),)), "rows of armed, spent"),
    ],
)
def test_a_change_that_is_no_single_small_row_is_refused(change: Change, why: str) -> None:
    with pytest.raises(Permanent, match=f"{why}; expected a single one"):
        Tally(INVENTORY).take(change)
    Tally(INVENTORY).take(Change(spent=(Spent("a", "b", 1),)))
