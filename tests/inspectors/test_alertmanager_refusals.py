"""Alertmanager's webhook: what is refused, and how it is said."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.engine.rig import HOST
from tests.inspectors.alerts import PATH, body, inspector, several
from tests.inspectors.rig import Json, Ledger, listening, source


async def test_a13_an_unknown_host_is_told_and_does_not_cost_the_others() -> None:
    ledger = Ledger()
    delivery = several(body(host="nobody"), body(), body(host=None, instance=None))
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send(PATH, delivery)
    assert reply.status == 200
    assert reply.outcomes == ["refused", "opened", "refused"]
    assert reply.json["receipts"][0]["error"] == {
        "code": "unknown_host",
        "field": "alerts[0].labels.host",
        "message": '"nobody" is no configured host',
        "expected": "the name of a configured host exactly as Nova has it, or one of its aliases",
    }
    assert reply.json["receipts"][2]["error"] == {
        "code": "no_host",
        "field": "alerts[2].labels",
        "message": "no label names a host",
        "expected": "one of host, nodename, instance",
    }
    assert [one.host for one in ledger.taken] == [HOST]


async def test_when_no_alert_can_be_used_each_reason_is_given() -> None:
    ledger = Ledger()
    delivery = several(body(host="a"), body(host="b"), body(alertname="DiskFull"))
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send(PATH, delivery)
        one = await client.send(PATH, body(host="a"))
    assert reply.status == 422
    assert reply.error["code"] == "unusable"
    assert reply.error["message"] == "2 of 3 statements cannot be used"
    assert [detail["field"] for detail in reply.error["details"]] == [
        "alerts[0].labels.host",
        "alerts[1].labels.host",
    ]
    assert (one.status, one.error["code"]) == (422, "unknown_host")
    assert ledger.taken == []


def _set(found: Json, path: str, value: Any) -> Json:  # noqa: ANN401 - any JSON
    """Return a body with one value replaced; `...` takes it out."""
    *parents, last = path.split(".")
    place: Any = found
    for name in parents:
        place = place[int(name)] if name.isdigit() else place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return found


WRONG: list[tuple[str, Any, str, str, str]] = [
    ("version", "3", "version", 'found "3"', '"4": the one version that is understood'),
    ("version", 4, "version", "found the number 4", '"4": the one version that is understood'),
    ("version", ..., "version", "it is missing", '"4"'),
    ("alerts", ..., "alerts", "it is missing", "a list of alerts"),
    ("alerts", {}, "alerts", "found an object", "a list of alerts"),
    (
        "alerts",
        [],
        "alerts",
        "found an empty list",
        "at least one of alerts: an empty list selects nothing",
    ),
    ("alerts", ["x"], "alerts[0]", 'found "x"', "an object"),
    ("alerts.0.status", "pending", "alerts[0].status", 'found "pending"', "firing or resolved"),
    ("alerts.0.status", ..., "alerts[0].status", "it is missing", "firing or resolved"),
    ("alerts.0.labels", [], "alerts[0].labels", "found an empty list", "an object"),
    ("alerts.0.labels.host", 7, "alerts[0].labels.host", "found the number 7", "text"),
    ("alerts.0.annotations", "x", "alerts[0].annotations", 'found "x"', "an object"),
    (
        "alerts.0.fingerprint",
        "",
        "alerts[0].fingerprint",
        'found ""',
        "text of 1 to 255 characters",
    ),
    (
        "alerts.0.fingerprint",
        "a|b",
        "alerts[0].fingerprint",
        'found "a|b"',
        "1 to 64 letters and digits",
    ),
    (
        "alerts.0.startsAt",
        "2026-11-21T05:14:43",
        "alerts[0].startsAt",
        'found "2026-11-21T05:14:43"',
        "an RFC 3339 time with its zone, as 2026-11-21T10:00:00Z",
    ),
    ("alerts.0.startsAt", ..., "alerts[0].startsAt", "it is missing", "a time"),
    (
        "alerts.0.endsAt",
        5,
        "alerts[0].endsAt",
        "found the number 5",
        "an RFC 3339 time with its zone, as 2026-11-21T10:00:00Z",
    ),
    (
        "truncatedAlerts",
        "1",
        "truncatedAlerts",
        'found "1"',
        "a whole number from 0 up",
    ),
]


@pytest.mark.parametrize(("path", "value", "field", "message", "expected"), WRONG)
async def test_a_wrong_field_is_named_and_nothing_is_taken(
    path: str, value: object, field: str, message: str, expected: str
) -> None:
    ledger = Ledger()
    good_first = several(body(), body(host="cmp-2"))
    good_first["alerts"].reverse()
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send(PATH, _set(good_first, path, value))
    assert reply.status == 400
    assert (reply.error["field"], reply.error["message"]) == (field, message)
    assert reply.error["expected"] == expected
    assert ledger.taken == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"match": {}}, "at least 1 item"),
        ({"match": {"alertname": []}}, "alertname: expected at least one value"),
        ({"match": {"": ["x"]}}, "at least 1 character"),
        ({"host_labels": []}, "at least 1 item"),
        ({"strip": "("}, "expected a regular expression"),
        ({"path": "alerts"}, "should match pattern"),
        ({"path": "/a/"}, "should match pattern"),
        ({"path": "/{x}"}, "should match pattern"),
        ({"kind": "A b"}, "should match pattern"),
        ({"matches": {}}, "Extra inputs"),
    ],
)
def test_options_that_would_take_too_much_are_refused(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        inspector(**options)
