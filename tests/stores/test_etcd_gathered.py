"""What goes into one transaction of etcd together, what has to wait, and what no one can hold."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from doctor_daemon.core.audit import ORIGIN
from doctor_daemon.errors import Conflict, Permanent, Temporary
from doctor_daemon.stores.etcd_json import decoded
from doctor_daemon.stores.etcd_transactions import (
    OPERATIONS_MAX,
    REQUEST_MAX,
    Plan,
    Transaction,
    check_size,
    first,
    linked,
)
from doctor_daemon.stores.etcd_values import Claim, Mark, TooLarge
from doctor_daemon.stores.etcd_writer import QUEUE_MAX
from tests.simulation.virtual import run
from tests.stores.etcd_cluster import code
from tests.stores.test_etcd_written import Bench, failed, played
from tests.stores.values import at, audit_line

HALF = REQUEST_MAX // 2


def of_size(size: int, key: str = "k") -> Plan:
    return Plan(puts={key: b"x" * (size - len(key))})


def of_operations(count: int, key: str = "k") -> Plan:
    return Plan(puts={f"{key}{n}": b"" for n in range(count)})


def keys(body: Mapping[str, Any]) -> list[str]:
    """Return what a transaction writes, but for the mark."""
    puts = [decoded(one["request_put"]["key"]).decode() for one in body["success"]]
    return [one.removeprefix("/x/") for one in puts if one != "/x/mark"]


@pytest.mark.parametrize(
    ("touches", "together"),
    [
        ([{1}, {2}, {3}], ["abc"]),
        ([{1}, {2}, {1}], ["ab", "c"]),
        ([{1}, {1, 2}, {2}], ["a", "b", "c"]),
        ([{1}, None, {2}], ["a", "b", "c"]),
        ([None, None, {2}], ["a", "b", "c"]),
        ([{1}, set(), {1}], ["ab", "c"]),
    ],
)
def test_what_touches_the_same_is_written_one_after_the_other(
    touches: list[set[object] | None], together: list[str]
) -> None:
    async def story(bench: Bench) -> None:
        works = [
            bench.writer.write(bench.adding(key), None if of is None else frozenset(of))
            for key, of in zip("abc", touches, strict=True)
        ]
        await asyncio.gather(*works)
        assert ["".join(keys(body)) for body in bench.etcd.done] == together
        assert bench.writer.groups == len(together)
        assert bench.etcd.mark.order == 3

    played(story)


@pytest.mark.parametrize(
    ("one", "other", "groups"),
    [
        (of_size(HALF), of_size(REQUEST_MAX - HALF, "l"), 1),
        (of_size(HALF), of_size(REQUEST_MAX - HALF + 1, "l"), 2),
        (of_size(REQUEST_MAX), of_size(2, "l"), 2),
        (of_operations(40), of_operations(OPERATIONS_MAX - 40, "l"), 1),
        (of_operations(40), of_operations(OPERATIONS_MAX - 39, "l"), 2),
        (of_operations(OPERATIONS_MAX), of_operations(1, "l"), 2),
    ],
)
def test_together_they_are_no_more_than_one_transaction_holds(
    one: Plan, other: Plan, groups: int
) -> None:
    async def story(bench: Bench) -> None:
        both = [
            bench.writer.write(lambda _, plan=plan: plan, frozenset([n]))  # type: ignore[misc] # a default that binds it
            for n, plan in enumerate((one, other))
        ]
        await asyncio.gather(*both)
        assert bench.writer.groups == groups
        assert bench.etcd.mark.order == 2

    played(story)


@pytest.mark.parametrize("plan", [of_size(REQUEST_MAX + 1), of_operations(OPERATIONS_MAX + 1)])
def test_what_no_transaction_holds_is_refused_alone(plan: Plan) -> None:
    async def story(bench: Bench) -> None:
        def stale(_: int) -> Plan:
            msg = "stale"
            raise Conflict(msg)

        works = [
            bench.writer.write(bench.adding("a"), frozenset("a")),
            bench.writer.write(lambda _: plan, frozenset("b")),
            bench.writer.write(stale, frozenset("c")),
            bench.writer.write(bench.adding("d"), frozenset("d")),
        ]
        ends = await asyncio.gather(*works, return_exceptions=True)
        assert [type(end) for end in ends] == [type(None), TooLarge, Conflict, type(None)]
        assert (bench.writer.groups, bench.etcd.mark.order) == (1, 2)

    played(story)


def test_a_plan_that_just_fits_is_taken() -> None:
    check_size(of_size(REQUEST_MAX))
    check_size(of_operations(OPERATIONS_MAX))
    check_size(Plan(heads={f"{n}": 0 for n in range(OPERATIONS_MAX)}))
    with pytest.raises(TooLarge, match="101 operations"):
        check_size(Plan(drops=[("a", "")] * (OPERATIONS_MAX + 1)))


def test_the_mark_keeps_the_last_moment_and_the_end_of_the_audit() -> None:
    async def story(bench: Bench) -> None:
        line = audit_line(1)
        works = [
            bench.writer.write(bench.adding("a", moment=at(7), lines=(line,)), frozenset("a")),
            bench.writer.write(bench.adding("b", moment=at(8)), frozenset("b")),
            bench.writer.write(bench.adding("c", lines=(audit_line(2),)), frozenset("c")),
            bench.writer.write(bench.adding("d"), frozenset("d")),
        ]
        await asyncio.gather(*works)
        assert (bench.writer.groups, bench.etcd.mark.moment) == (1, at(8))
        link = linked(Plan(lines=(line,)), ORIGIN).link
        assert link is not None
        assert bench.etcd.mark.audit == linked(Plan(lines=(audit_line(2),)), link).link
        before = bench.etcd.mark
        await bench.add("e")
        assert (bench.etcd.mark.moment, bench.etcd.mark.audit) == (before.moment, before.audit)

    played(story)


def test_a_plan_without_lines_leaves_the_audit_as_it_is() -> None:
    plan = Plan(puts={"a": b"1"})
    assert linked(plan, ORIGIN) == plan
    assert linked(plan, ORIGIN).link is None


def test_what_is_dropped_is_one_key_or_all_up_to_another() -> None:
    body = Transaction(Mark("m"), (Plan(drops=[("a", ""), ("b", "c")]),)).body(
        "/x/", {"term": 1, "mark": 0}, Claim(1, "me")
    )
    dropped = [one["request_delete_range"] for one in body["success"][:2]]
    assert dropped == [
        {"key": code("/x/a")},
        {"key": code("/x/b"), "range_end": code("/x/c")},
    ]


def test_e5_what_was_not_answered_is_no_empty_answer() -> None:
    found: dict[str, Any] = {"response_range": {"kvs": [{"key": "a"}]}}
    answer = {"responses": [found, {"response_range": {}}]}
    assert (first(answer, 0), first(answer, 1)) == ({"key": "a"}, {})
    with pytest.raises(Permanent, match="not whole"):
        first(answer, 2)


def test_only_so_many_may_wait() -> None:
    async def story(bench: Bench) -> None:
        *waiting, late = bench.begin(*"x" * QUEUE_MAX, "z")
        await asyncio.sleep(0)
        assert bench.writer.waiting == QUEUE_MAX
        await failed(late, Temporary, f"{QUEUE_MAX} writes are waiting already")
        for one in waiting:
            one.cancel()

    played(story)


def test_what_is_asked_for_before_the_begin_and_after_the_end_is_refused() -> None:
    async def main() -> None:
        bench = Bench()
        await failed(bench.begin("a")[0], Permanent, "the store is closed")
        await bench.writer.stop()
        bench = Bench()
        bench.start()
        begun = [*bench.begin("a"), *bench.begin("a"), *bench.begin("a")]
        await asyncio.sleep(0)
        await bench.writer.stop()
        await asyncio.gather(*begun)
        assert len(bench.applied) == 3
        await failed(bench.begin("b")[0], Permanent, "the store is closed")

    assert run(main()) < 1
