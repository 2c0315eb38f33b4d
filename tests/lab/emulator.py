"""sushy-tools' Redfish emulator as a process: the real thing beside which the lab's BMCs are held.

Its fake machines change power 1 to 11 s after they are told to, by Python's global generator. The
generator is seeded, so that the first changes are quick ones; nothing of the emulator is changed.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt

USER = "admin"
PASSWORD = "secret"
START_S = 20.0
SETTLE_S = 15.0
SEED = 230317
_RUN = f"""
import random, sys
from sushy_tools.emulator.main import main
random.seed({SEED})
sys.exit(main())
"""


def system_uuid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def system_name(number: int) -> str:
    return f"machine-{number}"


@contextmanager
def emulator(folder: Path, systems: int) -> Iterator[str]:
    """Run it with so many systems that are on, and yield its URL."""
    port = _free_port()
    (folder / "htpasswd").write_text(f"{USER}:{_hash(PASSWORD)}\n")
    (folder / "emulator.conf").write_text(_configuration(folder, port, systems))
    command = [sys.executable, "-c", _RUN, "--config", str(folder / "emulator.conf"), "--fake"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _await_port(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _configuration(folder: Path, port: int, systems: int) -> str:
    """Write it in the emulator's own form, which is Python."""
    fakes = [
        {"uuid": system_uuid(n), "name": system_name(n), "power_state": "On", "nics": []}
        for n in range(systems)
    ]
    words = {
        "LISTEN_IP": "127.0.0.1",
        "LISTEN_PORT": port,
        "FAKE_DRIVER": True,
        "AUTH_FILE": str(folder / "htpasswd"),
        "STATE_DIR": str(folder),
        "FAKE_SYSTEMS": fakes,
    }
    return "".join(f"SUSHY_EMULATOR_{name} = {value!r}\n" for name, value in words.items())


def _hash(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until_s:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the emulator does not listen on port {port}: {process.poll()}")
