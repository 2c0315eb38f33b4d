"""Play rounds: `python -m tests.chaos --rounds 100 --seed 1`. Needs root.

Three daemons with three members of etcd, each pair in a network namespace, before the lab. In each
round hosts die while daemons and members are killed, stopped and cut off, and the cloud is slow.
Round k has the seed `--seed` + k: one that has failed is played again with `--rounds 1`. The last
line is `rounds=N kills=N stops=N partitions=N members=N ... violations=0`, and the exit status 1
when anything was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from doctor_daemon.cli.client import Unanswered
from tests.chaos.estate import LateError, estate
from tests.chaos.net import Net, controllers
from tests.chaos.plan import DEATHS_MAX, STOP_S, drawn
from tests.chaos.play import Round
from tests.chaos.story import told
from tests.chaos.tally import Outcome, summary
from tools.netns import unused

PER_ESTATE = 10
"""So many rounds with the same cloud and the same state; then all is made anew."""
SURVIVORS = 4
BOUND_S = 150.0


def main(argv: list[str] | None = None) -> int:
    """Play, tell, and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=20, help="how many (default: 20)")
    add("--seed", type=int, default=0, help="the first round's seed (default: 0)")
    add("--stop-max", type=float, default=STOP_S[1], help="how long a daemon stands still at most")
    add("--bound", type=float, default=BOUND_S, help="from the end of all faults until all is well")
    runs = Rounds(parser.parse_args(argv))
    try:
        runs.play()
    except (KeyboardInterrupt, asyncio.CancelledError):
        runs.broken += 1
    print(summary(runs.outcomes, runs.broken), flush=True)
    return 1 if runs.broken or any(one.wrong for one in runs.outcomes) else 0


class Rounds:
    """All rounds, some of them after each other with one estate."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._seeds = list(range(options.seed, options.seed + options.rounds))
        self.outcomes: list[Outcome] = []
        self.broken = 0

    def play(self) -> None:
        """Play all. An estate in which something went wrong is left behind, with its logs."""
        while self._seeds:
            folder, good = Path(tempfile.mkdtemp(prefix="doctor-chaos-")), False
            try:
                with controllers(unused("ch")) as net:
                    good = asyncio.run(self._played(net, folder))
            finally:
                if good:
                    shutil.rmtree(folder)
                else:
                    print(f"logs: {folder}", flush=True)

    async def _played(self, net: Net, folder: Path) -> bool:
        """Play some rounds; return whether all was well."""
        _ends_by_signal()
        seeds, first = self._seeds[:PER_ESTATE], self._seeds[0]
        try:
            async with estate(net, folder, len(seeds) * DEATHS_MAX + SURVIVORS) as place:
                for seed in seeds:
                    self._seeds.remove(seed)
                    plan = drawn(seed, self._options.stop_max)
                    outcome = await Round(place, plan, self._options.bound).play()
                    self.outcomes.append(outcome)
                    print(outcome.line, flush=True)
                    if outcome.wrong:
                        print(await told(place, outcome), flush=True)
                        return False
        except (LateError, Unanswered, ExceptionGroup) as error:
            self.broken += 1
            print(f"the estate of seeds from {first} on broke:", flush=True)
            traceback.print_exception(error)
            self._seeds = [seed for seed in self._seeds if seed != first]
            return False
        return True


def _ends_by_signal() -> None:
    """Have SIGTERM end all as ^C does: everything that was made is unmade."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


if __name__ == "__main__":
    sys.exit(main())
