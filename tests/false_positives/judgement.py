"""The judgement of one run: by the cloud's own record of what truly happened, and by nothing else.

A host that lives has its power cut: that is what must never be. The dead one is forced down, with
its power off before, within the bound. And nothing else that the record's judge calls a violation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from doctor_daemon.lab.record import Entry, Kind, violations
from tests.false_positives.plan import Plan

NEVER_S = float("inf")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    seed: int
    fault: str
    way: str
    living_cut: tuple[str, ...]
    fenced_s: float | None
    """From when the bound counts to forced_down; below zero: before that. None: never."""
    bound_s: float
    wrong: tuple[str, ...]
    """Everything that must not be, in words."""

    @property
    def fenced(self) -> bool:
        """Tell whether the dead host was forced down in time."""
        return self.fenced_s is not None and self.fenced_s <= self.bound_s

    def row(self) -> dict[str, object]:
        return asdict(self)


def judged(
    plan: Plan, entries: Sequence[Entry], began_s: float, dead: Mapping[str, float], log: str
) -> Outcome:
    """Judge. `began_s`: the fault's beginning; `dead`: host -> when it died (CLOCK_MONOTONIC)."""
    cut = tuple(_living_cut(entries, dead))
    name = f"compute-{plan.dies}"
    fenced_s = _forced_down_s(entries, name, began_s + plan.from_s)
    wrong = [f"{host} lived, and its power was cut" for host in cut]
    wrong += [f"{found.host}: {found.what}" for found in violations(entries)]
    if fenced_s is None:
        wrong.append(f"{name} is dead, and was never forced down")
    elif fenced_s > plan.bound_s:
        wrong.append(f"{name} was forced down after {fenced_s:.1f} s and not {plan.bound_s:g} s")
    wrong += [
        f"the daemon's log has {text!r}" for text in ("internal error", "Traceback") if text in log
    ]
    outcome = (plan.seed, plan.fault.value, plan.way, cut, fenced_s, plan.bound_s, tuple(wrong))
    return Outcome(*outcome)


def _living_cut(entries: Sequence[Entry], dead: Mapping[str, float]) -> Iterator[str]:
    for entry in entries:
        if entry.kind is Kind.POWER_OFF and entry.at_s < dead.get(entry.host, NEVER_S):
            yield entry.host


def _forced_down_s(entries: Sequence[Entry], host: str, from_s: float) -> float | None:
    """Return when a host was forced down, its power off before."""
    off = False
    for entry in entries:
        if entry.host == host:
            off = off or entry.kind is Kind.POWER_OFF
            if off and entry.kind is Kind.FORCED_DOWN:
                return entry.at_s - from_s
    return None
