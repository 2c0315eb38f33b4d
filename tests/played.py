"""A suite that is played at length by hand, `python -m SUITE`, and a little of it by a test."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


async def played(suite: str, *options: str, limit_s: float) -> tuple[int | None, str]:
    """Play it; return its status and what was told. Raise TimeoutError after so many seconds."""
    made = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", suite, *options),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(limit_s):
            said, _ = await made.communicate()
    finally:
        if made.returncode is None:
            made.terminate()
            await made.wait()
    return made.returncode, said.decode()
