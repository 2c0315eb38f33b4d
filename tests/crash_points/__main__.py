"""Tell one story: `python -m tests.crash_points STORY [NUMBER WHEN HOW]`.

Without a point it is told whole, and its boundaries are listed. NUMBER, WHEN and HOW are those of
the id that a failed test has printed.
"""

from __future__ import annotations

import sys

from tests.crash_points.line import How, Point, When
from tests.crash_points.more_stories import STORIES
from tests.crash_points.telling import is_shared, told, whole
from tests.simulation.tally import quiet


def main() -> int:
    """Tell it, and say what was wrong; return 1 if anything was."""
    quiet()
    name, *point = sys.argv[1:]
    story = STORIES[name]
    how = How(point[2]) if point else How.RESTART if story.alone else How.TAKE_OVER
    shared = is_shared(story, how)
    found = whole(story, shared=shared)
    if point:
        number = int(point[0])
        struck = Point(number, str(found.crossed[number - 1].crossing), When(point[1]), how)
        found = told(story, struck, found.ending, shared=shared)
    for number, one in enumerate(found.crossed, 1):
        changes = "*" if one.crossing.changing else " "
        sys.stdout.write(f"{number:4} {changes} {one.who} {one.crossing}\n")
    sys.stdout.write(f"{found.words}\n")
    sys.stdout.writelines(f"WRONG {text}\n" for text in found.violations)
    return bool(found.violations)


if __name__ == "__main__":
    sys.exit(main())
