"""The file of what is withheld: read whole, and put in the old one's place, on the disk."""

from __future__ import annotations

import os
from pathlib import Path

FILE_MAX = 16 * 1024 * 1024


def content(file: Path) -> str:
    """Read the file; empty where there is none. Raise OSError."""
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_MAX).decode("ascii", "replace")
    except FileNotFoundError:
        return ""


def write(file: Path, text: str) -> None:
    """Put the file in the old one's place, on the disk. Raise OSError."""
    beside = file.with_name(f"{file.name}.new")
    with open(beside, "w", encoding="ascii", opener=_private) as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    beside.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
