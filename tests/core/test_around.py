"""Who belongs together, and what can be said of where servers could go."""

from __future__ import annotations

import pytest

from doctor_daemon.core.around import (
    APART,
    TOGETHER,
    Around,
    Room,
    ServerGroup,
    grouped,
    room_words,
)
from doctor_daemon.core.host import Selection, ServerId
from doctor_daemon.core.ranks import told
from doctor_daemon.core.selection import stays
from tests.core.moving import guest

WEB, DB = guest("web", tags={"server:HA_Enabled": "True"}), guest("db")


def group(policy: str, *names: str, name: str = "pair") -> ServerGroup:
    return ServerGroup("g-1", name, policy, frozenset(ServerId(f"id-{one}") for one in names))


def tags(*groups: ServerGroup) -> list[dict[str, str]]:
    return [dict(one.tags) for one in grouped((WEB, DB), Around(groups))]


OWN = dict(WEB.tags)
FOUR = "4 other hosts are enabled and up"


@pytest.mark.parametrize(
    ("found", "web", "db"),
    [
        (group("anti-affinity", "web", "db"), {APART: "g-1"}, {APART: "g-1"}),
        (group("anti-affinity", "db", "far"), {}, {APART: "g-1"}),
        (group("affinity", "web", "db"), {TOGETHER: "pair"}, {TOGETHER: "pair"}),
        (group("affinity", "web"), {TOGETHER: "pair"}, {}),
        (group("affinity", "web", name=""), {TOGETHER: "g-1"}, {}),
        (group("affinity", "web", "far"), {}, {}),
        (group("soft-anti-affinity", "web", "db"), {}, {}),
        (group("soft-affinity", "web", "db"), {}, {}),
        (group("anti-affinity", "far"), {}, {}),
    ],
)
def test_what_a_group_means_for_the_servers_of_a_host(
    found: ServerGroup, web: dict[str, str], db: dict[str, str]
) -> None:
    assert tags(found) == [OWN | web, db]


def test_where_nobody_asked_nothing_is_known() -> None:
    assert list(grouped((WEB, DB), None)) == [WEB, DB]
    assert tags() == [OWN, {}]


def test_trap_19_a_strict_affinity_group_keeps_its_servers_where_they_are() -> None:
    [web, _] = grouped((WEB, DB), Around((group("affinity", "web", "db"),)))
    why = "its group pair (affinity) keeps it on its host, and Nova finds no other one"
    assert stays(web, Selection(shared_storage=True)) == why


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (None, ""),
        (Room(0), "no other host is enabled and up, so Nova has no place for them yet"),
        (Room(1), "1 other host is enabled and up; who has room Nova alone knows"),
        (Room(4), f"{FOUR}; who has room Nova alone knows"),
        (
            Room(4, "az-1", 1),
            f"{FOUR}, 1 of its zone az-1; who has room Nova alone knows",
        ),
    ],
)
def test_how_many_hosts_there_are_is_told_and_no_more(room: Room | None, words: str) -> None:
    assert room_words(room) == words
    plan = "plan: 0 of 0 servers are to be moved"
    assert told((), Around(room=room)) == (f"{plan}; {words}" if words else plan)


def test_the_plan_says_what_could_not_be_found_out() -> None:
    assert told((), Around(ungrouped="Nova answered 403")) == (
        "plan: 0 of 0 servers are to be moved; which servers are kept apart is not known: "
        "Nova answered 403"
    )


def test_where_the_number_of_hosts_is_not_known_the_plan_says_so() -> None:
    text = "plan: 0 of 0 servers are to be moved"
    assert told((), Around(roomless="503")) == (
        f"{text}; how many hosts could be chosen is not known: 503"
    )
