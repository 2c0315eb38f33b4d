"""Plays one story from the first line to the judgement.

Whatever ends it, the daemon is ended by its process, the lab is closed and the folder removed: the
blocks that opened them close them.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from doctor_daemon.cli.demo.alerts import Alertmanager, Deaf
from doctor_daemon.cli.demo.daemon import Broken, Daemon
from doctor_daemon.cli.demo.facts import Facts, tally
from doctor_daemon.cli.demo.invariants import broken
from doctor_daemon.cli.demo.scene import Scene
from doctor_daemon.cli.demo.screen import Screen
from doctor_daemon.cli.demo.stage import DEAD, SHORTENED, Size, Stage, staged
from doctor_daemon.cli.demo.stories import Story
from doctor_daemon.cli.demo.timeline import Timeline
from doctor_daemon.lab.world import Failure

Json = dict[str, Any]
PLACE_MAX = 70
SHORT_PLACE = "/tmp"  # noqa: S108 - a folder of our own is made in it
LOOK_S = 0.1
LIMIT_S = 120.0
"""A story that has not ended by then has gone wrong."""
SETTLE_S = 15.0
"""So long may it take, once the incident stands as it should, until everybody has heard."""
CALM_S = 0.5
"""After that, nothing more may happen for so long."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was counted, and what was wrong."""

    counted: Json
    wrong: Sequence[str]


@contextlib.asynccontextmanager
async def prepared(story: Story, size: Size, screen: Screen) -> AsyncIterator[tuple[Stage, Daemon]]:
    """Set everything up, and take everything down at the end. Raise Broken."""
    with tempfile.TemporaryDirectory(prefix="doctor-demo-", dir=_place()) as folder:
        screen.doing(f"making a cloud of {size.hosts} hosts with {size.servers} servers each")
        async with staged(Path(folder), size) as stage:
            daemon = Daemon(stage)
            try:
                screen.doing("starting the daemon: doctor-daemon run")
                await daemon.begin()
                if story.armed:
                    screen.doing("arming it: doctor-daemon arm")
                    await daemon.command("arm", "--why", "the demonstration")
                yield stage, daemon
            finally:
                await daemon.stop()


def _place() -> str:
    """Choose where the folder goes: the path of a socket in it may not be long."""
    found = tempfile.gettempdir()
    return found if len(found) <= PLACE_MAX else SHORT_PLACE


async def played(story: Story, stage: Stage, daemon: Daemon, screen: Screen) -> Judgement:
    """Let the host die, and follow what becomes of it to the end. Raise Broken."""
    stage.lab.faults.add(*story.rules)
    stage.lab.world.fail(DEAD, Failure.HOST)
    alerts = Alertmanager(stage.alerts_url, stage.bearer)
    try:
        detected_s = await alerts.fire(DEAD)
        timeline = Timeline(stage, detected_s)
        scene = Scene(stage, daemon, alerts, timeline)
        opening = f"firing: {DEAD} does not answer; its servers run on and write to their disks"
        timeline.enter(detected_s, "monitor", opening)
        late = await _followed(story, scene, screen)
    except Deaf as error:
        raise Broken(str(error)) from error
    return judged(story, scene.facts, late)


def judged(story: Story, facts: Facts, late: Sequence[str] = ()) -> Judgement:
    """Judge what has happened, by the facts alone."""
    wrong = [*late, *broken(facts), *story.end.wrong(facts)]
    return Judgement({"fault": story.name, **tally(facts, wrong), "wrong": wrong}, wrong)


async def _followed(story: Story, scene: Scene, screen: Screen) -> Sequence[str]:
    """Show what happens until the story is over; say what never came."""
    timeline, late = scene.timeline, []
    script = asyncio.create_task(story.script(scene))
    try:
        async with asyncio.timeout(LIMIT_S):
            await _until_right(story, scene, script, screen)
    except TimeoutError:
        late = [f"after {LIMIT_S:g} s the incident is {timeline.phase or 'not there'}"]
    finally:
        script.cancel()
        await asyncio.wait((script,))
        screen.show(timeline.rest(), timeline.detected_s)
    return late


async def _until_right(
    story: Story, scene: Scene, script: asyncio.Task[None], screen: Screen
) -> None:
    """Follow the story until it stands as it should, or does not for too long."""
    stands_s: float | None = None
    right_s: float | None = None
    while True:
        await _shown(scene, screen)
        if script.done():
            script.result()
        stands = script.done() and scene.timeline.phase == story.end.phase
        stands_s = (stands_s or monotonic()) if stands else None
        right = stands and not story.end.wrong(scene.facts)
        right_s = (right_s or monotonic()) if right else None
        calm = right_s is not None and monotonic() - right_s >= CALM_S
        if calm or (stands_s is not None and monotonic() - stands_s >= SETTLE_S):
            return
        await asyncio.sleep(LOOK_S)


async def _shown(scene: Scene, screen: Screen) -> None:
    """Print what is new, and how it stands."""
    timeline, host = scene.timeline, scene.world.hosts[DEAD]
    screen.show(await timeline.look(), timeline.detected_s)
    power = "on" if host.power else "off"
    phase = timeline.phase or "not heard of yet"
    passed_s = monotonic() - timeline.detected_s
    screen.standing(
        f"{DEAD} is {phase}; power {power}, {len(host.guests)} servers run on it; {passed_s:.1f} s"
    )


def opening(story: Story, screen: Screen) -> None:
    """Say what is going to be seen."""
    screen.say(story.sentence, "bold")
    screen.say(SHORTENED, "dim")
    screen.say()
