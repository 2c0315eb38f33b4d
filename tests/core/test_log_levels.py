"""The setting of a log level, judged by the levels after it."""

from __future__ import annotations

import pytest

from doctor_daemon.core.log_levels import LogLevels, LogScope, judged
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import End

SCOPE = LogScope("cinder-volume", "control@alpha", "cinder")
QUIET = LogLevels("cinder-volume", "control@alpha", {"cinder": "DEBUG", "cinder.volume": "INFO"})
LOUD = LogLevels("cinder-volume", "control@alpha", {"cinder": "DEBUG", "cinder.volume": "DEBUG"})
NONE = LogLevels("cinder-volume", "control@alpha", {})
DONE = (Outcome.ACCEPTED, "Cinder answered 202")
LOST = (Outcome.UNKNOWN, "no answer within 100 s")


def test_a_scope_says_what_it_is() -> None:
    assert str(SCOPE) == "cinder-volume of control@alpha, loggers cinder*"
    assert str(LogScope()) == "every service"


@pytest.mark.parametrize("answer", [DONE, LOST, (Outcome.REFUSED, "no")])
def test_levels_that_are_read_are_achieved(answer: tuple[Outcome, str]) -> None:
    found = judged(SCOPE, "DEBUG", answer, [LOUD])
    assert (found.end, found.text) == (End.ACHIEVED, f"2 loggers of {SCOPE} are at DEBUG")


@pytest.mark.parametrize(("answer", "end"), [(DONE, End.NOT_ACHIEVED), (LOST, End.UNKNOWN)])
def test_levels_that_are_other_ones(answer: tuple[Outcome, str], end: End) -> None:
    found = judged(SCOPE, "DEBUG", answer, [LOUD, QUIET])
    assert found.end is end
    assert found.text.startswith("not every logger of cinder-volume of control@alpha is at DEBUG")
    for nothing in ([], [NONE]):
        found = judged(SCOPE, "DEBUG", answer, nothing)
        assert (found.end, found.text.startswith("no service that is up")) == (end, True)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNSENT])
def test_what_was_not_done_is_refused(outcome: Outcome) -> None:
    found = judged(SCOPE, "DEBUG", (outcome, "no"), [QUIET])
    assert (found.end, found.text) == (End.REFUSED, "the log levels are as they were: no")
