"""B2: a watchdog that systemd would feed, too, is not counted on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from doctor_daemon.heartbeat.takeover import against, taken_over

NONE = "RuntimeWatchdogUSec=0\nRebootWatchdogUSec=0\nKExecWatchdogUSec=0\n"


def test_where_systemd_leaves_it_alone_nothing_is_against_it() -> None:
    assert against(NONE) == ""
    assert against("RuntimeWatchdogUSec=0\nShutdownWatchdogUSec=0\n") == "", "before systemd 245"


@pytest.mark.parametrize(
    "line",
    ["RuntimeWatchdogUSec=30s", "RebootWatchdogUSec=10min", "KExecWatchdogUSec=infinity"],
)
def test_b2_where_systemd_would_feed_it_that_is_said(line: str) -> None:
    name = line.split("=", maxsplit=1)[0]
    told = against(NONE.replace(f"{name}=0", line))
    assert f"systemd has {line}, and would feed the watchdog; expected 0" in told


@pytest.mark.parametrize("printed", ["", "RuntimeWatchdogUSec=0\n", "RebootWatchdogUSec=0\n", "="])
def test_i6_what_systemd_does_not_say_is_not_assumed(printed: str) -> None:
    assert "does not say" in against(printed)


def test_i6_a_systemd_that_cannot_be_asked_is_not_believed_to_leave_it_alone(
    tmp_path: Path,
) -> None:
    assert "does not say" in taken_over(("/nonexistent/systemctl",), tmp_path)
    assert taken_over((sys.executable, "-c", f"print({NONE!r})"), tmp_path) == ""


def test_without_systemd_nobody_is_asked(tmp_path: Path) -> None:
    assert taken_over(("/nonexistent/systemctl",), tmp_path / "none") == ""
