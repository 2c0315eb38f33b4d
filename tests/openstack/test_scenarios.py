"""What the daemon promises, seen from outside, on a real cloud.

In each scenario the evidence is a real alert, guests run on until the power is truly cut, and the
checker has the last word: no guest runs on a host that the daemon had Nova force down.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.openstack.consumer import Notice
from tests.openstack.daemon import PROOF_AGE_S, running
from tests.openstack.estate import Estate
from tests.openstack.proxy import Passed
from tests.openstack.testbed.processes import wait_for
from tests.openstack.timeline import timeline

HOST = "compute-1"
OTHER = "compute-2"
FLAGGED = "compute-3"
DISABLED = "compute-4"
# Time in which an unwanted cut or force-down would have come.
QUIET_S = 6.0


def put(estate: Estate, host: str = HOST) -> list[Passed]:
    """The daemon's changes of a host's compute service, in all scenes."""
    return estate.proxy.passed("PUT", f"/os-services/{estate.services[host]}")


def named(notice: Notice) -> set[str]:
    return {server["id"] for server in notice.data["servers"]}


def test_a_an_alert_leads_to_proof_force_down_and_verified_notices(
    estate: Estate, say: Callable[[str], None]
) -> None:
    servers = set(estate.boot(HOST, 2))
    before = len(put(estate))
    with running(estate) as daemon:
        crash = estate.crash(HOST)
        moments = {"nova-compute and exporter killed": crash}
        wait_for("host_status DOWN", lambda: estate.host_status(min(servers)) == "DOWN", 60)
        moments["the owner sees host_status DOWN"] = time.monotonic()
        confirmed = estate.operator.await_notice("confirmed")
        told = estate.owner.await_notice("confirmed")
        incident = daemon.await_phase(HOST, "down")
        measured = daemon.metric("doctor_notice_seconds_count")

    suspected = estate.operator.await_notice("suspected")
    off = estate.bmcs[HOST].changes()[-1]
    [cut] = estate.bmcs[HOST].cuts(crash)
    [forced] = put(estate)[before:]
    moments |= {
        "early notice at the operators' consumer": suspected.mono,
        "ForceOff at the BMC": cut.mono,
        "guests have stopped, and the BMC says Off": off.mono,
        "force-down sent to Nova": forced.asked.mono,
        "confirmed notice at the operators' consumer": confirmed.mono,
        "confirmed notice at the owner's consumer": told.mono,
    }
    say(timeline("a", crash, moments))

    assert crash < suspected.mono < off.mono < forced.asked.mono < confirmed.mono
    assert marks(forced) == (True, "disabled")
    assert incident["id"] in forced.json["disabled_reason"]
    row = estate.service(HOST)
    assert (row["forced_down"], row["status"], row["state"]) == (True, "disabled", "down")
    assert_told(estate, servers)
    # Two consumers, an early and a confirmed notice each.
    assert measured >= 4
    assert estate.violations() == []


def marks(row: Passed) -> tuple[object, object]:
    """What an accepted request has changed of a service."""
    assert row.status == 200
    return row.json["forced_down"], row.json["status"]


def assert_told(estate: Estate, servers: set[str]) -> None:
    """Everybody was told twice, of all servers, and the tenant of no host."""
    suspected, confirmed = estate.operator.notices()
    assert [notice.data["kind"] for notice in (suspected, confirmed)] == ["suspected", "confirmed"]
    assert [notice.data["fenced"] for notice in (suspected, confirmed)] == ["pending", "confirmed"]
    assert {notice.data["host"] for notice in (suspected, confirmed)} == {HOST}
    owned = estate.owner.notices()
    assert [notice.data["kind"] for notice in owned] == ["suspected", "confirmed"]
    for notice in (suspected, confirmed, *owned):
        assert named(notice) == servers
    assert all("compute-" not in notice.text for notice in owned)
    assert estate.operator.refused == estate.owner.refused == []


def test_b_evidence_withdrawn_in_time_leads_to_no_fencing(estate: Estate) -> None:
    servers = set(estate.boot(HOST, 1))
    before, began = len(put(estate)), time.monotonic()
    grace_s = 10.0
    with running(estate, grace_s=grace_s) as daemon:
        estate.hosts[HOST].stop_exporter()
        suspected = estate.operator.await_notice("suspected")
        estate.hosts[HOST].start_exporter()
        withdrawn = estate.operator.await_notice("withdrawn")
        assert named(estate.owner.await_notice("withdrawn")) == servers
        daemon.await_phase(HOST, "dismissed")
        # Until well after the moment at which an unmoved daemon would have cut.
        time.sleep(max(0.0, suspected.mono + grace_s + QUIET_S - time.monotonic()))
    assert named(withdrawn) == servers
    assert withdrawn.data["fenced"] == "no"
    assert estate.bmcs[HOST].cuts(began) == []
    assert put(estate)[before:] == []
    assert estate.hosts[HOST].running_guests() == servers
    assert estate.violations() == []


def test_c_a_bmc_that_refuses_leads_to_held_until_a_human_confirms(estate: Estate) -> None:
    servers = set(estate.boot(HOST, 1))
    before = len(put(estate))
    bmc = estate.bmcs[HOST]
    bmc.set_fault("reject")
    with running(estate) as daemon:
        estate.crash(HOST)
        held = estate.operator.await_notice("held", 90)
        assert named(held) == servers
        time.sleep(QUIET_S)
        assert put(estate)[before:] == []
        assert estate.service(HOST)["forced_down"] is False
        assert estate.hosts[HOST].running_guests() == servers

        # The operator pulls the plug, and then says so.
        bmc.set_fault("none")
        bmc.turn("Off")
        bmc.set_fault("reject")
        words = ("--why", "I pulled both plugs", "--host-again", HOST)
        daemon.tell("confirm-off", HOST, *words)
        estate.operator.await_notice("confirmed")
        incident = daemon.await_phase(HOST, "down")
    assert incident["proof"]["kind"] == "human"
    assert "plugs" in incident["proof"]["why"]
    assert estate.service(HOST)["forced_down"] is True
    assert estate.violations() == []


def test_d_a_host_without_power_is_proven_off_and_forced_down(estate: Estate) -> None:
    estate.boot(HOST, 1)
    with running(estate) as daemon:
        estate.bmcs[HOST].turn("Off")
        lost = time.monotonic()
        estate.operator.await_notice("confirmed")
        incident = daemon.await_phase(HOST, "down")
    # Its own cut all the same: only after that do readings prove anything.
    assert len(estate.bmcs[HOST].cuts(lost)) == 1
    assert incident["proof"]["kind"] == "power"
    assert len(incident["proof"]["devices"][0]["reads"]) >= 3
    assert estate.service(HOST)["forced_down"] is True
    assert estate.violations() == []


@pytest.mark.parametrize("fate", ["dropped", "released"])
def test_e_a_daemon_killed_before_the_force_down_finishes_it_when_it_returns(
    estate: Estate, fate: str
) -> None:
    servers = set(estate.boot(HOST, 1))
    before = len(put(estate))
    held = estate.proxy.hold("PUT", f"/os-services/{estate.services[HOST]}")
    with running(estate) as daemon:
        crash = estate.crash(HOST)
        held.await_request()
        assert daemon.incident(HOST)["proof"]["kind"] == "power"
        assert estate.service(HOST)["forced_down"] is False
        daemon.kill()
        if fate == "released":
            # Nova hears of it, and nobody is left to hear the answer.
            held.release()
        else:
            held.drop()
            time.sleep(PROOF_AGE_S)
        again = time.monotonic()
        daemon.start()
        confirmed = estate.operator.await_notice("confirmed")
        daemon.await_phase(HOST, "down")
    assert named(confirmed) == servers
    assert estate.service(HOST)["forced_down"] is True
    late = [row.asked.mono for row in put(estate)[before:] if row.asked.mono > again]
    for moment in late:
        # Whatever the first daemon had read, the second has read for itself.
        assert len(reads(estate, again, moment)) >= 3
    assert late or fate == "released"
    assert len(estate.bmcs[HOST].cuts(crash)) == 1
    kinds = [notice.data["kind"] for notice in estate.operator.notices(HOST)]
    assert kinds == ["suspected", "confirmed"]
    assert estate.violations() == []


def reads(estate: Estate, since: float, until: float) -> list[float]:
    """When the daemon read the power between two moments."""
    asked = [row for row in estate.bmcs[HOST].requests() if row.method == "GET"]
    return [row.mono for row in asked if since < row.mono < until]


def test_f_what_operators_have_marked_themselves_stays_untouched(estate: Estate) -> None:
    estate.admin.mark(estate.services[FLAGGED], forced_down=True)
    for host, reason in ((DISABLED, "new disks"), (HOST, "noisy fan")):
        service = estate.services[host]
        estate.admin.mark(service, status="disabled", disabled_reason=reason)
    before = {host: len(put(estate, host)) for host in estate.services}
    with running(estate) as daemon:
        crash = estate.crash(HOST)
        held = daemon.await_phase(HOST, "held")["held"]
        assert (held["gate"], "noisy fan" in held["why"]) == ("disabled", True)
        assert estate.bmcs[HOST].cuts(crash) == []
        daemon.tell("fence", HOST, "--why", "it is really dead")
        estate.operator.await_notice("confirmed")
        daemon.await_phase(HOST, "down")
        time.sleep(QUIET_S)
    flagged, disabled, failed = (estate.service(host) for host in (FLAGGED, DISABLED, HOST))
    assert (flagged["forced_down"], flagged["status"]) == (True, "enabled")
    assert (disabled["forced_down"], disabled["status"]) == (False, "disabled")
    assert disabled["disabled_reason"] == "new disks"
    assert (failed["forced_down"], failed["disabled_reason"]) == (True, "noisy fan")
    assert [row.json for row in put(estate)[before[HOST] :]] == [{"forced_down": True}]
    for host in (OTHER, FLAGGED, DISABLED):
        assert put(estate, host)[before[host] :] == []
    assert estate.violations() == []


def test_g_a_device_that_always_says_off_is_found_out_by_the_checker(estate: Estate) -> None:
    """The control run: if nothing were found here, no other scenario would mean anything."""
    servers = set(estate.boot(HOST, 2))
    estate.bmcs[HOST].set_fault("always-off")
    with running(estate):
        estate.crash(HOST)
        estate.operator.await_notice("confirmed")
    assert estate.hosts[HOST].running_guests() == servers
    told = estate.violations()
    assert len(told) == len(servers)
    for server in servers:
        [one] = [text for text in told if server in text]
        assert "while Nova had the host forced down" in one
