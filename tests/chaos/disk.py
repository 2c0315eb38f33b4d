"""A small disk for each member of etcd, in memory, that can be filled and emptied. Needs root."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE_MIB = 256
"""etcd reserves 64 MiB for what it writes, and as much for what comes after that."""
PART = 1024 * 1024
LIMIT_S = 30.0
_FILLER = "filler"


def fill(place: Path) -> None:
    """Leave no room."""
    with (place / _FILLER).open("ab", buffering=0) as filler:
        for part in (PART, 1):
            try:
                while filler.write(bytes(part)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def empty(place: Path) -> None:
    """Make room again."""
    (place / _FILLER).unlink(missing_ok=True)


@contextmanager
def disk(place: Path) -> Iterator[None]:
    """Have a disk of its own in the place of an empty folder, until the block ends."""
    options = ("-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=0700")
    _run("/usr/bin/mount", *options, "doctor-chaos", str(place))
    try:
        yield
    finally:
        _run("/usr/bin/umount", "--lazy", str(place))


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, timeout=LIMIT_S)
