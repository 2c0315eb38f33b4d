"""What each write becomes in etcd: which keys, on what condition, and what is known then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from doctor_daemon.core.context import Armed, Charge
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, Delivery
from doctor_daemon.stores.codec import HEAD_MAX
from doctor_daemon.stores.etcd_rows import (
    AUDITED_MAX,
    CHARGES_MAX,
    FOLD_PARTS,
    Incidents,
    Loaded,
    Packs,
    charges_plan,
    commit_plan,
    head_value,
    keys_of,
    notices_plan,
    touched,
)
from doctor_daemon.stores.etcd_transactions import Plan
from doctor_daemon.stores.etcd_values import CHANGE, OPENED, ordered, parts_key, unpacked
from tests.stores.values import (
    at,
    audit_line,
    closing,
    evacuation,
    evidence,
    head_of,
    host,
    notice,
    opening,
    server,
    step,
)

ONE = IncidentId("one")
ORDER = 7


def committed(held: Loaded, change: Change, order: int) -> Plan:
    """Plan a change, and have it written at the tenfold of its order."""
    plan = commit_plan(held, change, order)
    plan.apply(order * 10)
    return plan


def parts(plan: Plan, version: int) -> Change:
    return CHANGE.loads(unpacked(plan.puts[parts_key("one", version)]))


def charge(number: int) -> Charge:
    return Charge("one", number, "rack", at(number))


def test_a_row_is_where_it_was_written_last() -> None:
    packs = Packs()
    packs.add(1, ["a", "b"])
    packs.add(2, ["a"])
    packs.drop(1)
    assert (packs.rows, packs.where) == ({2: ("a",)}, {"a": 2})
    packs.drop(2)
    assert (packs.rows, packs.where) == ({}, {})


def test_the_guards_of_a_change_look_at_all_that_it_names_and_at_nothing_else() -> None:
    line = audit_line(1)
    change = replace(opening(), notices=(notice(1),), charges=(charge(1),), audit=(line,))
    assert touched(change) == {
        *(("incident", ONE), ("host", host())),
        *(("notice", notice(1).id), ("vnfm", host(), 1)),
        *(("audit", line.key), ("charge", "one", 1)),
    }
    assert touched(Change(armed=Armed(on=True), evidence=(evidence("k"),))) == frozenset()
    whole = replace(change, evidence=(evidence("k"),))
    assert [list(keys_of(kind, whole)) for kind in "nec"] == [[notice(1).id], ["k"], [("one", 1)]]


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (Change(), ""),
        (Change(armed=Armed(on=True)), "l"),
        (Change(notices=(notice(1),)), "n"),
        (Change(evidence=(evidence("k"),)), "e"),
        (Change(charges=(charge(1),)), "c"),
        (Change(charges=(charge(1),), evidence=(evidence("k"),), armed=Armed(on=True)), "ecl"),
        (Change(audit=(audit_line(1),)), ""),
    ],
)
def test_rows_of_a_kind_have_one_key_and_what_is_not_there_has_none(
    change: Change, kinds: str
) -> None:
    held = Loaded()
    plan = committed(held, change, ORDER)
    assert set(plan.puts) == {ordered(kind, ORDER) for kind in kinds}
    assert (plan.heads, plan.drops) == ({}, [])
    books = held.books
    assert {kind for kind, packs in books.packs.items() if packs.rows} == set(kinds) - {"l"}
    assert books.rest == ({ORDER} if "l" in kinds else set())


def test_an_incident_begins_where_neither_it_nor_its_past_is() -> None:
    held = Loaded()
    plan = committed(held, opening(), ORDER)
    assert plan.heads == {"i/one": 0, "x/one": 0}
    assert set(plan.puts) == {"i/one", parts_key("one", 1)}
    assert OPENED.loads(unpacked(plan.puts["i/one"])).order == ORDER
    assert held.books.incidents == {ONE: Incidents(ORDER * 10, ORDER, 1)}


def test_each_step_is_on_condition_of_the_one_before() -> None:
    held = Loaded()
    committed(held, opening(), ORDER)
    head = head_of(opening())
    plan = committed(held, step(head, head), 8)
    assert (plan.heads, set(plan.puts), plan.drops) == ({"i/one": 70}, {"i/one"}, [])
    assert held.books.incidents[ONE] == Incidents(80, ORDER, 1)
    with pytest.raises(Conflict, match="not saved at version"):
        commit_plan(held, step(head, head), 9)
    after = replace(head, version=2)
    plan = committed(held, step(after, after.note(at(1), "on it goes")), 9)
    assert (plan.heads, set(plan.puts)) == ({"i/one": 80}, {"i/one", parts_key("one", 3)})
    assert OPENED.loads(unpacked(plan.puts["i/one"])).order == ORDER
    assert held.books.incidents[ONE] == Incidents(90, ORDER, 2)


def test_one_that_has_added_nothing_yet_is_not_written_anew() -> None:
    held = Loaded()
    bare = replace(head_of(opening()), timeline=())
    committed(held, Change(head=bare), ORDER)
    assert held.books.incidents[ONE].parts == 0
    plan = committed(held, step(bare, bare), 8)
    assert (set(plan.puts), plan.drops) == ({"i/one"}, [])


def long(held: Loaded) -> Incident:
    """Have an incident with as many steps as may be; return it."""
    saved = head_of(opening())
    committed(held, opening(), 1)
    first = (server("s1"), server("s2"), server("s4"))
    changes = [replace(saved, servers={one.id: one for one in first})]
    changes[0] = replace(changes[0], evacuations={first[0].id: evacuation("s1")})
    for after in changes:
        change = step(saved, after)
        committed(held, change, 2)
        saved = head_of(change)
    for number in range(3, FOLD_PARTS + 1):
        change = step(saved, saved.note(at(number), f"step {number}"))
        committed(held, change, number)
        saved = head_of(change)
    assert held.books.incidents[ONE].parts == FOLD_PARTS
    return saved


def test_after_many_steps_it_is_written_anew_with_what_is_added() -> None:
    held = Loaded()
    saved = long(held)
    after = replace(
        saved.note(at(900), "anew"),
        servers={one.id: one for one in (server("s2", "ERROR"), server("s3"), server("s4"))},
        evacuations={
            server("s1").id: evacuation("s1", Stage.MOVED),
            server("s3").id: evacuation("s3"),
        },
    )
    plan = committed(held, step(saved, after), 900)
    version = saved.version + 1
    assert plan.drops == [(parts_key("one"), parts_key("one", version))]
    whole = parts(plan, version)
    assert [entry.text for entry in whole.entries] == [entry.text for entry in after.timeline]
    assert {one.id: one.status for one in whole.servers} == {
        "s2": "ERROR",
        "s3": "ACTIVE",
        "s4": "ACTIVE",
    }
    assert {one.server.id: one.stage for one in whole.evacuations} == {
        "s1": Stage.MOVED,
        "s3": Stage.POSTING,
    }
    assert held.books.incidents[ONE].parts == 1
    assert held.contents.find(ONE) == replace(after, version=version)


def test_a_step_that_adds_nothing_has_it_written_anew_too() -> None:
    held = Loaded()
    saved = long(held)
    plan = committed(held, step(saved, saved), 900)
    assert len(plan.drops) == 1
    assert len(parts(plan, saved.version + 1).entries) == len(saved.timeline)
    assert held.books.incidents[ONE].parts == 1


def test_before_that_it_is_not() -> None:
    held = Loaded()
    saved = long(held)
    held.books.incidents[ONE].parts -= 1
    assert commit_plan(held, step(saved, saved), 900).drops == []
    held.books.incidents[ONE].parts += 2
    assert commit_plan(held, step(saved, saved), 900).drops == []


def test_one_that_does_not_fit_into_a_transaction_goes_on_as_it_is() -> None:
    held = Loaded()
    committed(held, opening(), 1)
    saved = head_of(opening())
    for number in range(2, 5):
        change = step(saved, saved.note(at(number), Random(number).randbytes(500_000).hex()))
        committed(held, change, number)
        saved = head_of(change)
    held.books.incidents[ONE].parts = FOLD_PARTS
    plan = committed(held, step(saved, saved.note(at(9), "on it goes")), 9)
    assert plan.drops == []
    assert [entry.text for entry in parts(plan, saved.version + 1).entries] == ["on it goes"]
    assert held.books.incidents[ONE].parts == FOLD_PARTS + 1


def test_lines_of_no_incident_are_known_again_the_last_of_them() -> None:
    held = Loaded()
    line, other = audit_line(1), audit_line(2)
    assert committed(held, Change(audit=(line,)), 1).lines == (line,)
    assert committed(held, Change(audit=(line, other)), 2).lines == (other,)
    assert list(held.audited) == [line.key, other.key]
    committed(held, replace(opening(), audit=(audit_line(3),)), 3)
    assert list(held.audited) == [line.key, other.key]  # its version speaks for it
    held.audited |= dict.fromkeys(f"n{n}" for n in range(AUDITED_MAX - 2))
    assert len(held.audited) == AUDITED_MAX
    committed(held, Change(audit=(audit_line(4),)), 4)
    assert (len(held.audited), line.key in held.audited) == (AUDITED_MAX, False)
    assert other.key in held.audited


def test_how_notices_stand_is_written_for_all_that_were_made_together() -> None:
    held = Loaded()
    committed(held, Change(notices=(notice(1), notice(2), notice(3))), 1)
    committed(held, Change(notices=(notice(4),)), 2)
    held.contents.letters.drop([notice(3).id])
    rows = held.contents.letters.delivered([Delivery(notice(2).id, "dead", 3, "gone")])
    plan = notices_plan(held, rows)
    assert set(plan.puts) == {ordered("d", 1)}
    stand = CHANGE.loads(unpacked(plan.puts[ordered("d", 1)])).notices
    assert [(row.id, row.state, row.body) for row in stand] == [
        (notice(1).id, "pending", ""),
        (notice(2).id, "dead", ""),
    ]
    assert held.contents.letters.rows[notice(2).id].state == "pending"
    plan.apply(30)
    assert held.contents.letters.rows[notice(2).id] == rows[0]
    assert rows[0].body != ""


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (CHARGES_MAX, [CHARGES_MAX]), (CHARGES_MAX + 1, [CHARGES_MAX, 1])],
)
def test_charges_take_the_place_of_all_in_as_few_keys_as_may_be(
    count: int, sizes: Sequence[int]
) -> None:
    held = Loaded()
    committed(held, Change(charges=(charge(9999),)), 1)
    charges = tuple(Charge(f"i{n}", 1, "rack", at(0)) for n in range(count))
    plan = charges_plan(held, charges, ORDER)
    made = [CHANGE.loads(unpacked(value)).charges for value in plan.puts.values()]
    assert [len(some) for some in made] == sizes
    assert list(plan.puts) == [ordered("c", ORDER + n) for n in range(len(sizes))]
    assert (plan.drops, plan.orders) == ((("c/", ordered("c", ORDER)),), len(sizes))
    plan.apply(70)
    assert held.contents.snapshot().charges == charges
    assert list(held.books.packs["c"].rows) == [ORDER + n for n in range(len(sizes))]


def test_a_head_that_is_too_large_is_refused_by_its_name() -> None:
    assert OPENED.loads(unpacked(head_value(head_of(opening()), ORDER))).order == ORDER
    large = replace(head_of(opening()), host=host("x" * HEAD_MAX))
    with pytest.raises(ValueError, match=f"the head of incident one has .* {HEAD_MAX} are"):
        head_value(large, ORDER)


def test_one_that_is_over_frees_its_host() -> None:
    held = Loaded()
    committed(held, opening(), 1)
    with pytest.raises(Conflict, match="another open incident"):
        commit_plan(held, opening("two"), 2)
    committed(held, closing(head_of(opening()), 1), 2)
    committed(held, opening("two", seconds=2), 3)
    assert [one.id for one in held.contents.snapshot().incidents] == ["two"]
