"""Servers of a dead host come to run elsewhere, each once, whatever happens meanwhile.

As in the other scenarios the evidence is a real alert. The checker replays what the hypervisors
wrote down, Nova is asked for its own records, and the proxy tells what the daemon has asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.openstack.alarms import FIELDS, Alarm
from tests.openstack.daemon import Daemon, running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import (
    ACTION,
    active,
    arrivals,
    assert_moved,
    change,
    migrations,
    outcomes,
    posts,
    server_of,
    unproven,
)
from tests.openstack.guests import read_record, stays
from tests.openstack.testbed.processes import wait_for
from tests.openstack.testbed.site import HOSTS
from tests.openstack.timeline import timeline

HOST = "compute-1"
ELSEWHERE = HOSTS[1:]
HELD_POST = 7
# Time in which a request that nobody wants would have come.
QUIET_S = 2.0


def records(daemon: Daemon) -> dict[str, dict[str, str]]:
    """The daemon's own records of the evacuations, by server."""
    return {record["server"]: record for record in daemon.incident(HOST)["evacuations"]}


def test_h_all_twenty_servers_of_a_dead_host_come_to_be_elsewhere(
    estate: Estate, say: Callable[[str], None]
) -> None:
    servers = estate.boot(HOST, 20)
    stopped = servers[:3]
    for server in stopped:
        change(estate, server, "os-stop", "SHUTOFF")
    wanted = active(servers) | dict.fromkeys(stopped, "SHUTOFF")
    with running(estate, evacuation={}) as daemon:
        crash = estate.crash(HOST)
        daemon.await_phase(HOST, "down", 180)
        down = time.monotonic()
        wait_for("every outcome", lambda: len(outcomes(estate.operator.notices())) == 20, 30)
        wait_for("every end of alarm", lambda: len(estate.vnfm.alarms("/ok")) == 20, 30)

    assert_moved(estate, HOST, wanted)
    [off] = [change.mono for change in estate.bmcs[HOST].changes() if change.mono > crash]
    asked = posts(estate)
    assert sorted(map(server_of, asked)) == sorted(servers)
    assert unproven(asked, estate.bmcs[HOST].changes()) == []
    starts = arrivals(estate, HOST)
    there = [stay for stay in stays(read_record(estate.site.guests_record)) if stay.host == HOST]
    assert max(stay.until for stay in there) < off < min(starts.values())
    assert outcomes(estate.operator.notices()) == dict.fromkeys(servers, "moved")
    assert outcomes(estate.owner.notices()) == dict.fromkeys(servers, "moved")
    assert estate.operator.refused == estate.owner.refused == []
    assert all("compute-" not in notice.text for notice in estate.owner.notices())
    assert_alarmed(estate, servers)
    moments = {
        "nova-compute and exporter killed": crash,
        "early notice": estate.operator.await_notice("suspected").mono,
        "the power is off": off,
        "force-down sent to Nova": estate.forced_down()[0].since,
        "first request to evacuate": asked[0].asked.mono,
        "last request to evacuate": asked[-1].asked.mono,
        "first guest starts elsewhere": min(starts.values()),
        "last guest starts elsewhere": max(starts.values()),
        "the daemon has seen all of them moved": down,
    }
    say(timeline("h", crash, moments))


def assert_alarmed(estate: Estate, servers: list[str]) -> None:
    """The VNFM was told of each server once that it failed, and once that it is well again."""
    project = estate.tenant.compute("GET", f"/servers/{servers[0]}")["server"]["tenant_id"]
    failures, ends = estate.vnfm.alarms("/failure"), estate.vnfm.alarms("/ok")
    assert sorted(alarm.server for alarm in failures) == sorted(servers)
    assert sorted(alarm.server for alarm in ends) == sorted(servers)
    assert all(alarm.fires(project, alarm.server) for alarm in failures)
    assert not any(alarm.fires(project, alarm.server) for alarm in ends)
    for alarm in (*failures, *ends):
        assert alarm.body.keys() == FIELDS
        assert alarm.headers["content-type"] == "application/json"
        assert alarm.headers["x-openstack-request-id"].startswith("req-")
        assert alarm.body["severity"] in ("low", "moderate", "critical")
        assert "compute-" not in alarm.text
    assert {states(alarm) for alarm in failures} == {("insufficient data", "alarm")}
    assert {states(alarm) for alarm in ends} == {("alarm", "ok")}
    ids = {alarm.server: alarm.body["alarm_id"] for alarm in failures}
    assert {alarm.server: alarm.body["alarm_id"] for alarm in ends} == ids
    assert len({alarm.event["message_id"] for alarm in (*failures, *ends)}) == 2 * len(servers)


def states(alarm: Alarm) -> tuple[str, str]:
    return alarm.body["previous"], alarm.body["current"]


def test_i_a_daemon_killed_with_its_7th_answer_on_the_way_asks_no_second_time(
    estate: Estate,
) -> None:
    servers = estate.boot(HOST, 9)
    held = estate.proxy.hold("POST", ACTION, HELD_POST, answered=True)
    with running(estate, evacuation={}) as daemon:
        estate.crash(HOST)
        server = held.await_request().path.split("/")[-2]
        assert len(posts(estate)) >= HELD_POST
        assert records(daemon)[server]["stage"] == "posting"
        daemon.kill()
        held.drop()
        daemon.start()
        daemon.await_phase(HOST, "down", 120)
        assert {record["stage"] for record in records(daemon).values()} == {"moved"}
    assert_moved(estate, HOST, active(servers))


def test_i_a_request_that_nova_gets_late_or_never_is_waited_for_and_then_repeated_once(
    estate: Estate,
) -> None:
    servers = estate.boot(HOST, 3)
    late, never = (estate.proxy.hold("POST", ACTION, nth) for nth in (1, 2))
    with running(estate, evacuation={}) as daemon:
        estate.crash(HOST)
        slow, lost = (held.await_request().path.split("/")[-2] for held in (late, never))
        daemon.kill()
        never.drop()
        daemon.start()
        again = time.monotonic()
        time.sleep(3)
        # The request of a daemon that is long dead.
        late.release()
        daemon.await_phase(HOST, "down", 120)
    assert_moved(estate, HOST, active(servers))
    came = [row for row in estate.passed("POST", ACTION) if server_of(row) in (slow, lost)]
    assert sorted(map(server_of, came)) == sorted([slow, lost, lost])
    # Nova was believed to be able to begin with it for the whole time configured.
    [second] = [row.asked.mono for row in came if row.asked.mono > again]
    assert second - again > 8


def test_k_power_that_comes_back_stops_the_requests_until_the_host_is_fenced_again(
    estate: Estate, say: Callable[[str], None]
) -> None:
    servers = estate.boot(HOST, 6)
    bmc = estate.bmcs[HOST]
    for name in ELSEWHERE:
        estate.hosts[name].spawns(spawn_s=4)
    # One after the other, so that some have been sent when the power returns, and some not.
    estate.proxy.slow("POST", ACTION, 2.0)
    with running(estate, evacuation={"posts_per_host": 1}) as daemon:
        crash = estate.crash(HOST)
        wait_for("two requests", lambda: len(posts(estate)) == 2, 60)
        bmc.set_fault("hang")
        bmc.turn("On")
        on = bmc.changes()[-1].mono
        assert not estate.hosts[HOST].processes.pid(HOST)
        wait_for("a second cut", lambda: bmc.cuts(on), 30)
        wait_for("power off", lambda: bmc.power() == "Off", 10)
        off = bmc.changes()[-1].mono
        daemon.await_phase(HOST, "down", 120)
        told = [entry["text"] for entry in daemon.incident(HOST)["timeline"]]
    assert any("ALARM" in text for text in told)
    assert_moved(estate, HOST, active(servers))
    asked = posts(estate)
    after = [row for row in asked if row.asked.mono > off]
    assert len(after) >= 2
    # The power is read each second; a request may have been on its way.
    assert unproven(asked, bmc.changes(), late_s=3.0) == []
    proven = [row.mono for row in bmc.requests() if row.method == "GET" and row.mono > off]
    assert after[0].asked.mono > proven[2]
    moments = {"power on behind the daemon's back": on, "cut again": bmc.cuts(on)[-1].mono}
    moments |= {"off again": off, "first request after that": after[0].asked.mono}
    moments |= {
        f"request {number} to evacuate": row.asked.mono for number, row in enumerate(asked, 1)
    }
    say(timeline("k", crash, moments))
    assert crash < on < off


def test_k_a_source_that_boots_and_cannot_be_cut_is_left_to_a_human(estate: Estate) -> None:
    servers = estate.boot(HOST, 4)
    bmc = estate.bmcs[HOST]
    for name in ELSEWHERE:
        estate.hosts[name].spawns(spawn_s=6)
    estate.proxy.slow("POST", ACTION, 2.0)
    with running(estate, evacuation={"posts_per_host": 1}) as daemon:
        estate.crash(HOST)
        wait_for("two requests", lambda: len(posts(estate)) == 2, 60)
        bmc.set_fault("reject")
        # By its button.
        bmc.set_power("On")
        estate.hosts[HOST].start()
        held = estate.operator.await_notice("held")
        begun = {server_of(row) for row in posts(estate)}
        # Nova-compute ends, as it starts, what has begun; its migration is said to be completed
        # while the server is still rebuilt elsewhere.
        wait_for("clearing up", lambda: clearing(estate, begun), 30)
        time.sleep(QUIET_S)
        assert {server_of(row) for row in posts(estate)} == begun
        bmc.set_fault("none")
        daemon.tell("fence", HOST, "--why", "the BMC is mended")
        daemon.await_phase(HOST, "down", 60)
    assert set(servers) > begun
    assert set(servers) == {server["id"] for server in held.data["servers"]}
    # To a nova-compute that starts, a guest that does not run was stopped by its owner.
    rested = dict.fromkeys(set(servers) - begun, "SHUTOFF")
    assert_moved(estate, HOST, active(servers) | rested)
    assert outcomes(estate.operator.notices()) == dict.fromkeys(servers, "moved")


def clearing(estate: Estate, servers: set[str]) -> bool:
    return any(migrations(estate, server) == ["completed"] for server in servers)
