"""Whoever is told to end does so in order: first ends what it has started."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

WORDS = (signal.SIGINT, signal.SIGTERM)


def in_order() -> None:
    """Have either raise KeyboardInterrupt: once, for the rest is tidying up."""
    for word in WORDS:
        signal.signal(word, _end)


def as_ever() -> None:
    """Have them do what they do in any process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    for word in WORDS:
        signal.signal(word, signal.SIG_IGN)
    raise KeyboardInterrupt
