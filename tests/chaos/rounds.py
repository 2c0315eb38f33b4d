"""Many rounds, a few of them after each other with one estate, and what came of all."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from doctor_daemon.cli.client import Unanswered
from tests.chaos.estate import Estate, LateError
from tests.chaos.net import Net, controllers
from tests.chaos.plan import STOP_S, drawn
from tests.chaos.play import Round
from tests.chaos.story import told
from tests.chaos.tally import Outcome, summary
from tools.netns import unused

BOUND_S = 150.0
Place = Callable[[Net, Path, int], AbstractAsyncContextManager[Estate]]
"""Runs an estate for so many rounds, with its files in a folder."""


def options(program: str, about: str | None, argv: Sequence[str] | None) -> argparse.Namespace:
    """Read a command line."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about)
    add = parser.add_argument
    add("--rounds", type=int, default=20, help="how many (default: 20)")
    add("--seed", type=int, default=0, help="the first round's seed (default: 0)")
    add("--stop-max", type=float, default=STOP_S[1], help="how long a daemon stands still at most")
    add("--bound", type=float, default=BOUND_S, help="from the end of all faults until all is well")
    return parser.parse_args(argv)


@dataclass
class Rounds:
    """Rounds that are played one after the other, by their seeds."""

    place: Place
    per_estate: int
    """So many rounds with the same cloud and the same state; then all is made anew."""
    seeds: list[int]
    """Those that are left."""
    stop_max_s: float = STOP_S[1]
    bound_s: float = BOUND_S
    outcomes: list[Outcome] = field(default_factory=list)
    broken: int = 0

    @property
    def last_line(self) -> str:
        return summary(self.outcomes, self.broken)

    def run(self) -> int:
        """Play all as a program does: tell the last line whatever happens; return the status."""
        try:
            self.play()
        except (KeyboardInterrupt, asyncio.CancelledError):
            self.broken += 1
        print(self.last_line, flush=True)
        return 1 if self.broken or any(one.wrong for one in self.outcomes) else 0

    def play(self) -> None:
        """Play all. An estate in which something went wrong is left behind, with its logs."""
        while self.seeds:
            self._play_some()

    def _play_some(self) -> None:
        folder, good = Path(tempfile.mkdtemp(prefix="doctor-chaos-")), False
        try:
            with controllers(unused("ch")) as net, _signals_kept():
                good = asyncio.run(self._played(net, folder))
        finally:
            if good:
                shutil.rmtree(folder)
            else:
                print(f"logs: {folder}", flush=True)

    async def _played(self, net: Net, folder: Path) -> bool:
        """Play some rounds; return whether all was well."""
        _ends_by_signal()
        seeds, first = self.seeds[: self.per_estate], self.seeds[0]
        try:
            async with self.place(net, folder, len(seeds)) as place:
                for seed in seeds:
                    self.seeds.remove(seed)
                    plan = drawn(seed, self.stop_max_s)
                    outcome = await Round(place, plan, self.bound_s).play()
                    self.outcomes.append(outcome)
                    print(outcome.line, flush=True)
                    if outcome.wrong:
                        print(await told(place, outcome), flush=True)
                        return False
        except (LateError, Unanswered, ExceptionGroup) as error:
            self.broken += 1
            print(f"the estate of seeds from {first} on broke:", flush=True)
            traceback.print_exception(error)
            self.seeds = [seed for seed in self.seeds if seed != first]
            return False
        return True


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Leave what SIGTERM does as it was found: a loop that ends leaves it to the kernel."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _ends_by_signal() -> None:
    """Have SIGTERM end all as ^C does: everything that was made is unmade."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
