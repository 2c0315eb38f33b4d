"""A host in reserve stands in for one that died, by a real Nova, and goes back to the reserve."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.openstack.daemon import Daemon, running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import active, assert_moved, posts
from tests.openstack.proxy import Passed
from tests.openstack.testbed.processes import wait_for
from tests.openstack_long.test_returns_alone import RELEASE

HOST, FULL, SPARE = "compute-1", ("compute-2", "compute-3"), "compute-4"
POLICY = {"release": "automatic", "power_on": True, "reserved_hosts": [SPARE]}


def reserve(daemon: Daemon) -> dict[str, Any]:
    """Return what the daemon says of the host's reserve."""
    found: dict[str, Any] = json.loads(daemon.tell("explain", "--json", HOST))["reserve"] or {}
    return found


def puts(estate: Estate) -> list[Passed]:
    """The daemon's requests in this scene that changed the host in reserve."""
    return estate.passed("PUT", f"/os-services/{estate.services[SPARE]}")


def test_x_a_host_in_reserve_is_enabled_before_servers_are_moved_and_goes_back(
    estate: Estate, say: Callable[[str], None]
) -> None:
    servers = estate.boot(HOST, 2)
    for name in FULL:
        estate.admin.mark(estate.services[name], status="disabled", disabled_reason="full")
    reason = {"status": "disabled", "disabled_reason": "reserved"}
    estate.admin.mark(estate.services[SPARE], **reason)
    with running(estate, evacuation={}, release=RELEASE, hosts=POLICY) as daemon:
        estate.crash(HOST)
        wait_for("a reserve", lambda: reserve(daemon).get("stage") == "lent", 120)
        assert_moved(estate, HOST, active(servers))
        assert estate.service(SPARE)["status"] == "enabled"
        assert set(estate.hosts[SPARE].running_guests()) == set(servers)
        for server in servers:
            estate.admin.compute("DELETE", f"/servers/{server}", expect=204)
        daemon.await_phase(HOST, "resolved", 300)
        wait_for("it to be given back", lambda: reserve(daemon).get("stage") == "done", 60)
        assert reserve(daemon)["story"][-1]["text"] == f"{SPARE} is in reserve again"

    row = estate.service(SPARE)
    assert (row["status"], row["disabled_reason"]) == ("disabled", "reserved")
    enabling, disabling = puts(estate)
    assert (enabling.json, disabling.json) == ({"status": "enabled"}, reason)
    assert (enabling.status, disabling.status) == (200, 200)
    wait_s = posts(estate)[0].asked.mono - enabling.asked.mono
    assert wait_s > 0
    assert estate.violations() == []
    say(f"x: enabled {wait_s:.2f} s before the first request to evacuate")
