"""How long the disk takes to make a little durable: every step of an incident waits for that."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Spread

PAGE = b"\0" * 4096
WRITES = 200


def fdatasync(folder: Path, writes: int = WRITES) -> Spread:
    """Append a page and synchronise, again and again, in a file of a folder."""
    took_s = []
    with tempfile.NamedTemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(writes):
            file.write(PAGE)
            began_s = time.monotonic()
            os.fdatasync(file.fileno())
            took_s.append(time.monotonic() - began_s)
    return Spread.of(took_s)
