"""Tell one story, whole or struck at one point, or count the boundaries and points of all.

Without a point the story is told whole, and its boundaries are listed. NUMBER, WHEN and HOW are
those of the id that a failed test has printed.
"""

from __future__ import annotations

import argparse
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


def one(name: str, point: tuple[int, When, How] | None) -> int:
    """Tell one, and say what was wrong; return 1 if anything was."""
    story = STORIES[name]
    how = point[2] if point else How.RESTART if story.alone else How.TAKE_OVER
    shared = is_shared(story, how)
    found = whole(story, shared=shared)
    if point:
        number, when, how = point
        if not 1 <= number <= len(found.crossed):
            sys.stderr.write(f"NUMBER: found {number}; expected 1 to {len(found.crossed)}\n")
            return 2
        struck = Point(number, str(found.crossed[number - 1].crossing), when, how)
        found = told(story, struck, found.ending, shared=shared)
    for number, crossed in enumerate(found.crossed, 1):
        changes = "*" if crossed.crossing.changing else " "
        sys.stdout.write(f"{number:4} {changes} {crossed.who} {crossed.crossing}\n")
    sys.stdout.write(f"{found.words}\n")
    sys.stdout.writelines(f"WRONG {text}\n" for text in found.violations)
    return bool(found.violations)


def main() -> int:
    """Parse the command line, and do as it says."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash_points", description=__doc__)
    parser.add_argument("story", nargs="?", choices=STORIES, help="none: all are counted")
    parser.add_argument("number", nargs="?", type=int, help="a boundary, from 1")
    parser.add_argument(
        "when",
        nargs="?",
        type=When,
        choices=When,
        help="before the call, or once it is done and its answer is lost",
    )
    parser.add_argument("how", nargs="?", type=How, choices=How, help="who goes on, and how")
    words = parser.parse_args()
    if words.story is None:
        return count()
    if words.number is not None and words.how is None:
        parser.error("expected NUMBER, WHEN and HOW together")
    return one(words.story, (words.number, words.when, words.how) if words.how else None)


if __name__ == "__main__":
    quiet()
    sys.exit(main())
