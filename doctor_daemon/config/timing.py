"""Numbers that must fit each other, and the least that each may be.

A timing that is unsafe together with the others is refused, and the text says the computed minimum
and what it is made of. The same rules are printed in docs/configuration.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pydantic import BaseModel

from doctor_daemon.config.mass import Mass
from doctor_daemon.config.models import Budget, Evacuation, Timing
from doctor_daemon.config.release import Release
from doctor_daemon.core.policy import Policy

POLL_S = 10.0
"""Between two lists of all compute services, in seconds."""
CALL_S = 10.0
"""Assumed for a plug-in that does not say how long one of its calls may take, in seconds."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything that the rules are computed from."""

    timing: Timing
    budget: Budget
    evacuation: Evacuation = field(default_factory=Evacuation)
    device_s: float = CALL_S
    """The longest time-out of a power device."""
    list_s: float = CALL_S
    """The time-out of one list of the cloud's."""
    put_s: float = CALL_S
    """The time-out of one force-down."""
    hold_s: float = 0.0
    """The longest `hold_s` of a device, or of the timing."""
    moves: bool = True
    """Whether the mode goes as far as evacuate."""
    release: Release = field(default_factory=Release)
    mass: Mass = field(default_factory=Mass)

    @property
    def policy(self) -> Policy:
        """The core's own value."""
        return policy(self.timing, self.budget, self.evacuation, self.release, self.mass)


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a minimum."""

    label: str
    value: Callable[[Numbers], float]
    times: int = 1

    def __str__(self) -> str:
        return f"{self.times} x {self.label}" if self.times > 1 else self.label

    def amount(self, numbers: Numbers) -> float:
        """Return what it adds."""
        return self.times * self.value(numbers)


@dataclass(frozen=True, slots=True)
class Rule:
    """The least that an option may be: the sum of its terms. `why` ends 'so that ...'."""

    section: str
    option: str
    terms: tuple[Term, ...]
    why: str
    moves: bool = False
    """Whether it holds in mode evacuate only."""
    or_zero: bool = False
    """Whether the option may be 0, too: nothing of the kind is wanted."""

    @property
    def formula(self) -> str:
        """The minimum in words."""
        return " + ".join(str(term) for term in self.terms)

    @property
    def when(self) -> str:
        """Say when it holds."""
        return f"{' (in mode evacuate)' * self.moves}{' (or 0)' * self.or_zero}"

    def least(self, numbers: Numbers) -> float:
        """Return the minimum."""
        return sum(term.amount(numbers) for term in self.terms)

    def broken(self, numbers: Numbers) -> str:
        """Say what is wrong with the option; empty: nothing."""
        if self.moves and not numbers.moves:
            return ""
        found: float = getattr(getattr(numbers, self.section), self.option)
        least = self.least(numbers)
        if found >= least or (self.or_zero and found == 0):
            return ""
        amounts = " + ".join(f"{term.amount(numbers):g}" for term in self.terms)
        made = f", which is {amounts}" if len(self.terms) > 1 else ""
        return f"found {found:g}; expected at least {least:g} = {self.formula}{made}: {self.why}"


def _option(section: str, option: str) -> Term:
    return Term(option, lambda numbers: getattr(getattr(numbers, section), option))


def _pauses(numbers: Numbers) -> float:
    """Return the seconds of back-off between all the force-downs that may fail."""
    rules = numbers.policy
    return sum(rules.backoff(failures) for failures in range(1, rules.force_down_tries))


_DEVICE = Term("a power device's time-out", lambda numbers: numbers.device_s)
_LIST = Term("the time-out of the cloud's lists", lambda numbers: numbers.list_s)
_PUT = Term("the time-out of a force-down", lambda numbers: numbers.put_s)
_HOLD = Term("the longest hold", lambda numbers: numbers.hold_s)
_GRACE = _option("timing", "grace_s")
_WAIT = Term(
    "the longer one of warm_up_s and quiet_s",
    lambda numbers: max(numbers.timing.warm_up_s, numbers.release.quiet_s),
)

RULES = (
    Rule(
        "timing",
        "off_timeout_s",
        (Term(_DEVICE.label, _DEVICE.value, 2), _HOLD, _option("timing", "read_every_s")),
        "a cut whose answer is lost and one slow reading must leave time for the hold",
    ),
    Rule(
        "timing",
        "proof_age_s",
        (Term(_DEVICE.label, _DEVICE.value, 2), _HOLD),
        "it must outlive the last reading and another device's",
    ),
    Rule("timing", "proof_age_s", (_PUT,), "it must stand for as long as a force-down may take"),
    Rule(
        "timing",
        "look_age_s",
        (Term("read_every_s", lambda numbers: numbers.timing.read_every_s, 2),),
        "the look beside the readings must still be new when they prove the host off",
    ),
    Rule(
        "timing",
        "evidence_age_s",
        (
            _option("timing", "grace_s"),
            _option("timing", "corroboration_s"),
            _DEVICE,
            _LIST,
        ),
        "evidence must still stand when the wait for a second kind ends in a cut",
    ),
    Rule(
        "timing",
        "warm_up_s",
        (Term("the time between two lists of services", lambda _: POLL_S, 2), _GRACE),
        "two lists must have shown how all hosts stand, and other suspicions have had their grace",
        or_zero=True,
    ),
    Rule(
        "timing",
        "evidence_age_s",
        (_WAIT, _GRACE, _DEVICE, _LIST),
        "evidence must still stand when that wait ends in a cut",
    ),
    Rule(
        "timing",
        "progress_s",
        (_WAIT, _option("timing", "off_timeout_s"), Term(_DEVICE.label, _DEVICE.value, 3), _LIST),
        "an incident that has waited so must have time to go on, and a witness its time",
    ),
    Rule(
        "release",
        "quiet_s",
        (_GRACE,),
        "a shorter one is over before any cut",
        or_zero=True,
    ),
    Rule(
        "release",
        "fences_max",
        (_option("release", "flaps_max"),),
        "what may come back by itself must be what may be fenced",
    ),
    Rule(
        "mass",
        "total",
        (_option("mass", "per_domain"),),
        "one domain may look no worse than the fleet",
    ),
    Rule(
        "mass",
        "cool_down_s",
        (_GRACE, Term("the time between two lists of services", lambda _: POLL_S, 2)),
        "who is suspected next, and two lists, must have shown that it is over",
    ),
    Rule(
        "timing",
        "contradiction_s",
        (_option("timing", "life_age_s"),),
        "a sign of life that is not repeated must be able to grow old in it",
    ),
    Rule(
        "timing",
        "backoff_max_s",
        (_option("timing", "backoff_s"),),
        "the longest pause cannot be shorter than the first",
    ),
    Rule(
        "timing",
        "progress_s",
        (
            _option("timing", "off_timeout_s"),
            Term(_DEVICE.label, _DEVICE.value, 2),
            Term("the pauses between force_down_tries force-downs", _pauses),
            _PUT,
            _LIST,
        ),
        "a proof may be taken again and force-down tried to its end in it",
    ),
    Rule(
        "timing",
        "human_proof_max_s",
        (_option("timing", "proof_age_s"),),
        "a human's word cannot be read again",
    ),
    Rule(
        "budget",
        "window_s",
        (
            Term("off_timeout_s", lambda numbers: numbers.timing.off_timeout_s, 2),
            _option("timing", "backoff_max_s"),
        ),
        "a host that is still being fenced must not drop out of the count",
    ),
    Rule(
        "budget",
        "total",
        (_option("budget", "per_domain"),),
        "one domain may take no more than there is",
    ),
    Rule(
        "timing",
        "progress_s",
        (_option("evacuation", "evacuation_timeout_s"), _option("evacuation", "settle_s"), _LIST),
        "an evacuation may take its whole time, and be looked for, in it",
        moves=True,
    ),
    Rule(
        "timing",
        "proof_age_s",
        (
            Term("guard_every_s", lambda numbers: numbers.evacuation.guard_every_s, 3),
            Term(_DEVICE.label, _DEVICE.value),
        ),
        "it is renewed by three reads at that pace while servers are evacuated",
        moves=True,
    ),
    Rule(
        "evacuation",
        "evacuation_timeout_s",
        (_option("evacuation", "settle_s"), _LIST),
        "a lost answer must be cleared up in it",
        moves=True,
    ),
)
"""Every minimum that follows from other numbers."""


def policy(
    timing: Timing, budget: Budget, evacuation: Evacuation, release: Release, mass: Mass
) -> Policy:
    """Return the core's own value."""
    limits = {f"budget_{name}": value for name, value in budget}
    limits |= {f"mass_{name}": value for name, value in mass}
    return Policy(**dict(timing), **limits, **dict(evacuation), **dict(release))


def broken(numbers: Numbers) -> Iterator[tuple[str, str, str]]:
    """Yield section, option and text of every rule that is broken."""
    for rule in RULES:
        text = rule.broken(numbers)
        if text:
            yield rule.section, rule.option, text


def call_s(configs: Iterable[BaseModel], *options: str) -> float:
    """Return the longest time-out of these plug-ins, in seconds: by the first option it has."""
    found = (
        next((getattr(config, name) for name in options if hasattr(config, name)), CALL_S)
        for config in configs
    )
    return max((float(value) for value in found), default=CALL_S)
