"""A host with twenty servers of every kind dies: each comes to the end that the documents say.

What a real Nova takes, refuses and does with them decides, and the record of what guests did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.openstack.consumer import Notice
from tests.openstack.daemon import running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import (
    assert_moved,
    change,
    migrations,
    outcomes,
    places,
    posts,
    server_of,
)
from tests.openstack.tags import flavored, write
from tests.openstack.testbed.processes import wait_for

HOST = "compute-1"
MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Kind:
    """Some servers alike: how they are made what they are, and what is to become of them."""

    count: int
    end: str
    """`moved`, or the word for the reason why not."""
    status: str = "ACTIVE"
    tags: tuple[tuple[str, str], ...] = ()
    locked: bool = False
    flavored: bool = False


TAGGED = (("HA_Enabled", "True"),)
KINDS = (
    Kind(2, "untagged"),
    Kind(2, MOVED, tags=TAGGED),
    Kind(1, MOVED, tags=(*TAGGED, ("priority", "1000"))),
    Kind(1, MOVED, tags=(("evacuable", "true"), ("priority", "1"))),
    Kind(1, "tag", tags=(("HA_Enabled", "False"), ("evacuable", "true"))),
    Kind(2, MOVED, tags=TAGGED, locked=True),
    Kind(1, "untagged", locked=True),
    Kind(2, MOVED, "SHUTOFF", TAGGED),
    Kind(1, "untagged", "SHUTOFF"),
    Kind(2, "state", "PAUSED", TAGGED),
    Kind(1, "state", "SUSPENDED", TAGGED),
    Kind(1, "state", "ERROR", TAGGED),
    Kind(1, "state", "ERROR"),
    Kind(1, MOVED, flavored=True),
    Kind(1, MOVED, "SHUTOFF", flavored=True),
)
ACTIONS = {"SHUTOFF": "os-stop", "PAUSED": "pause", "SUSPENDED": "suspend"}


def make(estate: Estate, kind: Kind, servers: list[str]) -> None:
    """Make servers what they are to be."""
    for server in servers:
        if kind.tags:
            write(estate, server, **dict(kind.tags))
        if kind.status in ACTIONS:
            change(estate, server, ACTIONS[kind.status], kind.status)
        elif kind.status == "ERROR":
            reset = {"os-resetState": {"state": "error"}}
            estate.admin.compute("POST", f"/servers/{server}/action", reset, expect=202)
        if kind.locked:
            estate.tenant.compute("POST", f"/servers/{server}/action", {"lock": None}, expect=202)


def twenty(estate: Estate) -> dict[Kind, list[str]]:
    """Boot the servers of each kind."""
    assert sum(kind.count for kind in KINDS) == 20
    plain = [kind for kind in KINDS if not kind.flavored]
    tagged = [kind for kind in KINDS if kind.flavored]
    booted = iter(estate.boot(HOST, sum(kind.count for kind in plain)))
    made = {kind: [next(booted) for _ in range(kind.count)] for kind in plain}
    with flavored(estate, {"evacuable": "true"}) as flavor:
        booted = iter(estate.boot(HOST, sum(kind.count for kind in tagged), flavor))
        made |= {kind: [next(booted) for _ in range(kind.count)] for kind in tagged}
    for kind, servers in made.items():
        make(estate, kind, servers)
    return made


def causes(notices: list[Notice]) -> dict[str, str]:
    """Why each server was not moved, as its owner was told."""
    return {
        server["id"]: str(notice.data["cause"])
        for notice in notices
        if notice.data["kind"] == "outcome" and notice.data["outcome"] != MOVED
        for server in notice.data["servers"]
    }


def test_p_twenty_servers_of_every_kind_come_each_to_its_documented_end(
    estate: Estate, say: Callable[[str], None]
) -> None:
    made = twenty(estate)
    ends = {server: kind for kind, servers in made.items() for server in servers}
    with running(estate, evacuation={}, hosts={"evacuate": "tagged"}) as daemon:
        estate.crash(HOST)
        daemon.await_phase(HOST, "down", 180)
        wait_for("every outcome", lambda: len(outcomes(estate.owner.notices())) == 20, 30)

    moved = {server: kind.status for server, kind in ends.items() if kind.end == MOVED}
    stayed = {server: kind for server, kind in ends.items() if kind.end != MOVED}
    assert_moved(estate, HOST, moved)
    now = places(estate)
    assert {now[server].host for server in stayed} == {HOST}
    assert {server: now[server].status for server in stayed} == {
        server: kind.status for server, kind in stayed.items()
    }
    assert all(migrations(estate, server) == [] for server in stayed)
    order = [server_of(row) for row in posts(estate)]
    assert sorted(order) == sorted(moved)
    (first,), (last,) = made[KINDS[2]], made[KINDS[3]]
    assert (order[0], order[-1]) == (first, last)
    told = {server: "moved" if kind.end == MOVED else "skipped" for server, kind in ends.items()}
    for consumer in (estate.owner, estate.operator):
        assert outcomes(consumer.notices()) == told
        assert causes(consumer.notices()) == {one: kind.end for one, kind in stayed.items()}
    assert all("compute-" not in notice.text for notice in estate.owner.notices())
    assert estate.violations() == []
    say(f"p: {len(moved)} of 20 moved, {len(stayed)} left, each as documented")
