"""One kill, from its plan to its judgement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress

from aiohttp import ClientError

from doctor_daemon.cli.client import Unanswered
from doctor_daemon.lab.witness import Seen
from tests.slice.site import LIMIT_S, LOOK_S, Json
from tests.takeovers.judgement import Outcome, facts, wrong
from tests.takeovers.plan import Plan, call_of
from tests.takeovers.stage import Stage

TEXT_MAX = 4000
AGAIN_S = 3.0
"""How often the monitor repeats itself."""


class Round:
    """A host fails, and the leader is killed when the plan says so."""

    def __init__(self, stage: Stage, plan: Plan, host: str) -> None:
        self._stage, self._plan, self._host = stage, plan, host
        self._first = len(stage.lab.witness.requests)
        self._began_s = time.monotonic()
        self._killed_s = 0.0
        self._takeover_s: float | None = None
        self._down_s: float | None = None
        self._call = ""

    async def play(self) -> Outcome:
        """Play it; whatever goes wrong is in the outcome."""
        found: list[str] = []
        try:
            found += await self._played()
        except* (AssertionError, TimeoutError, Unanswered, OSError, ClientError) as errors:
            found += [str(one)[:TEXT_MAX] or type(one).__name__ for one in errors.exceptions]
        plan = self._plan
        came = (self._takeover_s, self._call, self._down_s)
        return Outcome(plan.seed, plan.moment.value, *came, tuple(found))

    async def _played(self) -> list[str]:
        stage, plan, world = self._stage, self._plan, self._stage.lab.world
        host = world.hosts[self._host]
        servers = frozenset(host.guests)
        await self._kill(servers)
        pid = await self._taken_over()
        killed = stage.follow(pid)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.begin(killed))
            tasks.create_task(self._down())
        await stage.settled()
        stage.lab.faults.clear()
        asked = stage.lab.witness.about(self._host, self._first)
        found = list(wrong(plan, facts(world, host, servers, self._began_s, asked)))
        for one in stage.ones:
            one.place.judge()
        return found

    async def _kill(self, servers: Collection[str]) -> None:
        """Let the host fail, and kill the leader at the moment that was drawn."""
        stage, plan = self._stage, self._plan
        stage.lab.faults.add(*plan.rules(self._host))
        stage.lab.world.fail(self._host, plan.failure)
        await stage.leader.place.monitor.insist(self._host)

        def reached() -> bool:
            asked = stage.lab.witness.about(self._host, self._first)
            return plan.reached(asked, len(servers))

        await stage.until(reached, plan.moment.value)
        await asyncio.sleep(plan.delay_s)
        self._killed_s = time.monotonic()
        await stage.kill()

    async def _taken_over(self) -> int:
        """Wait for the first call of another daemon about the host; return whose it is."""
        await self._stage.until(self._calls, "a call of another leader")
        seen, pid = self._calls()[0]
        self._takeover_s = seen.at_s - self._killed_s
        self._call = f"{call_of(seen)}"
        return pid

    def _calls(self) -> list[tuple[Seen, int]]:
        """Return what living daemons asked of the host's power, or changed, since the kill."""
        witness = self._stage.lab.witness
        asked = witness.asked(self._host, self._first)
        since = [(seen, pid) for seen, pid in asked if seen.at_s >= self._killed_s]
        return [(seen, pid) for seen, pid in since if pid in witness.pids and call_of(seen)]

    async def _down(self) -> None:
        """Wait until the incident has come to its end, while the monitor says again what it saw."""
        incident: Json = {"phase": ""}
        said_s = time.monotonic()  # whoever leads next hears nothing at first
        for _ in range(int(LIMIT_S / LOOK_S)):
            incident = await self._incident()
            if incident["phase"] in ("down", "held"):
                break
            if time.monotonic() - said_s > AGAIN_S:
                await self._stage.leader.place.monitor.insist(self._host)
                said_s = time.monotonic()
            await asyncio.sleep(LOOK_S)
        assert incident["phase"] == "down", f"it is not down: {incident}"
        self._down_s = time.monotonic() - self._killed_s

    async def _incident(self) -> Json:
        """Return how it stands; without a phase where the new leader cannot be asked yet."""
        with suppress(Unanswered):
            return await self._stage.leader.place.incident(self._host) or {"phase": ""}
        return {"phase": ""}
