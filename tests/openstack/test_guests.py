"""The checker finds what it must find, and refuses a record that cannot be true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.openstack.guests import (
    Event,
    ForcedDown,
    RecordError,
    read_record,
    record_stops,
    stays,
    strays,
    violations,
)

A, B = "compute-1", "compute-2"


def start(mono: float, host: str, server: str = "vm") -> Event:
    return Event(mono, host, server, "start", "spawn")


def stop(mono: float, host: str, server: str = "vm") -> Event:
    return Event(mono, host, server, "stop", "power cut")


@pytest.mark.parametrize(
    "events",
    [
        [],
        [start(1.0, A)],
        [start(1.0, A), stop(2.0, A), start(2.0, B)],
        [start(1.0, A), stop(2.0, A), start(3.0, B), stop(4.0, B), start(5.0, A)],
        [start(1.0, A, "one"), start(1.0, B, "two")],
        # Killed between writing a start down and carrying it out, then started again.
        [start(1.0, A), start(2.0, A), stop(3.0, A), start(3.5, B)],
    ],
)
def test_a_guest_on_one_host_at_a_time_is_no_violation(events: list[Event]) -> None:
    assert violations(events, []) == []


@pytest.mark.parametrize(
    ("events", "common_s"),
    [
        ([start(1.0, A), start(2.0, B), stop(2.5, A)], "0.500"),
        ([start(1.0, A), start(2.0, B), stop(2.125, B), stop(9.0, A)], "0.125"),
        ([start(1.0, A), start(2.0, B)], "inf"),
        ([start(1.0, B), start(5.0, A), stop(5.001, B)], "0.001"),
    ],
)
def test_a_guest_on_two_hosts_is_a_violation(events: list[Event], common_s: str) -> None:
    [told] = violations(events, [])
    assert "compute-1" in told
    assert "compute-2" in told
    assert f"at once, for {common_s} s" in told


@pytest.mark.parametrize(
    ("events", "down"),
    [
        ([start(1.0, A)], ForcedDown(A, 5.0)),
        ([start(1.0, A), stop(5.01, A)], ForcedDown(A, 5.0)),
        ([start(6.0, A), stop(7.0, A)], ForcedDown(A, 5.0, 6.5)),
    ],
)
def test_a_guest_on_a_host_declared_fenced_is_a_violation(
    events: list[Event], down: ForcedDown
) -> None:
    [told] = violations(events, [down])
    assert "while Nova had the host forced down" in told


@pytest.mark.parametrize(
    "events",
    [
        [start(1.0, A), stop(4.9, A)],
        [start(1.0, A), stop(5.0, A)],
        [start(8.0, A)],
        [start(1.0, B)],
    ],
)
def test_a_guest_elsewhere_before_or_after_is_no_violation(events: list[Event]) -> None:
    assert violations(events, [ForcedDown(A, 5.0, 8.0)]) == []


@pytest.mark.parametrize("events", [[], [start(1.0, A), stop(2.0, A)], [start(1.0, B)]])
def test_a_guest_that_runs_where_nova_has_it_is_no_stray(events: list[Event]) -> None:
    assert strays(events, {"vm": B, "other": A}) == []


@pytest.mark.parametrize(
    ("whereabouts", "told"), [({"vm": B}, f"has it on {B}"), ({"other": A}, "has it on no host")]
)
def test_a_guest_that_runs_where_nova_does_not_have_it_is_a_stray(
    whereabouts: dict[str, str], told: str
) -> None:
    [stray] = strays([start(1.0, A)], whereabouts)
    assert f"still runs on {A}" in stray
    assert told in stray


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([stop(1.0, A)], "a stop without a start"),
        ([start(1.0, B), stop(2.0, A)], "a stop without a start"),
        ([start(2.0, A), stop(1.0, A)], "go back in time"),
        ([start(2.0, A), start(1.0, B)], "go back in time"),
    ],
)
def test_a_record_that_cannot_be_true_is_refused(events: list[Event], told: str) -> None:
    with pytest.raises(RecordError, match=told):
        stays(events)


GOOD = {"mono": 1.0, "host": A, "server": "vm", "event": "start", "why": "spawn"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (json.dumps(GOOD), "torn"),
        ("{\n", "line 1 is no JSON"),
        ("[]\n", "line 1: expected the fields"),
        (json.dumps({**GOOD, "more": 1}) + "\n", "line 1: expected the fields"),
        (json.dumps(GOOD) + "\n" + json.dumps({**GOOD, "mono": "1"}) + "\n", "line 2: mono is '1'"),
        (json.dumps({**GOOD, "event": "pause"}) + "\n", "event is 'pause'"),
    ],
)
def test_a_line_that_is_no_event_is_refused(tmp_path: Path, text: str, told: str) -> None:
    record = tmp_path / "guests.jsonl"
    record.write_text(text)
    with pytest.raises(RecordError, match=told):
        read_record(record)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = tmp_path / "guests.jsonl"
    record.write_text(json.dumps(GOOD) + "\n" + json.dumps({**GOOD, "event": "stop"}) + "\n")
    assert [event.event for event in read_record(record)] == ["start", "stop"]


def test_without_a_record_no_guest_ever_ran(tmp_path: Path) -> None:
    assert read_record(tmp_path / "guests.jsonl") == []


def test_a_power_cut_ends_what_runs_on_that_host(tmp_path: Path) -> None:
    record = tmp_path / "guests.jsonl"
    rows = [GOOD, {**GOOD, "host": B}, {**GOOD, "server": "other"}, {**GOOD, "event": "stop"}]
    record.write_text("".join(json.dumps(row) + "\n" for row in rows))
    record_stops(record, A, "power cut")
    running = [(stay.server, stay.host) for stay in stays(read_record(record)) if stay.until > 1e99]
    assert running == [("vm", B)]


def test_a_power_cut_of_an_empty_host_records_nothing(tmp_path: Path) -> None:
    record_stops(tmp_path / "guests.jsonl", A, "power cut")
    assert not (tmp_path / "guests.jsonl").exists()
