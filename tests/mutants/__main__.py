"""Break every comparison and condition of the core once, and see that a test notices.

Each mutant has to be killed by the core's own tests or by the simulation. One that survives must
be explained in tests/mutants/survivors.toml; the exit status is 1 when one is not, or when an
explanation explains nothing any more, and 2 when the figures would mean nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.mutants import survivors
from tests.mutants.campaign import BrokenError, Fate, agree, campaign, every_mutant
from tests.mutants.mutate import Mutant

STEPS = (
    "suspected -> fencing",
    "suspected -> held",
    "suspected -> dismissed",
    "fencing -> forcing_down",
    "fencing -> held",
    "fencing -> dismissed",
    "forcing_down -> down",
    "forcing_down -> held",
    "down -> resolved",
    "held -> fencing",
    "held -> dismissed",
)
"""What sixty seeds of the simulation take often; without these it has come to a standstill."""


def main(argv: Sequence[str] | None = None) -> int:
    """Make the mutants, try them, and judge."""
    options = _options(argv)
    made = [one for one in every_mutant() if re.search(options.only, _title(one))]
    if options.list:
        for one in made:
            sys.stdout.write(f"{_title(one)}\n")
        return 0
    names = {one.name for one in made}
    explained = [one for one in survivors.read() if not options.only or one.name in names]
    try:
        terms = agree(options.seeds, STEPS if options.seeds else ())
        fates = _watched(made, campaign(made, terms, options.jobs))
    except BrokenError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return judge(fates, explained)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="those whose line has this text")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument(
        "--seeds", type=int, default=60, help="seeds for each that survives the tests (default: 60)"
    )
    parser.add_argument("--list", action="store_true", help="list the mutants and try none")
    return parser.parse_args(argv)


def _title(mutant: Mutant) -> str:
    return f"{mutant.module.replace('.', '/')}.py:{mutant.line}: {mutant.name}"


def _watched(made: Sequence[Mutant], fates: Iterator[Fate]) -> list[Fate]:
    """Gather the fates, and show how far it is."""
    began, seen = time.monotonic(), []
    for fate in fates:
        seen.append(fate)
        if not fate.by:
            sys.stderr.write(f"survived: {_title(fate.mutant)}\n")
        if len(seen) % 20 == 0:
            left_s = (time.monotonic() - began) / len(seen) * (len(made) - len(seen))
            sys.stderr.write(f"{len(seen)}/{len(made)} mutants, {left_s:.0f} s left\n")
    return seen


def judge(fates: Sequence[Fate], explained: Sequence[survivors.Explained]) -> int:
    killed = Counter(fate.by for fate in fates if fate.by)
    alive = sorted((f.mutant for f in fates if not f.by), key=lambda m: (m.module, m.line))
    why = {one.name: one.why for one in explained}
    for mutant in alive:
        sys.stdout.write(f"survived: {_title(mutant)}\n  {why.get(mutant.name, 'NOT EXPLAINED')}\n")
    stale = list(survivors.stale(explained, [fate.mutant for fate in fates], alive))
    for text in stale:
        sys.stdout.write(f"STALE {text}\n")
    unknown = sum(mutant.name not in why for mutant in alive)
    by = ", ".join(f"{count} by {name}" for name, count in killed.most_common())
    sys.stdout.write(
        f"mutants={len(fates)} killed={killed.total()} ({by}) "
        f"survived={len(alive)} unexplained={unknown} stale={len(stale)}\n"
    )
    return 1 if unknown or stale else 0


if __name__ == "__main__":
    sys.exit(main())
