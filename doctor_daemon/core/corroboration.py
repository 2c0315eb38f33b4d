"""How much evidence it takes to fence a host: the operator's word, for a group of hosts.

Evidence comes in *kinds*, which are labels of the configuration: what looks in another way, over
another network, is another kind. Two sources of one kind may be wrong together, and count once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ServiceDown(StrEnum):
    """What follows where nova-compute alone is down, and its host is seen alive."""

    NOTIFY = "notify"  # it is told; a human is asked only if it lasts
    HOLD = "hold"  # a human is asked at once
    FENCE = "fence"  # the host is fenced, alive as it is


@dataclass(frozen=True, slots=True)
class Corroboration:
    """How much evidence is enough. The defaults: one source that is trusted alone, or two kinds."""

    kinds: int = 2
    """So many different kinds are enough, if one of them at least is authenticated."""
    window_s: float = math.inf
    """They must have stood at one moment, or within so many seconds of each other."""
    alone: frozenset[str] | None = None
    """The sources whose word is enough by itself; None: those that are trusted alone."""
    never_alone: frozenset[str] = frozenset()
    """Kinds that are not enough without another one, whoever says so."""
    service: frozenset[str] = frozenset({"nova", "nova-service"})
    """Kinds that speak of nova-compute alone, and not of its host."""
    service_down: ServiceDown = ServiceDown.NOTIFY
    ages: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Source -> how many seconds its word counts, where that is less than for all others."""

    trusts: Mapping[str, str] | None = field(default=None, hash=False)
    """Source -> how its word is trusted at present (`evidence.Trust`): what it said before counts
    for no more, and what a source said that there is no more, as if it had no secret. None: nobody
    knows which sources there are."""
    gives: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)
    """Source -> the kinds that it may give at present: what it said as another one before counts
    for nothing, or a single source would be two kinds. One that is not there may give any."""
    barred: frozenset[str] = frozenset()
    """Sources that may not speak of the host: what they said before counts for nothing."""

    def hears(self, source: str, kind: str) -> bool:
        """Tell whether a source may speak of the host (still), and of that kind."""
        return source not in self.barred and kind in self.gives.get(source, (kind,))

    def age_s(self, source: str, age_max_s: float) -> float:
        """Return how old a source's word may be."""
        return min(self.ages.get(source, age_max_s), age_max_s)


SHIPPED = Corroboration()
