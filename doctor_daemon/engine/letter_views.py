"""How a notice is shown to operators: plain values, ready for JSON."""

from __future__ import annotations

from typing import Any

from doctor_daemon.core.instant import Instant
from doctor_daemon.ports import NoticeRow


def letter(row: NoticeRow, now: Instant) -> dict[str, Any]:
    """Show a notice without its body: what it says is between the consumer and its project."""
    made = row.made_at
    same = made is not None and made.boot_id == now.boot_id
    return {
        "id": row.id,
        "consumer": row.consumer,
        "kind": row.kind,
        "host": str(row.host),
        "incident": row.incident,
        "sequence": row.sequence,
        "state": row.state,
        "late": row.late,
        "attempts": row.attempts,
        "error": row.error,
        # Of another boot the wall clock is all that tells.
        "age_s": made and max(0.0, now.since(made) if same else now.wall_s - made.wall_s),
    }
