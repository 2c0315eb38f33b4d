"""Beats that tests make, and an agent's files."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doctor_daemon.heartbeat.keys import Algorithm, Key
from doctor_daemon.heartbeat.wire import MAGIC, Beat, packed

SECRET = b"a secret of the whole fleet"
OF_ALL = Key(1, Algorithm.BLAKE2B, SECRET)
BOOT = 0xB007


def beat(
    sequence: int = 1,
    *,
    boot: int = BOOT,
    sent_s: float = 100.0,
    wall_s: float = 1_790_000_000.0,
    interval_ms: int = 100,
    flags: int = 0,
    key_id: int = 1,
) -> Beat:
    """One beat of a host."""
    sent_us, wall_ms = round(sent_s * 1e6), round(wall_s * 1e3)
    return Beat(MAGIC, key_id, flags, interval_ms, boot, sequence, sent_us, wall_ms)


def datagram(said: Beat, name: str = "cmp-1", of_all: Key = OF_ALL) -> bytes:
    """That beat as it is sent, under the host's own key."""
    raw = name.encode()
    return packed(said, raw, of_all.of(raw).mac())


@contextmanager
def hearing(limit_s: float = 10.0) -> Iterator[socket.socket]:
    """Open a socket to which beats may be sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(limit_s)
        yield made


def private(path: Path, text: str) -> Path:
    """Write a file that nobody else can read."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def agent_files(
    folder: Path, *ports: int, host: str = "cmp-1", interval_s: float = 0.1, of_all: Key = OF_ALL
) -> Path:
    """Write an agent's configuration and key; return the configuration's path."""
    key = private(folder / f"{host}.key", of_all.of(host.encode()).line())
    listeners = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
    config = folder / f"{host}.toml"
    config.write_text(
        f'host = "{host}"\nlisteners = [{listeners}]\n'
        f'interval_s = {interval_s}\nkey_file = "{key.name}"\n'
    )
    return config
