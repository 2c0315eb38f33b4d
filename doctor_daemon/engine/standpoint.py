"""What the daemon knows of itself: was it awake, is it cut off, is the host the one it runs on.

A pause is noticed by whoever looks first after it, be it a decision or the engine's tick: the tick
alone would come too late, for what was due during the pause may run before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ourselves import Check, Ourselves, OwnRules, Sign
from doctor_daemon.errors import Temporary

PAUSE_S = 2.0
"""A gap between ticks above this means that the process, or the machine, stood still."""


UNREAD_S = 2.0
"""What is read so soon after a pause may have been sent before or during it."""
UNREAD = (
    "not followed: the daemon stood still until a moment ago, and this may have been said before "
    "that: see how things stand now, and say it again"
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the wall clock, and when it was noticed."""

    seconds: float
    at: Instant


class Wakefulness:
    """Knows when the process last stood still."""

    def __init__(self) -> None:
        """Begin awake; nothing is measured before the first tick."""
        self.awake_at: Instant | None = None
        """When the last pause had ended."""
        self._ticked: Instant | None = None
        self._limit_s = PAUSE_S
        self._slept_s = 0.0

    def seen(self, now: Instant) -> Instant | None:
        """Return when the last pause had ended, one that has just ended included."""
        if self._ticked is not None:
            gap_s = now.since(self._ticked)
            if gap_s > self._limit_s:
                self._slept_s += gap_s
                self._ticked = self.awake_at = now
        return self.awake_at

    def rest(self) -> None:
        """Measure nothing until the next tick: it was known that there would be none."""
        self._ticked = None

    def tick(self, now: Instant, tick_s: float) -> float:
        """Count a tick; the next comes in so long. Return the seconds of a pause since the last."""
        self.seen(now)
        self._limit_s = max(PAUSE_S, tick_s + PAUSE_S / 2)
        self._ticked = now
        slept_s, self._slept_s = self._slept_s, 0.0
        return slept_s


class Standpoint:
    """Our own side, kept as the value that decisions are given."""

    def __init__(self, rules: Callable[[], OwnRules], wanted: Sequence[Sign] = ()) -> None:
        """Begin with nothing known. `rules` returns what the configuration says at present."""
        self.wake = Wakefulness()
        self._wanted = tuple(wanted)
        self._rules = rules
        self._checks: Mapping[Sign, Check] = {}
        self._shown: Mapping[str, str] | None = None
        """Hosts that Nova shows to be of the control plane, and by what."""
        self._cut: frozenset[HostId] = frozenset()
        """Hosts whose power was cut in an incident that is still open."""
        self.step: Step | None = None
        """The last step of the wall clock."""
        self.refused = ""
        """Why the configuration on the disk was not taken at the last reload; empty: it was."""
        self._value: Ourselves | None = None
        self._made_of: OwnRules | None = None

    @property
    def wanted(self) -> tuple[Sign, ...]:
        """The signs that are asked for."""
        return self._wanted

    def want(self, signs: Sequence[Sign]) -> None:
        """Have these signs asked for from now on."""
        self._wanted, self._value = tuple(signs), None

    @property
    def checks(self) -> Mapping[Sign, Check]:
        """The last answer of each sign."""
        return self._checks

    def seen(self, now: Instant) -> Ourselves:
        """Return what is known now; it is made anew only when something has changed."""
        awake_at, rules = self.wake.seen(now), self._rules()
        value = self._value
        if value is None or rules is not self._made_of or value.awake_at is not awake_at:
            value = self._value = self._made(awake_at, rules)
            self._made_of = rules
        return value

    def attentive(self, now: Instant) -> None:
        """Raise Temporary for an order that may have lain unread while the process stood still.

        Nobody waits for its answer any more, and what it was about may be the other way round.
        """
        awake_at = self.wake.seen(now)
        if awake_at is not None and now.since(awake_at) < UNREAD_S:
            raise Temporary(UNREAD)

    def _made(self, awake_at: Instant | None, rules: OwnRules) -> Ourselves:
        control: Mapping[str, str] | None = None
        if self._shown is not None:
            named = dict.fromkeys(rules.control, "the configuration says so")
            control = {**self._shown, **named}
        return Ourselves(
            wanted=self._wanted,
            checks=self._checks,
            awake_at=awake_at,
            self_=rules.self_,
            control=control,
            control_fenced=rules.control_fenced,
            control_down=frozenset(host for host in self._cut if host.name in (control or {})),
        )

    def checked(self, checks: Mapping[Sign, Check]) -> None:
        """Take what the signs have shown."""
        self._checks, self._value = checks, None

    def told(self, control: Mapping[str, str]) -> None:
        """Take which hosts Nova shows to be of the control plane."""
        if control != self._shown:
            self._shown, self._value = control, None

    def saw(self, incident: Incident) -> None:
        """Take note of an incident as it was decided."""
        cut = incident.cut_started is not None and not incident.phase.final
        if cut is not (incident.host in self._cut):
            one = frozenset({incident.host})
            self._cut, self._value = self._cut | one if cut else self._cut - one, None
