"""Play rounds: `python -m tests.openstack_chaos --rounds 6 --seed 1`. Needs root.

The rounds of tests/chaos before a real Nova, Keystone and Placement, with sushy-tools' emulators as
BMCs and a hypervisor whose guests outlive nova-compute. Each has hosts, controllers and etcd of its
own. Seeds, the last line and the exit status are as there.
"""

from __future__ import annotations

import sys
import time
from functools import partial

from tests.chaos.rounds import Rounds, options
from tests.openstack.whole import whole
from tests.openstack_chaos.world import estate

_BEGAN = time.monotonic()


def main(argv: list[str] | None = None) -> int:
    """Play, tell, and judge."""
    given = options("tests.openstack_chaos", __doc__, argv)
    seeds = list(range(given.seed, given.seed + given.rounds))
    with whole(_say) as cloud:
        place = partial(estate, cloud)
        return Rounds(place, 1, seeds, given.stop_max, given.bound).run()


def _say(text: str) -> None:
    print(f"{time.monotonic() - _BEGAN:6.1f} s  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
