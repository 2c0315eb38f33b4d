"""Fuzz every harness for so long each: `python -m tests.fuzz --seconds 600 [NAME...]`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.run import fuzz
from tests.fuzz.table import HARNESSES, find


def main() -> int:
    """Run them one after the other; return 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="harnesses; left out: all")
    parser.add_argument("--seconds", type=int, default=600, help="for each harness; default 600")
    asked = parser.parse_args()
    found = 0
    for harness in [find(name) for name in asked.names] or HARNESSES:
        began = time.monotonic()
        outcome = fuzz(harness.name, asked.seconds)
        took_s = time.monotonic() - began
        print(
            f"{harness.name:20} {outcome.executed:>10,} inputs {outcome.edges:>6} edges"
            f" {took_s:6.0f} s  {'FOUND' if outcome.found else 'nothing found'}",
            flush=True,
        )
        if outcome.found:
            found += 1
            print(outcome.found, flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
