"""How much evidence it takes to fence the hosts of a group: the options."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from doctor_daemon.config.section import Section
from doctor_daemon.config.words import parse_words
from doctor_daemon.core.corroboration import Corroboration, ServiceDown
from doctor_daemon.ports import SourceTerms

Words = Annotated[tuple[str, ...], BeforeValidator(parse_words)]
KINDS_MAX = 8


class Evidence(Section):
    """How much evidence it takes to fence a host of the group."""

    kinds: Annotated[int, Field(ge=1, le=KINDS_MAX)] = Corroboration().kinds
    """So many different kinds of evidence are enough, if one of them at least comes from a source
    with a secret. Two sources of one kind count once."""
    window_s: Annotated[float, Field(ge=1, le=3600)] | None = None
    """They must have stood at one moment, or have been said within so many seconds of each other;
    left out: within the age that evidence may have."""
    alone: Words | None = None
    """The names of the sources whose word is enough by itself; left out: those with `trust: alone`.
    With [] none is, and it always takes so many kinds."""
    never_alone: Words = ()
    """Kinds that are never enough without another one, whoever says so and whatever `kinds` is."""

    service_kinds: Words = tuple(sorted(Corroboration().service))
    """Kinds that speak of nova-compute alone, and not of its host."""
    service_down: Literal["notify", "hold", "fence"] = "notify"
    """What follows where only these call a host down, and another kind sees it alive: consumers are
    told just that (`notify`), a human is asked at once (`hold`), or it is fenced all the same."""

    def needed(
        self, sources: Iterable[SourceTerms], host: str, gives: Mapping[str, frozenset[str]]
    ) -> Corroboration:
        """Return the core's own value for a host: whose word counts there, how long, how much."""
        told = tuple(sources)
        return Corroboration(
            kinds=self.kinds,
            window_s=math.inf if self.window_s is None else self.window_s,
            alone=None if self.alone is None else frozenset(self.alone),
            never_alone=frozenset(self.never_alone),
            service=frozenset(self.service_kinds),
            service_down=ServiceDown(self.service_down),
            ages={one.name: one.evidence_age_s for one in told},
            trusts={one.name: one.trust for one in told},
            gives=gives,
            barred=frozenset(
                one.name for one in told if one.hosts is not None and host not in one.hosts
            ),
        )
