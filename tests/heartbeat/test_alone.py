"""One watchdog agent on a host: a second one would have the first one's questions called old."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from doctor_daemon.heartbeat.alone import alone
from doctor_daemon.heartbeat.feeder import AGAIN, UNUSABLE, run
from tests.heartbeat.lifelines import config


def test_b2_a_second_agent_is_refused_before_it_asks(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    file, place = config(tmp_path, 9), tmp_path / "run"
    with alone(place):
        assert run(file, place) == UNUSABLE
        assert f"another agent feeds it, pid {os.getpid()}" in capfd.readouterr().err
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
        assert run(file, place) == AGAIN, "the unit's takes over when the other one ends"


def test_the_place_is_free_again_when_an_agent_has_ended(tmp_path: Path) -> None:
    with alone(tmp_path / "run"):
        pass
    with alone(tmp_path / "run"):
        pass


def test_nobody_but_its_user_can_take_the_place(tmp_path: Path) -> None:
    with alone(tmp_path / "run"):
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
        assert [file.stat().st_mode & 0o777 for file in (tmp_path / "run").iterdir()] == [0o600]


def test_a_place_that_cannot_be_had_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    (tmp_path / "run").write_text("a file")
    assert run(config(tmp_path, 9), tmp_path / "run") == UNUSABLE
    assert f"{tmp_path / 'run'}: " in capfd.readouterr().err


def test_it_is_a_lock_of_the_kernels(tmp_path: Path) -> None:
    with alone(tmp_path / "run"):
        (file,) = (tmp_path / "run").iterdir()
        with file.open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
