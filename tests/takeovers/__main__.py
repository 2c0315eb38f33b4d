"""Kill leaders: `python -m tests.takeovers --kills 200 --seed 0 --lease-s 5`.

In each round a host fails, and the daemon that leads gets kill -9 at a moment past `cut_started`
that the seed draws. It is measured from the kill to the first call of the next leader about that
host: a read of its power, or a repetition. Results are added up over calls, for the same code; the
last line is `kills=N takeover_p50_s=... p99_s=... max_s=... lease_s=5 violations=0`. The exit
status is 0 only if nothing was wrong, and p99 is the lease and two seconds at most. The monitor
says again what it saw, as Alertmanager does, so none may be held.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.false_positives.results import ROOT, append, rows
from tests.takeovers import results
from tests.takeovers.judgement import Outcome
from tests.takeovers.plan import drawn
from tests.takeovers.play import Round
from tests.takeovers.stage import DAEMONS, DIE, stage

INTO = ROOT / "build" / "takeovers.jsonl"


def main(argv: list[str] | None = None) -> int:
    """Play, tell, and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.takeovers", description=__doc__)
    add = parser.add_argument
    add("--kills", type=int, default=200, help="how many (default: 200)")
    add("--seed", type=int, default=0, help="the first seed (default: 0)")
    add("--lease-s", type=int, default=5, help="the lease of a leader (default: 5)")
    add("--daemons", type=int, default=DAEMONS, help=f"how many there are (default: {DAEMONS})")
    add("--seconds", type=float, default=float("inf"), help="begin no round after so many seconds")
    add("--into", type=Path, default=INTO, help="where rows are added (default: build/)")
    add("--again", action="store_true", help="play also what the results have already")
    options = parser.parse_args(argv)
    if options.daemons < 2:
        parser.error("--daemons: at least 2, or nobody takes over")
    return asyncio.run(Kills(options).play())


class Kills:
    """Many rounds, one after the other, on stages of some rounds each."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._code = results.code(options.lease_s, options.daemons)
        self._until_s = time.monotonic() + options.seconds
        known = () if options.again else rows(options.into, self._code)
        done = {row["seed"] for row in known}
        wanted = range(options.seed, options.seed + options.kills)
        self._seeds = [one for one in wanted if one not in done]

    async def play(self) -> int:
        """Play all; return the exit status.

        A signal ends it: the round under way is not counted, as a terminal sends the same one to
        the daemons and to etcd.
        """
        rounds = asyncio.create_task(self._rounds())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, rounds.cancel)
        with suppress(asyncio.CancelledError):
            await rounds
        found = rows(self._options.into, self._code)
        sys.stdout.write(results.summary(found, self._options.lease_s) + "\n")
        return 0 if results.passed(found, self._options.lease_s) else 1

    async def _rounds(self) -> None:
        while self._more:
            with tempfile.TemporaryDirectory(prefix="doctor-takeovers-") as folder:
                await self._staged(Path(folder))

    @property
    def _more(self) -> bool:
        return bool(self._seeds) and time.monotonic() < self._until_s

    async def _staged(self, folder: Path) -> None:
        """Play as many rounds as there are hosts to die; fewer if something goes wrong."""
        async with stage(folder, self._options.lease_s, self._options.daemons) as made:
            for number in range(DIE):
                if not self._more:
                    return
                plan = drawn(self._seeds.pop(0))
                outcome = await Round(made, plan, f"compute-{number + 1}").play()
                self._keep(outcome)
                if outcome.wrong:
                    logs = (one.place.log.read_text() for one in made.ones)
                    sys.stdout.writelines(log[-8000:] for log in logs)
                    return

    def _keep(self, outcome: Outcome) -> None:
        """Keep a row, and tell it."""
        append(self._options.into, {**outcome.row(), "code": self._code})
        told = f"seed {outcome.seed}: killed at {outcome.moment!r}"
        if outcome.takeover_s is not None:
            told += f", {outcome.call} after {outcome.takeover_s:.2f} s"
        if outcome.down_s is not None:
            told += f", down after {outcome.down_s:.1f} s"
        for text in outcome.wrong:
            told += f"\nVIOLATION {text}"
        if outcome.wrong:
            options = f"--kills 1 --seed {outcome.seed} --lease-s {self._options.lease_s}"
            told += f"\nplay it again: python -m tests.takeovers {options} --again"
        sys.stdout.write(told + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
