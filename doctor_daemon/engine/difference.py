"""What is different between two configurations, in words that hold no secret.

Of plain numbers and switches the values are told; of devices, which hold addresses and names of
users, only that they are others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields

from doctor_daemon.config import Settings
from doctor_daemon.core.host import HostPlan, Mode

LEFT = (
    "listen",
    "tls",
    "metrics_listen",
    "operators",
    "log",
    "store",
    "cloud",
    "storage",
    "volumes",
    "network",
    "ports",
    "sources",
    "consumers",
    "addresses",
)
"""What takes a restart."""
NAMED_MAX = 5
_TOLD = ("mode", "domain", "protected")
"""Of a host, what is told with its value."""


def differences(old: Settings, new: Settings) -> Iterator[str]:
    """Yield every difference of what is in force at once."""
    if old.mode is not new.mode:
        yield f"mode: {_word(old.mode)} -> {_word(new.mode)}"
    for one in fields(old.policy):
        before, after = getattr(old.policy, one.name), getattr(new.policy, one.name)
        if before != after:
            yield f"{one.name}: {_word(before)} -> {_word(after)}"
    gone, come = old.plans.keys() - new.plans.keys(), new.plans.keys() - old.plans.keys()
    if gone:
        yield f"hosts that are not configured any more: {_names(map(str, gone))}"
    if come:
        yield f"hosts that are new: {_names(map(str, come))}"
    yield from _hosts(old, new)
    if old.aliases != new.aliases:
        yield "aliases of hosts are others"
    if old.own_side != new.own_side:
        yield "own_side is another"


def _hosts(old: Settings, new: Settings) -> Iterator[str]:
    """Yield what has changed of hosts, those that changed alike together."""
    alike: dict[str, list[str]] = {}
    for host in old.plans.keys() & new.plans.keys():
        for what in _changes(old.plans[host], new.plans[host]):
            alike.setdefault(what, []).append(str(host))
    for what, hosts in sorted(alike.items()):
        yield f"{what}: {_names(hosts)}"


def _changes(old: HostPlan, new: HostPlan) -> Iterator[str]:
    for one in fields(old):
        before, after = getattr(old, one.name), getattr(new, one.name)
        if before == after or one.name == "levels":
            continue
        if one.name == "digest":
            yield "power devices changed, proofs of before are void"
        elif one.name in _TOLD:
            yield f"{one.name}: {_word(before)} -> {_word(after)}"
        else:
            yield f"{one.name} is another"


def _word(value: object) -> str:
    if isinstance(value, Mode):
        return value.name.lower()
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _names(names: Iterable[str]) -> str:
    found = sorted(set(names))
    more = f" and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else ""
    return ", ".join(found[:NAMED_MAX]) + more
