"""A project's word at the bounds: when it can be said, and when it has come about."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.holding import Said, Word, answerable, kept_waiting, took
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from tests.core import make
from tests.core.make import Fields, at, context, incident
from tests.core.test_holding import HANDLED, HOST, POSTING, SKIPPED, WAITING, patient

WEB = patient("web")
UNTIL = at(30)


def known(stage: Stage | None, **changes: Fields) -> Incident:
    """Make an incident whose only server is at that stage; None: nothing is known of it."""
    if stage is None:
        return incident(phase=Phase.EVACUATING)
    record = Evacuation(WEB, stage, at(0), **changes)
    return incident(phase=Phase.EVACUATING, evacuations={WEB.id: record})


def test_how_long_somebody_waits_goes_by_no_wall_clock_on_the_same_boot() -> None:
    made = known(WAITING, hold_until=UNTIL)
    stepped = Instant(make.BOOT, at(10).boot_s, at(10).wall_s + 86_400)
    kept = kept_waiting(made, context(stepped, **HOST))
    assert kept.evacuations[WEB.id].hold_until == UNTIL


@pytest.mark.parametrize("phase", list(Phase))
def test_a_word_means_something_only_while_servers_are_moved(phase: Phase) -> None:
    made = incident(phase=phase, evacuations=known(WAITING, hold_until=UNTIL).evacuations)
    assert answerable(made, WEB.id, at(29.75)) is (phase is Phase.EVACUATING)
    assert not answerable(made, WEB.id, at(30))


@pytest.mark.parametrize(
    ("word", "before", "after", "came_about"),
    [
        (Word.GO, known(WAITING, hold_until=UNTIL), known(WAITING), True),
        (Word.GO, known(WAITING, hold_until=UNTIL), known(POSTING), True),
        (Word.GO, known(WAITING, hold_until=UNTIL), known(WAITING, hold_until=UNTIL), False),
        (Word.GO, known(WAITING, hold_until=UNTIL), known(SKIPPED), False),
        (Word.GO, known(WAITING), known(WAITING), False),
        (Word.GO, known(POSTING, hold_until=UNTIL), known(WAITING), False),
        (Word.GO, known(WAITING, hold_until=UNTIL), known(None), False),
        (Word.GO, known(None), known(WAITING), False),
        (Word.HANDLED, known(WAITING, hold_until=UNTIL), known(SKIPPED, why=HANDLED), True),
        (Word.HANDLED, known(WAITING, hold_until=UNTIL), known(SKIPPED, why="locked"), False),
        (Word.HANDLED, known(WAITING, hold_until=UNTIL), known(WAITING, why=HANDLED), False),
        (Word.HANDLED, known(WAITING, hold_until=UNTIL), known(None), False),
        (Word.HANDLED, known(None), known(SKIPPED, why=HANDLED), False),
        (Word.HANDLED, known(None), known(None), False),
    ],
)
def test_a_word_has_come_about_where_what_it_wished_was_done(
    word: Word, before: Incident, after: Incident, *, came_about: bool
) -> None:
    assert took(before, after, Said(WEB.id, word, "vnfm", at(1))) is came_about
