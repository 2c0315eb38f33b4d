"""One watchdog agent a host: an flock that the kernel lets go of when the process ends.

A second one could not open the watchdog, but it would ask, with higher numbers; and what the first
one asks would be taken for something old, until the host is reset. The file is where only root may
write: whoever could take the lock could keep the agent from feeding.

flock(2), systemd.exec(5): RuntimeDirectory=.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLACE = Path("/run/doctor-daemon-watchdog")
"""`RuntimeDirectory=` of the unit; an agent that is started by hand makes it."""
PID_MAX = 32
"""Bytes of the file that are looked at."""


class PlaceError(Exception):
    """The place is another agent's, or cannot be had. The text says which."""


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Be the only one in that folder until the block ends. Raise PlaceError."""
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        file = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise PlaceError(f"{error.filename}: {error.strerror}") from None
    try:
        _lock(file, place)
        yield
    finally:
        os.close(file)


def _lock(file: int, place: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        raise PlaceError(f"{place}: another agent feeds it{_pid(file)}") from None
    except OSError as error:
        raise PlaceError(f"{place}: {error.strerror}") from None


def _pid(file: int) -> str:
    """Name who has the lock: it writes its pid right after it has taken it."""
    pid = os.pread(file, PID_MAX, 0).strip()
    return f", pid {int(pid)}" if pid.isdigit() else ""
