"""How a host stands in Nova's words: their order, and that none is taken for another."""

from __future__ import annotations

import pytest

from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.server_state import HostStatus, status_of
from tests.core.make import at


def service(state: str, status: str, *, forced_down: bool) -> Sighting:
    return Sighting("s-1", state, status, forced_down, "", 0.0, at(0))


@pytest.mark.parametrize(
    ("state", "status", "forced_down", "shown"),
    [
        ("up", "enabled", False, HostStatus.UP),
        ("down", "enabled", False, HostStatus.UNKNOWN),
        ("up", "disabled", False, HostStatus.MAINTENANCE),
        ("down", "disabled", False, HostStatus.MAINTENANCE),
        ("down", "enabled", True, HostStatus.DOWN),
        ("down", "disabled", True, HostStatus.DOWN),
    ],
)
def test_trap_20_down_goes_before_maintenance_and_that_before_up_and_unknown(
    state: str, status: str, shown: HostStatus, *, forced_down: bool
) -> None:
    assert status_of(service(state, status, forced_down=forced_down)) is shown


def test_the_words_are_novas() -> None:
    assert [*HostStatus] == ["UP", "UNKNOWN", "DOWN", "MAINTENANCE", ""]
