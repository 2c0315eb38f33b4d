"""How much evidence hosts of a story need, and the judge of whether a cut had as much."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import Trust, Verdict, Word
from doctor_daemon.core.host import HostId, HostPlan
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.policy import Policy

if TYPE_CHECKING:
    from tests.simulation.world import World

NEEDS = (
    *(Corroboration(),) * 6,
    Corroboration(window_s=20.0),
    Corroboration(alone=frozenset()),
    Corroboration(kinds=1, never_alone=frozenset({"ping"})),
    Corroboration(kinds=3, ages={"zbx": 60.0}),
    Corroboration(alone=frozenset({"zbx"}), never_alone=frozenset({"prometheus"})),
)
SAVED_S = 8.0
"""A sender hears only so long after it was heard that it was."""


def need(chance: Random) -> Corroboration:
    """Draw how much evidence a host needs."""
    return chance.choice(NEEDS)


def seen_alive(
    lives: Mapping[str, Instant], incident: Incident, plan: HostPlan, policy: Policy, now: Instant
) -> Iterator[str]:
    """Yield who sees a host alive that is being cut, and was not answered by an order since."""
    ordered, need = incident.ordered_at, plan.corroboration
    for source, at in lives.items():
        known = ordered is not None and ordered.since(at) >= -SAVED_S
        fresh = now.since(at) < need.age_s(source, policy.life_age_s) - SAVED_S
        if fresh and not known:
            yield f"I-14: cut of {incident.host} while {source} sees it alive"


@dataclass
class Said:
    """What monitors have truly said of hosts, by the time at which it reached a daemon."""

    lived: dict[IncidentId, float] = field(default_factory=dict)
    """Incident -> when it was last told of life, by a sender who heard that it was taken."""
    against: defaultdict[HostId, set[Instant]] = field(default_factory=lambda: defaultdict(set))
    """Host -> when it was spoken against. An answer may be lost where the word itself was not."""

    def accused(self, incident: Incident, world_s: Callable[[Instant], float]) -> bool:
        """Tell whether a host was spoken against since it was seen alive, by what is saved."""
        words = [word for word in incident.words.values() if word.verdict is Verdict.DOWN]
        said = (world_s(word.last) for word in words if word.last in self.against[incident.host])
        return any(at_s > self.lived.get(incident.id, -1e9) for at_s in said)


def begun_wrongly(before: Incident, after: Incident, world: World, policy: Policy) -> Iterator[str]:
    """Yield what is wrong with a first cut that is decided in this step, by what is saved with it.

    Written anew, and simpler than the daemon's own: it looks at one moment, and for one window.
    """
    if after.contradicted_at is not None and before.contradicted_at is None:
        world.swarm.note("kinds-contradict")
    if after.service_since is not None and before.service_since is None:
        world.swarm.note("service-down-alone")
    down = after.marking.number > 0  # by a human's word: its servers move, and life is no reason
    if after.cut_started is not None and before.cut_started is None and not down:
        needed = world.machines[after.host].plan.corroboration
        yield from _judged(after, after.cut_started, needed, policy)


def _judged(
    incident: Incident, at: Instant, needed: Corroboration, policy: Policy
) -> Iterator[str]:
    ordered = incident.ordered_at
    lives = [word for word in incident.words.values() if word.verdict is Verdict.UP]
    for word in lives:
        known = ordered is not None and ordered.since(word.last) >= 0
        limit_s = min(policy.life_age_s, needed.ages.get(word.source, math.inf))
        if not known and at.since(word.last) < limit_s:
            yield f"I-14: {incident.host} is cut although {word.source} sees it alive"
    if ordered is not None:
        return
    down = [word for word in incident.words.values() if _counts(word, at, lives, needed, policy)]
    if not (any(_alone(word, needed) for word in down) or _so_many(down, needed)):
        yield f"E1: {incident.host} is cut by the kinds {sorted({word.kind for word in down})}"


def _counts(
    word: Word, at: Instant, lives: list[Word], needed: Corroboration, policy: Policy
) -> bool:
    limit_s = min(policy.evidence_age_s, needed.ages.get(word.source, math.inf))
    # A life that an earlier daemon was told of came before whatever this one is told.
    here = [life.last for life in lives if life.last.boot_id == word.last.boot_id]
    answered = any(last.since(word.last) >= 0 for last in here)
    return word.verdict is Verdict.DOWN and at.since(word.last) <= limit_s and not answered


def trusted_alone(source: str, kind: str, trust: Trust, needed: Corroboration) -> bool:
    """Tell whether one source's word is enough to cut a host."""
    if trust is Trust.OPEN or kind in needed.never_alone:
        return False
    return source in needed.alone if needed.alone is not None else trust is Trust.ALONE


def _alone(word: Word, needed: Corroboration) -> bool:
    return trusted_alone(word.source, word.kind, word.trust, needed)


def _so_many(down: list[Word], needed: Corroboration) -> bool:
    kinds = {word.kind for word in down}
    known = any(word.trust is not Trust.OPEN for word in down)
    lasts = [word.last.boot_s for word in down]
    firsts = [w.first.boot_s for w in down if w.first.boot_id == w.last.boot_id] or [-math.inf]
    apart_s = max(firsts) - min(lasts) if len(kinds) == needed.kinds and down else 0.0
    lone = len(kinds) == 1 and kinds <= needed.never_alone
    return known and len(kinds) >= needed.kinds and not lone and apart_s <= needed.window_s
