"""Requests that overtake one another (A7), come again (A6, I-12) or come late (A5).

Every table holds for the intake in memory and for the real engine alike.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.inspectors.alertmanager import Alertmanager
from doctor_daemon.inspectors.doctor import Doctor
from doctor_daemon.inspectors.evidence import EvidenceApi
from doctor_daemon.inspectors.order import REMEMBERED_MAX, Retractions
from tests.engine.rig import HOST, OTHER
from tests.fakes.clock import HandClock
from tests.inspectors.rig import (
    Backing,
    Client,
    Json,
    Ledger,
    backing,
    listening,
    source,
    terms,
    zulu,
)

KINDS = ("memory", "engine")
FIRST = ("firing", -100.0)
FIRST_OVER = ("resolved", -100.0)
SECOND = ("firing", -40.0)
SECOND_OVER = ("resolved", -40.0)
LASTS_S = 30.0
"""How long each failure of these tables lasts."""

Step = tuple[str, float]
"""A status, and when the alert started, in seconds from now."""


def alertmanager() -> Alertmanager:
    return Alertmanager(Alertmanager.Config(), terms("am"))


async def tell(client: Client, wall_s: float, step: Step) -> str:
    """Deliver one alert as Alertmanager does; return what became of it."""
    status, starts_s = step
    over = status == "resolved"
    alert = {
        "status": status,
        "labels": {"alertname": "HostDown", "host": "cmp-1"},
        "annotations": {},
        "startsAt": zulu(wall_s + starts_s),
        "endsAt": zulu(wall_s + starts_s + LASTS_S) if over else "0001-01-01T00:00:00Z",
        "fingerprint": "f00d",
    }
    reply = await client.send("/v1/alertmanager", {"version": "4", "alerts": [alert]})
    assert reply.status == 200
    (outcome,) = reply.outcomes
    return str(outcome)


async def told(place: Backing, steps: Sequence[Step]) -> list[str]:
    """Deliver alerts one after the other."""
    wall_s = place.intake.now().wall_s
    async with listening(place.intake, source(alertmanager())) as client:
        return [await tell(client, wall_s, step) for step in steps]


TABLE: list[tuple[Sequence[Step], list[str], bool]] = [
    ([FIRST], ["opened"], True),
    ([FIRST, FIRST], ["opened", "repeated"], True),
    ([FIRST, FIRST_OVER], ["opened", "joined"], False),
    ([FIRST, FIRST_OVER, FIRST_OVER], ["opened", "joined", "repeated"], False),
    ([FIRST, FIRST_OVER, FIRST], ["opened", "joined", "late"], False),
    ([FIRST_OVER, FIRST], ["recorded", "late"], False),
    ([FIRST_OVER, FIRST, FIRST], ["recorded", "late", "late"], False),
    ([FIRST, FIRST_OVER, SECOND], ["opened", "joined", "opened"], True),
    ([FIRST, FIRST_OVER, SECOND, FIRST_OVER], ["opened", "joined", "opened", "repeated"], True),
    ([FIRST_OVER, SECOND, FIRST], ["recorded", "opened", "late"], True),
    ([SECOND, FIRST_OVER], ["opened", "joined"], True),
    ([SECOND, FIRST], ["opened", "joined"], True),
    ([SECOND_OVER, FIRST], ["recorded", "late"], False),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("steps", "outcomes", "stands"), TABLE)
async def test_a7_alerts_in_any_order(
    kind: str, steps: Sequence[Step], outcomes: list[str], *, stands: bool
) -> None:
    async with backing(kind) as place:
        assert await told(place, steps) == outcomes
        assert place.is_open() is stands


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", list(itertools.permutations([FIRST, FIRST_OVER, SECOND])))
async def test_i12_any_order_of_two_failures_of_which_one_is_over_leaves_it_standing(
    kind: str, steps: Sequence[Step]
) -> None:
    async with backing(kind) as place:
        await told(place, steps)
        assert place.is_open()


@pytest.mark.parametrize(
    "steps", list(itertools.permutations([FIRST, FIRST_OVER, SECOND, SECOND_OVER]))
)
async def test_i12_any_order_of_two_failures_that_are_over_leaves_nothing(
    steps: Sequence[Step],
) -> None:
    async with backing("memory") as place:
        await told(place, [*steps, *steps])
        assert not place.is_open()


async def test_an_alert_that_is_told_long_after_its_resolved_is_heard_again() -> None:
    ledger = Ledger()
    wall_s = ledger.now().wall_s
    async with listening(ledger, source(alertmanager())) as client:
        outcomes = [await tell(client, wall_s, FIRST_OVER)]
        ledger.clock.move(299)
        outcomes.append(await tell(client, wall_s, FIRST))
        ledger.clock.move(2)
        outcomes.append(await tell(client, wall_s, FIRST))
    assert outcomes == ["recorded", "late", "opened"]


async def test_what_is_late_is_never_handed_in() -> None:
    ledger = Ledger()
    async with listening(ledger, source(alertmanager())) as client:
        for step in (FIRST_OVER, FIRST):
            await tell(client, ledger.now().wall_s, step)
    assert [one.verdict for one in ledger.taken] == [Verdict.WITHDRAWN]


# Our own format and Doctor's


def statement(verdict: str, ago_s: float, place: Backing, host: str = "cmp-1") -> Json:
    at = zulu(place.intake.now().wall_s - ago_s)
    return {"host": host, "verdict": verdict, "kind": "k", "observed_at": at, "summary": "s"}


OWN: list[tuple[list[tuple[str, float]], list[str], bool]] = [
    ([("down", 20), ("up", 10)], ["opened", "joined"], False),
    ([("up", 10), ("down", 20)], ["recorded", "late"], False),
    ([("withdrawn", 10), ("down", 20)], ["recorded", "late"], False),
    ([("up", 20), ("down", 10)], ["recorded", "opened"], True),
    ([("down", 20), ("withdrawn", 10), ("down", 20)], ["opened", "joined", "late"], False),
    ([("down", 10), ("withdrawn", 20)], ["opened", "joined"], True),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("steps", "outcomes", "stands"), OWN)
async def test_a7_our_own_statements_in_any_order(
    kind: str, steps: list[tuple[str, float]], outcomes: list[str], *, stands: bool
) -> None:
    made = EvidenceApi(EvidenceApi.Config(), terms("scripts"))
    async with backing(kind) as place, listening(place.intake, source(made)) as client:
        found = []
        for verdict, ago_s in steps:
            one = statement(verdict, ago_s, place)
            reply = await client.send("/v1/evidence", {"evidence": [one]})
            found += reply.outcomes
        assert found == outcomes
        assert place.is_open() is stands


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", list(itertools.permutations([("down", 20), ("up", 10)])))
async def test_a7_within_one_request_the_last_word_counts(
    kind: str, steps: Sequence[tuple[str, float]]
) -> None:
    made = EvidenceApi(EvidenceApi.Config(), terms("scripts"))
    async with backing(kind) as place, listening(place.intake, source(made)) as client:
        batch = [statement(*step, place) for step in steps]
        other = statement("down", 20, place, "cmp-2")
        reply = await client.send("/v1/evidence", {"evidence": [*batch, other]})
        became = dict(zip([verdict for verdict, _ in steps], reply.outcomes, strict=False))
        assert became == {"down": "late", "up": "recorded"}
        assert not place.is_open()
        assert place.is_open(OTHER)


@pytest.mark.parametrize("kind", KINDS)
async def test_a7_doctors_events_with_a_zone_are_put_in_order(kind: str) -> None:
    made = Doctor(Doctor.Config(), terms("doctor", Trust.OPEN))
    async with backing(kind) as place, listening(place.intake, source(made)) as client:
        for status, ago_s in (("up", 10), ("down", 20)):
            event = {
                "time": zulu(place.intake.now().wall_s - ago_s),
                "type": "compute.host.down",
                "details": {"hostname": "cmp-1", "status": status, "monitor": "m"},
            }
            assert (await client.send("/events", [event], method="PUT")).text == "OK"
        assert not place.is_open()


@pytest.mark.parametrize("kind", KINDS)
async def test_a6_a_naive_event_of_doctor_replayed_opens_nothing_again(kind: str) -> None:
    made = Doctor(Doctor.Config(), terms("doctor", Trust.OPEN))
    details = {"hostname": "cmp-1", "monitor": "m", "monitor_event_id": "constant"}
    down = {"time": "2026-11-21T10:00:00", "type": "compute.host.down", "details": details}
    up = {**down, "time": "2026-11-21T10:00:09", "details": {**details, "status": "up"}}
    async with backing(kind) as place, listening(place.intake, source(made)) as client:
        await client.send("/events", [down])
        assert place.is_open()
        await client.send("/events", [up])
        assert not place.is_open()
        await client.send("/events", [down])
        assert not place.is_open()


# What is remembered


def said(
    verdict: Verdict, claimed_s: float | None, clock: HandClock, print_: str = "f"
) -> Evidence:
    return Evidence(
        host=HOST,
        verdict=verdict,
        source="s",
        kind="k",
        trust=Trust.ALONE,
        fingerprint=print_,
        key=json.dumps([verdict, claimed_s]),
        received_at=clock.now(),
        claimed_s=claimed_s,
    )


def test_only_an_accusation_with_a_time_can_be_late() -> None:
    clock, retractions = HandClock(), Retractions(300.0)
    retractions.remember([said(Verdict.UP, 10.0, clock), said(Verdict.WITHDRAWN, 5.0, clock)])
    batch = [
        said(Verdict.DOWN, 9.0, clock),
        said(Verdict.DOWN, 10.0, clock),
        said(Verdict.DOWN, None, clock),
        said(Verdict.UP, 1.0, clock),
        said(Verdict.DOWN, 9.0, clock, "another statement"),
        replace(said(Verdict.DOWN, 9.0, clock), host=OTHER),
    ]
    assert retractions.late(batch) == [True, False, False, False, False, False]


def test_a_time_before_1970_is_a_time_like_any_other() -> None:
    clock, retractions = HandClock(), Retractions(300.0)
    assert retractions.late([said(Verdict.DOWN, -1.0, clock)]) == [False]
    retractions.remember([said(Verdict.UP, -5.0, clock), said(Verdict.DOWN, 99.0, clock)])
    batch = [said(Verdict.DOWN, -6.0, clock), said(Verdict.DOWN, -4.0, clock)]
    assert retractions.late(batch) == [True, False]


def test_a_retraction_holds_for_as_long_as_evidence_may_be_old() -> None:
    clock, retractions = HandClock(), Retractions(300.0)
    retractions.remember([said(Verdict.UP, 10.0, clock)])
    clock.move(300)
    assert retractions.late([said(Verdict.DOWN, 9.0, clock)]) == [True]
    clock.move(0.001)
    assert retractions.late([said(Verdict.DOWN, 9.0, clock)]) == [False]


def test_of_two_retractions_in_one_batch_the_later_counts() -> None:
    clock, retractions = HandClock(), Retractions(300.0)
    taken_back = [said(Verdict.UP, 20.0, clock), said(Verdict.WITHDRAWN, 10.0, clock)]
    down = said(Verdict.DOWN, 15.0, clock)
    for batch in ([down, *taken_back], [*reversed(taken_back), down]):
        assert retractions.late(batch)[batch.index(down)]


def test_a_retraction_that_is_repeated_is_remembered_longest() -> None:
    clock, retractions = HandClock(), Retractions(300.0)
    for number in [*range(REMEMBERED_MAX), 0, REMEMBERED_MAX]:
        retractions.remember([said(Verdict.UP, 10.0, clock, str(number))])
    downs = [said(Verdict.DOWN, 9.0, clock, print_) for print_ in ("0", "1", "2")]
    assert retractions.late(downs) == [True, False, True]


def test_i20_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    clock, retractions = HandClock(), Retractions(300.0)
    for number in range(REMEMBERED_MAX + 1):
        retractions.remember([said(Verdict.UP, 10.0, clock, str(number))])
    first = said(Verdict.DOWN, 9.0, clock, "0")
    last = said(Verdict.DOWN, 9.0, clock, str(REMEMBERED_MAX))
    assert retractions.late([first, last]) == [False, True]
