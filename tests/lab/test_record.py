"""The judge of the record: what it condemns, and what it lets pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.lab.clock import Clock
from doctor_daemon.lab.record import Entry, Kind, Record, violations


def entries(*words: tuple[Kind, str, str]) -> list[Entry]:
    """Entries a second apart: kind, host, and the server or the user."""
    return [
        Entry(float(at), kind, host, by=who)
        if kind in (Kind.FORCED_DOWN, Kind.FORCED_UP)
        else Entry(float(at), kind, host, server=who)
        for at, (kind, host, who) in enumerate(words)
    ]


def test_a_server_on_two_hosts_at_once() -> None:
    (found,) = violations(
        entries(
            (Kind.GUEST_START, "a", "s"),
            (Kind.GUEST_START, "b", "s"),
            (Kind.GUEST_STOP, "a", "s"),
        )
    )
    assert (found.at_s, found.host, found.server) == (1.0, "b", "s")
    assert found.what == "the server runs on 2 hosts at once: a, b"


def test_an_overlap_between_two_looks_is_found() -> None:
    found = violations(
        entries(
            (Kind.GUEST_START, "a", "s"),
            (Kind.GUEST_START, "b", "s"),
            (Kind.GUEST_STOP, "b", "s"),
            (Kind.GUEST_STOP, "a", "s"),
        )
    )
    assert len(found) == 1


def test_a_server_that_moves_is_well() -> None:
    moved = entries(
        (Kind.GUEST_START, "a", "s"),
        (Kind.GUEST_START, "a", "other"),
        (Kind.GUEST_STOP, "a", "s"),
        (Kind.GUEST_START, "b", "s"),
        (Kind.GUEST_STOP, "b", "s"),
        (Kind.GUEST_START, "a", "s"),
    )
    assert violations(moved) == []


def test_forced_down_with_power() -> None:
    (found,) = violations(
        entries(
            (Kind.POWER_ON, "a", ""),
            (Kind.GUEST_START, "a", "s"),
            (Kind.FORCED_DOWN, "a", "doctor"),
        )
    )
    assert found.what == "forced_down was set while the host had power; 1 guests ran on it"


def test_forced_down_of_a_host_never_heard_of() -> None:
    assert len(violations(entries((Kind.FORCED_DOWN, "a", "doctor")))) == 1


def test_forced_down_without_power() -> None:
    off = entries(
        (Kind.POWER_ON, "a", ""),
        (Kind.COMPUTE_STOP, "a", ""),
        (Kind.POWER_OFF, "a", ""),
        (Kind.FORCED_DOWN, "a", "doctor"),
        (Kind.FORCED_UP, "a", "doctor"),
        (Kind.POWER_ON, "a", ""),
    )
    assert violations(off) == []
    again = [*off, Entry(9.0, Kind.FORCED_DOWN, "a", by="doctor")]
    assert [found.at_s for found in violations(again)] == [9.0]


def test_an_operator_answers_for_what_an_operator_does() -> None:
    done = entries((Kind.POWER_ON, "a", ""), (Kind.FORCED_DOWN, "a", "operator"))
    assert violations(done, frozenset({"operator"})) == []
    assert len(violations(done)) == 1


def test_the_file_says_what_the_record_says(tmp_path: Path) -> None:
    file = tmp_path / "record.jsonl"
    record = Record(Clock(), file)
    record.append(Kind.GUEST_START, "a", server="s")
    record.append(Kind.FORCED_DOWN, "a", by="doctor")
    record.close()
    read = [Entry.from_line(line) for line in file.read_text().splitlines()]
    assert read == record.entries
    assert read[0].at_s <= read[1].at_s <= Clock().now()


@pytest.mark.parametrize("line", ["{}", "[1]", "nothing", '{"kind": "birthday"}'])
def test_a_line_of_another_form_is_refused(line: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Entry.from_line(line)
