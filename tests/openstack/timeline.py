"""What a scenario prints of itself: its moments, in order, in seconds since the first."""

from __future__ import annotations

from collections.abc import Mapping


def timeline(title: str, since: float, moments: Mapping[str, float]) -> str:
    """Lines to print; moments are seconds of CLOCK_MONOTONIC."""
    steps = sorted((moment - since, what) for what, moment in moments.items())
    lines = [f"    {after_s:7.3f}  {what}" for after_s, what in steps]
    return "\n".join([f"timeline of scenario ({title}), in seconds:", *lines])
