"""The judge of how many hosts were cut in the sliding window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from doctor_daemon.core.host import HostId
from doctor_daemon.core.policy import Policy
from tests.simulation.world import World


def over_budget(recent: Collection[HostId], world: World, policy: Policy) -> Iterator[str]:
    """Yield what is too much, of the hosts that were cut lately: one a round."""
    domains = Counter(world.machines[host].plan.domain for host in recent)
    if len(recent) > policy.budget_total:
        yield f"I-8: {len(recent)} hosts cut"
    most = max(domains.values(), default=0)
    if most > policy.budget_per_domain:
        yield f"I-8: {most} hosts of a domain cut"
