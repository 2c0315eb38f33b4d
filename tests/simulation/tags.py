"""What is written on servers and hosts, what the operator wants moved, and whether that was kept.

The judge reads the tags by rules of its own, so that a mistake in the daemon's is not repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import Scope, Selection, Server, WayBack
from doctor_daemon.core.incident import Incident

if TYPE_CHECKING:
    from tests.simulation.world import Machine

YES, NO = "True", "False"
SERVICE_PROJECT = "project-of-a-service"


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


def written(server: Server, chance: Random) -> Server:
    """Draw what is written on a server and its flavor, and what its disk is."""
    tags: dict[str, str] = {}
    for key, share, words in (
        ("server:HA_Enabled", 0.2, (YES, YES, NO)),
        ("server:evacuable", 0.1, ("true", "perhaps")),
        ("server:role", 0.05, ("service", "web")),
        ("server:instanceha:restart_priority", 0.4, ("1000", "900", "100", "soon")),
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


def unwanted(
    server: Server, machine: Machine, saved: Incident, posted: Evacuation
) -> Iterator[str]:
    """Yield what is wrong with a request at the moment in which it leaves the daemon."""
    why = forbidden(server, machine.plan.selection, machine.aggregates)
    if why:
        yield f"C13: {server.id} is evacuated although: {why}"
    over = passed_over(saved, posted, machine.plan.selection)
    if over:
        yield f"C8: {server.id} is evacuated before {', '.join(over)}"


def passed_over(saved: Incident, posted: Evacuation, wanted: Selection) -> list[str]:
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
    ]


def _prior(server: Server, groups: Mapping[tuple[str, str], int]) -> int:
    return groups[_group(server)] if _group(server)[1] else _priority(server)


def _group(server: Server) -> tuple[str, str]:
    return server.project, server.tags.get("server:instanceha:restart_group", "")


def _priority(server: Server) -> int:
    text = server.tags.get("server:instanceha:restart_priority", "")
    return int(text) if text.isdigit() else 500
