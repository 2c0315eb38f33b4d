"""Changes of a configuration that let more be done, or on less proof: they take a human's word.

Whoever can write the file, a tool that pushes it to every machine included, cannot loosen an armed
daemon: such a change is taken while it is disarmed, and arming it again is the confirmation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from doctor_daemon.config import Settings
from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.host import HostPlan, Mode
from doctor_daemon.engine.difference import named, word

_LOOSE_IF_MORE = (
    "budget_per_domain",
    "budget_total",
    "mass_total",
    "mass_ratio",
    "mass_per_domain",
    "mass_domain_ratio",
    "mass_ratio_from",
    "mass_all_from",
    "refences_max",
    "evidence_age_s",
)
_LOOSE_IF_LESS = (
    "grace_s",
    "warm_up_s",
    "off_reads",
    "off_hold_s",
    "budget_window_s",
    "mass_cool_down_s",
)


def dangers(old: Settings, new: Settings) -> Iterator[str]:
    """Yield each change that loosens what is in force; a host that is new is none."""
    for names, sign in ((_LOOSE_IF_MORE, 1), (_LOOSE_IF_LESS, -1)):
        for name in names:
            before, after = getattr(old.policy, name), getattr(new.policy, name)
            if sign * (after - before) > 0:
                yield f"{name}: {word(before)} -> {word(after)}"
    before = {one.name: one.terms.trust for one in old.sources}
    for one in new.sources:
        if one.terms.trust is Trust.ALONE is not before.get(one.name):
            yield f"source {one.name}: trust: {one.terms.trust}"
    looser: dict[str, list[str]] = {}
    for host in old.plans.keys() & new.plans.keys():
        was, will = old.plans[host], new.plans[host]
        was = replace(was, mode=min(was.mode, old.mode))
        will = replace(will, mode=min(will.mode, new.mode))
        for what in _of_host(was, will):
            looser.setdefault(what, []).append(str(host))
    for what, hosts in sorted(looser.items()):
        yield f"{what}: {named(hosts)}"


def _of_host(old: HostPlan, new: HostPlan) -> Iterator[str]:
    if new.mode > old.mode and new.mode >= Mode.FENCE:
        yield f"mode: {word(old.mode)} -> {word(new.mode)}"
    if old.protected and not new.protected:
        yield "protected no more"
    before, after = old.corroboration, new.corroboration
    if after.kinds < before.kinds:
        yield f"kinds of evidence: {before.kinds} -> {after.kinds}"
    if before.never_alone - after.never_alone:
        yield "kinds that were never enough alone may be"
    if _doubts(new) < _doubts(old):
        yield "fewer power devices contradict each other"


def _doubts(plan: HostPlan) -> int:
    """Count what has to agree that the host is off, at its first level, and what may object."""
    first = len(plan.levels[0].devices) if plan.levels else 0
    return first + sum(device.tells_host for level in plan.levels for device in level.devices)
