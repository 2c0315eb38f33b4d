"""A host that was forced down comes back: in each of three wrong moments, and in the right one.

One incident, so that each moment begins where the one before has led to, as it does for whoever
repairs a host at night. Servers are evacuated here by hand: the daemon goes only as far as forcing
down, which leaves the test to say when an evacuation begins. Those that are evacuated from a host
that is on are stopped ones: nothing of theirs runs there.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.openstack.daemon import Daemon, running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import active, await_moved, change, migrations
from tests.openstack.proxy import Passed
from tests.openstack.testbed.processes import wait_for
from tests.openstack.testbed.services import Services
from tests.openstack.testbed.site import HOSTS
from tests.openstack.timeline import timeline

HOST = "compute-1"
SLOW_S = 8.0
"""Long enough to ask for power while it lasts."""
SLOWER_S = 24.0
"""Longer than nova-compute takes to start and to report in twice, and than the lift after it."""
WATCH_S = 30.0
QUIET_S = 5.0
"""Time in which a request that nobody wants would have come."""


WHY = ("--why", "a new mainboard")


def evacuate(estate: Estate, server: str) -> None:
    """Do what an operator does by hand."""
    estate.admin.compute("POST", f"/servers/{server}/action", {"evacuate": {}}, version="2.68")


@contextmanager
def slow(estate: Estate, seconds: float) -> Iterator[None]:
    """Let guests take their time to start elsewhere."""
    for name in HOSTS[1:]:
        estate.hosts[name].spawns(spawn_s=seconds)
    try:
        yield
    finally:
        for name in HOSTS[1:]:
            estate.hosts[name].spawns()


def restart_compute(estate: Estate) -> None:
    """Restart nova-compute of the host, and nothing else of it."""
    estate.hosts[HOST].processes.end([HOST], signal.SIGKILL)
    Services(estate.site).start_compute(HOST)


def puts(estate: Estate, **fields: object) -> list[Passed]:
    """The daemon's requests in this scene that set the host's service so, and nothing else."""
    rows = estate.passed("PUT", f"/os-services/{estate.services[HOST]}")
    return [row for row in rows if row.json == fields]


@dataclass
class Story:
    """The return of one host, and when what has happened."""

    estate: Estate
    daemon: Daemon
    moments: dict[str, float] = field(default_factory=dict)

    def note(self, what: str) -> float:
        self.moments[what] = time.monotonic()
        return self.moments[what]

    def await_row(self, server: str, status: str, what: str = "") -> None:
        """Until Nova's only evacuation of a server stands so."""
        name = f"the evacuation of {server} to be {status}"
        wait_for(name, lambda: migrations(self.estate, server) == [status], 60)
        if what:
            self.note(what)

    def await_said(self, words: str) -> None:
        def told() -> bool:
            return any(words in entry["text"] for entry in self.daemon.incident(HOST)["timeline"])

        wait_for(f"the daemon to say: {words}", told, 60)

    def gates(self) -> dict[str, str]:
        """What each gate of the lift says now."""
        found: dict[str, Any] = json.loads(self.daemon.tell("explain", "--json", HOST))
        return dict(found["gates"]["lift"])

    def before_the_evacuations_have_ended(self, *servers: str) -> None:
        bmc = self.estate.bmcs[HOST]
        with slow(self.estate, SLOW_S):
            for server in servers:
                evacuate(self.estate, server)
            asked = len(bmc.cuts())
            self.daemon.tell("power-on", HOST, *WHY)
            self.await_said("not switched on: evacuations")
            assert (len(bmc.cuts()), bmc.power()) == (asked, "Off")
        for server in servers:
            self.await_row(server, "done", "the last evacuation has ended")
        self.daemon.tell("power-on", HOST, *WHY)
        self.await_said("switch on accepted")
        wait_for("power", lambda: bmc.power() == "On", 15)
        for server in servers:
            self.await_row(server, "completed", "nova-compute has cleaned up")

    def before_a_restart(self, server: str) -> None:
        """nova-compute was not restarted after the last that was done."""
        evacuate(self.estate, server)
        self.await_row(server, "done")
        self.daemon.tell("release", HOST, *WHY)
        wait_for("two reports", lambda: self.gates()["restarted"] == "open", 30)
        assert "restart nova-compute there" in self.gates()["cleaned"]
        time.sleep(QUIET_S)
        assert puts(self.estate, forced_down=False) == []

    def in_the_midst_of_another(self, server: str) -> None:
        """It is restarted too early, and the row will turn back to done."""
        with slow(self.estate, SLOWER_S):
            evacuate(self.estate, server)
            self.await_row(server, "pre-migrating")
            restart_compute(self.estate)
            self.await_row(server, "completed", "nova-compute has ended what is under way")
            self.await_said("watching it for")
            lifted = self.note("forced_down is lifted and read back")
            assert migrations(self.estate, server) == ["completed"]
            self.await_row(server, "done", "the row has turned back")
        self.await_said("ALARM: evacuations")
        time.sleep(max(0.0, lifted + WATCH_S + QUIET_S - time.monotonic()))
        assert self.daemon.incident(HOST)["phase"] == "releasing"
        assert puts(self.estate, status="enabled") == []

    def in_the_right_one(self, server: str) -> None:
        restart_compute(self.estate)
        self.await_row(server, "completed", "nova-compute was restarted once more")
        self.daemon.await_phase(HOST, "resolved")
        self.note("the host is back")


def test_p_a_host_comes_back_in_three_wrong_moments_and_then_in_the_right_one(
    estate: Estate, say: Callable[[str], None]
) -> None:
    one, two, three, four = servers = estate.boot(HOST, 4)
    for server in (three, four):
        change(estate, server, "os-stop", "SHUTOFF")
    with running(estate, release={"watch_s": WATCH_S, "release_every_s": 1.0}) as daemon:
        story = Story(estate, daemon)
        crash = estate.crash(HOST)
        daemon.await_phase(HOST, "down")
        story.note("the host is down")
        story.before_the_evacuations_have_ended(one, two)
        story.before_a_restart(three)
        story.in_the_midst_of_another(four)
        assert migrations(estate, three) == ["completed"]
        story.in_the_right_one(four)
        recovered = estate.operator.await_notice("recovered")
        told = estate.owner.await_notice("recovered")

    assert {server["id"] for server in recovered.data["servers"]} == set(servers)
    assert "compute-" not in told.text
    row = estate.service(HOST)
    assert (row["forced_down"], row["status"], row["state"]) == (False, "enabled", "up")
    # Each was asked for once: it was not Nova that had to refuse.
    [lift], [enabling] = puts(estate, forced_down=False), puts(estate, status="enabled")
    assert (lift.status, enabling.status) == (200, 200)
    assert lift.asked.mono > story.moments["nova-compute has ended what is under way"] - 1
    assert enabling.asked.mono > story.moments["nova-compute was restarted once more"] - 1
    await_moved(estate, HOST, {**active([one, two]), three: "SHUTOFF", four: "SHUTOFF"})
    [new] = estate.boot(HOST, 1)
    assert estate.hosts[HOST].running_guests() == {new}
    assert estate.violations() == []
    say(timeline("p", crash, {**story.moments, "it is enabled": enabling.asked.mono}))
