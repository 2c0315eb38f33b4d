"""Every boundary of every story, struck in every way: nothing is lost, done twice or unproven.

The story of a host's failure is struck at every boundary in each run, and of each other story some
are drawn by a seed, CRASH_SEED; CRASH_POINTS=all strikes at every one. What fails is printed as
`STORY NUMBER BOUNDARY/WHEN/HOW`; `python -m tests.crash_points STORY NUMBER WHEN HOW` tells that
one alone.
"""

from __future__ import annotations

import os
import random
from itertools import pairwise

import pytest

from tests.crash_points.line import How, Point, When
from tests.crash_points.more_stories import STORIES
from tests.crash_points.telling import is_told, points_of, violations, whole
from tests.simulation.tally import quiet

CASES = [(name, how) for name, story in STORIES.items() for how in How if is_told(story, how)]
SEED = int(os.environ.get("CRASH_SEED", "1"))
POINTS = os.environ.get("CRASH_POINTS", "6")
"""How many are drawn of each story and each way to be struck, or `all`."""
MAIN = "failure"
LEAST = {"hour": 1}
"""The fewest boundaries of a story that must have been struck, where it is not the usual."""


@pytest.fixture(autouse=True)
def _silent() -> None:
    quiet()


def drawn(name: str, every: list[Point]) -> list[Point]:
    """Return the points that are struck in this run."""
    if name == MAIN or POINTS == "all":
        return every
    return random.Random(SEED).sample(every, min(int(POINTS), len(every)))


@pytest.mark.parametrize("name", STORIES)
def test_a_story_in_which_nothing_strikes_ends_as_it_should(name: str) -> None:
    story = STORIES[name]
    for shared in [False] * story.alone + [True] * story.shared:
        found = whole(story, shared=shared)
        assert found.violations == [], found.words


@pytest.mark.parametrize(("name", "how"), CASES, ids=str)
def test_a_daemon_may_be_struck_at_any_boundary(name: str, how: How) -> None:
    story = STORIES[name]
    every = points_of(story, how)
    assert len(every) >= LEAST.get(name, 5)
    found = ((point, violations(story, point)) for point in drawn(name, every))
    wrong = [f"{name} {point}: {'; '.join(texts)}" for point, texts in found if texts]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


@pytest.mark.parametrize("name", STORIES)
def test_after_a_call_that_changes_something_comes_a_boundary_that_is_struck(name: str) -> None:
    story = STORIES[name]
    how = How.RESTART if story.alone else How.TAKE_OVER
    crossed = whole(story, shared=not story.alone).crossed
    before = {point.number for point in points_of(story, how) if point.when is When.BEFORE}
    mine = [(n, one) for n, one in enumerate(crossed, 1) if one.who == 1 or story.alone]
    for (number, one), (after, _) in pairwise(mine):
        if one.crossing.changing and not story.only:
            assert after in before, (number, str(one.crossing))
