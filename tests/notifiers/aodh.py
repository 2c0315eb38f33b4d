"""Aodh's side of an alarm, and the eyes of OPNFV Doctor's consumer: nothing of ours is in it.

Sources: aodh/notifier/rest.py for the body, aodh/evaluator/event.py for how the traits of an event
are read and matched with a rule, doctor_tests/alarm.py for the rule that Doctor sets up.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

Json = dict[str, Any]
REQUEST_ID = re.compile(r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_KEYS = ["alarm_name", "alarm_id", "severity", "previous", "current", "reason", "reason_data"]
_READERS: dict[int, Callable[[Any], object]] = {
    1: str,
    2: int,
    3: float,
    4: datetime.fromisoformat,
}
_STATES = {"ok", "alarm", "insufficient data"}


def traits(alarm: Json) -> Json:
    """Read the traits, each by its type's number; raise where Aodh would."""
    found: Json = {}
    for name, number, value in alarm["reason_data"]["event"]["traits"]:
        made = _READERS[number](value)
        assert made == value
        assert name not in found
        assert len(str(value)) <= 255
        found[name] = made
    return found


def check(alarm: Json) -> None:
    """See that an alarm has the fields that a receiver of Aodh's alarms relies on."""
    assert list(alarm) == _KEYS
    assert 0 < len(alarm["alarm_name"]) <= 255
    assert str(UUID(alarm["alarm_id"])) == alarm["alarm_id"]
    assert alarm["severity"] in {"low", "moderate", "critical"}
    assert {alarm["previous"], alarm["current"]} <= _STATES
    assert isinstance(alarm["reason"], str)
    assert alarm["reason_data"].keys() == {"type", "event"}
    assert alarm["reason_data"]["type"] == "event"
    event = alarm["reason_data"]["event"]
    assert set(event) == {"message_id", "event_type", "generated", "traits"}
    assert str(UUID(event["message_id"])) == event["message_id"]
    assert datetime.fromisoformat(event["generated"]).tzinfo is None
    assert {"instance_id", "tenant_id", "project_id"} <= traits(alarm).keys()


def fires(alarm: Json, server: str) -> bool:
    """Tell whether the rule that Doctor sets up for a server would have let this event through."""
    found = traits(alarm)
    return (
        alarm["reason_data"]["event"]["event_type"] == "compute.instance.update"
        and found.get("instance_id") == server
        and found.get("state") == "error"
    )
