"""Play rounds: `python -m tests.chaos --rounds 100 --seed 1`. Needs root.

Three daemons with three members of etcd, each pair in a network namespace, before the lab. In each
round hosts die while daemons and members are killed, stopped and cut off, and the cloud is slow.
Round k has the seed `--seed` + k: one that has failed is played again with `--rounds 1`. The last
line is `rounds=N kills=N stops=N partitions=N members=N ... violations=0`, and the exit status 1
when anything was wrong.
"""

from __future__ import annotations

import sys

from tests.chaos.lab import estate
from tests.chaos.rounds import Rounds, options

PER_ESTATE = 10


def main(argv: list[str] | None = None) -> int:
    """Play, tell, and judge."""
    given = options("tests.chaos", __doc__, argv)
    seeds = list(range(given.seed, given.seed + given.rounds))
    return Rounds(estate, PER_ESTATE, seeds, given.stop_max, given.bound).run()


if __name__ == "__main__":
    sys.exit(main())
