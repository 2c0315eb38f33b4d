"""Keys: one for each host, read from private files, shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.cli.main import main
from doctor_daemon.errors import ConfigError
from doctor_daemon.heartbeat.keys import Algorithm, Key, key_of, read_key
from tests.heartbeat.beats import OF_ALL, SECRET, private


def test_e1_a_hosts_key_speaks_for_that_host_alone() -> None:
    secrets = {
        Key(1, algorithm, secret).of(name).secret
        for algorithm in Algorithm
        for secret in (SECRET, SECRET + b"!")
        for name in (b"cmp-1", b"cmp-10", b"cmp-2")
    }
    assert len(secrets) == 12
    assert not any(SECRET in secret for secret in secrets)


def test_b15_a_key_is_in_no_repr() -> None:
    assert repr(OF_ALL) == "Key(number=1, algorithm=<Algorithm.BLAKE2B: 'blake2b'>)"


def test_a_key_is_read_as_it_was_written(tmp_path: Path) -> None:
    for algorithm in Algorithm:
        key = Key(200, algorithm, SECRET).of(b"cmp-1")
        assert read_key(private(tmp_path / algorithm, key.line())) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 blake2b\n",
        "1 blake2b " + "0" * 63,
        "0 blake2b " + "0" * 64,
        "256 blake2b " + "0" * 64,
        "1 md5 " + "0" * 64,
        "1 blake2b " + "0" * 64 + "\nmore",
        "1 blake2b " + "F" * 64,
    ],
)
def test_b15_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        key_of(text, Path("/etc/a.key"))
    assert str(caught.value).startswith("/etc/a.key: no key of a heartbeat; expected one line")
    assert "0000" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622])
def test_a_key_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    file = private(tmp_path / "key", OF_ALL.of(b"a").line())
    file.chmod(mode)
    with pytest.raises(ConfigError, match="expected a file of mode 0600"):
        read_key(file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        read_key(tmp_path)
    with pytest.raises(ConfigError, match="No such file"):
        read_key(tmp_path / "none")


def test_the_command_prints_a_hosts_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = private(tmp_path / "secret", SECRET.decode() + "\n")
    assert main(["heartbeat-key", "cmp-1", "--secret-file", str(secret)]) == 0
    assert capsys.readouterr().out == OF_ALL.of(b"cmp-1").line()
    more = ["--number", "2", "--algorithm", "hmac-sha256"]
    assert main(["heartbeat-key", "cmp-1", "--secret-file", str(secret), *more]) == 0
    expected = Key(2, Algorithm.HMAC_SHA256, SECRET).of(b"cmp-1").line()
    assert capsys.readouterr().out == expected


def test_the_command_wants_a_good_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = private(tmp_path / "secret", "too short")
    assert main(["heartbeat-key", "cmp-1", "--secret-file", str(secret)]) == 1
    assert "found 9 bytes; expected at least 16" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["heartbeat-key", "cmp-1", "--secret-file", str(secret), "--number", "256"])
    assert "expected a number from 1 to 255" in capsys.readouterr().err
