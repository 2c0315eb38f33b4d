"""Times and spans as operators read them."""

from __future__ import annotations

import time


def when(wall_s: float) -> str:
    """Say a moment in UTC, to the second; 0 is never. What is no moment is said as it is."""
    if not wall_s:
        return "never"
    try:
        return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(wall_s))
    except (OverflowError, ValueError, OSError):
        return f"{wall_s!r:.20}"


def span(seconds: float) -> str:
    """Say how long, to the minute, and never less than there is."""
    minutes = -int(-seconds // 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
