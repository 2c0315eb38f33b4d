"""A parser with a fault, to see that the fuzzer finds one: started as `drive` is."""

from __future__ import annotations

import json
import sys

import atheris  # type: ignore[import-untyped]  # it says no types

from tests.fuzz.drive import changed


def target(data: bytes) -> None:
    """Fail where the verdict of a line is a number with many digits."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return
    verdict = found.get("verdict") if isinstance(found, dict) else None
    if isinstance(verdict, int) and verdict > 10**100:
        msg = "a planted fault"
        raise OverflowError(msg)


if __name__ == "__main__":
    atheris.instrument_func(target)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target, custom_mutator=changed)
    atheris.Fuzz()
