"""kill -9 in every phase of one incident, and in each at a boundary that a seed draws.

A boundary is what can be seen from outside: a notice has come, the BMC was asked, Nova was asked
and has not answered, or has answered and nobody has heard it. The daemon is started again each
time, and in the end everything must be as if it had lived. KILL_SEED is the first seed, KILL_RUNS
how many follow one another; what is drawn is printed.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.openstack.daemon import Daemon, running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import ACTION, active, assert_moved, outcomes, posts, unproven
from tests.openstack.proxy import Hold
from tests.openstack.testbed.processes import wait_for

HOST = "compute-1"
SERVERS = 5
SEED = int(os.environ.get("KILL_SEED", "26"))
RUNS = int(os.environ.get("KILL_RUNS", "2"))
# Longer than usual, so that there is a SUSPECTED to be killed in.
GRACE_S = 4.0


@dataclass
class Story:
    """One daemon that dies again and again, and what is told of it."""

    estate: Estate
    daemon: Daemon
    drawn: random.Random
    began: float = 0.0
    told: list[str] = field(default_factory=list)

    def kill(self, phase: str, where: str, later_s: float = 0.0) -> None:
        """In this phase, so long after the boundary that was reached."""
        assert self.daemon.incident(HOST)["phase"] == phase
        time.sleep(later_s)
        self.daemon.kill()
        after_s = time.monotonic() - self.began
        self.told.append(f"    {after_s:7.3f}  {phase}: {where}, {later_s:.2f} s later")

    def kill_while_asked(self, phase: str, held: Hold) -> None:
        """With a request that Nova has answered, or has not got yet and may get now or never."""
        path = held.await_request().path
        if held.answered:
            self.kill(phase, f"the answer to {path} is on its way, and is lost")
            held.drop()
        elif self.drawn.random() < 0.5:
            self.kill(phase, f"{path} is on its way, and arrives")
            held.release()
        else:
            self.kill(phase, f"{path} is on its way, and is lost")
            held.drop()
        self.daemon.start()

    def kill_soon(self, phase: str, where: str, within_s: float) -> None:
        self.kill(phase, where, self.drawn.uniform(0, within_s))
        self.daemon.start()

    def hold(self, method: str, path: str, nth: int = 1) -> Hold:
        answered = self.drawn.random() < 0.5
        return self.estate.proxy.hold(method, path, nth, answered=answered)


@pytest.mark.parametrize("seed", range(SEED, SEED + RUNS))
def test_j_a_daemon_killed_in_every_phase_ends_as_if_it_had_lived(
    estate: Estate, say: Callable[[str], None], seed: int
) -> None:
    servers = estate.boot(HOST, SERVERS)
    with running(estate, evacuation={}, grace_s=GRACE_S) as daemon:
        story = Story(estate, daemon, random.Random(seed))
        put = story.hold("PUT", f"/os-services/{estate.services[HOST]}")
        post = story.hold("POST", ACTION, story.drawn.randint(1, SERVERS))
        story.began = estate.crash(HOST)
        estate.operator.await_notice("suspected")
        story.kill_soon("suspected", "the early notice has come", 1.0)
        wait_for("the cut", lambda: estate.bmcs[HOST].cuts(story.began), 60)
        story.kill_soon("fencing", "the cut was asked for", 1.5)
        story.kill_while_asked("forcing_down", put)
        story.kill_while_asked("evacuating", post)
        daemon.await_phase(HOST, "down", 120)
        story.kill_soon("down", "the end was reached", 1.0)
        daemon.await_phase(HOST, "down")
        wait_for("every outcome", lambda: len(outcomes(estate.owner.notices())) == SERVERS, 30)
    say("\n".join([f"scenario (j), seed {seed}: killed after so many seconds", *story.told]))
    assert_moved(estate, HOST, active(servers))
    assert unproven(posts(estate), estate.bmcs[HOST].changes()) == []
    assert outcomes(estate.operator.notices()) == dict.fromkeys(servers, "moved")
    assert outcomes(estate.owner.notices()) == dict.fromkeys(servers, "moved")
