"""A short run of every harness: a second each, so that a minute is enough for all.

`make fuzz` gives each of them as long as one likes. What either finds becomes a test of its own,
beside the parser.
"""

from __future__ import annotations

import pytest

from tests.fuzz.run import fuzz
from tests.fuzz.table import HARNESSES

SECONDS = 1
PLANTED = "tests.fuzz.planted"


@pytest.mark.parametrize("name", [harness.name for harness in HARNESSES])
def test_nothing_is_found(name: str) -> None:
    outcome = fuzz(name, SECONDS, seed=1)
    assert outcome.found == ""
    assert outcome.executed > 0, "a harness that was given nothing shows nothing"
    assert outcome.edges > 0, "nothing of the modules under test was instrumented"


def test_what_is_wrong_is_found() -> None:
    """The control: a parser that fails at one number of one member, which no seed has."""
    outcome = fuzz("json_line", 40, target=PLANTED, seed=1)
    assert "a planted fault" in outcome.found
    assert "the input: " in outcome.found
