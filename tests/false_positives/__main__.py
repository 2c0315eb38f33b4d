"""Play runs: `python -m tests.false_positives --runs 200 --jobs 8`, or one: `--play 17`.

In each, something that is no host's death makes living hosts look dead, and one host truly dies.
Results are added up over calls; the last line is `runs=N faults={...} living_cut=0
dead_fenced=N/N violations=0`, and the exit status 1 when anything was wrong. Needs root.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from tests.false_positives import results
from tests.false_positives.plan import Without, drawn
from tests.false_positives.play import run

RESULTS = results.ROOT / "build" / "false-positives.jsonl"
ONE_S = 240.0
LINE_MAX = 16 * 1024 * 1024


def main(argv: list[str] | None = None) -> int:
    """Play, tell, and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.false_positives", description=__doc__)
    add = parser.add_argument
    add("--runs", type=int, default=200, help="how many (default: 200)")
    add("--seed", type=int, default=0, help="the first seed (default: 0)")
    add("--jobs", type=int, default=6, help="runs side by side (default: 6)")
    add("--seconds", type=float, default=float("inf"), help="begin no run after so many seconds")
    add("--results", type=Path, default=RESULTS, help="where rows are added (default: build/)")
    add("--again", action="store_true", help="play also what the results have already")
    add("--play", type=int, metavar="SEED", help="play one run, and tell its story")
    without = [*Without]
    add("--without", type=Without, choices=without, action="append", default=[], help="mutants")
    options = parser.parse_args(argv)
    if options.play is not None:
        return _one(options.play, frozenset(options.without))
    return asyncio.run(Runs(options).play())


def _one(seed: int, without: frozenset[Without]) -> int:
    """Play one run: its story, and last its row as JSON."""
    outcome, story = run(drawn(seed), without)
    for text in outcome.wrong:
        story += f"VIOLATION {text}\n"
    sys.stdout.write(story + json.dumps({**outcome.row(), "fenced": outcome.fenced}) + "\n")
    return 1 if outcome.wrong else 0


class Runs:
    """Many runs, each a process of its own, some side by side."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._code = results.code()
        self._until_s = time.monotonic() + options.seconds
        first, count = options.seed, options.runs
        known = () if options.again else results.rows(options.results, self._code)
        done = {row["seed"] for row in known}
        self._seeds = [one for one in range(first, first + count) if one not in done]
        self._broken = 0

    async def play(self) -> int:
        """Play all; return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._options.jobs):
                tasks.create_task(self._work())
        found = results.rows(self._options.results, self._code)
        line = results.summary(found)
        sys.stdout.write(line + (f" broken={self._broken}" if self._broken else "") + "\n")
        return 1 if self._broken or any(row["wrong"] for row in found) else 0

    def _stop(self) -> None:
        """Begin no more runs; those under way end."""
        self._seeds.clear()

    async def _work(self) -> None:
        while self._seeds and time.monotonic() < self._until_s:
            await self._played(self._seeds.pop(0))

    async def _played(self, seed: int) -> None:
        """Have a process play one run; keep its row, and tell its story if anything is wrong."""
        argv = ["-m", "tests.false_positives", "--play", str(seed)]
        argv += [word for one in self._options.without for word in ("--without", one)]
        made = await asyncio.create_subprocess_exec(
            sys.executable,
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            cwd=results.ROOT,
            limit=LINE_MAX,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(ONE_S):
                said, _ = await made.communicate()
        except TimeoutError:
            made.terminate()
            said, _ = await made.communicate()
        text = said.decode()
        try:
            row = json.loads(text.splitlines()[-1])
        except (IndexError, ValueError):
            self._broken += 1
            sys.stdout.write(f"seed {seed}: the run itself broke with {made.returncode}\n{text}")
            return
        results.append(self._options.results, {**row, "code": self._code})
        if row["wrong"]:
            sys.stdout.write(text + f"play it again: python {' '.join(argv)}\n")
        else:
            sys.stdout.write(f"{text.splitlines()[0]}: forced down {row['fenced_s']:+.1f} s\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
