"""Break every comparison and condition of an area once, and see that a test notices.

Each mutant has to be killed by the tests of its area, or, in the core, by the simulation. One that
survives must be explained in tests/mutants/survivors.toml. What became of each is kept in
build/mutants, and added up over calls. The exit status is 1 when a survivor is not explained, an
explanation explains nothing any more, or something was not tried yet; and 2 when the figures would
mean nothing.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.mutants import ending, record, survivors, traces
from tests.mutants.areas import AREAS, Area, file_of
from tests.mutants.fresh import BrokenError
from tests.mutants.mutate import Mutant
from tests.mutants.record import Fate

Made = Mapping[str, Sequence[Mutant]]
"""By area."""
Fates = Mapping[str, Mapping[str, Fate]]
"""By area, and by name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Make the mutants, try them, and judge."""
    options = _options(argv)
    areas = [_narrowed(area, options) for area in AREAS if area.name in options.area]
    made = {
        area.name: [one for one in area.mutants() if re.search(options.only, one.title)]
        for area in areas
    }
    if options.list:
        for one in (mutant for some in made.values() for mutant in some):
            sys.stdout.write(f"{one.title}\n")
        return 0
    if options.afresh:
        record.FILE.unlink(missing_ok=True)
    try:
        if not options.known:
            ends_at = time.monotonic() + options.minutes * 60
            for area in areas:
                bring_up(area, made[area.name], options, ends_at)
    except (BrokenError, KeyboardInterrupt) as error:
        sys.stderr.write(f"{str(error) or 'ended before its time'}\n")
        return 2
    fates = {area.name: record.read(area, made[area.name]) for area in areas}
    return judge(made, fates, _explained(areas, made if options.only else None))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    add = parser.add_argument
    names = [area.name for area in AREAS]
    add("--area", nargs="+", default=names, choices=names, help="only these")
    add("--only", default="", metavar="PATTERN", help="those whose line has this in it")
    add("--jobs", type=int, default=1, help="processes at a time (default: 1)")
    add("--minutes", type=float, default=600.0, help="stop after so many (default: 600)")
    add("--tests", nargs="+", metavar="FILE", help="only these tests judge")
    add("--seeds", type=int, help="so many seeds judge, in the core (default: 60)")
    add("--list", action="store_true", help="list the mutants and try none")
    add("--known", action="store_true", help="judge what is known and try none")
    add("--afresh", action="store_true", help="forget what is known")
    return parser.parse_args(argv)


def _narrowed(area: Area, options: argparse.Namespace) -> Area:
    seeds = area.seeds if options.seeds is None or not area.seeds else options.seeds
    return replace(area, tests=options.tests or area.tests, seeds=seeds)


def _explained(areas: Sequence[Area], made: Made | None) -> list[survivors.Explained]:
    """Return the explanations for these areas, or only for what was made of them."""
    files = {file for area in areas for file in area.files()}
    names = {one.name for some in made.values() for one in some} if made is not None else None
    return [
        one
        for one in survivors.read()
        if (one.name in names if names is not None else file_of(one.module) in files)
    ]


def bring_up(
    area: Area, made: Sequence[Mutant], options: argparse.Namespace, ends_at: float
) -> None:
    """Try whatever is not known yet of an area. Raise BrokenError where that has no meaning."""
    if len(record.read(area, made)) == len(made):
        return
    trace(area)
    left_s = ends_at - time.monotonic()
    command = [sys.executable, "-m", "tests.mutants.nursery", area.written()]
    shares = [
        [*command, str(share), str(options.jobs), options.only, str(left_s)]
        for share in range(options.jobs)
    ]
    if any(_ended(shares)):
        raise BrokenError(f"a trial of {area.name} has failed by itself")


def trace(area: Area) -> None:
    """See what the tests of an area run, where that is not known. Raise BrokenError."""
    suites = list(traces.stale(area.mark, area.suites()))
    seeds = area.seeds if area.seeds and list(traces.stale(area.mark, [traces.SEEDS])) else 0
    if not suites and not seeds:
        return
    sys.stderr.write(f"{area.name}: tracing {len(suites)} files of tests and {seeds} seeds\n")
    command = [sys.executable, "-m", "tests.mutants.tracing", area.written(), str(seeds)]
    command += map(str, suites)
    if any(_ended([command])):
        raise BrokenError(f"the original does not pass the tests of {area.name}")


def _ended(commands: Sequence[Sequence[str]]) -> list[int]:
    """Run them side by side, and return their exit statuses. They end with this process."""
    begun = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    try:
        return [one.wait() for one in begun]
    finally:
        for one in begun:
            one.terminate()
        for one in begun:
            one.wait()


def judge(made: Made, fates: Fates, explained: Sequence[survivors.Explained]) -> int:
    """Tell what became of all, and return the exit status."""
    why = {one.name: one.why for one in explained}
    alive = [fate for known in fates.values() for fate in known.values() if not fate.by]
    for fate in sorted(alive, key=lambda one: (one.mutant.module, one.mutant.line)):
        reason = why.get(fate.mutant.name) or f"NOT EXPLAINED {fate.test}".rstrip()
        sys.stdout.write(f"survived: {fate.mutant.title}\n  {reason}\n")
    killed = {fate.mutant.name for some in fates.values() for fate in some.values() if fate.by}
    every = [one for some in made.values() for one in some]
    stale = list(survivors.stale(explained, every, [x for x in every if x.name not in killed]))
    for text in stale:
        sys.stdout.write(f"STALE {text}\n")
    for name, some in made.items():
        sys.stdout.write(f"{name}: {_figures(some, list(fates[name].values()), why)}\n")
    known = [fate for some in fates.values() for fate in some.values()]
    sys.stdout.write(f"{_figures(every, known, why)} stale={len(stale)}\n")
    unknown = [fate for fate in alive if fate.mutant.name not in why]
    return 1 if unknown or stale or len(known) < len(every) else 0


def _figures(made: Sequence[Mutant], fates: Sequence[Fate], why: Mapping[str, str]) -> str:
    killed = Counter(fate.by for fate in fates if fate.by)
    alive = [fate.mutant.name for fate in fates if not fate.by]
    by = ", ".join(f"{count} by {name}" for name, count in killed.most_common())
    return (
        f"mutants={len(made)} killed={killed.total()} ({by}) survived={len(alive)} "
        f"unexplained={sum(name not in why for name in alive)} untried={len(made) - len(fates)}"
    )


if __name__ == "__main__":
    ending.in_order()
    sys.exit(main())
