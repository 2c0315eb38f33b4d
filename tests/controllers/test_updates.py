"""What is written to a compute service in each dialect, and which answer is believed."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from doctor_daemon.controllers.updates import (
    ENABLE,
    LIFT,
    REASON_MAX,
    Update,
    fencing,
    puts,
    storable,
)

UUID = "4f22b540-1c82-456c-b2f4-ba0d18d9a30f"
NAMED = "6@compute-1.example"
HOST: Mapping[str, object] = {"host": "compute-1.example", "binary": "nova-compute"}


def sent(service: str, update: Update) -> list[tuple[str, str, Mapping[str, object]]]:
    """Return path, microversion and body of each PUT."""
    return [(put.path, str(put.span.high), put.body) for put in puts(service, update)]


def test_trap_3_one_put_forces_down_and_disables() -> None:
    body = {
        "forced_down": True,
        "status": "disabled",
        "disabled_reason": "doctor-daemon:i-1: why",
    }
    update = fencing("doctor-daemon:i-1: why", disable=True)
    assert sent(UUID, update) == [(f"os-services/{UUID}", "2.53", body)]


def test_trap_3_before_2_53_forced_down_comes_first() -> None:
    assert sent(NAMED, fencing("why", disable=True)) == [
        ("os-services/force-down", "2.11", {**HOST, "forced_down": True}),
        ("os-services/disable-log-reason", "2.1", {**HOST, "disabled_reason": "why"}),
    ]


def test_trap_4_where_somebody_else_has_disabled_only_the_flag_is_set() -> None:
    update = fencing("ours", disable=False)
    assert sent(UUID, update) == [(f"os-services/{UUID}", "2.53", {"forced_down": True})]
    assert sent(NAMED, update) == [
        ("os-services/force-down", "2.11", {**HOST, "forced_down": True}),
    ]


def test_trap_22_a_lift_and_an_enabling_send_nothing_else() -> None:
    assert sent(UUID, LIFT) == [(f"os-services/{UUID}", "2.53", {"forced_down": False})]
    assert sent(UUID, ENABLE) == [(f"os-services/{UUID}", "2.53", {"status": "enabled"})]
    assert sent(NAMED, LIFT) == [
        ("os-services/force-down", "2.11", {**HOST, "forced_down": False}),
    ]
    assert sent(NAMED, ENABLE) == [("os-services/enable", "2.1", HOST)]


def test_a_uuid_is_sent_in_its_usual_form() -> None:
    assert puts(UUID.upper(), LIFT)[0].path == f"os-services/{UUID}"


@pytest.mark.parametrize(
    "service",
    [
        *("", "6", "6@", "@compute-1", "six@compute-1", "-6@a", "6@a b", "6@a\n"),
        *("../servers", "compute-1", "\u0666@compute-1", "6@" + "x" * 256),
    ],
)
def test_what_is_no_id_of_a_service_is_no_target(service: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        puts(service, LIFT)


@pytest.mark.parametrize(
    ("reason", "stored"),
    [
        ("AUTO: x", "doctor-daemon: AUTO: x"),
        (" auto:x", "doctor-daemon: auto:x"),
        ("", "doctor-daemon:"),
        ("a\nb\x00c", "a?b?c"),
        ("😀", "?"),
        ("Überhitzung", "Überhitzung"),
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 254 + "…"),
    ],
)
def test_trap_auto_reasons_are_not_undone_and_can_be_stored(reason: str, stored: str) -> None:
    assert storable(reason) == stored
    assert 1 <= len(stored) <= REASON_MAX


def shown(service: str, update: Update, told: object, nth: int = 0) -> bool:
    """Tell whether the answer to one of its PUTs is believed."""
    return puts(service, update)[nth].shown(json.dumps({"service": told}).encode())


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ({"id": UUID, "forced_down": True}, True),
        ({"id": UUID, "forced_down": False}, False),
        ({"id": UUID, "forced_down": "true"}, False),
        ({"id": "another", "forced_down": True}, False),
        (None, False),
    ],
)
def test_only_the_service_itself_shown_forced_down_is_believed(service: object, told: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    for update in (fencing("", disable=True), fencing("", disable=False)):
        assert shown(UUID, update, service) is told


@pytest.mark.parametrize(
    ("update", "service", "told"),
    [
        (LIFT, {"id": UUID, "forced_down": False}, True),
        (LIFT, {"id": UUID, "forced_down": True}, False),
        (LIFT, {"id": UUID, "forced_down": 0}, False),
        (LIFT, {"id": UUID, "forced_down": None}, False),
        (LIFT, {"id": UUID}, False),
        (LIFT, {"id": "another", "forced_down": False}, False),
        (ENABLE, {"id": UUID, "status": "enabled"}, True),
        (ENABLE, {"id": UUID, "status": "disabled"}, False),
        (ENABLE, {"id": UUID, "status": "UNKNOWN"}, False),
        (ENABLE, {"id": UUID, "status": True}, False),
        (ENABLE, {"id": "another", "status": "enabled"}, False),
    ],
)
def test_only_the_service_itself_shown_released_is_believed(
    update: Update,
    service: object,
    told: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    assert shown(UUID, update, service) is told


@pytest.mark.parametrize(
    ("update", "nth", "deed"),
    [
        (fencing("", disable=True), 0, {"forced_down": True}),
        (fencing("", disable=True), 1, {"status": "disabled"}),
        (LIFT, 0, {"forced_down": False}),
        (ENABLE, 0, {"status": "enabled"}),
    ],
)
def test_only_the_host_itself_shown_as_asked_is_believed(
    update: Update, nth: int, deed: Mapping[str, object]
) -> None:
    (key,) = deed
    assert shown(NAMED, update, {**HOST, **deed}, nth)
    for wrong in (
        deed,
        HOST,
        {**HOST, key: None},
        {**HOST, key: str(deed[key]).upper()},
        {**HOST, **deed, "host": "compute-2"},
        {**HOST, **deed, "binary": "nova-scheduler"},
        None,
    ):
        assert not shown(NAMED, update, wrong, nth), wrong
