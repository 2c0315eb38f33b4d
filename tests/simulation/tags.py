"""What is written on servers and hosts, what the operator wants moved, and whether that was kept.

The judge reads the tags by rules of its own, so that a mistake in the daemon's is not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.host import HostId, Scope, Selection, Server, ServerId, WayBack
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy

if TYPE_CHECKING:
    from tests.simulation.world import Machine, World

HOLD = "server:doctor-daemon:hold"
YES, NO = "True", "False"
SERVICE_PROJECT = "project-of-a-service"
RACE_S = 12.0
"""How Nova shows a host may have been seen so long ago."""
_DYING = (Phase.SUSPECTED, Phase.FENCING, Phase.FORCING_DOWN)


def selection(chance: Random) -> Selection:
    """Draw what the operator wants of a host: mostly that everything is moved."""
    scope = chance.choice((Scope.ALL,) * 14 + (Scope.TAGGED,) * 4 + (Scope.NONE,))
    return Selection(
        scope=scope,
        shared_storage=chance.random() < 0.9,
        lost_disks=chance.random() < 0.3,
        locked=chance.random() < 0.8,
        ordered=chance.random() < 0.8,
        service_projects=(SERVICE_PROJECT,),
        service_metadata=("role=service",),
        hold_max_s=chance.choice((0.0, 25.0)),
    )


def way_back(chance: Random) -> WayBack:
    """Draw how a host may come back: mostly that somebody orders it."""
    return WayBack(
        automatic=chance.random() < 0.4,
        power_on=chance.random() < 0.3,
        enable=chance.random() < 0.9,
    )


def aggregates(chance: Random) -> tuple[dict[str, str], ...]:
    """Draw what is written on the aggregates of a host."""
    drawn: tuple[dict[str, str], ...] = (
        {"evacuable": "true"},
        {"evacuable": "false"},
        {"rack": "7"},
        {},
    )
    return tuple(dict(chance.choice(drawn)) for _ in range(chance.randint(0, 2)))


def groups(hosts: Sequence[Mapping[ServerId, Server]], chance: Random) -> tuple[ServerGroup, ...]:
    """Draw groups whose members are to be kept apart, or just better apart."""
    made: list[ServerGroup] = []
    free = [id_ for servers in hosts for id_ in servers]
    chance.shuffle(free)
    while len(free) > 3 and chance.random() < 0.7:
        members = frozenset(free.pop() for _ in range(chance.randint(2, 3)))
        policy = chance.choice(("anti-affinity", "anti-affinity", "soft-anti-affinity"))
        made.append(ServerGroup(f"g-{len(made)}", "kept", policy, members))
    return tuple(made)


def without(groups: tuple[ServerGroup, ...], server: ServerId) -> tuple[ServerGroup, ...]:
    """Return the groups without a server that was deleted."""
    return tuple(replace(one, members=one.members - {server}) for one in groups)


def apart(groups: Sequence[ServerGroup], server: ServerId) -> frozenset[ServerId]:
    """Return the other servers that one is to be kept apart from."""
    strict = (one.members for one in groups if one.policy == "anti-affinity")
    found = [members for members in strict if server in members]
    return frozenset().union(*found) - {server}


def beside(
    server: ServerId, groups: Sequence[ServerGroup], open_: Iterable[Incident]
) -> Iterator[str]:
    """Yield what is wrong with a request while another one of its group is on its way."""
    others = apart(groups, server)
    for incident in open_:
        for id_, one in incident.evacuations.items():
            moving = one.stage in (Stage.CHECKING, Stage.UNDER_WAY)
            if incident.phase is Phase.EVACUATING and moving and id_ in others:
                yield f"C14: {server} is evacuated while {id_} of its group is {one.stage}"


class Doomed:
    """The judge of where servers may be sent: not while another host looks dead, too.

    That it does is known to the daemon once it has saved anything on top of it: before that an
    answer may be on its way still, or lost.
    """

    def __init__(self, world: World, policy: Policy) -> None:
        self._world, self._policy = world, policy
        self._known: dict[HostId, tuple[float, Incident]] = {}
        """Since when the daemon knows of such an incident, and what."""

    def committed(
        self, before: Incident | None, after: Incident, asked_s: Callable[[Instant], float]
    ) -> Iterator[str]:
        """Take note of a commit, and yield which host those that it sends away could come to."""
        if before is not None and after.phase in _DYING:
            self._known[after.host] = (self._world.now(), before)
        else:
            self._known.pop(after.host, None)
        old = before.evacuations if before else {}
        new = (one for id_, one in after.evacuations.items() if one != old.get(id_))
        for at in {one.sent_at for one in new if one.stage is Stage.POSTING and one.sent_at}:
            late = at.since(after.phase_at) >= self._policy.progress_s / 3
            for host, (known_s, other) in () if late else self._known.items():
                if known_s < asked_s(at) and self._looks_dead(other, at):
                    yield f"C14: servers of {after.host} are evacuated while {host} looks dead, too"

    def _looks_dead(self, other: Incident, at: Instant) -> bool:
        words = (w for w in other.words.values() if w.verdict is Verdict.DOWN)
        ages = [at.since(word.first) for word in words if word.trust is not Trust.OPEN]
        lately = any(age_s < self._policy.others_wait_s - RACE_S for age_s in ages)
        return lately and self._world.chosen_still(other.host, RACE_S)


def written(server: Server, chance: Random) -> Server:
    """Draw what is written on a server and its flavor, and what its disk is."""
    tags: dict[str, str] = {}
    for key, share, words in (
        ("server:HA_Enabled", 0.2, (YES, YES, NO)),
        ("server:evacuable", 0.1, ("true", "perhaps")),
        ("server:role", 0.05, ("service", "web")),
        ("server:instanceha:restart_priority", 0.4, ("1000", "900", "100", "soon")),
        (HOLD, 0.3, ("10", "20", "900", "soon")),
        ("server:instanceha:restart_group", 0.3, ("db", "web")),
        ("flavor:evacuable", 0.2, ("true", "true", "false")),
        ("flavor:hw:tpm_version", 0.03, ("2.0",)),
    ):
        if chance.random() < share:
            tags[key] = chance.choice(words)
    owner = SERVICE_PROJECT if chance.random() < 0.05 else server.project
    return replace(
        server,
        project=owner,
        locked=chance.random() < 0.1,
        volume=chance.random() < 0.5,
        tags=tags,
    )


def forbidden(server: Server, wanted: Selection, around: Sequence[Mapping[str, str]]) -> str:
    """Say why a server must not have been asked for; empty: it may."""
    tags = server.tags
    own = {"True": True, "False": False}.get(tags.get("server:HA_Enabled", ""))
    if own is None and tags.get("server:evacuable") == "true":
        own = True
    flavor = {"true": True, "false": False}.get(tags.get("flavor:evacuable", ""))
    host = None
    if wanted.scope is Scope.TAGGED:  # elsewhere nobody asks what is written on the host
        host = True if {"evacuable": "true"} in around else None
        host = False if host is None and {"evacuable": "false"} in around else host
    word = next((one for one in (own, flavor, host) if one is not None), None)
    reasons = {
        "nothing is wanted moved": wanted.scope is Scope.NONE,
        "it has a TPM": "flavor:hw:tpm_version" in tags,
        "it is a service's": server.project == SERVICE_PROJECT
        or tags.get("server:role") == "service",
        "it is locked": server.locked and not wanted.locked,
        "its tags say no": word is False,
        "no tag says yes": word is None and wanted.scope is Scope.TAGGED,
        "its disk is lost": not (server.volume or wanted.shared_storage or wanted.lost_disks),
    }
    return ", ".join(why for why, true in reasons.items() if true)


def patience_s(server: Server, wanted: Selection) -> float:
    """Return for how long a server is to wait for its project."""
    text = server.tags.get(HOLD, "")
    return min(float(text), wanted.hold_max_s) if text.isdigit() else 0.0


def hasty(saved: Incident, posted: Evacuation, wanted: Selection, now: Instant) -> Iterator[str]:
    """Yield what is wrong with a first request of a server that was to wait for its project."""
    wait_s = patience_s(posted.server, wanted)
    began = next(e.at for e in saved.timeline if e.phase is Phase.EVACUATING)
    waited_s = now.since(began)
    if posted.attempt <= 1 and waited_s < wait_s:
        yield f"C15: {posted.server.id} is evacuated after {waited_s:.1f} of {wait_s:g} s"


def unwanted(
    server: Server,
    machine: Machine,
    saved: Incident,
    posted: Evacuation,
    groups: Sequence[ServerGroup] = (),
) -> Iterator[str]:
    """Yield what is wrong with a request at the moment in which it leaves the daemon."""
    why = forbidden(server, machine.plan.selection, machine.aggregates)
    if why:
        yield f"C13: {server.id} is evacuated although: {why}"
    early = passed_over(saved, posted, machine.plan.selection)
    over = [id_ for id_ in early if not apart(groups, id_)]  # those wait for one another
    if over:
        yield f"C8: {server.id} is evacuated before {', '.join(over)}"


def passed_over(saved: Incident, posted: Evacuation, wanted: Selection) -> list[ServerId]:
    """Name the servers that go before this one and that nobody has asked for, although known."""
    movers = [one for one in saved.evacuations.values() if one.stage is not Stage.SKIPPED]
    groups: dict[tuple[str, str], int] = {}
    for one in movers:
        group = _group(one.server)
        groups[group] = max(groups.get(group, 0), _priority(one.server))
    mine = _prior(posted.server, groups)
    return [
        one.server.id
        for one in movers
        if wanted.ordered and one.stage in (Stage.WAITING, Stage.POSTING)
        if one.attempt <= 1 and not one.failures and one.since.since(posted.since) <= 0
        if _prior(one.server, groups) > mine
        if not patience_s(one.server, wanted)  # it waits for its project
    ]


def _prior(server: Server, groups: Mapping[tuple[str, str], int]) -> int:
    return groups[_group(server)] if _group(server)[1] else _priority(server)


def _group(server: Server) -> tuple[str, str]:
    return server.project, server.tags.get("server:instanceha:restart_group", "")


def _priority(server: Server) -> int:
    text = server.tags.get("server:instanceha:restart_priority", "")
    return int(text) if text.isdigit() else 500
