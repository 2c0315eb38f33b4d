"""Nova's services, read strictly."""

from __future__ import annotations

import pytest

from doctor_daemon.controllers.microversions import Version
from doctor_daemon.controllers.services import all_services, one_service, read_services
from doctor_daemon.errors import Permanent, Temporary
from tests.controllers.answers import AT, SERVICE, STUB, UUID, body


def test_a_service_is_read() -> None:
    look = one_service(read_services(body("services", SERVICE)), "cmp-1", AT)
    assert (look.uuid, look.state, look.status, look.forced_down) == (UUID, "up", "enabled", False)
    assert (look.reason, look.asked_at) == ("", AT)
    assert look.updated_s == 1795228322.0, "UTC, which Nova does not say"


@pytest.mark.parametrize(
    ("updated_at", "seconds"),
    [
        (None, 0.0),
        ("2026-11-21T02:32:02Z", 1795228322.0),
        ("2026-11-21T02:32:02.301933", 1795228322.301933),
        ("2026-11-21T03:32:02+01:00", 1795228322.0),
    ],
)
def test_updated_at_is_read_as_utc(updated_at: object, seconds: float) -> None:
    row = {**SERVICE, "updated_at": updated_at, "disabled_reason": "by hand"}
    look = one_service([row], "cmp-1", AT)
    assert (look.updated_s, look.reason) == (seconds, "by hand")


@pytest.mark.parametrize("host", ["CMP-1", "cmp", "cmp-1.example", ""])
def test_trap_a14_a_host_is_matched_exactly(host: str) -> None:
    with pytest.raises(Permanent, match="named exactly"):
        one_service([SERVICE], host, AT)


def test_two_services_of_one_host_are_told_apart_by_nobody() -> None:
    with pytest.raises(Permanent, match="2 compute services of host cmp-1"):
        one_service([SERVICE, SERVICE], "cmp-1", AT)
    fleet = all_services([SERVICE, SERVICE, {**SERVICE, "host": "cmp-3"}], AT)
    assert set(fleet.services) == {"cmp-3"}
    assert fleet.unknown == {"cmp-1"}


def test_another_binary_of_the_same_name_is_nothing() -> None:
    scheduler = {**SERVICE, "binary": "nova-scheduler"}
    assert one_service([scheduler, SERVICE], "cmp-1", AT).uuid == UUID
    assert all_services([scheduler], AT).services == {}


def test_trap_2_a_cell_that_does_not_answer_is_unknown_and_not_empty() -> None:
    with pytest.raises(Temporary, match="its cell does not answer"):
        one_service([STUB], "cmp-2", AT)
    fleet = all_services([SERVICE, STUB], AT)
    assert set(fleet.services) == {"cmp-1"}
    assert fleet.unknown == {"cmp-2"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state", None),
        ("state", "UP"),
        ("status", "paused"),
        ("forced_down", None),
        ("forced_down", "true"),
        ("id", 6),
        ("id", "six"),
        ("updated_at", "yesterday"),
    ],
)
def test_a_row_that_is_not_as_documented_is_an_error(key: str, value: object) -> None:
    with pytest.raises(Permanent, match=key if key != "id" else "id"):
        one_service([{**SERVICE, key: value}], "cmp-1", AT)


def test_a_row_of_an_older_microversion_is_an_error() -> None:
    old = {key: value for key, value in SERVICE.items() if key != "forced_down"}
    with pytest.raises(Permanent, match="has no forced_down"):
        all_services([old], AT)


OLD = Version(2, 52)
NUMBERED = {**SERVICE, "id": 6}


def test_before_2_53_the_number_and_the_host_are_the_id() -> None:
    assert one_service([NUMBERED], "cmp-1", AT, OLD).uuid == "6@cmp-1"
    other = {**NUMBERED, "host": "cmp-2"}
    fleet = all_services([NUMBERED, other], AT, OLD)
    assert {host: look.uuid for host, look in fleet.services.items()} == {
        "cmp-1": "6@cmp-1",
        "cmp-2": "6@cmp-2",
    }


@pytest.mark.parametrize("number", [None, "6", UUID, True, 6.0, -1])
def test_before_2_53_an_id_that_is_no_number_is_an_error(number: object) -> None:
    with pytest.raises(Permanent, match="expected a number"):
        one_service([{**NUMBERED, "id": number}], "cmp-1", AT, OLD)


@pytest.mark.parametrize("version", [Version(2, 11), OLD, Version(2, 53), Version(2, 68)])
def test_trap_2_before_2_69_nothing_is_known_of_a_host_that_is_missing(version: Version) -> None:
    with pytest.raises(Temporary, match=rf"at {version} that may mean that its cell"):
        one_service([], "cmp-1", AT, version)


def test_trap_2_from_2_69_on_a_host_that_is_missing_is_not_there() -> None:
    with pytest.raises(Permanent, match="named exactly 'cmp-1'"):
        one_service([], "cmp-1", AT, Version(2, 69))
