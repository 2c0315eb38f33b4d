"""What may be typed for one value: a duration, a name, a number. Each says what it expected."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float:
    """Read a duration such as 90s, 15m, 4h or 2d; return seconds."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])", text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        msg = f"found {text!r}; expected a number above 0 and a unit: 90s, 15m, 4h, 2d"
        raise argparse.ArgumentTypeError(msg)
    return seconds


def name(text: str) -> str:
    """Read the name of a host."""
    if not text.strip():
        msg = "found nothing; expected the name of a host"
        raise argparse.ArgumentTypeError(msg)
    return text.strip()


def consumer(text: str) -> str:
    """Read the name of a consumer."""
    if not text.strip():
        msg = "found nothing; expected the name of a consumer"
        raise argparse.ArgumentTypeError(msg)
    return text.strip()


def count(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number between two bounds."""

    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < len("1000") else 0
        if not least <= number <= most:
            msg = f"found {text!r}; expected a number from {least} to {most}"
            raise argparse.ArgumentTypeError(msg)
        return number

    return read


def stuck(text: str) -> str:
    """Read an evacuation that is taken for stuck: its number, and where it goes."""
    if not re.fullmatch(r"[0-9]{1,18}(@[^\s@]{1,255})?", text, re.ASCII):
        msg = f"found {text!r}; expected the evacuation's number and its destination: 17@compute-2"
        raise argparse.ArgumentTypeError(msg)
    return text
