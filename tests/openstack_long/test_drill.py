"""A host of a real cloud is drilled: its power is cut, a canary saved, and all is as before."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from tests.openstack.daemon import PROGRAM, Daemon, running
from tests.openstack.estate import Estate
from tests.openstack.testbed.calls import IMAGE
from tests.openstack.testbed.processes import wait_for

HOST = "compute-2"
LIMIT_S = 300.0
WATCH_S = 12.0
SECTION = {"drill": {"hosts": ["compute-[1-2]"], "image": IMAGE, "flavor": "tiny"}}
RELEASE = {"watch_s": WATCH_S, "release_every_s": 1.0}
STEPS = ["check", "boot", "fence", "move", "power-on", "release", "back", "delete"]


def drill(daemon: Daemon, host: str) -> tuple[int, dict[str, Any], str]:
    """Drill a host; the status, what the last line says, and what was told meanwhile."""
    config = daemon.folder / "doctor-daemon.yaml"
    argv = [str(PROGRAM), "drill", "--config", str(config), "--canary", host, "--yes", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_a_drill_leaves_nothing_behind_but_its_timeline(estate: Estate) -> None:
    """First it is refused, on a host with somebody's server; then the whole, on another host."""
    (theirs,) = estate.boot("compute-1", 1)
    began = time.monotonic()
    with running(estate, evacuation={}, release=RELEASE, more=SECTION) as daemon:
        status, refused, _ = drill(daemon, "compute-1")
        assert (status, refused["verdict"]) == (1, "refused")
        assert theirs in refused["why"]
        assert estate.passed("POST", r"/servers$") == []
        status, told, said = drill(daemon, HOST)
        assert (status, told["verdict"], told["left"]) == (0, "passed", []), said
    assert [step["name"] for step in told["steps"]] == STEPS
    canary = told["canary"]
    assert (canary["from"], canary["left"]) == (HOST, False)
    assert canary["to"] not in ("", HOST)
    assert told["timeline"][-1]["text"] == "back in service: Nova has it up and enabled"
    # Its power was cut once and given back once, and the server of somebody else runs on.
    assert [reset.status for reset in estate.bmcs[HOST].cuts(began)] == [204, 204]
    assert estate.bmcs[HOST].power() == "On"
    row = estate.service(HOST)
    assert (row["state"], row["status"], row["forced_down"]) == ("up", "enabled", False)
    assert [one.status for one in estate.passed("POST", r"/servers$")] == [202]
    deleted = estate.passed("DELETE", f"/servers/{canary['id']}")
    assert [one.status for one in deleted] == [204]
    gone = f"/servers/{canary['id']}"
    assert estate.admin.compute_answer("GET", gone).status == 404
    wait_for("no guest of it", lambda: not _guests(estate, canary["id"]), 60)
    assert _guests(estate, theirs) == ["compute-1"]
    assert estate.violations() == []


def _guests(estate: Estate, server: str) -> list[str]:
    return [name for name, host in estate.hosts.items() if server in host.running_guests()]
