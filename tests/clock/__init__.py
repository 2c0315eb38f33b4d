"""A wall clock that a test steps while a process runs, and no other clock of that process."""

from __future__ import annotations

import struct
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

SOURCE = Path(__file__).parent / "stepped.c"
COMPILE_S = 60


@cache
def _library() -> Path:
    """Compile what is preloaded, once a run."""
    made = Path(mkdtemp(prefix="doctor-clock-")) / "stepped.so"
    argv = ("gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(made), str(SOURCE))
    subprocess.run(argv, check=True, timeout=COMPILE_S)
    return made


def step(file: Path, seconds: int) -> None:
    """Have the wall clock of whoever was started with this file be off by so many seconds."""
    with file.open("r+b" if file.exists() else "w+b") as opened:
        opened.write(struct.pack("=q", seconds))


def stepped(file: Path, seconds: int = 0) -> dict[str, str]:
    """Return what stands in the environment of a process whose wall clock is to be stepped."""
    step(file, seconds)
    return {"LD_PRELOAD": str(_library()), "STEPPED": str(file)}
