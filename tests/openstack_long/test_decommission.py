"""A host that died is taken out of a real Nova for good, and comes back as another one."""

from __future__ import annotations

import json
import subprocess

from tests.openstack.daemon import PROGRAM, Daemon, running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import active, await_moved, change, migrations
from tests.openstack.testbed.processes import wait_for

HOST = "compute-1"
LIMIT_S = 120.0
WHY = ("--why", "CHG-4719: scrapped")
WORDS = ("decommission", HOST, "--host-again", HOST, "--json", *WHY)


def decommission(daemon: Daemon) -> subprocess.CompletedProcess[str]:
    argv = [str(PROGRAM), "host", "--socket", str(daemon.folder / "socket"), *WORDS]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=LIMIT_S)


def racked(estate: Estate) -> str:
    """An aggregate with the host in it, which nobody but Nova takes out again; its path."""
    compute = estate.admin.compute
    made = compute("POST", "/os-aggregates", {"aggregate": {"name": "rack-7"}})["aggregate"]
    path = f"/os-aggregates/{made['id']}"
    compute("POST", f"{path}/action", {"add_host": {"host": HOST}})
    return path


def test_a_host_is_deleted_only_when_it_is_off_and_empty(estate: Estate) -> None:
    """First with a server on it that stays, and then, with that gone, beside one that has moved."""
    moves, stays = estate.boot(HOST, 2)
    change(estate, stays, "pause", "PAUSED")
    rack = racked(estate)
    with running(estate, evacuation={}) as daemon:
        estate.crash(HOST)
        daemon.await_phase(HOST, "down")
        await_moved(estate, HOST, active([moves]))
        kept = decommission(daemon)
        assert kept.returncode == 1
        assert f"by Nova there are servers on {HOST}: {stays}" in kept.stderr
        estate.admin.compute("DELETE", f"/servers/{stays}", expect=204)
        shown = f"/servers/{stays}"
        wait_for("it to go", lambda: estate.admin.compute_answer("GET", shown).status == 404, 60)
        done = decommission(daemon)
        assert done.returncode == 0, done.stderr
        incident = json.loads(done.stdout)["incident"]
    assert incident["phase"] == "resolved"
    assert "still proven off" in [entry["text"] for entry in incident["timeline"]]
    assert HOST not in estate.admin.compute_services()
    assert estate.admin.compute("GET", rack)["aggregate"]["hosts"] == []
    estate.admin.compute("DELETE", rack)
    deletes = estate.passed("DELETE", f"/os-services/{estate.services[HOST]}")
    assert [row.status for row in deletes] == [204]
    assert migrations(estate, moves) == ["done"]
    assert estate.violations() == []
