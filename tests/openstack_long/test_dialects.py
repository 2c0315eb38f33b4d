"""The same incident against a Nova that offers microversions 2.1 to 2.52, and no more.

It is the real one behind a proxy that lets it offer less. What the daemon sent is read from the
recording proxy between the two.
"""

from __future__ import annotations

import re
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

from tests.openstack.daemon import Daemon, running
from tests.openstack.elderly import aged
from tests.openstack.estate import Estate
from tests.openstack.evacuations import (
    active,
    assert_moved,
    change,
    migrations,
    outcomes,
    posts,
    server_of,
    unproven,
)
from tests.openstack.proxy import Passed
from tests.openstack.testbed.processes import wait_for

HOST = "compute-1"
WHY = ("--why", "a scenario")
RELEASE = {"watch_s": 10.0, "release_every_s": 1.0}
NAMED = {"host": HOST, "binary": "nova-compute"}


def microversion(row: Passed) -> tuple[int, int]:
    """The one that was asked for; none is the lowest."""
    word = row.asked.headers.get("openstack-api-version", "compute 2.1")
    found = re.fullmatch(r"compute (\d+)\.(\d+)", word)
    assert found, word
    return int(found[1]), int(found[2])


def test_h_a_host_dies_and_returns_in_a_cloud_of_before_2_53(estate: Estate) -> None:
    servers = estate.boot(HOST, 6)
    stopped = servers[:2]
    for server in stopped:
        change(estate, server, "os-stop", "SHUTOFF")
    wanted = active(servers) | dict.fromkeys(stopped, "SHUTOFF")
    with (
        closing(aged(estate)) as old,
        running(estate, evacuation={}, release=RELEASE, nova=old.url) as daemon,
    ):
        estate.crash(HOST)
        found = daemon.await_phase(HOST, "down", 180)
        wait_for("every outcome", lambda: len(outcomes(estate.operator.notices())) == 6, 30)
        assert_moved(estate, HOST, wanted)
        row = estate.service(HOST)
        assert (row["forced_down"], row["status"]) == (True, "disabled")
        returned(estate, daemon, servers)
    assert outcomes(estate.owner.notices()) == dict.fromkeys(servers, "moved")
    row = estate.service(HOST)
    assert (row["forced_down"], row["status"], row["state"]) == (False, "enabled", "up")
    assert_asked_by_name(estate, servers, str(found["id"]))
    assert estate.violations() == []


def returned(estate: Estate, daemon: Daemon, servers: list[str]) -> None:
    """Have the host switched on, cleaned up, and released."""
    daemon.tell("power-on", HOST, *WHY)
    wait_for("power", lambda: estate.bmcs[HOST].power() == "On", 30)

    def cleaned() -> bool:
        return all(migrations(estate, server) == ["completed"] for server in servers)

    wait_for("nova-compute to clean up", cleaned, 60)
    daemon.tell("release", HOST, *WHY)
    daemon.await_phase(HOST, "resolved", 120)


def test_below_2_11_no_power_is_cut(estate: Estate) -> None:
    with closing(aged(estate, (2, 10))) as old, running(estate, nova=old.url) as daemon:
        crash = estate.crash(HOST)
        found = daemon.await_phase(HOST, "held", 120)
    assert found["held"]["gate"] == "look"
    assert estate.bmcs[HOST].cuts(crash) == []
    assert estate.passed("PUT", "") == []


def assert_asked_by_name(estate: Estate, servers: list[str], incident: str) -> None:
    """Each thing in a request of its own, and nothing in a microversion that there is not."""
    changes = estate.passed("PUT", "/os-services/")
    words = [one.asked.path.removeprefix("/v2.1/os-services/") for one in changes]
    assert words == ["force-down", "disable-log-reason", "force-down", "enable"]
    flag, why, lift, enabling = [one.json for one in changes]
    assert flag == {**NAMED, "forced_down": True}
    assert why.items() >= NAMED.items()
    assert incident in why["disabled_reason"]
    assert lift == {**NAMED, "forced_down": False}
    assert enabling == NAMED
    asked = posts(estate)
    assert sorted(map(server_of, asked)) == sorted(servers)
    assert [row.json for row in asked] == [{"evacuate": {}}] * len(servers)
    assert {microversion(row) for row in asked} == {(2, 52)}
    assert unproven(asked, estate.bmcs[HOST].changes()) == []
    lists = estate.passed("GET", "/os-migrations")
    queries = [parse_qs(urlsplit(row.asked.path).query) for row in lists]
    assert {key for query in queries for key in query} <= {"migration_type", "source_compute"}
    assert any("source_compute" not in query for query in queries), "one list a round for all"
    assert max(map(microversion, estate.passed("", ""))) == (2, 52)
