"""Tells a story, whole or struck at one point, and says what was wrong in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import cache

from tests.crash_points.judge import Ending
from tests.crash_points.line import Crossed, How, Point, points
from tests.crash_points.place import Place
from tests.crash_points.stories import Story
from tests.simulation.standing import StandingLoop
from tests.simulation.virtual import run


@dataclass(frozen=True)
class Told:
    """One telling."""

    crossed: Sequence[Crossed]
    ending: Ending
    violations: Sequence[str]
    words: str
    """The incidents' timelines, for whoever wants to read it."""


def told(
    story: Story, point: Point | None = None, whole: Ending | None = None, *, shared: bool
) -> Told:
    """Tell a story; where it is struck, beside the one that was told whole."""
    made: list[Told] = []

    async def main() -> None:
        place = Place(story.world(), point, shared=shared)
        await place.play(story.tell)
        ending = await place.judge.end(whole)
        lines = [line async for line in place.words()]
        made.append(Told(place.line.crossed, ending, place.judge.violations, "\n".join(lines)))

    Context().run(run, main(), StandingLoop)
    return made[0]


@cache
def whole(story: Story, *, shared: bool) -> Told:
    """Tell a story in which nothing strikes."""
    return told(story, shared=shared)


def is_shared(story: Story, how: How) -> bool:
    """Tell whether a story is told among several daemons when it is struck so."""
    return how.shared or not story.alone


def is_told(story: Story, how: How) -> bool:
    """Tell whether a story is struck so at all."""
    return story.shared if how.shared else story.alone or how is How.LIVES


def points_of(story: Story, how: How) -> list[Point]:
    """Return every point at which a story is to be struck so."""
    crossed = whole(story, shared=is_shared(story, how)).crossed
    found = points(crossed, how)
    return [one for one in found if not story.only or one.name.split(" ")[0] in story.only]


def violations(story: Story, point: Point) -> Sequence[str]:
    """Tell a story, struck at a point; return what was wrong."""
    shared = is_shared(story, point.how)
    return told(story, point, whole(story, shared=shared).ending, shared=shared).violations
