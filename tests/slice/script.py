"""Scenes that share one lab and one daemon: each on hosts of its own, and all played at once.

A scene waits for minutes of a real cloud's slowness in seconds; most of it is waiting all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.rows import Host
from doctor_daemon.lab.world import Failure
from tests.slice.process import daemon
from tests.slice.site import LAB, Json, Site, site

AT_ONCE = 4
"""Stories that are told at a time: each starts processes, on two processors."""


@dataclass(frozen=True, slots=True)
class Act:
    """One scene while it is played: the site, and the hosts that are its own."""

    place: Site
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first host, which most scenes are about."""
        return self.names[0]

    @property
    def host(self) -> Host:
        """What is true of the first host."""
        return self.place.host(self.name)

    @property
    def lab(self) -> Lab:
        return self.place.lab

    def fault(self, service: Service, do: Do, **more: Any) -> None:  # noqa: ANN401 - fields of Rule
        """Have a service go wrong where it is about the first host."""
        self.lab.faults.add(Rule(service=service, do=do, host=self.name, **more))

    def struck(self) -> int:
        """Count the faults that took place on the first host."""
        return sum(applied.host == self.name for applied in self.lab.faults.applied)

    async def fails(self) -> None:
        """Let the first host's nova-compute die, and its monitor notice."""
        self.lab.world.fail(self.name, Failure.COMPUTE)
        await self.place.monitor.insist(self.name)

    async def until(self, phase: str, text: str = "") -> Json:
        """Wait for the first host's incident."""
        return await self.place.until(self.name, phase, text)

    async def told(self, *kinds: str) -> list[Json]:
        """Wait for what the operators' consumer hears of the first host."""
        return await self.place.told("operators", self.name, *kinds)

    def forced_down(self, by: str = "doctor") -> int:
        """Count how often somebody has truly set forced_down on the first host."""
        entries = self.lab.record.entries
        return sum((e.kind, e.host, e.by) == ("forced-down", self.name, by) for e in entries)


Story = Callable[[Path], Awaitable[None]]
Play = Callable[[Act], Awaitable[None]]
Scenes = Mapping[str, asyncio.Task[None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is played, on how many hosts, and what is configured for these."""

    play: Play
    hosts: int
    options: Mapping[str, Any]


@dataclass
class Script:
    """The scenes of one module."""

    lab: LabOptions = LAB
    changes: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Site], None] = lambda _: None
    """What is done to the lab before the daemon starts."""
    scenes: dict[str, Scene] = field(default_factory=dict)

    def scene(self, hosts: int = 1, **options: Any) -> Callable[[Play], Play]:  # noqa: ANN401 - of an entry of `hosts`
        """Enter a scene under its function's name."""

        def entered(play: Play) -> Play:
            self.scenes[getattr(play, "__name__", "")] = Scene(play, hosts, options)
            return play

        return entered

    @asynccontextmanager
    async def played(self, folder: Path) -> AsyncIterator[Scenes]:
        """Play all scenes at once, before one armed daemon; each is a task to be awaited."""
        casts = dict(self._cast())
        entries = {name: self.scenes[title].options for title, c in casts.items() for name in c}
        lab = replace(self.lab, hosts=len(entries))
        async with site(folder, lab, changes=self.changes, hosts=entries) as place:
            self.prepare(place)
            async with daemon(place):
                await place.arm()
                tasks = {
                    title: asyncio.ensure_future(self.scenes[title].play(Act(place, names)))
                    for title, names in casts.items()
                }
                yield tasks
                await asyncio.wait(tasks.values())

    def _cast(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Give each scene its hosts."""
        number = 1
        for title, scene in self.scenes.items():
            yield title, tuple(f"compute-{n}" for n in range(number, number + scene.hosts))
            number += scene.hosts


@dataclass
class Stories:
    """The stories of one module: each has a site and daemons of its own."""

    stories: dict[str, Story] = field(default_factory=dict)

    def story(self, story: Story) -> Story:
        """Enter a story under its function's name."""
        self.stories[getattr(story, "__name__", "")] = story
        return story

    @asynccontextmanager
    async def played(self, folder: Path) -> AsyncIterator[Scenes]:
        """Tell all stories, a few at a time; each is a task to be awaited."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def told(title: str, story: Story) -> None:
            place = folder / title
            place.mkdir()
            async with turns:
                await story(place)

        tasks = {title: asyncio.ensure_future(told(title, s)) for title, s in self.stories.items()}
        yield tasks
        await asyncio.wait(tasks.values())
