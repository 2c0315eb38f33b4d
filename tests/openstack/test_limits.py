"""Evacuations that cannot be, that others have begun, and one that must never have been.

The last is the control run: what these scenarios rely on is shown to find what it must find.
"""

from __future__ import annotations

import time

from tests.openstack.daemon import running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import (
    active,
    assert_moved,
    change,
    migrations,
    outcomes,
    places,
    posts,
    server_of,
)
from tests.openstack.testbed.processes import wait_for

HOST = "compute-1"
ROOMY = "compute-2"
CLOSED = ("compute-3", "compute-4")
TRIES = 3


def test_l_a_server_for_which_there_is_no_room_waits_for_a_human_and_the_others_do_not(
    estate: Estate,
) -> None:
    for host in CLOSED:
        estate.admin.mark(estate.services[host], status="disabled")
    estate.boot(ROOMY, 1, "huge")
    small = estate.boot(HOST, 3)
    [huge] = estate.boot(HOST, 1, "huge")
    with running(estate, evacuation={"no_host_tries": TRIES}) as daemon:
        estate.crash(HOST)
        held = estate.operator.await_notice("held", 120)
        assert_moved(estate, HOST, active(small))
        assert migrations(estate, huge) == ["error"] * TRIES
        left = places(estate)[huge]
        assert (left.host, left.status) == (HOST, "ERROR")
        wanted = {**dict.fromkeys(small, "moved"), huge: "failed"}
        assert outcomes(estate.operator.notices()) == wanted
        [told] = [n for n in estate.operator.notices() if n.data.get("outcome") == "failed"]
        assert "No valid host was found" in left.fault
        assert left.fault.strip() in told.data["text"]
        assert "1 failed: huge: " in held.data["text"]
        assert "No valid host was found" in held.data["text"]
        assert "huge" in daemon.tell("explain", HOST)

        # An operator makes room, and says so.
        estate.admin.mark(estate.services[CLOSED[0]], status="enabled")
        daemon.tell("fence", HOST, "--why", "there is room again")
        daemon.await_phase(HOST, "down", 120)
        assert outcomes(estate.operator.notices())[huge] == "moved"
    assert migrations(estate, huge) == [*["error"] * TRIES, "done"]
    assert places(estate)[huge].host == CLOSED[0]
    assert [server_of(row) for row in posts(estate)].count(huge) == TRIES + 1
    assert estate.violations() == []


def test_m_what_an_operator_has_begun_is_joined_and_a_paused_server_is_left_alone(
    estate: Estate,
) -> None:
    begun, plain, paused = estate.boot(HOST, 3)
    change(estate, paused, "pause", "PAUSED")
    with running(estate, evacuation={}) as daemon:
        estate.bmcs[HOST].turn("Off")
        estate.admin.mark(estate.services[HOST], forced_down=True)
        begin_slowly(estate, begun, 20)
        daemon.await_phase(HOST, "down", 120)
        why = {r["server"]: r["why"] for r in daemon.incident(HOST)["evacuations"]}
    assert_moved(estate, HOST, active([begun, plain]))
    assert [server_of(row) for row in posts(estate)] == [plain]
    assert places(estate)[paused].host == HOST
    told = outcomes(estate.operator.notices())
    assert told == {begun: "moved", plain: "moved", paused: "skipped"}
    assert told == outcomes(estate.owner.notices())
    assert "paused" in why[paused]


def begin_slowly(estate: Estate, server: str, spawn_s: float) -> None:
    """An evacuation that takes so long, by an operator's hand; later ones are quick again."""
    hosts = [estate.hosts[host] for host in (ROOMY, *CLOSED)]
    for host in hosts:
        host.spawns(spawn_s=spawn_s)
    evacuate(estate, server)
    await_spawning(estate, server)
    for host in hosts:
        host.spawns()


def await_spawning(estate: Estate, server: str) -> None:
    """Until a hypervisor has been asked to start its guest."""

    def spawning() -> bool:
        shown = estate.admin.compute("GET", f"/servers/{server}")["server"]
        return bool(shown["OS-EXT-STS:task_state"] == "rebuild_spawning")

    wait_for("the hypervisor to be asked", spawning, 20)
    # It is, in a moment.
    time.sleep(1)


def evacuate(estate: Estate, server: str, to: str = "") -> None:
    """As an operator does it."""
    body = {"evacuate": {"host": to} if to else {}}
    estate.admin.compute("POST", f"/servers/{server}/action", body, version="2.94")


def test_o_two_evacuations_of_one_server_are_found_out_by_the_checker(estate: Estate) -> None:
    """The control run: if nothing were found here, no other scenario would mean anything."""
    [server] = estate.boot(HOST, 1)
    estate.bmcs[HOST].turn("Off")
    estate.admin.mark(estate.services[HOST], forced_down=True)
    for host in (ROOMY, *CLOSED):
        estate.hosts[host].spawns(spawn_s=6)
    assert estate.violations() == []
    for host in (ROOMY, CLOSED[0]):
        # One after the other, and both under way: at the same step of it both would fail.
        evacuate(estate, server, host)
        await_spawning(estate, server)
    ended = {"done", "failed", "error"}
    wait_for("the end of both", lambda: set(migrations(estate, server)) <= ended, 60)
    told = estate.violations()
    assert told != []
    assert all(server in text for text in told)
