"""A host that nobody sees to: fenced, evacuated, switched on again and released, all by policy.

No order is given after the beginning. The daemon has the BMC switch the host on once its servers
have moved, waits until the host's own nova-compute has cleaned up and been heard for as long as
its quarantine takes, and gives it back.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.openstack.daemon import running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import active, assert_moved, migrations
from tests.openstack.proxy import Passed
from tests.openstack.testbed.processes import wait_for
from tests.openstack.timeline import timeline

HOST = "compute-1"
QUARANTINE_S = 30.0
RELEASE = {"watch_s": 20.0, "release_every_s": 2.0, "quarantine_s": QUARANTINE_S}
"""Shorter than an operator would have them, so that the scenario is."""


def powered(estate: Estate, crash: float) -> float | None:
    """When the host had power again after it had been cut; None: it has not yet."""
    changes = [one for one in estate.bmcs[HOST].changes() if one.mono >= crash]
    return next((one.mono for one in changes if one.power == "On"), None)


def puts(estate: Estate, **fields: object) -> list[Passed]:
    """The daemon's requests in this scene that set the host's service so, and nothing else."""
    rows = estate.passed("PUT", f"/os-services/{estate.services[HOST]}")
    return [row for row in rows if row.json == fields]


def test_q_a_host_is_switched_on_and_released_by_policy(
    estate: Estate, say: Callable[[str], None]
) -> None:
    servers = estate.boot(HOST, 2)
    policy = {"release": "automatic", "power_on": True}
    with running(estate, evacuation={}, release=RELEASE, hosts=policy) as daemon:
        crash = estate.crash(HOST)
        wait_for("power again", lambda: powered(estate, crash), 120)
        assert_moved(estate, HOST, active(servers))
        incident = daemon.await_phase(HOST, "resolved", 240)
        recovered = estate.operator.await_notice("recovered")
        orders = daemon.tell("explain", HOST)

    assert {server["id"] for server in recovered.data["servers"]} == set(servers)
    row = estate.service(HOST)
    assert (row["forced_down"], row["status"], row["state"]) == (False, "enabled", "up")
    assert [migrations(estate, server) for server in servers] == [["completed"]] * 2
    [lift], [enabling] = puts(estate, forced_down=False), puts(estate, status="enabled")
    assert (lift.status, enabling.status) == (200, 200)
    said = [entry["text"] for entry in incident["timeline"]]
    assert not [text for text in said if " by root" in text], orders
    on = powered(estate, crash)
    assert on is not None
    assert lift.asked.mono - on > QUARANTINE_S
    [new] = estate.boot(HOST, 1)
    assert estate.host_status(new) == "UP"
    assert estate.hosts[HOST].running_guests() == {new}
    assert estate.violations() == []
    moments = {"its power is on again": on, "the flag is lifted": lift.asked.mono}
    say(timeline("q", crash, {**moments, "it is enabled": enabling.asked.mono}))
