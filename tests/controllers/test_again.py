"""A question that fails is asked again: so often, so much later, and never after its time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from doctor_daemon.controllers.again import (
    PAUSE_S,
    RETRY_AFTER_MAX_S,
    TRIES,
    BusyError,
    answered,
)
from doctor_daemon.errors import Permanent, Temporary
from tests.simulation.virtual import run

LIMIT_S = 30.0


class Asked:
    """A question that fails by these errors, one after the other, and then is answered."""

    def __init__(self, *errors: Exception, takes_s: float = 0.0) -> None:
        self._errors = list(errors)
        self._takes_s = takes_s
        self.at: list[float] = []

    async def __call__(self) -> str:
        loop = asyncio.get_running_loop()
        self.at.append(loop.time())
        await asyncio.sleep(self._takes_s)
        if self._errors:
            raise self._errors.pop(0)
        return "yes"

    @property
    def gaps(self) -> list[float]:
        """The seconds between two tries."""
        return [round(late - soon, 3) for soon, late in zip(self.at, self.at[1:], strict=False)]


def told(story: Coroutine[None, None, str]) -> str:
    """Let a story be told in virtual time; return how it ended."""
    found: list[str] = []

    async def main() -> None:
        try:
            found.append(await story)
        except (Temporary, Permanent) as error:
            found.append(repr(error))

    run(main())
    return found[0]


def test_what_is_answered_is_asked_once() -> None:
    asked = Asked()
    assert told(answered(asked, LIMIT_S)) == "yes"
    assert len(asked.at) == 1


@pytest.mark.parametrize("failures", range(1, TRIES))
def test_c5_what_may_pass_is_asked_again_later_and_later(failures: int) -> None:
    asked = Asked(*(Temporary("later") for _ in range(failures)))
    assert told(answered(asked, LIMIT_S)) == "yes"
    assert asked.gaps == [PAUSE_S * 2.0**number for number in range(failures)]


def test_c5_what_goes_on_failing_is_told_as_it_failed_last() -> None:
    asked = Asked(*(Temporary(f"try {number}") for number in range(1, TRIES + 2)))
    assert told(answered(asked, LIMIT_S)) == repr(Temporary(f"try {TRIES}"))
    assert len(asked.at) == TRIES


def test_c5_a_service_that_says_when_to_come_again_is_believed_within_a_limit() -> None:
    asked = Asked(BusyError("busy", 3.0), BusyError("busy", 1e6))
    assert told(answered(asked, LIMIT_S)) == "yes"
    assert asked.gaps == [3.0, RETRY_AFTER_MAX_S]


def test_c5_no_try_begins_after_the_time_is_over() -> None:
    asked = Asked(Temporary("slow"), takes_s=LIMIT_S)
    assert told(answered(asked, LIMIT_S)) == repr(Temporary("slow"))
    late = Asked(BusyError("busy", LIMIT_S - 25.0), BusyError("busy", LIMIT_S))
    assert told(answered(late, 6.0)) == repr(BusyError("busy"))
    assert late.gaps == [5.0]


def test_what_is_refused_is_not_asked_again() -> None:
    asked = Asked(Permanent("no"))
    assert told(answered(asked, LIMIT_S)) == repr(Permanent("no"))
    assert len(asked.at) == 1
