"""A suspicion whose words are to be said again, at its limits: until when, and by whom."""

from __future__ import annotations

import pytest

from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import Verdict, fold
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.suspicion import decides_at, suspected
from tests.core.gated import ready, shut
from tests.core.make import at, context, evidence, incident, plan

GIVEN_UP_S = Policy().progress_s


@pytest.mark.parametrize(
    ("seconds", "phase"), [(GIVEN_UP_S - 0.25, Phase.SUSPECTED), (GIVEN_UP_S, Phase.HELD)]
)
def test_l2_words_of_before_are_waited_for_no_longer_than_for_any_progress(
    seconds: float, phase: Phase
) -> None:
    """However often the daemon stands still, and has them said again."""
    old = incident()
    world = context(seconds, repeated_at=at(seconds + 200))
    assert shut("repeated", old, now=world.now, repeated_at=world.repeated_at)
    assert suspected(old, world).phase is phase


@pytest.mark.parametrize(
    ("repeated_s", "next_s"),
    [(GIVEN_UP_S - 0.25, GIVEN_UP_S - 0.25), (GIVEN_UP_S + 200, GIVEN_UP_S)],
)
def test_l2_that_is_the_moment_at_which_it_is_weighed_again(
    repeated_s: float, next_s: float
) -> None:
    assert decides_at(incident(), context(500, repeated_at=at(repeated_s))) == at(next_s)


@pytest.mark.parametrize(("last_s", "waits"), [(349.75, True), (350, False)])
def test_a10_what_is_said_at_the_very_moment_from_which_on_we_listen_is_of_our_time(
    last_s: float, *, waits: bool
) -> None:
    """An order that has grown old beside it counts no more, and is not waited for."""
    human = evidence(0, Verdict.DOWN, "operator:ann")
    words = fold(fold({}, human), evidence(last_s))
    two = plan(corroboration=Corroboration(alone=frozenset()))
    made = ready(words=words)
    assert shut("evidence", made, now=at(400), plan=two)
    assert bool(shut("repeated", made, now=at(400), repeated_at=at(650), plan=two)) is waits
