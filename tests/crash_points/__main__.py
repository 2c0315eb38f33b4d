"""Tell one story: `python -m tests.crash_points STORY [NUMBER WHEN HOW]`, or count them all.

Without a point it is told whole, and its boundaries are listed. NUMBER, WHEN and HOW are those of
the id that a failed test has printed. Without a story it is said how many boundaries each has, and
at how many points they are struck.
"""

from __future__ import annotations

import sys

from tests.crash_points.line import How, Point, When
from tests.crash_points.more_stories import STORIES
from tests.crash_points.telling import is_shared, is_told, points_of, told, whole
from tests.simulation.tally import quiet


def count() -> int:
    """Say how many boundaries and points there are."""
    boundaries = points = 0
    for name, story in STORIES.items():
        shares = [False] * story.alone + [True] * story.shared
        crossed = [len(whole(story, shared=shared).crossed) for shared in shares]
        struck = {how.value: len(points_of(story, how)) for how in How if is_told(story, how)}
        boundaries, points = boundaries + sum(crossed), points + sum(struck.values())
        sys.stdout.write(f"{name:10} boundaries {crossed}, points {struck}\n")
    sys.stdout.write(f"{boundaries} boundaries, {points} points\n")
    return 0


def one(name: str, point: list[str]) -> int:
    """Tell one, and say what was wrong; return 1 if anything was."""
    story = STORIES[name]
    how = How(point[2]) if point else How.RESTART if story.alone else How.TAKE_OVER
    shared = is_shared(story, how)
    found = whole(story, shared=shared)
    if point:
        number = int(point[0])
        struck = Point(number, str(found.crossed[number - 1].crossing), When(point[1]), how)
        found = told(story, struck, found.ending, shared=shared)
    for number, crossed in enumerate(found.crossed, 1):
        changes = "*" if crossed.crossing.changing else " "
        sys.stdout.write(f"{number:4} {changes} {crossed.who} {crossed.crossing}\n")
    sys.stdout.write(f"{found.words}\n")
    sys.stdout.writelines(f"WRONG {text}\n" for text in found.violations)
    return bool(found.violations)


if __name__ == "__main__":
    quiet()
    sys.exit(one(sys.argv[1], sys.argv[2:]) if sys.argv[1:] else count())
