"""The listener's memory over a restart: who was heard last with what, so that no old beat is new.

It is a file of its own, written every few seconds and at the end, beside the old one and then put
in its place. It is not forced to the disk each time: what a crash of the whole machine takes is
made good by the wall clocks, which are asked of every host after a boot.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from doctor_daemon.heartbeat.roll import Roll

SIZE_MAX = 16 * 1024 * 1024


def recall(path: Path | None, roll: Roll, boot_id: str, now_s: float) -> str:
    """Fill the roll with what was kept; say what was wrong with it, if anything."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            kept = json.loads(file.read(SIZE_MAX))
        roll.restore(kept, boot_id, now_s)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path}: {error.strerror}"
    except (ValueError, TypeError, KeyError, RecursionError):
        return f"{path}: damaged; it is left out, and hosts are believed by their wall clocks"
    return ""


def keep(path: Path | None, roll: Roll, boot_id: str, now_s: float) -> str:
    """Write the roll; say what went wrong, if anything."""
    if path is None:
        return ""
    text = json.dumps(roll.kept(boot_id, now_s), separators=(",", ":"))
    beside = path.with_name(f"{path.name}.new")
    try:
        with open(beside, "w", encoding="ascii", opener=_private) as file:
            file.write(text)
        beside.replace(path)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
