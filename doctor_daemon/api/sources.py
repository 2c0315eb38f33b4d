"""The sources of evidence that are in force: made, served, run, and changed by a reload.

A reload makes all that is new before anything is changed, so a configuration that cannot be had
leaves everything as it was. Then all is swapped between two awaits. A source that is as it was goes
on with what it remembers and what it has used up; one that is another begins anew, when that of
before has let go of what it holds. The address keeps its socket unless it is another one, and a
connection that has been greeted stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from doctor_daemon.api.encrypted import certificates
from doctor_daemon.api.gates import gate_of
from doctor_daemon.api.listener import Listener
from doctor_daemon.api.served import Source
from doctor_daemon.config import Settings, SourceChoice
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.keeping import again
from doctor_daemon.engine.narrowed import Limited, narrowed
from doctor_daemon.engine.outlook import Outlook
from doctor_daemon.plugins import Faults
from doctor_daemon.ports import Inspector
from doctor_daemon.ports.intake import Becoming

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
Take = Callable[[], None]
LATE_S = 30.0
"""After so long it is told that a source waits for what it was before."""


@dataclass(frozen=True, slots=True)
class Made:
    """A source that was made, and of what."""

    choice: SourceChoice
    source: Source


class Sources:
    """All sources of one daemon, and the address that they are told at."""

    def __init__(self, engine: Engine, settings: Settings, inspectors: Sequence[Inspector]) -> None:
        """Take the inspectors that were made of the settings. Raise ConfigError."""
        self._engine = engine
        self._settings = settings
        self._outlook = Outlook(engine)
        pairs = zip(settings.sources, inspectors, strict=True)
        self._made = {one.name: self._source(one, inspector) for one, inspector in pairs}
        self._show(settings)
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        """Source -> what runs it, after what ran those of its name before and has not ended yet."""
        engine.ward.tools.metrics.before_scrape.append(self._gauges)
        self._rejected = engine.ward.tools.metrics.rejected
        self.listener = Listener(
            [made.source for made in self._made.values()],
            engine.desk,
            engine.ward.tools.clock,
            rejected=lambda source, why: self._rejected.labels(source, why).inc(),
            tls=certificates(settings.tls),
            aside=lambda: engine.desk.aside,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen and look until the block ends. Raise ConfigError without the address."""
        listen = self._settings.listen
        await self.listener.start(listen.host, listen.port)
        try:
            for name in self._made:
                self._begin(name)
            yield
        finally:
            tasks = [task for some in self._tasks.values() for task in some]
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
            await self.listener.close()

    async def prepare(self, new: Settings) -> Take:
        """Make what is new. Return what takes it, all at once. Raise ConfigError."""
        faults, takes = Faults(), list[Take]()
        made = {
            one.name: faults.made(f"sources: {one.name}", self._next, one, takes)
            for one in new.sources
        }
        tls = faults.made("", certificates, new.tls)
        faults.raise_any()
        serve = self.listener.changed([one.source for one in made.values()])
        takes.append(partial(serve, tls))
        if new.listen != self._settings.listen:
            takes.append(await self.listener.bound(new.listen.host, new.listen.port))
        takes.append(partial(self._become, new, made))
        return partial(_all, takes)

    def _next(self, choice: SourceChoice, takes: list[Take]) -> Made:
        """Return the source that there is to be: the one that there is, if it can be."""
        known = self._made.get(choice.name)
        if known is None or not _alike(known.choice, choice):
            return self._source(choice, inspector_of(choice))
        if isinstance(known.source.inspector, Becoming):
            take = known.source.inspector.become(choice.config)
            if take is not None:
                takes.append(take)
                return Made(choice, known.source)
        return known if known.choice == choice else self._source(choice, inspector_of(choice))

    def _source(self, choice: SourceChoice, inspector: Inspector) -> Made:
        desk, tools = self._engine.desk, self._engine.ward.tools
        gate = gate_of(choice, desk.replays, tools)
        return Made(choice, Source(choice.terms, inspector, gate))

    def _become(self, settings: Settings, made: Mapping[str, Made]) -> None:
        """Have other sources run than before."""
        before, self._made, self._settings = self._made, dict(made), settings
        try:
            self._show(settings)
        except Exception:  # a plug-in's: the others have to go on
            self._engine.ward.tools.metrics.bugs.inc()
            log.exception("internal error", what="sources that were told what is around them")
        same = {name for name, one in before.items() if _goes_on(one, made.get(name))}
        for name in before.keys() - same:
            self._tasks[name][-1].cancel()
            self._engine.desk.withdraw(name)
        for name in made.keys() - same:
            self._begin(name)

    def _show(self, settings: Settings) -> None:
        allowed = {one.name: one.terms.hosts for one in settings.sources}
        inspectors = [one.source.inspector for one in self._made.values()]
        self._outlook.show(settings.addresses, inspectors, allowed)

    def _gauges(self) -> None:
        """Say how busy the door is: only when somebody asks."""
        metrics = self._engine.ward.tools.metrics
        metrics.intake_connections.set(self.listener.connections)
        metrics.intake_requests.clear()
        for name, count in self.listener.counts():
            metrics.intake_requests.labels(name).set(count)

    def _begin(self, name: str) -> None:
        before = [task for task in self._tasks.get(name, ()) if not task.done()]
        work = self._run(self._made[name].source, tuple(before))
        self._tasks[name] = [*before, asyncio.create_task(work)]

    async def _run(self, source: Source, before: Collection[asyncio.Task[None]]) -> None:
        """Run a source for good, once those of its name before have ended."""
        name = source.terms.name
        if before:
            _, late = await asyncio.wait(before, timeout=LATE_S)
            if late:
                text = "the source is not heard: it waits for what it was before the reload to end"
                log.warning(text, source=name, waited_s=LATE_S)
                await asyncio.wait(late)
                log.info("the source begins: what it was before has ended", source=name)
        desk = Limited(self._engine.desk, name, lambda: not self._in_force(source))
        work = partial(source.inspector.run, narrowed(desk, source.terms))
        await again(f"source {name}", work, self._engine.ward.tools.metrics)

    def _in_force(self, source: Source) -> bool:
        made = self._made.get(source.terms.name)
        return made is not None and made.source is source


def inspector_of(choice: SourceChoice) -> Inspector:
    """Make a source's inspector. Raise ConfigError."""
    made: Inspector = choice.plugin(choice.config, choice.terms)
    return made


def _alike(one: SourceChoice, other: SourceChoice) -> bool:
    """Tell whether two sources differ by the options of their type at most."""
    rest = ("kind", "plugin", "terms", "auth")
    return all(getattr(one, name) == getattr(other, name) for name in rest)


def _goes_on(before: Made, after: Made | None) -> bool:
    return after is not None and after.source is before.source


def _all(takes: Iterable[Take]) -> None:
    for take in takes:
        take()
