"""Rows that are no notifications: a source's name may have been another type's before."""

from __future__ import annotations

import json

import pytest

from doctor_daemon.inspectors.masakari_notice import noted
from doctor_daemon.ports import EvidenceRow
from tests.engine.rig import HOST
from tests.fakes.clock import HandClock

RIGHT = ["COMPUTE_HOST", "default", "cmp-1", "2027-01-15T08:00:00", {"event": "STOPPED"}]


def row(said: str) -> EvidenceRow:
    return EvidenceRow(f"m|{said}", HOST, "m", "k", "down", "", HandClock().now(), None)


def test_a_notification_is_one() -> None:
    found = noted(row(json.dumps(RIGHT)))
    assert found is not None
    assert found.accuses


@pytest.mark.parametrize(
    "said",
    [
        "",
        "0123456789abcdef0123456789abcdef",
        "12345678901234567890123456789012",
        "1.5",
        "null",
        "{}",
        "[]",
        "[" * 100_000,
        json.dumps([[], *RIGHT[1:]]),
        json.dumps([*RIGHT[:3], 7, {}]),
        json.dumps([*RIGHT[:4], "STOPPED"]),
        json.dumps([*RIGHT, 1]),
    ],
)
def test_what_is_none_is_none(said: str) -> None:
    assert noted(row(said)) is None
