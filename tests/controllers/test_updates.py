"""What is written to a compute service, and which answer is believed."""

from __future__ import annotations

import json

import pytest

from doctor_daemon.controllers.updates import (
    ENABLE,
    LIFT,
    REASON_MAX,
    Update,
    fencing,
    storable,
)

UUID = "4f22b540-1c82-456c-b2f4-ba0d18d9a30f"


def test_trap_3_one_put_forces_down_and_disables() -> None:
    assert fencing("doctor-daemon:i-1: why", disable=True).body == {
        "forced_down": True,
        "status": "disabled",
        "disabled_reason": "doctor-daemon:i-1: why",
    }


def test_trap_4_where_somebody_else_has_disabled_only_the_flag_is_set() -> None:
    assert fencing("ours", disable=False).body == {"forced_down": True}


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
        assert update.shown(json.dumps({"service": service}).encode(), UUID) is told


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
    assert update.shown(json.dumps({"service": service}).encode(), UUID) is told


def test_trap_22_a_lift_and_an_enabling_send_nothing_else() -> None:
    assert (LIFT.body, ENABLE.body) == ({"forced_down": False}, {"status": "enabled"})
