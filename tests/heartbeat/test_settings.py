"""The agent's file: what is taken, and what is said of what is not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from doctor_daemon.errors import ConfigError
from doctor_daemon.heartbeat.settings import AgentSettings, load_settings

ONE = 'listeners = ["192.0.2.1:7412"]\n'


def loaded(folder: Path, text: str) -> AgentSettings:
    file = folder / "heartbeat.toml"
    file.write_text(text)
    return load_settings(file)


def test_everything_but_the_listeners_has_a_default(tmp_path: Path) -> None:
    assert loaded(tmp_path, ONE) == AgentSettings(
        socket.gethostname(), (("192.0.2.1", 7412),), 0.5, tmp_path / "heartbeat.key"
    )


def test_all_of_it(tmp_path: Path) -> None:
    text = (
        'host = "cmp-1"\nlisteners = ["192.0.2.1:7412", "[2001:db8::1]:7413"]\n'
        'interval_s = 1\nkey_file = "/etc/other.key"\n'
    )
    listeners = (("192.0.2.1", 7412), ("2001:db8::1", 7413))
    assert loaded(tmp_path, text) == AgentSettings("cmp-1", listeners, 1.0, Path("/etc/other.key"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "listeners: expected a list of 1 to 8"),
        ("listeners = []", "listeners: expected a list"),
        ('listeners = ["ctl-1:7412"]', "expected ADDRESS:PORT, with no name for an address"),
        ('listeners = ["192.0.2.1"]', "expected ADDRESS:PORT"),
        ('listeners = ["192.0.2.1:0"]', "expected ADDRESS:PORT"),
        ('listeners = ["192.0.2.1:65536"]', "expected ADDRESS:PORT"),
        ('listeners = ["192.0.2.1:٣"]', "expected ADDRESS:PORT"),
        ('listeners = ["2001:db8::1:7412"]', "expected ADDRESS:PORT"),
        ('listeners = ["[192.0.2.1]:7412"]', "expected ADDRESS:PORT"),
        ("listeners = [7412]", "expected ADDRESS:PORT"),
        (ONE + 'host = ""', "expected Nova's name of this host"),
        (ONE + 'host = "a\\nb"', "expected Nova's name of this host"),
        (ONE + "host = 7", "expected Nova's name of this host"),
        (ONE + "interval_s = 0.09", "found 0.09; expected 0.1 to 60"),
        (ONE + "interval_s = 61", "found 61; expected 0.1 to 60"),
        (ONE + "interval_s = nan", "found nan; expected 0.1 to 60"),
        (ONE + "interval_s = true", "found True; expected 0.1 to 60"),
        (ONE + 'key_file = ""', "key_file: expected the name of a file"),
        (ONE + "intervall_s = 1", "intervall_s: unknown option; there are host, listeners"),
        ("listeners = [", "Invalid"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/heartbeat.toml: ")
    assert told in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_settings(tmp_path / "none.toml")
