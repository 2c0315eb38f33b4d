"""Nova's notifications, as a real one has sent them, and whatever else may come instead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctor_daemon.core.hints import Hint
from doctor_daemon.inspectors.nova_messages import BODY_MAX, Written, read_message
from doctor_daemon.inspectors.wire import moment
from doctor_daemon.ports.refusal import Refusal
from tests.inspectors.rig import DATA

Json = dict[str, Any]
REAL: list[Json] = json.loads((DATA / "nova-notifications.json").read_text())
"""Envelopes that a real Nova 34 has sent; see `tests/openstack/test_notifications.py`."""


def opened(envelope: Json) -> Json:
    """What is in an envelope."""
    found = json.loads(envelope["oslo.message"])
    assert isinstance(found, dict)
    return found


def closed(message: object, version: str = "2.0") -> bytes:
    """Put a message into an envelope."""
    return json.dumps({"oslo.version": version, "oslo.message": json.dumps(message)}).encode()


def real(event: str) -> Json:
    """One message of an event."""
    return next(one for one in map(opened, REAL) if one["event_type"] == event)


def data(message: Json) -> Json:
    """What an object of Nova's holds."""
    held = message["payload"]["nova_object.data"]
    assert isinstance(held, dict)
    return held


def hint(message: Json) -> Hint:
    found = read_message(closed(message))
    assert isinstance(found, Hint)
    return found


@pytest.mark.parametrize("number", range(len(REAL)))
def test_every_message_of_a_real_nova_is_understood(number: int) -> None:
    message = opened(REAL[number])
    found = read_message(json.dumps(REAL[number]).encode())
    about = message["event_type"].partition(".")[0]
    if about != "instance":
        there = {"service": Written(data(message).get("host", "")), "scheduler": None}
        assert found == there[about]
        return
    assert isinstance(found, Hint)
    told = data(message)
    assert (found.server.id, found.server.project) == (told["uuid"], told["tenant_id"])
    assert found.host in (told["host"] or "", "")
    assert found.changed_s >= (moment(told["updated_at"]) or 1.0)
    assert found.sent_s == moment(message["timestamp"] + "Z")


def test_a_server_that_runs_and_one_that_is_deleted() -> None:
    made = hint(real("instance.create.end"))
    assert made.host == "compute-1"
    assert (made.server.vm_state, made.server.status) == ("active", "ACTIVE")
    gone = hint(real("instance.delete.end"))
    assert (gone.host, gone.server.vm_state) == ("", "deleted")


def test_soft_deleted_and_shelved_servers_are_on_no_host() -> None:
    message = real("instance.create.end")
    data(message)["state"] = "soft-delete"
    assert hint(message).host == ""
    data(message).update(state="shelved_offloaded", host=None)
    assert hint(message).host == ""


def test_an_old_name_of_a_field_or_none_yet() -> None:
    """Before its payload 1.5 Nova did not say when a row was updated, and a new row never was."""
    message = real("instance.create.end")
    del data(message)["updated_at"]
    data(message)["created_at"] = "2026-11-22T06:00:00Z"
    assert hint(message).changed_s == moment("2026-11-22T06:00:00Z")
    data(message).update(created_at=None, deleted_at=None)
    with pytest.raises(Refusal, match="missing"):
        read_message(closed(message))


@pytest.mark.parametrize(
    "event", ["compute_task.rebuild_server.error", "flavor.create", "scheduler.select", "keypair"]
)
def test_other_events_are_nothing_to_us(event: str) -> None:
    assert read_message(closed({"event_type": event, "payload": "whatever"})) is None


def test_services_that_are_no_compute_are_nothing_to_us() -> None:
    message = real("service.update")
    data(message)["binary"] = "nova-scheduler"
    assert read_message(closed(message)) is None


def without(message: Json, *path: str) -> Json:
    """The same without one member."""
    inner = message
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return message


@pytest.mark.parametrize("name", ["uuid", "tenant_id"])
def test_a_server_without_an_id_or_an_owner_is_refused(name: str) -> None:
    message = without(real("instance.power_off.end"), "payload", "nova_object.data", name)
    with pytest.raises(Refusal) as refused:
        read_message(closed(message))
    assert refused.value.field.endswith(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uuid", "x" * 65),
        ("uuid", "a\nb"),
        ("host", "h" * 256),
        ("host", "a\x1bb"),
        ("host", 7),
        ("tenant_id", None),
        ("state", ["active"]),
        ("updated_at", "yesterday"),
        ("display_name", {}),
    ],
)
def test_e3_a_field_that_is_not_as_nova_has_it_is_refused(name: str, value: object) -> None:
    message = real("instance.power_off.end")
    data(message)[name] = value
    with pytest.raises(Refusal):
        read_message(closed(message))


def test_e3_a_name_is_cut_and_cleaned() -> None:
    message = real("instance.power_off.end")
    data(message)["display_name"] = "a\x1b[2Jb" + "x" * 1000
    name = hint(message).server.name
    assert name.isprintable()
    assert len(name) == 255
    data(message)["display_name"] = ""
    assert hint(message).server.name == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"event_type": "instance.update"}',
        b'{"oslo.version": "1.0", "oslo.message": "{}"}',
        b'{"oslo.version": "2.0", "oslo.message": {}}',
        b'{"oslo.version": "2.0", "oslo.message": "7"}',
        b'{"oslo.version": "2.0", "oslo.message": "{}"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal):
        read_message(body)


def test_e5_a_message_beyond_all_bounds_is_not_even_parsed() -> None:
    with pytest.raises(Refusal) as refused:
        read_message(b" " * (BODY_MAX + 1))
    assert refused.value.status == 413


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
ANY = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
FIELDS = ("uuid", "tenant_id", "host", "state", "task_state", "updated_at", "display_name")


@settings(max_examples=200)
@given(st.sampled_from(FIELDS), ANY)
def test_e5_whatever_stands_in_a_field_it_is_a_hint_or_a_refusal(name: str, value: object) -> None:
    message = real("instance.power_off.end")
    data(message)[name] = value
    try:
        found = read_message(closed(message))
    except Refusal:
        return
    assert isinstance(found, Hint)
    assert found.host.isprintable()
    assert found.server.id.isprintable()


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_e5_whatever_bytes_come_they_are_refused(body: bytes) -> None:
    with pytest.raises(Refusal):
        read_message(body)
