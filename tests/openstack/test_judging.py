"""What the scenarios of evacuation judge by is held against examples of both kinds."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.openstack.alarms import Alarm, Vnfm
from tests.openstack.evacuations import repeated, server_of, unproven
from tests.openstack.listener import Asked
from tests.openstack.proxy import Passed
from tests.openstack.rack import Change
from tests.openstack.testbed.calls import ask

ONE, TWO = "0a8c2f6e-0000-4000-8000-000000000001", "0a8c2f6e-0000-4000-8000-000000000002"
PROJECT = "6f70656e737461636b2070726f6a6563"
TRAITS: Mapping[str, tuple[int, object]] = {
    "instance_id": (1, ONE),
    "state": (1, "error"),
    "project_id": (1, PROJECT),
    "sequence": (2, 7),
    "load": (3, "0.5"),
    "seen": (4, "2026-11-18T11:07:10.500000"),
}


def post(mono: float, server: str = ONE) -> Passed:
    asked = Asked(mono, "POST", f"/v2.1/servers/{server}/action", {}, b"{}")
    return Passed(0, asked, forwarded=mono)


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ([], 0),
        ([post(1.0), post(2.0, TWO)], 0),
        ([post(1.0), post(2.0, TWO), post(3.0)], 1),
        ([post(1.0), post(2.0, TWO), post(3.0), post(4.0, TWO)], 2),
    ],
)
def test_a_second_request_for_a_server_is_told(rows: list[Passed], count: int) -> None:
    assert server_of(post(1.0)) == ONE
    assert len(repeated(rows)) == count


@pytest.mark.parametrize(
    ("changes", "late_s", "moment"),
    [
        ([], 0.0, 1.0),
        ([Change(2.0, "Off")], 0.0, 1.5),
        ([Change(1.0, "Off"), Change(2.0, "On")], 0.0, 2.5),
        ([Change(1.0, "Off"), Change(2.0, "On")], 0.5, 2.75),
    ],
)
def test_a_request_while_the_power_is_on_is_told(
    changes: list[Change], late_s: float, moment: float
) -> None:
    [told] = unproven([post(moment)], changes, late_s)
    assert ONE in told


@pytest.mark.parametrize(
    ("changes", "late_s", "moment"),
    [
        ([Change(1.0, "Off")], 0.0, 1.5),
        ([Change(1.0, "Off"), Change(2.0, "On")], 0.5, 2.25),
        ([Change(1.0, "Off"), Change(2.0, "On"), Change(3.0, "Off")], 0.0, 3.5),
    ],
)
def test_a_request_while_the_power_is_off_or_could_be_believed_to_be_is_not_told(
    changes: list[Change], late_s: float, moment: float
) -> None:
    assert unproven([post(moment)], changes, late_s) == []


def alarm(**other: tuple[int, object]) -> Alarm:
    traits = [[name, *rest] for name, rest in {**TRAITS, **other}.items()]
    event = {"message_id": "m", "event_type": "compute.instance.update", "traits": traits}
    body = {"reason_data": {"type": "event", "event": event}}
    return Alarm(1.0, "/failure", {}, json.dumps(body))


def test_traits_are_read_as_aodh_converts_them() -> None:
    traits = alarm().traits
    assert (traits["instance_id"], traits["sequence"], traits["load"]) == (ONE, 7, 0.5)
    assert str(traits["seen"]) == "2026-11-18 11:07:10.500000"


def test_an_alarm_fires_for_its_own_server_and_project_alone() -> None:
    assert alarm().fires(PROJECT, ONE)
    assert not alarm().fires(PROJECT, TWO)
    assert not alarm().fires("another", ONE)
    assert not alarm(state=(1, "active")).fires(PROJECT, ONE)


def test_a_vnfm_keeps_what_it_is_told_by_path() -> None:
    vnfm = Vnfm()
    try:
        answer = ask("POST", vnfm.failure_url, json.loads(alarm().text))
        assert (answer.status, answer.text) == (200, "OK")
        [kept] = vnfm.alarms("/failure")
        assert (kept.server, vnfm.alarms("/ok")) == (ONE, [])
        vnfm.clear()
        assert vnfm.alarms("/failure") == []
    finally:
        vnfm.close()
