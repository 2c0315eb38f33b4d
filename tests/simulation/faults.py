"""What goes wrong in one seed: a swarm of kinds, each switched on or off and with odds of its own.

A seed in which everything fails at once hides more than it shows, so each draws its own mixture.
Every fault that really struck is counted, and the suite is red when a kind never did.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from tests.simulation.less import Less

PAUSED = (
    "pause-asleep",
    "pause-grace",
    "pause-before-cut",
    "pause-cut-waits",
    "pause-over-permit",
    "pause-cut-out",
    "pause-reading",
    "pause-read-out",
    "pause-look-out",
    "pause-save-out",
    "pause-just-saved",
    "pause-proven",
    "pause-put-out",
    "pause-unread",
    "pause-evacuating",
    "pause-post-out",
    "pause-down",
    "pause-releasing",
    "pause-lift-out",
    "pause-switch_on-out",
    "pause-held",
)
"""What a pause of the daemon has hit."""
SHARED = (
    "frozen-guest",
    "store-cut-off",
    "store-away",
    "store-slow",
    "store-answer-lost",
    "lease-lost",
    "step-down",
    "disarmed-at-standby",
    "refused-at-standby",
    "write-of-one-deposed",
    "deposed",
    "followed-dead",
    "followed-paused",
    "followed-frozen",
    "followed-cut-off",
    "standby-stands-still",
)
"""What happens only where several daemons share a store."""
KINDS = (
    "crash-before-commit",
    "crash-after-commit",
    "crash-before-call",
    "crash-after-call",
    "crash-before-notice",
    "crash-after-notice",
    "crash-long",
    "reboot",
    "graceful-stop",
    "commit-fails",
    "commit-seems-to-fail",
    "commit-slow",
    "bmc-timeout-before",
    "bmc-timeout-after",
    "bmc-refuses",
    "bmc-slow",
    "bmc-unknown",
    "bmc-says-off-early",
    "bmc-lies-off",
    "bmc-other-chassis",
    "bmc-dead",
    "bmc-stuck",
    "nova-5xx",
    "nova-lost-reply",
    "nova-slow",
    "nova-down-cell",
    "nova-service-replaced",
    "nova-servers-fail",
    "nova-away",
    "groups-hidden",
    "destination-dies",
    "project-answers",
    "evacuate-5xx",
    "evacuate-lost-reply",
    "evacuate-late",
    "evacuate-refused",
    "evacuate-bug",
    "evacuation-slow",
    "evacuation-stuck",
    "evacuation-fails",
    "no-valid-host",
    "server-deleted",
    "evacuated-by-others",
    "consumer-fails",
    "consumer-slow",
    "consumer-gone",
    "power-returns",
    "wall-steps",
    "evidence-repeats",
    "evidence-reorders",
    "evidence-stale",
    "heard-during-save",
    "evidence-of-life",
    "answers-pings-still",
    "kinds-contradict",
    "service-down-alone",
    "evidence-withdrawn",
    "operator-disarms",
    "hosts-released",
    "operator-maintenance",
    "operator-orders",
    "operators-at-once",
    "operator-foreign-flag",
    "operator-clears-flag",
    "returns-badly",
    "called-down-in-use",
    "released-by-itself",
    "switched-on-by-itself",
    "came-back-too-often",
    "map-wrong",
    "mode-lowered",
    "bug",
    "operator-decommissions",
    "put-back-by-hand",
    "bmc-nameless",
    "pause",
    *PAUSED,
    *SHARED,
)
"""Every kind of fault; the names are what the coverage table shows."""


class Swarm:
    """One seed's mixture: `strikes(kind)` draws, and counts what struck."""

    def __init__(self, seed: int, less: Less | None = None) -> None:
        """Draw a mixture. `less`: what of it does not strike."""
        self.seed = seed
        self.strokes: list[tuple[str, int]] = []
        """What has struck, by its kind and its number."""
        self.tells: Callable[[str], None] = lambda text: None
        """Hears of each."""
        self._less, self._drawn = less or Less(), Counter[str]()
        self.random, self._names = random.Random(seed), random.Random(f"names of {seed}")
        self.on = True
        self.struck: Counter[str] = Counter()
        share = self.random.choice((0.15, 0.4, 0.7))
        self._odds = {
            kind: self.random.choice((0.02, 0.1, 0.3))
            for kind in KINDS
            if self.random.random() < share
        }

    def new_id(self) -> str:
        """Return an id, the same ones in the same order in every telling of this seed."""
        return f"{self._names.getrandbits(48):012x}"

    def strikes(self, kind: str, weight: float = 1.0, *, calm: bool = False) -> bool:
        """Draw whether a fault of this kind strikes now; `calm`: be it that the trouble is over."""
        odds = self._odds.get(kind, 0.0) * weight
        if not (self.on or calm) or not odds or self.random.random() >= odds:
            return False
        self._drawn[kind] += 1
        number = self._drawn[kind]
        if self._less.spares(kind, number):
            return False
        self.struck[kind] += 1
        self.strokes.append((kind, number))
        self.tells(f"*** {kind} ({number})")
        return True

    def note(self, kind: str) -> None:
        """Count something that came about by itself."""
        self.struck[kind] += 1

    def has(self, kind: str) -> bool:
        """Tell whether this seed knows the kind at all."""
        return self.on and kind in self._odds

    def seconds(self, low: float, high: float) -> float:
        """Draw a duration."""
        return self.random.uniform(low, high)
