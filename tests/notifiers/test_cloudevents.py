"""What consumers read: whole for operators, and of tenants' affairs alone for tenants."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.core.host import HostId, Server, ServerId
from doctor_daemon.core.incident import IncidentId, NoticeKind
from doctor_daemon.notifiers.cloudevents import BODY_MAX, event
from doctor_daemon.notifiers.ifa005 import alarm_id
from tests.notifiers.notices import PROJECT, for_operators, notice, server

Json = dict[str, Any]
PROJECT_FIELDS = {
    "kind",
    "sequence",
    "incident",
    "fenced",
    "outcome",
    "cause",
    "reason",
    "project_id",
    "servers",
    "servers_truncated",
    "servers_as_of",
    "alarm",
}
names = st.text(min_size=8, max_size=40)


def read(body: str) -> Json:
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


def test_a_project_reads_of_its_servers() -> None:
    body = read(event(notice(), "msg_1", 3))
    assert body == {
        "specversion": "1.0",
        "id": "msg_1",
        "source": "/doctor-daemon/default",
        "type": "doctor-daemon.host.suspected",
        "time": "2026-11-18T11:07:10.500Z",
        "subject": "4f1a9c0de2b7",
        "datacontenttype": "application/json",
        "data": {
            "kind": "suspected",
            "sequence": 3,
            "incident": "4f1a9c0de2b7",
            "fenced": "pending",
            "outcome": None,
            "cause": None,
            "reason": "the host of these servers is suspected to have failed",
            "project_id": PROJECT,
            "servers": [
                {
                    "id": "0a8c2f6e-0000-4000-8000-000000000001",
                    "name": "web-1",
                    "alarmId": alarm_id(IncidentId("4f1a9c0de2b7"), server().id),
                }
            ],
            "servers_truncated": False,
            "servers_as_of": "2026-11-18T11:06:40.250Z",
            "alarm": {
                "alarmRaisedTime": "2026-11-18T11:07:10.500Z",
                "alarmChangedTime": "2026-11-18T11:07:10.500Z",
                "alarmClearedTime": None,
                "perceivedSeverity": "INDETERMINATE",
                "eventTime": "2026-11-18T11:07:10.500Z",
                "eventType": "EQUIPMENT_ALARM",
                "probableCause": "underlyingResourceUnavailable",
                "isRootCause": False,
                "correlatedAlarmId": "4f1a9c0de2b7",
            },
        },
    }


def test_operators_read_all() -> None:
    found = for_operators()
    body = read(event(found, "msg_1", 3))
    assert body["subject"] == "cmp-7.rack-2.example"
    assert set(body["data"]) == PROJECT_FIELDS | {"cloud", "host", "text"}
    assert (body["data"]["cloud"], body["data"]["host"]) == ("default", "cmp-7.rack-2.example")
    assert body["data"]["text"] == found.text
    assert body["data"]["project_id"] is None
    assert body["data"]["servers"][0]["project_id"] == PROJECT


@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("found", [notice, for_operators])
def test_every_kind_has_a_type_and_a_reason(kind: NoticeKind, found: Any) -> None:  # noqa: ANN401 - one of the two makers
    body = read(event(found(kind=kind), "msg_1", 1))
    assert body["type"] == f"doctor-daemon.host.{kind}"
    assert body["data"]["kind"] == kind
    assert len(body["data"]["reason"]) > 20


@pytest.mark.parametrize("outcome", ["moved", "skipped", "failed", "unknown"])
@pytest.mark.parametrize("found", [notice, for_operators])
def test_every_outcome_has_a_reason_of_its_own(outcome: str, found: Any) -> None:  # noqa: ANN401 - one of the two makers
    told = read(event(found(kind=NoticeKind.OUTCOME, outcome=outcome), "msg_1", 1))["data"]
    assert told["outcome"] == outcome
    others = [
        read(event(found(kind=NoticeKind.OUTCOME, outcome=other), "msg_1", 1))["data"]["reason"]
        for other in ("moved", "skipped", "failed", "unknown")
        if other != outcome
    ]
    assert told["reason"] not in others


@pytest.mark.parametrize("found", [notice, for_operators])
def test_a_maintenance_says_whether_it_has_begun_or_ended(found: Any) -> None:  # noqa: ANN401 - one of the two makers
    reasons = set()
    for outcome in ("begun", "ended"):
        told = read(event(found(kind=NoticeKind.MAINTENANCE, outcome=outcome), "msg_1", 1))["data"]
        assert (told["kind"], told["outcome"]) == ("maintenance", outcome)
        assert outcome in told["reason"]
        reasons.add(told["reason"])
    assert len(reasons) == 2


def test_an_outcome_that_nobody_knows_is_told_as_unknown() -> None:
    told = read(event(notice(kind=NoticeKind.OUTCOME, outcome="beamed up"), "msg_1", 1))["data"]
    unknown = read(event(notice(kind=NoticeKind.OUTCOME, outcome="unknown"), "msg_1", 1))["data"]
    assert (told["outcome"], told["reason"]) == ("beamed up", unknown["reason"])


def test_servers_that_were_never_listed_have_no_time() -> None:
    assert (
        read(event(notice(servers=(), servers_wall_s=0.0), "m", 1))["data"]["servers_as_of"] is None
    )


def test_another_cloud_is_another_source() -> None:
    body = read(event(notice(host=HostId("edge/7 ü", "cmp-1")), "m", 1))
    assert body["source"] == "/doctor-daemon/edge%2F7%20%C3%BC"


@given(
    host=names,
    address=st.ip_addresses(),
    stranger=names,
    words=names,
    kind=st.sampled_from(NoticeKind),
)
def test_tenants_never_read_of_hosts_addresses_or_strangers(
    host: str, address: object, stranger: str, words: str, kind: NoticeKind
) -> None:
    text = f"{host} at {address} runs {stranger} {words}"
    body = event(
        notice(kind=kind, host=HostId("default", host), text=text, servers=(server(),)), "msg_1", 1
    )
    assert set(read(body)["data"]) == PROJECT_FIELDS
    known = event(notice(kind=kind, servers=(server(),)), "msg_1", 1)
    assert body == known  # not one byte depends on what is not the tenant's


@given(st.lists(st.tuples(st.text(max_size=300), st.text(max_size=40)), max_size=20))
def test_any_name_of_a_server_comes_through(named: list[tuple[str, str]]) -> None:
    servers = tuple(Server(ServerId(id_), name, PROJECT) for name, id_ in named)
    for found in (notice(servers=servers), for_operators(servers=servers)):
        body = event(found, "msg_1", 1)
        assert body.isascii()
        told = [(one["name"], one["id"]) for one in read(body)["data"]["servers"]]
        assert told == [(name[:255], id_) for name, id_ in named]


def test_half_a_surrogate_pair_breaks_nothing() -> None:
    found = for_operators(
        servers=(server(name="\ud83d"),), text="\udc00", host=HostId("\ud83d", "\ud83d")
    )
    assert event(found, "msg_1", 1).encode()


def test_a_thousand_servers_of_common_names_fit() -> None:
    servers = tuple(server(number, f"worker-{number}.cluster.example") for number in range(1000))
    for found in (notice(servers=servers), for_operators(servers=servers)):
        body = event(found, "msg_1", 1)
        assert len(body) < BODY_MAX
        assert len(read(body)["data"]["servers"]) == 1000
        assert read(body)["data"]["servers_truncated"] is False


def test_what_does_not_fit_is_left_out_and_it_says_so() -> None:
    servers = tuple(server(number, "\U0001f600" * 255) for number in range(1000))
    found = for_operators(
        servers=servers,
        text="\U0001f600" * 100_000,
        host=HostId("\U0001f600" * 64, "\U0001f600" * 255),
        incident=IncidentId("i" * 64),
    )
    body = event(found, "msg_1", 1)
    assert len(body) <= BODY_MAX
    told = read(body)["data"]
    assert told["servers_truncated"] is True
    assert told["servers"] == [
        {
            "id": one.id,
            "name": one.name,
            "project_id": PROJECT,
            "alarmId": alarm_id(found.incident, one.id),
        }
        for one in servers[: len(told["servers"])]
    ]
    assert len(told["servers"]) > 100


def test_the_body_is_the_same_each_time() -> None:
    assert event(for_operators(), "msg_1", 1) == event(for_operators(), "msg_1", 1)
