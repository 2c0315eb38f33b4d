"""A host in Nova's MAINTENANCE: when there is something to tell, and what is told to whom."""

from __future__ import annotations

import pytest

from doctor_daemon.core.host import Server, ServerId, ServerList
from doctor_daemon.core.incident import IncidentId, NoticeKind, Sighting
from doctor_daemon.core.upkeep import (
    AUTO,
    HEARD_MAX,
    OURS,
    Turn,
    Upkeep,
    begun,
    concerned,
    ended,
    turned,
    upkeep_notices,
)
from tests.core.make import HOST, at

BEGUN = Upkeep(HOST, IncidentId("u-1"), Turn.BEGUN, at(1))
ENDED = Upkeep(HOST, IncidentId("u-1"), Turn.ENDED, at(2))
RED, BLUE = (Server(ServerId(f"vm-{name}"), name, name) for name in ("red", "blue"))
STRAY = Server(ServerId("vm-0"), "of nobody", "")


def service(
    status: str, reason: str = "", *, forced_down: bool = False, state: str = "up"
) -> Sighting:
    return Sighting("s-1", state, status, forced_down, reason, 0.0, at(0))


@pytest.mark.parametrize(
    ("last", "shown", "expected"),
    [
        (None, service("enabled"), None),
        (None, service("disabled", "new memory"), Turn.BEGUN),
        (None, service("disabled"), Turn.BEGUN),
        (BEGUN, service("disabled", "another reason"), None),
        (BEGUN, service("enabled"), Turn.ENDED),
        (ENDED, service("enabled"), None),
        (ENDED, service("disabled"), Turn.BEGUN),
        (None, service("disabled", f"{OURS}i-1: it failed"), None),
        (BEGUN, service("disabled", f"{OURS}i-1: it failed"), None),
        (None, service("disabled", forced_down=True), None),
        (BEGUN, service("enabled", forced_down=True), None),
        (None, service("disabled", "it died", state="down"), None),
        (BEGUN, service("enabled", state="down"), None),
        (None, service("disabled", f"{AUTO} Connection to libvirt lost: 1"), None),
        (BEGUN, service("disabled", f"{AUTO} Connection to libvirt lost: 1"), None),
        (BEGUN, service("enabled", f"{AUTO} and enabled again"), Turn.ENDED),
    ],
)
def test_what_has_changed_is_told_once(
    last: Upkeep | None, shown: Sighting, expected: Turn | None
) -> None:
    assert turned(last, shown) is expected


def test_operators_hear_of_all_and_each_project_of_its_own() -> None:
    servers = ServerList((RED, BLUE, STRAY), 17.0)
    told = list(upkeep_notices(BEGUN, servers, "new memory"))
    assert [(one.project, one.servers) for one in told] == [
        ("", (RED, BLUE, STRAY)),
        ("blue", (BLUE,)),
        ("red", (RED,)),
    ]
    for one in told:
        assert (one.kind, one.outcome, one.fenced) == (NoticeKind.MAINTENANCE, "begun", "no")
        assert (one.incident, one.host, one.servers_wall_s) == ("u-1", HOST, 17.0)
        assert one.text == "somebody has disabled cmp-1 in Nova: new memory"


def test_beginning_and_end_are_two_notices_of_one_maintenance() -> None:
    nobody = ServerList((), 0.0)
    ((begun,), (ended,)) = (list(upkeep_notices(one, nobody, "")) for one in (BEGUN, ENDED))
    assert (begun.text, ended.text) == (
        "somebody has disabled cmp-1 in Nova",
        "somebody has enabled cmp-1 in Nova again",
    )
    assert (begun.incident, begun.wall_s) == (ended.incident, at(1).wall_s)
    assert (begun.entry, ended.entry) == (1, 2)
    assert ended.outcome == "ended"


def test_whoever_was_told_of_the_beginning_is_told_of_the_end() -> None:
    before = begun(HOST, IncidentId("u-2"), at(3), ServerList((RED,), 17.0))
    assert (before.host, before.id, before.turn, before.at) == (HOST, "u-2", Turn.BEGUN, at(3))
    later = ServerList((BLUE,), 21.0)
    assert concerned(before, later) == ServerList((BLUE, RED), 21.0)
    assert concerned(None, later) == later
    after = ended(before, at(4))
    assert (after.id, after.turn, after.at, after.heard) == ("u-2", Turn.ENDED, at(4), ())


def test_no_more_is_remembered_than_can_be_saved() -> None:
    many = (Server(ServerId(f"vm-{n:04}"), "name", "red", "ACTIVE") for n in range(HEARD_MAX + 5))
    heard = begun(HOST, IncidentId("u-2"), at(3), ServerList(tuple(many), 17.0)).heard
    assert heard[-1] == Server(ServerId(f"vm-{HEARD_MAX - 1:04}"), "name", "red")
    assert len(heard) == HEARD_MAX
