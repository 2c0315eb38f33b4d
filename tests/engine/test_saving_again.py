"""A store that was away, and is back: what was decided is saved soon, and not by all at once."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.saving import AGAIN_S, LEAST, again_s
from doctor_daemon.ports import Change
from tests.engine.rig import Rig, SlowDisk, accuse, until
from tests.simulation.virtual import run

QUICK = Policy(grace_s=1.0)
AWAY_S = 60.0


class Asked(SlowDisk):
    """A disk that remembers when it was asked to save an incident."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[tuple[float, IncidentId]] = []

    async def commit(self, change: Change, *, term: int) -> None:
        if change.head is not None:
            self.at.append((asyncio.get_running_loop().time(), change.head.id))
        await super().commit(change, term=term)


def test_b11_what_was_decided_is_saved_a_few_seconds_after_the_store_is_back() -> None:
    disk = Asked()
    rig = Rig(policy=QUICK, disk=disk)
    took: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with rig.running() as engine:
            await accuse(rig, engine)
            await rig.device.began.wait()
            disk.failures, disk.at = 10**6, []
            await asyncio.sleep(AWAY_S)
            asked = [at for at, _ in disk.at]
            pauses = [two - one for one, two in pairwise(asked)]
            assert len(pauses) > AWAY_S / AGAIN_S / 2
            assert max(pauses) <= AGAIN_S + 0.01
            disk.failures, back_s, tries = 0, loop.time(), len(disk.at)
            await until(engine, Phase.DOWN)
            took.append(disk.at[tries][0] - back_s)

    run(main())
    assert took[0] <= AGAIN_S + 0.01
    assert rig.device.cuts == 1
    assert rig.bugs == []


@pytest.mark.parametrize("failures", range(1, 20))
def test_the_pause_grows_to_its_end_and_is_never_much_shorter(failures: int) -> None:
    policy = Policy()
    full_s = min(policy.backoff(failures), AGAIN_S)
    assert LEAST * full_s <= again_s(policy, failures, "inc-1") <= full_s


def test_a_policy_s_own_longest_pause_counts_where_it_is_shorter() -> None:
    assert again_s(Policy(backoff_max_s=2.0), 9, "inc-1") <= 2.0


def test_many_that_were_refused_together_come_again_one_by_one() -> None:
    """As many as one storm may have, all of which found the store gone at the same moment."""
    pauses = [again_s(Policy(), 6, f"inc-{number}") for number in range(200)]
    together = [sum(one <= other < one + 0.25 for other in pauses) for one in pauses]
    assert max(together) < len(pauses) / 5
    assert max(pauses) - min(pauses) > 0.9 * (1 - LEAST) * AGAIN_S
