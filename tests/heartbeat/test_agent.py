"""The agent, as a process: what arrives, and when."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from doctor_daemon.heartbeat.keys import Algorithm, Key
from doctor_daemon.heartbeat.wire import LEAVING, MAC_BYTES, Beat, beat_of, boot_number, name_of
from tests.heartbeat.beats import OF_ALL, SECRET, agent_files, hearing

LIMIT_S = 60.0
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def agent(config: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """Run an agent until the block ends."""
    argv = (sys.executable, "-m", "doctor_daemon.cli.entry", "heartbeat", "--config", str(config))
    with subprocess.Popen(
        argv, stderr=subprocess.PIPE, text=True, env={**os.environ, **env}
    ) as made:
        try:
            yield made
        finally:
            if made.poll() is None:
                made.kill()


def heard(by: socket.socket, of_all: Key = OF_ALL) -> Beat:
    """Return the next beat, verified."""
    sent = by.recv(1000)
    assert name_of(sent) == b"cmp-1"
    assert of_all.of(b"cmp-1").mac()(sent[:-MAC_BYTES]) == sent[-MAC_BYTES:]
    said = beat_of(sent)
    assert said is not None
    return said


def ended(made: subprocess.Popen[str]) -> tuple[int, str]:
    """Stop an agent; return its status and what it told."""
    made.send_signal(signal.SIGTERM)
    _, told = made.communicate(timeout=LIMIT_S)
    return made.returncode, told


def test_every_listener_hears_every_beat(tmp_path: Path) -> None:
    with hearing() as one, hearing() as other:
        config = agent_files(tmp_path, one.getsockname()[1], other.getsockname()[1])
        with agent(config) as made:
            beats = [heard(one) for _ in range(5)]
            assert [heard(other) for _ in range(5)] == beats
            assert ended(made) == (0, "")
    first = beats[0]
    assert [one.sequence - first.sequence for one in beats] == [0, 1, 2, 3, 4]
    assert {one.boot for one in beats} == {boot_number(BOOT_ID.read_text().strip())}
    assert {(one.key_id, one.flags, one.interval_ms) for one in beats} == {(1, 0, 100)}
    gaps_us = [after.sent_us - before.sent_us for before, after in pairwise(beats)]
    assert sum(gaps_us) / len(gaps_us) >= 90_000
    assert abs(beats[-1].wall_ms / 1000 - time.time()) < LIMIT_S


def test_an_agent_that_is_stopped_says_so_at_once(tmp_path: Path) -> None:
    with hearing() as one:
        with agent(agent_files(tmp_path, one.getsockname()[1], interval_s=60)) as made:
            assert heard(one).flags == 0
            assert ended(made)[0] == 0
        assert [heard(one).flags for _ in range(3)] == [LEAVING] * 3


def test_e2_a_started_again_agent_goes_on_above_where_it_was(tmp_path: Path) -> None:
    with hearing() as one:
        config = agent_files(tmp_path, one.getsockname()[1])
        with agent(config) as made:
            first = [heard(one) for _ in range(3)]
            made.kill()
        with agent(config):
            again = heard(one)
            while again.sequence <= first[-1].sequence:  # what was still on its way
                again = heard(one)
    assert again.boot == first[-1].boot


def test_another_key_is_taken_while_it_runs_and_a_bad_one_is_not(tmp_path: Path) -> None:
    other = Key(2, Algorithm.HMAC_SHA256, SECRET)
    with hearing() as one:
        config = agent_files(tmp_path, one.getsockname()[1])
        file = tmp_path / "cmp-1.key"
        with agent(config) as made:
            assert heard(one).key_id == 1
            file.write_text("no key")
            for _ in range(15):
                assert heard(one).key_id == 1
            file.write_text(other.of(b"cmp-1").line())
            while one.recv(1000)[4] == 1:
                pass
            assert heard(one, other).key_id == 2
            status, told = ended(made)
    assert status == 0
    assert f"{file}: no key of a heartbeat" in told
    assert "key 2 is in force" in told
    assert other.of(b"cmp-1").secret.hex() not in told


def test_a_listener_that_is_away_keeps_nothing_from_the_others(tmp_path: Path) -> None:
    with hearing() as away:
        port = away.getsockname()[1]
    with hearing() as one, agent(agent_files(tmp_path, port, one.getsockname()[1])):
        assert len([heard(one) for _ in range(5)]) == 5


def test_what_cannot_be_used_ends_it_with_words(tmp_path: Path) -> None:
    config = agent_files(tmp_path, 7412)
    (tmp_path / "cmp-1.key").chmod(0o644)
    with agent(config) as made:
        _, told = made.communicate(timeout=LIMIT_S)
    assert made.returncode == 2
    assert "expected a file of mode 0600" in told


def test_systemd_is_told_and_its_watchdog_is_fed(tmp_path: Path) -> None:
    with hearing() as one, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(LIMIT_S)
        config = agent_files(tmp_path, one.getsockname()[1])
        with agent(config, NOTIFY_SOCKET=str(tmp_path / "notify")) as made:
            assert [systemd.recv(100) for _ in range(3)] == [b"READY=1", *[b"WATCHDOG=1"] * 2]
            assert ended(made)[0] == 0
        assert systemd.recv(100) == b"STOPPING=1"


def test_the_agent_loads_little() -> None:
    look = (
        "import sys; from doctor_daemon.cli import entry; "
        "from doctor_daemon.heartbeat import agent; print(*sys.modules)"
    )
    found = subprocess.run(
        (sys.executable, "-c", look), capture_output=True, text=True, check=True, timeout=LIMIT_S
    )
    loaded = set(found.stdout.split())
    assert "doctor_daemon.heartbeat.agent" in loaded
    assert not loaded & {"asyncio", "aiohttp", "pydantic", "ssl", "yaml", "argparse"}
