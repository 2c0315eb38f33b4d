"""What a line of the audit says of itself, for a store that has to keep it beside the line."""

from __future__ import annotations

from contextlib import suppress

from doctor_daemon.core.audit import Row, parsed


def key_of(row: Row) -> str:
    """Return what no two lines have in common, as `Line.key` has it."""
    return _told(row)[0]


def made_wall_s(row: Row) -> float:
    """Return when a line was made, by the wall clock; what is no record is of long ago."""
    return _told(row)[1]


def _told(row: Row) -> tuple[str, float]:
    with suppress(ValueError, OverflowError):
        match parsed(row.body):
            case {"id": str(id_), "part": str(part), "at": {"wall_s": float() | int() as wall_s}}:
                return f"{id_} {part}", float(wall_s)
            case _:
                pass
    return f"line {row.number}", 0.0
