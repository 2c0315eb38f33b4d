"""A little of the chaos: hosts of a real cloud die while the leader is killed, or cut off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial

from tests.chaos.plan import Fault, drawn
from tests.chaos.rounds import Rounds
from tests.openstack.estate import Estate
from tests.openstack_chaos.world import estate as place

PLAYED: Mapping[int, AbstractSet[Fault]] = {
    61: {Fault.KILL, Fault.NOVA},
    70: {Fault.CUT_OFF, Fault.NOVA},
}
"""What is played: at the leader, and with answers of Nova's that are no use, or are lost."""


def test_whatever_fails_beside_them_dead_hosts_are_evacuated_and_nothing_is_done_twice(
    estate: Estate, say: Callable[[str], None]
) -> None:
    plans = [drawn(seed) for seed in PLAYED]
    assert {plan.seed: plan.faults for plan in plans} == PLAYED
    assert {trouble.rank for plan in plans for trouble in plan.troubles} == {0}
    assert {len(plan.deaths) for plan in plans} == {1, 2}
    runs = Rounds(partial(place, estate), 1, list(PLAYED))
    runs.play()
    for outcome in runs.outcomes:
        say(outcome.line)
        assert outcome.wrong == []
        assert not [text for text in outcome.felt if text.endswith(" 0 reads and 0 writes")]
    assert runs.last_line.startswith("rounds=2 kills=1 stops=0 partitions=1 ")
    assert runs.last_line.endswith("violations=0")
