"""Alarms in Aodh's form: one a server, with stable ids, and no host in any of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.core.host import HostId, Server, ServerId
from doctor_daemon.core.incident import IncidentId, NoticeKind
from doctor_daemon.core.notices import Notice
from doctor_daemon.notifiers.aodh import BODY_MAX, Alarms
from tests.notifiers import aodh
from tests.notifiers.notices import PROJECT, for_operators, notice, server

Json = dict[str, Any]
TOLD = (NoticeKind.SUSPECTED, NoticeKind.CONFIRMED, NoticeKind.WITHDRAWN, NoticeKind.OUTCOME)
names = st.text(min_size=8, max_size=40)


def confirmed(**changes: Any) -> Notice:  # noqa: ANN401 - any field
    return notice(kind=NoticeKind.CONFIRMED, fenced="confirmed", **changes)


def alarms(found: Notice, id_: str = "msg_1", *, early: bool = False) -> list[Json]:
    """Render a notice, and have each alarm checked by Aodh's side."""
    body = Alarms(found, id_, 3, early).render()
    assert body.isascii()
    read: list[Json] = [json.loads(line) for line in body.split("\n")]
    for alarm in read:
        aodh.check(alarm)
    return read


def ids(found: list[Json], name: str = "alarm_id") -> list[str]:
    if name == "alarm_id":
        return [alarm["alarm_id"] for alarm in found]
    return [alarm["reason_data"]["event"]["message_id"] for alarm in found]


def test_a_confirmed_failure_is_an_alarm_that_doctors_rule_lets_through() -> None:
    (alarm,) = alarms(confirmed())
    assert aodh.fires(alarm, server().id)
    assert not aodh.fires(alarm, server(2).id)
    event = alarm["reason_data"]["event"]
    assert alarm == {
        "alarm_name": "host failure: web-1",
        "alarm_id": alarm["alarm_id"],
        "severity": "critical",
        "previous": "insufficient data",
        "current": "alarm",
        "reason": "the host of this server has failed: it is off, and Nova knows",
        "reason_data": {"type": "event", "event": event},
    }
    assert event == {
        "message_id": event["message_id"],
        "event_type": "compute.instance.update",
        "generated": "2026-11-18T11:07:10.500000",
        "traits": [
            ["instance_id", 1, server().id],
            ["display_name", 1, "web-1"],
            ["state", 1, "error"],
            ["tenant_id", 1, PROJECT],
            ["project_id", 1, PROJECT],
            ["kind", 1, "confirmed"],
            ["fenced", 1, "confirmed"],
            ["incident", 1, "4f1a9c0de2b7"],
            ["sequence", 2, 3],
        ],
    }


@pytest.mark.parametrize(
    ("kind", "early", "previous", "current", "severity"),
    [
        (NoticeKind.SUSPECTED, True, "insufficient data", "alarm", "moderate"),
        (NoticeKind.CONFIRMED, False, "insufficient data", "alarm", "critical"),
        (NoticeKind.CONFIRMED, True, "alarm", "alarm", "critical"),
        (NoticeKind.WITHDRAWN, False, "alarm", "ok", "low"),
        (NoticeKind.OUTCOME, False, "alarm", "ok", "low"),
    ],
)
def test_each_kind_is_a_change_of_the_alarms_state(
    kind: NoticeKind, *, early: bool, previous: str, current: str, severity: str
) -> None:
    (alarm,) = alarms(notice(kind=kind, outcome="moved"), early=early)
    said = (alarm["previous"], alarm["current"], alarm["severity"])
    assert said == (previous, current, severity)
    assert aodh.fires(alarm, server().id) == (current == "alarm")
    assert aodh.traits(alarm).get("state", "") in ("", "error")


def test_each_server_has_an_alarm_of_its_own_in_order() -> None:
    servers = tuple(server(number, f"web-{number}") for number in range(50))
    found = alarms(confirmed(servers=servers))
    assert [aodh.traits(alarm)["instance_id"] for alarm in found] == [one.id for one in servers]
    assert len(set(ids(found))) == len(set(ids(found, "message"))) == 50


def test_an_alarm_keeps_its_id_for_the_servers_life_and_each_message_has_its_own() -> None:
    first, again = alarms(confirmed(), "msg_1"), alarms(confirmed(), "msg_1")
    assert first == again
    other = alarms(confirmed(incident=IncidentId("another")), "msg_2")
    end = alarms(notice(kind=NoticeKind.WITHDRAWN), "msg_3")
    assert ids(first) == ids(other) == ids(end)
    assert len({ids(found, "message")[0] for found in (first, other, end)}) == 3
    elsewhere = alarms(confirmed(host=HostId("edge", "cmp-7")), "msg_1")
    assert ids(elsewhere) != ids(first)


def test_each_server_goes_by_its_own_project_for_operators_too() -> None:
    servers = (server(1, project="red"), server(2, project="blue"))
    found = alarms(for_operators(kind=NoticeKind.CONFIRMED, servers=servers))
    for alarm, project in zip(found, ("red", "blue"), strict=True):
        assert aodh.traits(alarm)["tenant_id"] == aodh.traits(alarm)["project_id"] == project


@given(host=names, address=st.ip_addresses(), words=names, kind=st.sampled_from(TOLD))
def test_nobody_reads_of_hosts_or_addresses(
    host: str, address: object, words: str, kind: NoticeKind
) -> None:
    for make in (notice, for_operators):
        found = make(kind=kind, host=HostId("default", host), text=f"{host} at {address} {words}")
        body = Alarms(found, "msg_1", 3, early=True).render()
        assert body == Alarms(make(kind=kind), "msg_1", 3, early=True).render()


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_any_name_comes_through_or_is_cut(id_: str, name: str, project: str) -> None:
    (alarm,) = alarms(confirmed(servers=(Server(ServerId(id_), name, project),)))
    found = aodh.traits(alarm)
    assert found["instance_id"] == id_[:255]
    assert found["display_name"] == name[:255]
    assert found["tenant_id"] == found["project_id"] == project[:255]


def test_half_a_surrogate_pair_breaks_nothing() -> None:
    broken = Server(ServerId("\ud83d"), "\udc00", "\ud83d")
    alarms(confirmed(servers=(broken,), host=HostId("\ud83d", "\ud83d")), "\ud83d")


def test_five_hundred_servers_fit() -> None:
    servers = tuple(server(number, f"worker-{number}.cluster.example") for number in range(500))
    found = alarms(confirmed(servers=servers))
    assert len(found) == 500
    assert not any("servers_untold" in aodh.traits(alarm) for alarm in found)


@pytest.mark.parametrize("name", ["web", "\U0001f600" * 255])
def test_what_does_not_fit_is_left_out_and_each_alarm_says_so(name: str) -> None:
    servers = tuple(server(number, name) for number in range(2000))
    found = confirmed(servers=servers)
    assert len(Alarms(found, "msg_1", 3, early=False).render()) <= BODY_MAX
    read = alarms(found)
    assert 50 < len(read) < 2000
    untold = 2000 - len(read)
    for alarm, one in zip(read, servers, strict=False):
        assert aodh.traits(alarm)["instance_id"] == one.id
        assert aodh.traits(alarm)["servers_untold"] == untold
        assert alarm["reason"].endswith(f"; there was no room to tell of {untold} more servers")
