"""A host that is down: the list that corrects what was told, and a flag that somebody clears."""

import pytest

from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Listed, ListServers, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.sightings import Noticed
from tests.core.make import (
    server,
    servers,
    sighting,
)
from tests.core.walk import Walk, Way

AGAIN = "taken up again after a restart"
THERE = {"state": "down", "forced_down": True, "status": "disabled"}
BLUE, OTHER = server("web"), server("db", "green")


def restart(walk: Walk) -> Walk:
    """Let the daemon come back on the same boot, ten seconds later."""
    return walk.wait(10).see(Resumed())


# the flag


def test_c4_a_flag_that_disappears_is_told_once() -> None:
    walk = Walk().to_down().elapse(5)
    lines = len(walk.incident.timeline)
    for _ in range(2):
        walk.elapse(1).see(Noticed(sighting(0, asked_at=walk.now, status="disabled")))
    assert walk.said == (
        "ALARM: forced_down was cleared by somebody else; `doctor-daemon close HOST` ends this"
    )
    walk.elapse(1).see(Noticed(sighting(0, asked_at=walk.now, forced_down=True, status="disabled")))
    assert walk.said == "forced_down was set by somebody else, and is theirs to clear"
    assert len(walk.incident.timeline) == lines + 2
    assert walk.phase is Phase.DOWN


def test_a_look_from_before_the_last_one_says_nothing_new() -> None:
    walk = Walk().to_down()
    before = walk.incident
    assert before.sighting is not None
    earlier = before.sighting.asked_at.plus(-0.25)
    assert walk.see(Noticed(sighting(0, asked_at=earlier))).incident is before
    walk.see(Noticed(sighting(0, asked_at=before.sighting.asked_at)))
    assert walk.incident is not before


@pytest.mark.parametrize("forced_down", [True, False])
def test_c4_after_a_restart_the_flag_is_taken_for_there(*, forced_down: bool) -> None:
    walk = restart(Walk().to_down())
    lines = len(walk.incident.timeline)
    seen = sighting(0, asked_at=walk.now, forced_down=forced_down, status="disabled")
    walk.see(Noticed(seen))
    assert len(walk.incident.timeline) - lines == (0 if forced_down else 1)


@pytest.mark.parametrize("way", [Walk.elapse, Walk.to_fencing, Walk.to_proof, Walk.to_held])
def test_what_is_seen_in_passing_and_is_as_before_says_nothing(way: Way) -> None:
    walk = way(Walk())
    before = walk.incident
    walk.see(Noticed(sighting(999, updated_s=9e9)))
    assert walk.incident is before


# the list


def test_the_list_after_force_down_is_asked_for_once() -> None:
    walk = Walk().to_down()
    assert walk.all(ListServers) == [ListServers(0)]
    walk.list("web")
    assert walk.all(ListServers) == []
    assert walk.said == "Nova lists 1 servers on the host"
    assert walk.told == [NoticeKind.SUSPECTED, NoticeKind.CONFIRMED]


def test_the_list_names_what_was_missing_and_takes_back_what_was_wrong() -> None:
    walk = Walk().to_down()
    walk.see(Listed(0, servers(OTHER, seconds=70)))
    added, wrong = walk.incident.timeline[-2:]
    assert (added.text, added.tell) == ("1 servers were missing from the map", NoticeKind.CONFIRMED)
    assert (wrong.text, wrong.tell) == ("1 servers were wrongly named", NoticeKind.WITHDRAWN)
    assert (added.servers, wrong.servers) == ((OTHER,), (BLUE,))
    assert walk.incident.servers == {OTHER.id: OTHER}
    assert walk.incident.servers_wall_s == servers(seconds=70).asked_wall_s


@pytest.mark.parametrize(
    ("listed", "said"),
    [((), "1 servers were wrongly named"), ((BLUE, OTHER), "1 servers were missing from the map")],
)
def test_nobody_is_told_of_no_servers(listed: tuple[()], said: str) -> None:
    walk = Walk().to_down()
    lines = len(walk.incident.timeline)
    walk.see(Listed(0, servers(*listed)))
    assert walk.said == said
    assert len(walk.incident.timeline) == lines + 2


def test_a_list_is_folded_in_once() -> None:
    walk = Walk().to_down().list("web")
    before = walk.incident
    assert walk.see(Listed(0, servers())).incident is before


def test_c5_a_list_that_fails_is_asked_for_again_later_and_not_for_ever() -> None:
    walk = Walk().to_down()
    for number, pause_s in enumerate((1.0, 2.0, 4.0, 8.0)):
        walk.fail(walk.one(ListServers), "503")
        assert (walk.incident.listings, walk.waits) == (number + 1, [pause_s])
        walk.elapse(pause_s)
    walk.fail(ListServers(2), "late").fail(walk.one(ListServers), "503")
    assert walk.said == "the list of servers could not be checked against Nova: 503"
    assert walk.due == ()
