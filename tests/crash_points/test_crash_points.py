"""Every boundary of every story, struck in every way: nothing is lost, done twice or unproven.

What fails is printed as `STORY NUMBER BOUNDARY/WHEN/HOW`; `python -m tests.crash_points STORY
NUMBER WHEN HOW` tells that one alone.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.crash_points.line import How, When
from tests.crash_points.more_stories import STORIES
from tests.crash_points.telling import is_told, points_of, violations, whole
from tests.simulation.tally import quiet

CASES = [(name, how) for name, story in STORIES.items() for how in How if is_told(story, how)]
LEAST = {"hour": 1}
"""The fewest boundaries of a story that must have been struck, where it is not the usual."""


@pytest.fixture(autouse=True)
def _silent() -> None:
    quiet()


@pytest.mark.parametrize("name", STORIES)
def test_a_story_in_which_nothing_strikes_ends_as_it_should(name: str) -> None:
    story = STORIES[name]
    for shared in [False] * story.alone + [True] * story.shared:
        found = whole(story, shared=shared)
        assert found.violations == [], found.words


@pytest.mark.parametrize(("name", "how"), CASES, ids=str)
def test_a_daemon_may_be_struck_at_any_boundary(name: str, how: How) -> None:
    story = STORIES[name]
    struck = points_of(story, how)
    assert len(struck) >= LEAST.get(name, 5)
    wrong = [f"{name} {point}: {text}" for point in struck for text in violations(story, point)]
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
