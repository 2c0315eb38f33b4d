"""What is told of a real cloud, and what is seen of it that must not be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.lab.consumer import Verdict
from doctor_daemon.lab.record import Kind, violations
from tests.chaos.plan import LOST, WAYS, Fault, Trouble
from tests.openstack.consumer import Notice
from tests.openstack.evacuations import Move
from tests.openstack.guests import Event, ForcedDown
from tests.openstack.listener import Asked
from tests.openstack.proxy import Passed
from tests.openstack.rack import Change
from tests.openstack_chaos.record import blind, evacuations, flags, guests, powers, receipts
from tests.openstack_chaos.world import faults

ONE, TWO, THREE = "compute-1", "compute-2", "compute-3"
SERVER = "0a8c2f6e-0000-4000-8000-000000000001"
HOMES = {SERVER: ONE}
FIRST = Move(SERVER, ONE, TWO, "done", "2026-11-23T10:00:00", "2026-11-23T10:00:05")
NEXT = Move(SERVER, TWO, THREE, "done", "2026-11-23T10:00:07", "2026-11-23T10:00:09")
AGAIN = replace(NEXT, source=ONE)


def post(forwarded: float, status: int | None = 200) -> Passed:
    asked = Asked(forwarded, "POST", f"/v2.1/servers/{SERVER}/action", {}, b"{}")
    return Passed(0, asked, forwarded, status)


def test_an_evacuation_is_of_the_host_that_the_server_was_on() -> None:
    asked = [post(1.0, 409), post(2.0), post(3.0, 409), post(4.0)]
    found = list(evacuations(asked, [FIRST, NEXT], HOMES))
    assert [(one.at_s, one.host) for one in found] == [(1.0, ONE), (2.0, ONE), (3.0, TWO), (4, TWO)]
    assert {(one.kind, one.server) for one in found} == {(Kind.EVACUATE, SERVER)}


def test_an_evacuation_that_failed_has_moved_nothing() -> None:
    failed = replace(FIRST, status="failed")
    found = evacuations([post(1.0), post(2.0, 409)], [failed], HOMES)
    assert [one.host for one in found] == [ONE, ONE]


@pytest.mark.parametrize(
    ("asked", "moves"),
    [
        ([], []),
        ([post(1.0)], [FIRST]),
        ([post(1.0), post(2.0)], [FIRST, NEXT]),
        ([post(1.0), post(2.0)], [replace(FIRST, status="completed"), NEXT]),
        ([post(1.0), post(2.0)], [replace(FIRST, status="failed"), AGAIN]),
    ],
)
def test_a_server_is_asked_for_again_when_it_is_known_how_it_went(
    asked: list[Passed], moves: list[Move]
) -> None:
    assert list(blind(asked, moves)) == []


@pytest.mark.parametrize(
    ("asked", "moves", "text"),
    [
        ([post(1.0), post(2.0)], [replace(FIRST, status="accepted"), AGAIN], "on its way"),
        ([post(1.0), post(2.0)], [replace(FIRST, status="pre-migrating"), AGAIN], "on its way"),
        ([post(1.0), post(2.0)], [FIRST, AGAIN], "on its way"),
        (
            [post(1.0), post(2.0)],
            [replace(FIRST, status="failed", updated=AGAIN.updated), AGAIN],
            "on its way",
        ),
        ([post(1.0), post(2.0, 409)], [FIRST], "Nova refused that"),
        ([post(1.0), post(2.0, None)], [FIRST], "Nova refused that"),
        ([post(1.0), post(2.0)], [FIRST], "Nova has 1 rows"),
    ],
)
def test_a_server_that_is_asked_for_in_the_blind_is_seen(
    asked: list[Passed], moves: list[Move], text: str
) -> None:
    assert text in "\n".join(blind(asked, moves))


def test_a_guest_on_two_hosts_is_seen() -> None:
    events = [
        Event(1.0, ONE, SERVER, "start", "spawn"),
        Event(3.0, TWO, SERVER, "start", "spawn"),
        Event(4.0, ONE, SERVER, "stop", "power cut"),
    ]
    assert "on 2 hosts at once" in " ".join(one.what for one in violations(list(guests(events))))


@pytest.mark.parametrize(("off_s", "count"), [(1.0, 0), (2.5, 1), (3.5, 2)])
def test_what_is_done_while_a_host_has_power_is_seen(off_s: float, count: int) -> None:
    entries = [
        *powers(ONE, [Change(off_s, "Off")]),
        *flags([ForcedDown(ONE, 2.0)]),
        *evacuations([post(3.0)], [FIRST], HOMES),
    ]
    assert len(violations(sorted(entries, key=lambda one: one.at_s))) == count


def test_consumers_hear_each_notice_once_and_as_it_was() -> None:
    told = [Notice(1.0, "a", {"n": 1}), Notice(2.0, "a", {"n": 1}), Notice(3.0, "a", {"n": 2})]
    found = [one.verdict for one in receipts("operators", told, ["unsigned"])]
    assert found == [Verdict.NEW, Verdict.REPEATED, Verdict.CHANGED, Verdict.REFUSED]


def test_what_befalls_nova_is_what_was_drawn() -> None:
    slow, refused, lost = (
        faults(Trouble(Fault.NOVA, 0, way, from_s=1.0, length_s=5.0, slow_s=0.5))
        for way in WAYS[Fault.NOVA]
    )
    assert [one.pause_s for one in slow] == [0.5]
    assert [one.status for one in refused] == [503]
    assert [one.loses for one in lost] == [LOST, LOST]
