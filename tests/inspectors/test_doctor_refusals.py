"""OPNFV Doctor's events: what is refused, and how it is said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.rig import HOST
from tests.inspectors.events import event, sent
from tests.inspectors.rig import Json, Ledger


async def test_a13_an_unknown_host_is_refused_and_does_not_cost_the_others() -> None:
    ledger = Ledger()
    alone = await sent(ledger, [event("nobody")])
    assert alone.status == 422
    assert alone.error["code"] == "unknown_host"
    assert alone.error["field"] == "[0].details.hostname"
    nameless = await sent(ledger, {"events": [event(None)]})
    assert (nameless.status, nameless.error["code"]) == (422, "no_host")
    assert nameless.error["field"] == "events[0].details.hostname"
    assert ledger.taken == []
    mixed = await sent(ledger, [event("nobody"), event(None), event()])
    assert (mixed.status, mixed.text) == (200, "OK")
    assert [one.host for one in ledger.taken] == [HOST]


def without(name: str) -> Json:
    return {key: value for key, value in event().items() if key != name}


WRONG: list[tuple[Any, str, str, str]] = [
    (
        [],
        "body",
        "found an empty list",
        "at least one of events: an empty list selects nothing",
    ),
    (
        {"events": []},
        "events",
        "found an empty list",
        "at least one of events: an empty list selects nothing",
    ),
    ({"events": {}}, "events", "found an object", "a list of events"),
    ("down", "body", 'found "down"', "an object"),
    ([[event()]], "[0]", "found a list", "an object"),
    ({"event": []}, "event", "found an empty list", "an object"),
    ({}, "time", "it is missing", "a time (ISO 8601)"),
    (without("time"), "time", "it is missing", "a time (ISO 8601)"),
    (
        {**event(), "time": "yesterday"},
        "time",
        'found "yesterday"',
        "a time (ISO 8601), as 2026-11-21T10:00:00.123456",
    ),
    ({**event(), "time": 1795255200}, "time", "found the number 1795255200", "text"),
    (
        {"events": [{"event": without("type")}]},
        "events[0].event.type",
        "it is missing",
        "compute.host.down, or another type of event",
    ),
    ([without("details")], "[0].details", "it is missing", "an object"),
    ([{**event(), "details": []}], "[0].details", "found an empty list", "an object"),
    ([event(status="error")], "[0].details.status", 'found "error"', "down or up"),
    ([event(status=True)], "[0].details.status", "found true", "down or up"),
    ([event(monitor=1)], "[0].details.monitor", "found the number 1", "text"),
    (
        [event(hostname="x" * 256)],
        "[0].details.hostname",
        f'found "{"x" * 60}" and more, 256 in all',
        "text of 1 to 255 characters",
    ),
    (
        [event(monitor_event_id="a\x00")],
        "[0].details.monitor_event_id",
        'found "a\\u0000"',
        "text without control characters",
    ),
]


@pytest.mark.parametrize(("body", "field", "message", "expected"), WRONG)
async def test_a_wrong_field_is_named_and_nothing_is_taken(
    body: Any,  # noqa: ANN401 - any JSON
    field: str,
    message: str,
    expected: str,
) -> None:
    ledger = Ledger()
    if isinstance(body, list) and body:
        body = [*body, event()]  # a good one beside it changes nothing
    reply = await sent(ledger, body)
    assert reply.status == 400
    assert (reply.error["field"], reply.error["message"]) == (field, message)
    assert reply.error["expected"] == expected
    assert ledger.taken == []
