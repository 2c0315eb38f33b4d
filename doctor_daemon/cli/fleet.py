"""What keeps power cuts from being made in the whole fleet, in the words of `status`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def kept_back(found: Json) -> Iterator[tuple[str, str]]:
    """Yield a label and a text for each."""
    left_s = found.get("warm_up_left_s", 0.0)
    if left_s:
        yield "warm-up", f"no power is cut for another {left_s:.0f} s: it has just started"
