"""What is around a host whose servers are to be moved: who belongs together, and who may take them.

A group with the policy `anti-affinity` keeps its members on different hosts, one with `affinity` on
the same. Nova looks at the first a second time at the destination, where a server that was sent
there beside another of its group fails; and of the second it counts the dead host's members in, so
that it finds no host at all while they are its only ones.
Source: Nova API reference, Server groups.

Whether a host has room only Nova's scheduler knows: how many hosts could be chosen is all that can
be said beforehand, and it is said, and never a reason not to ask.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from doctor_daemon.core.host import Server, ServerId

APART, TOGETHER, UNSURE = "group:apart", "group:together", "group:unsure"
"""Tags of a server: the id of the group that keeps its members apart, and the name of the one that
keeps it on its host; or that may do so, because it is not known where its other members are."""


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """One of Nova's server groups. `policy` is Nova's word: affinity, anti-affinity, soft-..."""

    id: str
    name: str
    policy: str
    members: frozenset[ServerId]
    unplaced: frozenset[ServerId] = frozenset()
    """Members of which it is not known on which host they are."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many other hosts are enabled and up, and how many of them are of the host's zone."""

    hosts: int
    zone: str = ""
    near: int = 0


@dataclass(frozen=True, slots=True)
class Around:
    """What Nova has said of it."""

    groups: tuple[ServerGroup, ...] = ()
    ungrouped: str = ""
    """Why it is not known who belongs together; empty: it is."""
    room: Room | None = None
    """None: not asked for, or not known."""
    roomless: str = ""
    """Why it is not known how many hosts could be chosen; empty: it is, or nobody asked."""


def grouped(servers: Sequence[Server], around: Around | None) -> Sequence[Server]:
    """Return the servers of a host, tagged by what the groups mean for them."""
    groups = around.groups if around else ()
    tags: dict[ServerId, dict[str, str]] = {}
    there = {server.id for server in servers}
    for group in groups:
        tag = _tag(group, there)
        for id_ in group.members & there if tag else ():
            tags.setdefault(id_, {}).update(tag)
    return [
        replace(one, tags={**one.tags, **tags[one.id]}) if one.id in tags else one
        for one in servers
    ]


def _tag(group: ServerGroup, there: Collection[ServerId]) -> dict[str, str]:
    """Say what a group means for its members; one with members elsewhere finds them there."""
    if group.policy == "anti-affinity":
        return {APART: group.id}
    known = group.members - group.unplaced
    if group.policy == "affinity" and known <= set(there):
        unsure = not group.members <= set(there)
        return {UNSURE if unsure else TOGETHER: group.name or group.id}
    return {}


def room_words(room: Room | None) -> str:
    """Say where servers could go; empty: nobody has asked."""
    if room is None:
        return ""
    if not room.hosts:
        return "no other host is enabled and up, so Nova has no place for them yet"
    count = "1 other host is" if room.hosts == 1 else f"{room.hosts} other hosts are"
    near = f", {room.near} of its zone {room.zone}" if room.zone else ""
    return f"{count} enabled and up{near}; who has room Nova alone knows"
