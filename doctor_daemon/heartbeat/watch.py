"""The watch: who has been silent for too long, and whether that may be said.

The listener doubts itself first (Lifeguard: Dadgar, Phillips, Currey 2018). Whatever may have kept
beats from it gives every host its whole patience anew, from when that was over:

- its own pause: a pass that began much later than the one before (a SIGSTOP, a busy machine);
- datagrams that the kernel has dropped, since its buffer was full;
- silence: nobody at all has been heard for longer than the second quickest host takes for a beat;
  for the quickest itself, than it takes. Then it is our link, and not every host at once; nobody is
  accused until somebody is heard again. One host's silence cannot be told from our own without
  another voice, so alone it is not accused.

While that goes on, patience grows, by up to `STRAIN_MAX` times; it shrinks again with quiet time.

Silence explains no host that is missed among the voices. When so many beats of others were heard
that `MISSED` of its own should have been among them, it is accused, for all that was silent in
between. So hosts that are gone do not go on telling what silence is, nor do agents that were
stopped: the others may beat so much more seldom that there would be silence before each beat.

Every host has one entry in a heap, by the moment at which it would be too late. A beat does not
touch it: only when that moment comes is it looked at when it would be now.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from doctor_daemon.heartbeat.patience import Patience
from doctor_daemon.heartbeat.roll import CALM, NEW, OURS, SUSPECT, Listed, Roll

PAUSE_S = 0.15
"""A pass that begins so much later than it should have is a pause of ours."""
SILENCE = 1.5
"""Intervals of the second quickest host after which nobody's voice is silence: any one may die."""
MISSED = 8
"""Beats that a host should have had among those that were heard: then we are not what is silent."""
STRAIN_MAX = 8
RELIEF_S = 5.0
"""Quiet time after which patience shrinks by one."""

HELLO, DOWN, UP, BEAT = "hello", "down", "up", "beat"


@dataclass(frozen=True, slots=True)
class Change:
    """What the daemon is told of a host. `age_s` is the age of its last beat."""

    name: str
    protocol: str
    what: str
    boot: int
    sequence: int
    age_s: float
    text: str = ""


class Watch:
    """Watches everyone on a roll."""

    def __init__(self, roll: Roll, patience: Patience, now_s: float, warm_up_s: float) -> None:
        """Begin; nobody is accused before `warm_up_s` and its own patience are over."""
        self.changes: dict[tuple[str, bytes], Change] = {}
        """What has to be told, the last of each host: bounded by their number."""
        self.suspects = 0
        self.strain = 0
        self.silent = False
        self.troubles: Counter[str] = Counter()
        self._patience = patience
        self._since_s = self._silence_over_s = now_s + warm_up_s
        self._short_over_s = now_s
        """When a silence was over that only the quickest host could have noticed."""
        self._voices = 0
        self._quiet_s = now_s
        self._heard_s = now_s
        self._pass_s = now_s
        self._due: list[tuple[float, int, Listed]] = []
        self._number = 0
        self._lag_s = 0.0
        self._intervals: Counter[int] = Counter()
        """Interval -> how many hosts that are being heard have it."""
        self._silence_s = self._short_s = math.inf
        """How long nobody may be heard, by the second quickest of them and by the quickest."""
        self._counted: dict[tuple[str, bytes], int] = {}
        for host in roll.every():
            self._count(host)
            self._expect(host, self._since_s + self._limit_s(host))

    def passed(self, now_s: float, asked_s: float, drops: int, *, heard: int) -> None:
        """Note one pass: when it began, how long it was to wait, and how many beats it brought."""
        lag_s = now_s - self._pass_s - asked_s
        self._pass_s = now_s
        self._lag_s = max(self._lag_s, lag_s)
        if lag_s > PAUSE_S:
            self._doubt("pause", now_s)
            self._heard_s = now_s  # nobody could be heard, which is no silence
        if drops:
            self._doubt("drops", now_s)
        if heard:
            self._voices += heard
            silence_s = now_s - self._heard_s
            if silence_s > self._short_s:
                self._short_over_s = now_s
            if self.silent or silence_s > self._silence_s:
                self.silent = False
                self._doubt("silence", now_s)
            self._heard_s = now_s
        if self.strain and now_s - self._quiet_s > RELIEF_S:
            self.strain -= 1
            self._quiet_s = now_s

    def _doubt(self, what: str, now_s: float) -> None:
        """Give every host its whole patience anew: it was us."""
        self.troubles[what] += 1
        if what != "silence":
            self._since_s = max(now_s, self._since_s)
        self._silence_over_s = max(now_s, self._silence_over_s)
        self._quiet_s = now_s
        self.strain = min(self.strain + 1, STRAIN_MAX)

    def settle(self, host: Listed, now_s: float) -> None:
        """Look at a host that was heard, and that was not merely expected to be."""
        before, wanted = host.state, host.wanted
        host.state, host.wanted, host.unsettled = CALM, False, False
        self._count(host)
        if before == SUSPECT:
            self.suspects -= 1
            host.rhythm.begin(host.rhythm.interval_s)
            self._tell(host, UP, now_s)
        elif before != CALM:
            self._tell(host, HELLO, now_s)
        elif wanted:
            self._tell(host, BEAT, now_s)
        if before in (NEW, SUSPECT):  # the others have their entry
            self._expect(host, now_s + self._limit_s(host))

    def taken_lag_s(self) -> float:
        """Return the worst lag of a pass since this was asked last."""
        found_s, self._lag_s = self._lag_s, 0.0
        return found_s

    def want(self, hosts: Iterable[Listed]) -> None:
        """Have the next beat of each of these told."""
        for host in hosts:
            host.wanted = host.unsettled = True

    def expire(self, now_s: float) -> None:
        """Accuse whoever has been silent for too long, where that may be said."""
        while not self.silent and self._due and self._due[0][0] <= now_s:
            host = heapq.heappop(self._due)[2]
            limit_s, over_s = self._limit_s(host), self._over_s(host)
            if self._is_missed(host, limit_s, over_s, now_s):
                self._accuse(host, now_s)
                continue
            late_s = max(host.last_s, over_s) + limit_s * (1 + self.strain)
            if late_s > now_s:
                self._expect(host, min(late_s, now_s + limit_s))  # strain passes
            elif self._is_our_silence(host, now_s):
                self.silent = True
                self._expect(host, now_s)
            else:
                self._accuse(host, now_s)

    def _is_missed(self, host: Listed, limit_s: float, over_s: float, now_s: float) -> bool:
        """Tell whether it is missed among the voices, and had time for a beat when we heard."""
        if host.last_s != host.looked_s:
            host.looked_s, host.looked_at = host.last_s, self._voices
            return False
        late_s = max(host.last_s, self._since_s) + limit_s * (1 + self.strain)
        if now_s < late_s or now_s - over_s < SILENCE * host.rhythm.interval_s:
            return False
        per_ms = sum(count / interval_ms for interval_ms, count in self._intervals.items())
        voices = self._voices - host.looked_at
        return 0 < MISSED * per_ms * host.interval_ms <= voices

    def _is_our_silence(self, host: Listed, now_s: float) -> bool:
        """Tell whether nobody else could be heard, or somebody should have been and was not."""
        others = len(self._counted) - ((host.protocol, host.name) in self._counted)
        longest_s = min(self._silence_s, SILENCE * host.rhythm.interval_s)
        return not others or now_s - self._heard_s > longest_s

    def next_s(self) -> float:
        """Return when somebody may have to be accused; infinity while nobody may."""
        return self._due[0][0] if self._due and not self.silent else math.inf

    def _accuse(self, host: Listed, now_s: float) -> None:
        self.suspects += 1
        host.state, host.unsettled = SUSPECT, True
        self._count(host)
        silent_s, interval_s = now_s - host.last_s, host.rhythm.interval_s
        missed = int(silent_s / interval_s)
        text = f"no heartbeat for {silent_s:.2f} s: {missed} missed, one every {interval_s:g} s"
        if host.leaving:
            text += ", after its agent was stopped"
        self._tell(host, DOWN, now_s, text)

    def _limit_s(self, host: Listed) -> float:
        return self._patience.limit_s(host.rhythm, leaving=host.leaving)

    def _over_s(self, host: Listed) -> float:
        """Return when the last trouble was over that may have kept its beats from us."""
        if SILENCE * host.rhythm.interval_s < self._silence_s:
            return max(self._silence_over_s, self._short_over_s)
        return self._silence_over_s

    def _count(self, host: Listed) -> None:
        """Keep count of the intervals of hosts that are being heard, and are to be."""
        key = (host.protocol, host.name)
        before = self._counted.pop(key, None)
        if before is not None:
            self._intervals[before] -= 1
        if host.state == CALM and not host.leaving:
            self._counted[key] = host.interval_ms
            self._intervals[host.interval_ms] += 1
        first = sorted((+self._intervals).items())[:2]
        two = [interval_ms for interval_ms, count in first for _ in range(min(count, 2))][:2]
        self._short_s = SILENCE * two[0] / 1000 if two else math.inf
        self._silence_s = SILENCE * two[-1] / 1000 if two else math.inf

    def _expect(self, host: Listed, at_s: float) -> None:
        self._number += 1
        heapq.heappush(self._due, (at_s, self._number, host))

    def _tell(self, host: Listed, what: str, now_s: float, text: str = "") -> None:
        age_s = max(now_s - host.last_s, 0.0)
        key = (host.protocol, host.name)
        said = (host.text(), host.protocol, what, host.boot, host.sequence, age_s, text)
        self.changes[key] = Change(*said)


def by_name(roll: Roll, names: Iterable[tuple[str, str]]) -> list[Listed]:
    """Return the hosts of these protocols and names, as far as they are on the roll."""
    found = [
        (roll.hosts if protocol == OURS else roll.others).get(name.encode())
        for protocol, name in names
    ]
    return [host for host in found if host is not None]
