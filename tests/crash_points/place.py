"""One telling of a story: the daemons that live in it, and who speaks to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

from typing_extensions import override

from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import Conflict, LateError, Permanent, Temporary
from tests.crash_points.daemons import Daemon
from tests.crash_points.line import How, Point
from tests.crash_points.succession import Succession, Word, spoken
from tests.crash_points.waits import LIMIT_S, LOOK_S, Stuck, comes
from tests.crash_points.world import World
from tests.simulation.virtual import EPOCH_S

INSIST_S = 3.0
"""After a start, until a monitor says once more what it has said."""
ANSWER_S = 20.0
"""How long somebody waits for a daemon's answer."""
CALM_S = 30.0
"""After a story, until it is judged."""


class Place(Succession):
    """The world, its daemons, and what is said to them."""

    def __init__(self, world: World, point: Point | None, *, shared: bool) -> None:
        """Begin with nobody accused."""
        super().__init__(world, point, shared=shared)
        self.accused: set[HostId] = set()
        self._said = 0

    @override
    def start(self, era: str = "") -> Daemon:
        daemon = super().start(era)
        if daemon.number > 1:
            self.later(self._insist(daemon))
        return daemon

    # what is said to them

    def evidence(self, host: HostId, verdict: Verdict = Verdict.DOWN) -> Evidence:
        """Make one more piece of evidence, of a source that is trusted alone."""
        self._said += 1
        return Evidence(
            host=host,
            verdict=verdict,
            source="am",
            kind="prometheus",
            trust=Trust.ALONE,
            fingerprint="f",
            key=f"k{self._said}",
            received_at=self.world.clock.now(),
            summary="HostDown",
        )

    async def accuse(self, host: HostId) -> None:
        """Have a monitor say that a host is down, and again to every daemon that begins to lead."""
        self.accused.add(host)
        await self.say(host)

    async def say(self, host: HostId, verdict: Verdict = Verdict.DOWN) -> None:
        """Have a monitor say something once."""

        async def word(engine: Engine) -> None:
            await engine.desk.submit([self.evidence(host, verdict)])

        await self.tell(word)

    async def _insist(self, daemon: Daemon) -> None:
        while not daemon.leads:
            if daemon.dead or daemon.run.done():
                return
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(INSIST_S)
        for host in sorted(self.accused):
            await self.say(host)

    async def tell(self, word: Word, at: int = 0) -> Any:  # noqa: ANN401 - the answer
        """Say something until it is answered: by whoever leads, or by the daemon `at`.

        Raise Permanent where it is refused, unless it may have been heard the first time.
        """
        lost, ends_s = False, asyncio.get_running_loop().time() + LIMIT_S
        while True:
            daemon = self.daemons[at - 1] if at else await self.leader()
            task = daemon.task(spoken(word, daemon.engine))
            await asyncio.wait({task}, timeout=ANSWER_S)
            if task.done() and not task.cancelled():
                match task.exception():
                    case None:
                        return task.result()
                    case Permanent() if lost:
                        return None
                    case Temporary() | LateError() | Conflict() as error:
                        if asyncio.get_running_loop().time() >= ends_s:
                            raise Stuck(f"it is not taken: {error}")
                    case error:
                        assert error is not None
                        raise error
            lost, at = True, 0
            await asyncio.sleep(1.0)

    # how everything stands

    async def phase(self, host: HostId) -> tuple[str, str]:
        """Return the phase that the last incident of a host is saved in, and its last words."""
        found = await self.disk.headings(host, 1) if self.daemons else ()
        return (found[0].phase, found[0].text) if found else ("", "")

    async def is_in(self, host: HostId, phase: Phase) -> bool:
        """Tell whether a host's last incident is saved, and shown, in a phase."""
        shown = [one.engine.desk.cases.get(host) for one in self.daemons if one.leads]
        known = all(case is None or case.incident.phase is phase for case in shown)
        return known and (await self.phase(host))[0] == phase

    async def stands(self, host: HostId, phase: Phase) -> None:
        """Wait until a host's last incident is in a phase. Raise Stuck."""
        await comes(partial(self.is_in, host, phase), f"{host} to be {phase}")

    async def incident(self, host: HostId) -> Incident:
        """Return a host's last incident, as it is saved."""
        found = await self.disk.headings(host, 1)
        incident = await self.disk.find(found[0].id) if found else None
        if incident is None:
            raise Stuck(f"no incident of {host} is saved")
        return incident

    async def words(self) -> AsyncIterator[str]:
        """Yield what the timelines say."""
        for heading in reversed(await self.disk.headings(None, 100)):
            incident = await self.disk.find(heading.id)
            for line in incident.timeline if incident is not None else ():
                at_s = line.at.wall_s - EPOCH_S
                yield f"{heading.host} {at_s:8.2f} {line.phase:12} {line.text}"

    async def play(self, story: Callable[[Place], Awaitable[None]]) -> None:
        """Tell a story, let it become calm, and end every daemon."""
        self.start()
        try:
            await story(self)
            await asyncio.sleep(CALM_S)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told with its point
            told = [
                f"{one.host} {one.phase}: {one.text}" for one in await self.disk.headings(None, 9)
            ]
            self.judge.wrong(f"the story does not go on: {error!r}; {told}")
        self.line.over = True
        await self._woken()
        if self.point is not None and self.point.how is How.LIVES:
            await self._begun_anew()
        for daemon in self.daemons:
            if not daemon.run.done() and not daemon.dead:
                daemon.engine.stop()
                await asyncio.wait({daemon.run}, timeout=ANSWER_S)
                if not daemon.run.done():
                    self.judge.wrong(f"{daemon.name} does not end")
            for bug in daemon.bugs:
                self.judge.wrong(bug)
        if self.point is not None and not self.line.struck:
            self.judge.wrong("the boundary is not reached")

    async def _begun_anew(self) -> None:
        """Start the daemon once more: what it could not save, the next one sees to."""
        daemon = await self.leader()
        daemon.engine.stop()
        await asyncio.wait({daemon.run}, timeout=ANSWER_S)
        await self.succeed(daemon, How.RESTART)
        await self.leader()
        await asyncio.sleep(CALM_S)

    async def _woken(self) -> None:
        """See that a daemon that stood still has ended once it woke, and a last one leads."""
        loop = asyncio.get_running_loop()
        if self.woken_s:
            await asyncio.sleep(max(0.0, self.woken_s - loop.time()) + CALM_S)
        for daemon in self.daemons:
            if daemon.still and daemon.engine.ward.term and not daemon.run.done():
                self.judge.wrong(f"{daemon.name} has woken, and acts as if it led")
        if self.line.struck:
            try:
                await self.leader()
            except Stuck as error:
                self.judge.wrong(f"nobody leads at the end: {error}")
            await asyncio.sleep(CALM_S)
