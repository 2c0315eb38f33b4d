"""Run many seeds: `python -m tests.simulation --seeds 2000`, or read one: `--story 17`.

`--shrink 17` leaves out of a failing one what it can, and tells what is left by the clock.
In each two or three daemons share a store. One more seed in ten has a daemon that is alone.

The last line is `seeds=N violations=M`; the exit status is 1 when an invariant was broken or when
something was exercised less than the committed minimum.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.shrink import Shrinker
from tests.simulation.story import tell
from tests.simulation.tally import Tally, progress, quiet, run

SHOWN_MAX = 50


def main(argv: list[str] | None = None) -> int:
    """Run, tell, and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--jobs", type=int, help="processes (default: one a core)")
    parser.add_argument("--story", type=int, metavar="SEED", help="tell one seed's story in words")
    parser.add_argument("--shrink", type=int, metavar="SEED", help="tell what makes a seed fail")
    options = parser.parse_args(argv)
    if options.shrink is not None:
        return _shrink(options.shrink)
    if options.story is not None:
        return _story(options.story)
    began, tally = time.monotonic(), Tally()
    for verdict in run(options.first, options.seeds, options.jobs):
        tally.add(verdict)
        progress(tally, options.seeds, began)
    say = sys.stdout.write
    say(tally.table() + "\n")
    for text in tally.violations[:SHOWN_MAX]:
        say(f"VIOLATION {text}\n")
    if tally.violations:
        failing = tally.violations[0].partition(":")[0].removeprefix("seed ")
        say(f"to see why: python -m tests.simulation --shrink {failing}\n")
    missing = tally.missing()
    for text in missing:
        say(f"NOT EXERCISED {text}\n")
    say(f"{time.monotonic() - began:.0f} s\n")
    say(f"{tally.alone} seeds with a daemon that is alone\n")
    say(f"seeds={tally.seeds} violations={len(tally.violations)}\n")
    return 1 if tally.violations or missing else 0


def _shrink(seed: int) -> int:
    quiet()
    found = Shrinker(seed).shrink()
    sys.stdout.write(f"{found.story() if found else 'nothing is wrong with this seed'}\n")
    return 1 if found else 0


def _story(seed: int) -> int:
    quiet()
    verdict = tell(seed)
    sys.stdout.write(verdict.story + "\n")
    for text in verdict.violations:
        sys.stdout.write(f"VIOLATION {text}\n")
    sys.stdout.write(f"seeds=1 violations={len(verdict.violations)}\n")
    return 1 if verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main())
