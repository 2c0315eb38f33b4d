"""A host in Nova's MAINTENANCE: when there is something to tell, and what is told to whom."""

from __future__ import annotations

import pytest

from doctor_daemon.core.host import Server, ServerId, ServerList
from doctor_daemon.core.incident import IncidentId, NoticeKind, Sighting
from doctor_daemon.core.upkeep import OURS, Turn, Upkeep, turned, upkeep_notices
from tests.core.make import HOST, at

BEGUN = Upkeep(HOST, IncidentId("u-1"), Turn.BEGUN, at(1))
ENDED = Upkeep(HOST, IncidentId("u-1"), Turn.ENDED, at(2))
RED, BLUE = (Server(ServerId(f"vm-{name}"), name, name) for name in ("red", "blue"))
STRAY = Server(ServerId("vm-0"), "of nobody", "")


def service(status: str, reason: str = "", *, forced_down: bool = False) -> Sighting:
    return Sighting("s-1", "up", status, forced_down, reason, 0.0, at(0))


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
    assert begun.entry != ended.entry
    assert ended.outcome == "ended"
