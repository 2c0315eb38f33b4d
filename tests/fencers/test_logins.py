"""Which password is shown to a device, and when none is."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.errors import Permanent
from doctor_daemon.fencers.logins import REST_MAX_S, Logins
from tests.contracts.fence_rigs import put_secret
from tests.fakes.clock import HandClock


def test_b18_what_was_taken_last_is_shown_first(tmp_path: Path) -> None:
    files = [put_secret(tmp_path / name, f"{name}-secret") for name in ("old", "new")]
    logins = Logins(files, HandClock())
    assert list(logins.passwords()) == ["old-secret", "new-secret"]
    logins.refused("old-secret")
    assert list(logins.passwords()) == ["new-secret"]
    logins.taken("new-secret")
    logins.taken("old-secret")
    logins.taken("new-secret")
    assert list(logins.passwords()) == ["new-secret", "old-secret"]


def test_b18_a_refused_password_rests_longer_each_time(tmp_path: Path) -> None:
    clock = HandClock()
    logins = Logins([put_secret(tmp_path / "it", "secret")], clock)
    rests = []
    for _ in range(9):
        (password,) = logins.passwords()
        logins.refused(password)
        rest_s = 0.0
        while True:
            try:
                logins.passwords()
            except Permanent:
                rest_s += 5.0
                clock.move(5.0)
            else:
                break
        rests.append(rest_s)
    assert rests == [5, 10, 20, 40, 80, 160, REST_MAX_S, REST_MAX_S, REST_MAX_S]
    logins.refused("secret")
    logins.taken("secret")
    assert list(logins.passwords()) == ["secret"]


def test_b18_a_changed_password_is_shown_at_once(tmp_path: Path) -> None:
    file = put_secret(tmp_path / "it", "secret")
    logins = Logins([file], HandClock())
    logins.refused("secret")
    with pytest.raises(Permanent, match="not tried again for 5 s, unless the password changes"):
        logins.passwords()
    put_secret(tmp_path / "it", "another")
    assert list(logins.passwords()) == ["another"]


def test_b18_one_file_of_two_is_enough(tmp_path: Path) -> None:
    old, new = put_secret(tmp_path / "old", "secret"), put_secret(tmp_path / "new", "secret")
    logins = Logins([old, new], HandClock())
    assert list(logins.passwords()) == ["secret"]  # the same in both is one
    (tmp_path / "old").unlink()
    assert list(logins.passwords()) == ["secret"]
    (tmp_path / "new").unlink()
    with pytest.raises(Permanent, match=r"password_file: .*old: the secret cannot be read"):
        logins.passwords()


def test_i13_a_step_of_the_wall_clock_ends_no_rest(tmp_path: Path) -> None:
    clock = HandClock()
    logins = Logins([put_secret(tmp_path / "it", "secret")], clock)
    logins.refused("secret")
    clock.at = type(clock.at)(clock.at.boot_id, clock.at.boot_s, clock.at.wall_s + 3600)
    with pytest.raises(Permanent):
        logins.passwords()
