"""A notice as an alarm of ETSI NFV: raised once, cleared once, and true in between."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.core.host import ServerId
from doctor_daemon.core.incident import IncidentId, NoticeKind
from doctor_daemon.notifiers.cloudevents import event
from doctor_daemon.notifiers.ifa005 import alarm_id
from tests.notifiers.notices import for_operators, notice, server

Json = dict[str, Any]
RAISED_S = 1_795_000_000.0
RAISED, NOW = "2026-11-18T11:06:40.000Z", "2026-11-18T11:07:10.500Z"
FIELDS = {
    "alarmRaisedTime",
    "alarmChangedTime",
    "alarmClearedTime",
    "perceivedSeverity",
    "eventTime",
    "eventType",
    "probableCause",
    "isRootCause",
    "correlatedAlarmId",
}


def data(found: Any = notice, **changes: Any) -> Json:  # noqa: ANN401 - one of the two makers, any field
    body = event(found(raised_wall_s=RAISED_S, **changes), "msg_1", 1)
    told: Json = json.loads(body)["data"]
    return told


@pytest.mark.parametrize("found", [notice, for_operators])
def test_an_alarm_has_the_fields_of_the_standard(found: Any) -> None:  # noqa: ANN401 - one of the two makers
    told = data(found)
    assert set(told["alarm"]) == FIELDS
    assert told["alarm"] == {
        "alarmRaisedTime": RAISED,
        "alarmChangedTime": NOW,
        "alarmClearedTime": None,
        "perceivedSeverity": "INDETERMINATE",
        "eventTime": NOW,
        "eventType": "EQUIPMENT_ALARM",
        "probableCause": "underlyingResourceUnavailable",
        "isRootCause": False,
        "correlatedAlarmId": told["incident"],
    }


SEVERITIES: list[tuple[str, str, str, str | None]] = [
    ("suspected", "pending", "", "INDETERMINATE"),
    ("suspected", "no", "", "INDETERMINATE"),
    ("confirmed", "confirmed", "", "CRITICAL"),
    ("withdrawn", "no", "", "CLEARED"),
    ("held", "no", "", "INDETERMINATE"),
    ("held", "confirmed", "", "CRITICAL"),
    ("outcome", "confirmed", "moved", "CLEARED"),
    ("outcome", "confirmed", "skipped", "CRITICAL"),
    ("outcome", "confirmed", "failed", "CRITICAL"),
    ("outcome", "confirmed", "unknown", "INDETERMINATE"),
    ("outcome", "confirmed", "beamed up", "INDETERMINATE"),
    ("recovered", "no", "", "CLEARED"),
    ("maintenance", "no", "begun", None),
    ("alarm", "confirmed", "", None),
    ("service", "no", "", None),
]


@pytest.mark.parametrize(("kind", "fenced", "outcome", "severity"), SEVERITIES)
def test_how_grave_each_notice_is(
    kind: str, fenced: str, outcome: str, severity: str | None
) -> None:
    told = data(kind=NoticeKind(kind), fenced=fenced, outcome=outcome)
    if severity is None:
        assert told["alarm"] is None
        assert "alarmId" not in told["servers"][0]
        return
    assert told["alarm"]["perceivedSeverity"] == severity
    assert told["alarm"]["alarmClearedTime"] == (NOW if severity == "CLEARED" else None)


def test_every_kind_is_in_the_table_above() -> None:
    assert {kind for kind, *_ in SEVERITIES} == set(NoticeKind)


def test_an_alarm_is_of_one_server_and_one_failure() -> None:
    def ids(**changes: Any) -> list[str]:  # noqa: ANN401 - any field
        return [one["alarmId"] for one in data(**changes)["servers"]]

    both = (server(1), server(2))
    raised = ids(servers=both)
    assert len(set(raised)) == 2
    assert all(str(uuid.UUID(id_)) == id_ for id_ in raised)
    assert ids(servers=both, kind=NoticeKind.RECOVERED) == raised, "what ends it names it"
    assert ids(servers=both, incident=IncidentId("another")) != raised


def test_operators_and_owners_hear_of_the_same_alarm() -> None:
    assert data()["servers"][0]["alarmId"] == data(for_operators)["servers"][0]["alarmId"]
    assert data()["alarm"] == data(for_operators)["alarm"]


@given(st.text(), st.text(st.characters(exclude_categories=())))
def test_an_alarm_is_named_as_the_library_names_things(incident: str, server_id: str) -> None:
    space = uuid.UUID("6a0f8c0e-6b5b-5f0e-9d3c-7f0f5d0c1a05")
    name = f"{incident}/{server_id}".encode(errors="backslashreplace").decode()
    found = alarm_id(IncidentId(incident), ServerId(server_id))
    assert found == str(uuid.uuid5(space, name))
