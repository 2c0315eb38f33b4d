"""What is different between two configurations, in words that hold no secret.

Of plain numbers and switches the values are told; of devices, which hold addresses and names of
users, only that they are others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace

from doctor_daemon.config import Settings, SourceChoice
from doctor_daemon.core.host import HostPlan, Mode

LEFT = (
    "metrics_listen",
    "operators",
    "log",
    "store",
    "cloud",
    "storage",
    "volumes",
    "network",
    "ports",
    "watchdogs",
    "consumers",
)
"""What takes a restart."""
NAMED_MAX = 5
_TOLD = ("mode", "domain", "protected")
"""Of a host, what is told with its value."""


def differences(old: Settings, new: Settings) -> Iterator[str]:
    """Yield every difference of what is in force at once."""
    if old.mode is not new.mode:
        yield f"mode: {word(old.mode)} -> {word(new.mode)}"
    for one in fields(old.policy):
        before, after = getattr(old.policy, one.name), getattr(new.policy, one.name)
        if before != after:
            yield f"{one.name}: {word(before)} -> {word(after)}"
    gone, come = old.plans.keys() - new.plans.keys(), new.plans.keys() - old.plans.keys()
    if gone:
        yield f"hosts that are not configured any more: {named(map(str, gone))}"
    if come:
        yield f"hosts that are new: {named(map(str, come))}"
    yield from _hosts(old, new)
    if old.aliases != new.aliases:
        yield "aliases of hosts are others"
    if old.own_side != new.own_side:
        yield "own_side is another"
    yield from _sources(old, new)


def _sources(old: Settings, new: Settings) -> Iterator[str]:
    """Yield what has changed of who is heard, and where."""
    if old.listen != new.listen:
        yield f"listen: {old.listen} -> {new.listen}"
    if old.tls != new.tls:
        yield "tls is another"
    if old.addresses != new.addresses:
        yield "addresses of hosts are others"
    before, after = _by_name(old), _by_name(new)
    if gone := before.keys() - after.keys():
        yield f"sources that are not configured any more: {named(gone)}"
    if come := after.keys() - before.keys():
        yield f"sources that are new: {named(come)}"
    for name in sorted(before.keys() & after.keys()):
        one, other = before[name], after[name]
        if one.terms.trust is not other.terms.trust:
            yield f"source {name}: trust: {one.terms.trust} -> {other.terms.trust}"
        if replace(one, terms=replace(one.terms, trust=other.terms.trust)) != other:
            yield f"source {name} is another"


def _by_name(settings: Settings) -> dict[str, SourceChoice]:
    return {one.name: one for one in settings.sources}


def _hosts(old: Settings, new: Settings) -> Iterator[str]:
    """Yield what has changed of hosts, those that changed alike together."""
    alike: dict[str, list[str]] = {}
    for host in old.plans.keys() & new.plans.keys():
        for what in _changes(old.plans[host], new.plans[host]):
            alike.setdefault(what, []).append(str(host))
    for what, hosts in sorted(alike.items()):
        yield f"{what}: {named(hosts)}"


def _changes(old: HostPlan, new: HostPlan) -> Iterator[str]:
    for one in fields(old):
        before, after = getattr(old, one.name), getattr(new, one.name)
        if before == after or one.name == "levels":
            continue
        if one.name == "digest":
            yield "power devices changed, proofs of before are void"
        elif one.name in _TOLD:
            yield f"{one.name}: {word(before)} -> {word(after)}"
        else:
            yield f"{one.name} is another"


def word(value: object) -> str:
    """Write a plain value."""
    if isinstance(value, Mode):
        return value.name.lower()
    return f"{value:g}" if isinstance(value, float) else repr(value)


def named(names: Iterable[str]) -> str:
    """Write the first names, and how many more there are."""
    found = sorted(set(names))
    more = f" and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else ""
    return ", ".join(found[:NAMED_MAX]) + more
