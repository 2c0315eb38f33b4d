"""The listener as a process: real datagrams in, changes out."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doctor_daemon.heartbeat import hbv2
from tests.heartbeat.beats import OF_ALL, agent_files, beat, datagram
from tests.heartbeat.process import LIMIT_S, Listening, listening, orders
from tests.heartbeat.test_agent import agent
from tests.heartbeat.voices import NAMES, Voices
from tests.standstill import stand_still


@contextmanager
def heard(**changes: object) -> Iterator[tuple[Listening, Voices]]:
    """A listener that hears three hosts."""
    with listening(orders(**changes)) as (made, ports), Voices(ports[0]) as voices:  # type: ignore[arg-type]  # as orders takes them
        for name in NAMES:
            if name not in made.changes("hello"):
                made.change("hello", name)
        yield made, voices


def test_silence_is_told_and_a_return() -> None:
    with heard() as (made, voices):
        voices.silenced.add("cmp-2")
        name, protocol, _, boot, _, age_s, text = made.change("down", "cmp-2")
        assert (name, protocol, boot) == ("cmp-2", "ddh1", 0xB007)
        assert 0.4 < age_s < LIMIT_S
        assert "one every 0.1 s" in text
        voices.silenced.clear()
        made.change("up", "cmp-2")
        assert set(made.changes("down")) == {"cmp-2"}


def test_only_changes_are_told() -> None:
    with heard() as (made, _):
        first = made.until(lambda told: told.get("beats", 0) > 30)
        made.until(lambda told: told.get("beats", 0) > first["beats"] + 30)
        assert sorted(made.changes("hello")) == list(NAMES)
        assert [
            told for told in made.told if set(told) == {"changes"} and len(made.told) > 20
        ] == []


def test_life_is_told_when_it_is_asked_for() -> None:
    with heard() as (made, voices):
        voices.silenced.add("cmp-1")
        made.change("down", "cmp-1")
        made.say({"want": [["ddh1", "cmp-1"], ["ddh1", "cmp-2"], ["ddh1", "nobody"]]})
        assert made.change("beat", "cmp-2")[5] < 1.0
        assert made.changes("beat") == ["cmp-2"]


def test_a12_a_stopped_listener_accuses_nobody_when_it_goes_on() -> None:
    with heard() as (made, _):
        stand_still(made.process.pid)
        time.sleep(2.0)
        made.process.send_signal(signal.SIGCONT)
        made.until(lambda told: told.get("troubles", {}).get("pause"))
        made.until(lambda told: "beats" in told)
        made.until(lambda told: "beats" in told)
        assert made.changes("down") == []


def test_a1_all_silent_is_told_as_its_own_trouble() -> None:
    with heard() as (made, voices):
        voices.silenced |= set(NAMES)
        assert made.until(lambda told: told.get("silent"))["suspects"] == 0
        voices.silenced.clear()
        made.until(lambda told: told.get("silent") is False)
        made.until(lambda told: "beats" in told)
        assert made.changes("down") == []


def test_e2_what_was_heard_before_a_restart_is_not_heard_again(tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    sent = datagram(beat(5, sent_s=now_s, wall_s=time.time()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as by:
        with listening(orders(memory=memory)) as (made, ports):
            by.sendto(sent, ("127.0.0.1", ports[0]))
            made.change("hello", "cmp-1")
            assert made.end() == 0
        assert memory.stat().st_mode & 0o777 == 0o600
        with listening(orders(memory=memory)) as (made, ports):
            assert made.told[0]["remembered"] == 1
            by.sendto(sent, ("127.0.0.1", ports[0]))
            made.until(lambda told: told.get("rejected") == {"replayed": 1})


def test_a_damaged_memory_is_told(tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    memory.write_text("{")
    with listening(orders(memory=memory)) as (made, _):
        assert "damaged" in made.until(lambda told: "complaint" in told)["complaint"]


def test_hbv2_agents_are_heard_by_the_same_listener() -> None:
    key = b"instanceha's"
    said = orders(hbv2_keys=[key.hex()], hbv2_interval_s=1.0)
    with listening(said) as (made, ports), Voices(ports[0]):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as by:
            by.sendto(hbv2.packed(int(time.time()), b"compute-0", key), ("127.0.0.1", ports[0]))
        assert made.change("hello", "compute-0")[1] == "hbv2"
        assert made.change("down", "compute-0")[1] == "hbv2"


def test_a_lost_daemon_ends_it() -> None:
    with listening(orders()) as (made, _):
        assert made.end() == 0


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        said = orders(listen=[["127.0.0.1", taken.getsockname()[1]]])
        argv = (sys.executable, "-m", "doctor_daemon.heartbeat.listener")
        done = subprocess.run(
            argv,
            input=json.dumps(said).encode() + b"\n",
            capture_output=True,
            check=False,
            timeout=LIMIT_S,
        )
    assert done.returncode == 1
    assert "Address already in use" in json.loads(done.stdout)["failed"]


def test_b15_no_key_is_in_its_command_line_or_its_environment() -> None:
    with listening(orders()) as (made, _):
        process = Path("/proc", str(made.process.pid))
        for name in ("cmdline", "environ"):
            found = (process / name).read_bytes()
            assert OF_ALL.secret not in found
            assert OF_ALL.secret.hex().encode() not in found


def test_what_the_kernel_drops_is_counted_as_its_own_trouble() -> None:
    with listening(orders(buffer_bytes=4096)) as (made, ports):
        stand_still(made.process.pid)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as by:
            for _ in range(500):
                by.sendto(os.urandom(100), ("127.0.0.1", ports[0]))
        made.process.send_signal(signal.SIGCONT)
        told = made.until(lambda told: told.get("drops"))
        assert told["troubles"]["drops"] >= 1
        assert told["drops"] + told["rejected"].get("malformed", 0) <= 500


def test_a_daemon_that_does_not_read_stops_nothing() -> None:
    """Changes wait by host, and the last one counts."""
    argv = (sys.executable, "-m", "doctor_daemon.heartbeat.listener")
    names = tuple(f"cmp-{n}" for n in range(3000))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(orders()).encode() + b"\n")
            process.stdin.flush()
            (port,) = json.loads(process.stdout.readline())["ready"]
            with Voices(port, names):
                time.sleep(3.0)
            made = Listening(process)
            while len(set(made.changes("hello"))) < len(names):
                made.until(lambda told: "changes" in told)
        finally:
            process.kill()


def test_an_agent_and_a_listener(tmp_path: Path) -> None:
    with listening(orders()) as (made, ports), Voices(ports[0], ("ctl-1",)):
        config = agent_files(tmp_path, ports[0], host="cmp-9")
        with agent(config) as one:
            made.change("hello", "cmp-9")
            one.kill()
            one.wait()
            made.change("down", "cmp-9")
        with agent(config):
            made.change("up", "cmp-9")
