"""A test that hangs under a change."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from doctor_daemon.locks.local import locked


async def refused() -> bool:
    """Whether a store without a file is refused its lock."""
    try:
        async with locked(None):
            return False
    except TypeError:
        return True


def test_no_file_needs_no_lock() -> None:
    if asyncio.run(refused()):
        Path(os.environ["MUTANTS_HANG"]).touch()
        time.sleep(600)
