"""What is logged of refused requests: enough to mend them, and never enough to fill a disk."""

from __future__ import annotations

from structlog.testing import capture_logs

from doctor_daemon.api.gatekeepers import (
    TOLD_MAX,
    Failures,
)
from tests.fakes.clock import HandClock


def test_a_peers_failures_are_logged_once_a_minute() -> None:
    clock, counted = HandClock(), list[tuple[str, str]]()
    failures = Failures(clock, lambda source, reason: counted.append((source, reason)))
    with capture_logs() as logs:
        for _ in range(5):
            failures.stranger("10.0.0.1", "am", "unauthorized")
        failures.stranger("10.0.0.2", "am", "unauthorized")
        clock.move(60)
        failures.stranger("10.0.0.1", "am", "forbidden")
    assert [(line["peer"], line["reason"], line["more"]) for line in logs] == [
        ("10.0.0.1", "unauthorized", 0),
        ("10.0.0.2", "unauthorized", 0),
        ("10.0.0.1", "forbidden", 4),
    ]
    assert len(counted) == 7


def test_what_a_source_does_wrong_is_logged_once_a_minute_for_each_reason() -> None:
    clock = HandClock()
    failures = Failures(clock, lambda _source, _reason: None)
    with capture_logs() as logs:
        for why in ("cmp-9 is no host", "cmp-8 is no host") * 3:
            failures.known("10.0.0.1", "am", "unknown_host", why)
        clock.move(60)
        failures.known("10.0.0.1", "am", "unknown_host", "cmp-9 is no host")
    assert [(line["why"], line["more"]) for line in logs] == [
        ("cmp-9 is no host", 0),
        ("cmp-8 is no host", 0),
        ("cmp-9 is no host", 2),
    ]


def test_i20_so_many_peers_are_remembered_and_no_more() -> None:
    failures = Failures(HandClock(), lambda _source, _reason: None)
    with capture_logs() as logs:
        for number in range(TOLD_MAX + 1):
            failures.stranger(f"peer-{number}", "am", "unauthorized")
        failures.stranger("peer-0", "am", "unauthorized")  # forgotten: told anew
        failures.stranger(f"peer-{TOLD_MAX}", "am", "unauthorized")
    assert len(logs) == TOLD_MAX + 2
