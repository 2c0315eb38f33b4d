"""Servers of a host that is down, which are elsewhere: told once, and nobody wrongly named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.moves import GONE
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.sightings import Strayed
from tests.core import make
from tests.core.coming_back import Back
from tests.core.moving import Moving
from tests.core.walk import Walk


def stray(walk: Walk, *where: tuple[str, str]) -> list[str]:
    """Show servers in other places, a second later; return what is said of it."""
    known = len(walk.incident.timeline)
    status = {True: "ACTIVE", False: "DELETED"}
    there = ((replace(make.server(name), status=status[bool(to)]), to) for name, to in where)
    seen = Strayed(tuple(there))
    walk.wait(1).see(seen)
    return [entry.text for entry in walk.incident.timeline[known:]]


def test_servers_that_others_move_or_delete_are_told_once() -> None:
    walk = Walk().to_down().list("web", "db", "app")
    moves = (("web", "cmp-7"), ("db", ""), ("stranger", "cmp-7"))
    assert stray(walk, *moves) == [
        "somebody else has moved web to cmp-7",
        "somebody else has deleted db",
    ]
    assert stray(walk, *moves) == []
    assert stray(walk, ("web", "cmp-8")) == ["somebody else has moved web to cmp-8"]


def test_who_owns_what_others_have_moved_is_to_hear_that_the_host_is_back() -> None:
    walk = Walk().to_down().list("web", "db")
    there = walk.incident.servers
    assert stray(walk, ("web", "cmp-7"), ("db", ""))
    assert walk.incident.servers == there


def test_servers_that_we_have_moved_are_no_news() -> None:
    walk = Moving("web", "db").to_posted()
    gone = {one.server: id_ for id_, one in walk.rows.items()}["id-db"]
    walk.turns(3 - gone, "done").turns(gone, "failed").leaves("db").elapse(2).follow()
    walk.elapse(15).inspect()
    assert walk.phase is Phase.DOWN
    assert walk.record("db").why == GONE
    assert stray(walk, ("web", "cmp-9"), ("db", "")) == []


@pytest.mark.parametrize(
    "way",
    [
        lambda: Walk().look(),
        lambda: Walk().to_down(),
        lambda: Moving().to_inspected(),
        lambda: Back().to_watching(),
    ],
    ids=["suspected", "not listed yet", "evacuating", "lifted"],
)
def test_where_others_tell_or_nobody_needs_to_it_is_not_told(way: Callable[[], Walk]) -> None:
    walk = way()
    before = walk.incident
    assert stray(walk, ("web", "cmp-7")) == []
    assert walk.incident is before


@pytest.mark.parametrize(("stage", "status"), [(Stage.FAILED, "error"), (Stage.UNKNOWN, "done")])
def test_where_an_evacuation_of_ours_may_have_ended_late_nobody_else_is_named(
    stage: Stage, status: str
) -> None:
    walk = Moving("web").to_posted()
    record = replace(walk.record(), stage=stage, why=status)
    walk.incident = replace(walk.incident, evacuations={record.server.id: record})
    walk.elapse(1)
    assert walk.phase is Phase.HELD
    assert stray(walk, ("web", "cmp-7")) == [
        "web is on cmp-7: by its evacuation, which has ended late, or by others"
    ]


@pytest.mark.parametrize(
    ("status", "what"), [("SHELVED_OFFLOADED", " (SHELVED_OFFLOADED)"), ("", "")]
)
def test_a_server_that_is_on_no_host_any_more_may_be_shelved(status: str, what: str) -> None:
    walk = Walk().to_down().list("web")
    gone = replace(make.server("web"), name="", status=status)
    walk.see(Strayed(((gone, ""),)))
    text = f"web is on no host any more{what}: somebody else has deleted or shelved it"
    assert walk.said == text
