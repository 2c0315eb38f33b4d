"""What a drill asks once more before the power is cut, of a cloud and a daemon that move on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from doctor_daemon.cli.drill.clouds import Clouds
from doctor_daemon.cli.drill.course import Course
from doctor_daemon.cli.drill.daemon import Daemon, Json
from doctor_daemon.cli.drill.report import Declined, Report
from doctor_daemon.config.drill import Drill
from doctor_daemon.core.host import HostId, HostPlan, Scope, Selection, Server, ServerId
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.retirement import Transit
from doctor_daemon.core.tries import Outcome
from doctor_daemon.ports import Fleet
from doctor_daemon.ports.canaries import Booting, Seen

HOST = HostId("default", "a")
CANARY = ServerId("11111111-1111-1111-1111-111111111111")
BIRD = Server(CANARY, "doctor-daemon-drill-1", "p", status="ACTIVE", volume=True)
STRANGER = Server(ServerId("22222222-2222-2222-2222-222222222222"), "theirs", "q", status="ACTIVE")
NOW = Instant("boot-1", 1.0, 1.0)
UP = Sighting("s", "up", "enabled", forced_down=False, reason="", updated_s=1.0, asked_at=NOW)


class Site:
    """A daemon and a cloud in one; `comes` happens as the daemon is asked whether it knows."""

    def __init__(self, comes: str) -> None:
        self.comes = comes
        self.there: list[Server] = []
        self.moving: list[Transit] = []
        self.incidents: list[Json] = []
        self.asked = 0
        self.ordered: list[str] = []

    async def status(self) -> Json:
        budget = {"used": 0, "total": 2, "window_s": 900.0}
        return {"armed": {"on": True}, "budget": budget, "ready": True, "incidents": self.incidents}

    async def explain(self) -> Json:
        self.asked += 1
        if self.there and self.comes == "server":
            self.there = [BIRD, STRANGER]
        if self.there and self.comes == "migration":
            self.moving = [Transit(7, "theirs", "live-migration", "running")]
        if self.there and self.comes == "incident":
            self.incidents = [{"host": "default:b", "phase": "fencing", "text": "cutting"}]
        found: Json = {"host": "a", "incident": None, "maintenance": None, "mode": "evacuate"}
        return {**found, "servers": len(self.there)}

    async def order(self, order: str, why: str) -> Json:
        self.ordered.append(f"{order}: {why}")
        return {"id": "one"}

    async def look(self, _: HostId) -> Sighting:
        return UP

    async def fleet(self) -> Fleet:
        return Fleet({"a": UP, "b": UP})

    async def transits(self, _: HostId) -> list[Transit]:
        return self.moving

    async def servers(self, _: HostId) -> Any:  # noqa: ANN401 - as much of a list as is read
        return SimpleNamespace(servers=tuple(self.there))

    async def boot(self, *_: object) -> Booting:
        self.there = [BIRD]
        return Booting(Outcome.ACCEPTED, "202", CANARY)

    async def show(self, _: ServerId) -> Seen:
        return Seen(BIRD, "a")


@pytest.mark.parametrize(
    ("comes", "why"),
    [
        ("server", "a has other servers: theirs"),
        ("migration", "servers are on their way to or from a: live-migration 7 of theirs"),
        ("incident", "an incident of default:b is fencing: a drill is for quiet times"),
    ],
)
async def test_what_comes_while_the_canary_gets_known_ends_it_before_the_order(
    comes: str, why: str
) -> None:
    site, report = Site(comes), Report("a")
    clouds = SimpleNamespace(controller=site, canaries=site, permit=lambda: None)
    course = Course(
        drill=Drill(hosts=("a",), image="i", flavor="f"),
        plan=HostPlan(HOST, selection=Selection(Scope.ALL, shared_storage=True)),
        clouds=cast("Clouds", clouds),
        daemon=cast("Daemon", site),
        report=report,
        why="a test",
    )
    with pytest.raises(Declined, match=why):
        await course.run()
    assert site.asked >= 2
    assert (site.ordered, course.ordered, report.canary.id) == ([], False, CANARY)
