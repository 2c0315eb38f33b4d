"""Every hand that others may lay on a host's compute service, at every moment of an incident."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from doctor_daemon.core.hands import MADE_ANEW, SET
from doctor_daemon.core.incident import Held, NoticeKind
from doctor_daemon.core.messages import Looked, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import REASON, Back
from tests.core.make import Fields, sighting
from tests.core.moving import THERE, Moving
from tests.core.walk import Walk

OURS: dict[str, Fields] = {**THERE, "reason": REASON}
"""How Nova shows what we have forced down."""
CLEARED = "ALARM: forced_down was cleared by somebody else"
CLOSE = "; `doctor-daemon close HOST` ends this"
OVER = "somebody else disabled it, in the place of ours: it is theirs to enable: rack move"
ENABLED = "somebody else took our disabling back"
DISABLED = "somebody else disabled it: rack move"


THEIRS = re.compile("^ALARM|somebody else(?! had forced it)|that is not the last|nothing more is")
"""What is said of other people's hands; a poll may also be what reads back our own."""


def down() -> Walk:
    return Walk().to_proof().put().look(**OURS)


def evacuating() -> Walk:
    return Moving().to_proof().put().look(**OURS).inspect().accept()


def releasing() -> Walk:
    return Back().to_releasing().show()


MOMENTS: Mapping[str, Callable[[], Walk]] = {
    "suspected": lambda: Walk().look(),
    "fencing": lambda: Walk().to_cut(),
    "cut": lambda: Walk().to_reads(),
    "forcing down": lambda: Walk().to_proof(),
    "put": lambda: Walk().to_proof().put(),
    "evacuating": evacuating,
    "down": down,
    "held": lambda: Walk().to_held(),
    "releasing": releasing,
    "watching": lambda: Back().to_watching(),
    "enabling": lambda: Back().to_enable(),
}
HANDS: Mapping[str, dict[str, Fields]] = {
    "sets": {"forced_down": True, "state": "down"},
    "clears": {"forced_down": False},
    "disables": {"status": "disabled", "reason": "rack move"},
    "enables": {"status": "enabled", "reason": ""},
    "re-creates": {"uuid": "another"},
}
FREE = {"sets": SET, "clears": "", "disables": DISABLED, "enables": "", "re-creates": MADE_ANEW}
"""What is said of a host that nobody has written to yet."""
SENT = {**FREE, "sets": ""}
"""And of one for which Nova has taken our own PUT: nobody can tell whose flag it is."""
TAKEN = {**FREE, "sets": "", "disables": OVER, "enables": ENABLED}
"""And of one that we have forced down and disabled."""
TOLD: Mapping[str, Mapping[str, str]] = {
    "suspected": FREE,
    "fencing": FREE,
    "cut": FREE,
    "forcing down": FREE,
    "put": SENT,
    "evacuating": {**TAKEN, "clears": CLEARED},
    "down": {**TAKEN, "clears": CLEARED + CLOSE},
    "held": FREE,
    "releasing": {**TAKEN, "clears": CLEARED},
    "watching": {**TAKEN, "sets": ""},
    "enabling": {**TAKEN, "sets": "", "enables": ""},
}


def poll(walk: Walk, **changes: Fields) -> list[str]:
    """Show what the poller sees, a second later; return what is said of others' hands."""
    known, last = len(walk.incident.timeline), walk.incident.shown
    assert last is not None
    walk.wait(1).see(Noticed(replace(last, asked_at=walk.now, **changes)))
    return [entry.text for entry in walk.incident.timeline[known:] if THEIRS.search(entry.text)]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("hand", HANDS)
def test_each_hand_at_each_moment_is_told_once(hand: str, moment: str) -> None:
    walk, expected = MOMENTS[moment](), TOLD[moment][hand]
    told = len(walk.told)
    said = poll(walk, **HANDS[hand])
    assert said[:1] == ([expected] if expected else [])
    assert poll(walk) == []
    alarmed = expected.startswith("ALARM")
    assert walk.told[told:].count(NoticeKind.ALARM) == alarmed


def test_a_flag_that_others_set_while_it_is_watched_holds_it() -> None:
    walk = Back().to_watching()
    poll(walk, **HANDS["sets"])
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    assert "theirs to clear" in walk.said


def test_before_the_first_look_there_is_nothing_to_compare_with() -> None:
    walk = Walk()
    before = walk.incident
    assert walk.see(Noticed(None)).incident is before
    assert walk.see(Noticed(sighting(0, asked_at=walk.now))).incident is before


def test_what_was_begun_before_the_last_change_says_nothing() -> None:
    walk = Walk().look()
    assert poll(walk, **HANDS["disables"]) == [DISABLED]
    before, early = walk.incident, sighting(0, asked_at=walk.now.plus(-0.25))
    assert walk.see(Noticed(early)).incident is before
    walk.see(Looked(walk.incident.looks, early))
    assert (walk.incident.shown, walk.said) == (before.shown, DISABLED)


def test_a_vanished_flag_stops_what_is_not_sent_and_the_rest_is_followed() -> None:
    walk = Moving("web", "db").to_posted()
    lines = poll(walk, **HANDS["clears"])
    assert lines[0] == CLEARED
    assert lines[1].startswith("nothing more is evacuated: Nova does not have")
    walk.turns(1, "done")
    assert walk.elapse(2).follow().phase is Phase.EVACUATING
    walk.turns(2, "done").elapse(2).follow()
    assert walk.phase is Phase.DOWN  # all that was asked for has moved: nobody is needed
    assert walk.told.count(NoticeKind.ALARM) == 1


def test_a_vanished_flag_is_found_by_our_own_look_as_well() -> None:
    walk = Moving("web", "db").to_evacuating().inspect().elapse(10).flag(forced_down=False)
    assert CLEARED in [entry.text for entry in walk.incident.timeline]
    assert walk.incident.rounds.barred is not None
    assert walk.incident.rounds.barred.gate == "flag"


def test_what_was_changed_while_the_daemon_was_away_is_told_when_it_is_back() -> None:
    walk = down().wait(10).see(Resumed())
    assert poll(walk, **HANDS["clears"]) == [CLEARED + CLOSE]


def test_a_flag_that_an_older_daemon_has_read_back_is_taken_for_ours() -> None:
    walk = down()
    walk.incident = replace(walk.incident, shown=None)
    gone = replace(sighting(0), **{**OURS, "forced_down": False, "asked_at": walk.now.plus(1)})
    walk.wait(1).see(Noticed(gone))
    assert walk.said == CLEARED + CLOSE


def test_a_flag_of_theirs_that_they_clear_is_no_alarm() -> None:
    walk = down()
    assert poll(walk, **HANDS["clears"]) == [CLEARED + CLOSE]
    assert poll(walk, **HANDS["sets"]) == [SET]
    assert walk.incident.marking.foreign_flag
    assert poll(walk, **HANDS["clears"]) == [
        "forced_down, which somebody else had set, was cleared"
    ]
    assert walk.told.count(NoticeKind.ALARM) == 1


def test_a_flag_that_others_set_before_our_put_is_theirs() -> None:
    walk = Walk().to_reads()
    assert poll(walk, **HANDS["sets"]) == [SET]
    walk.prove()
    assert walk.phase is Phase.DOWN
    assert "somebody else had forced it down already" in walk.said


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_a_put_that_is_carried_out_late_is_ours(outcome: Outcome) -> None:
    walk = Walk().to_proof().put(outcome).look()
    assert walk.said == "the force-down is not there when read back"
    assert poll(walk, **OURS) == []
    assert not walk.incident.marking.foreign_flag


def test_after_a_look_that_showed_it_gone_a_flag_is_not_of_that_put() -> None:
    walk = Moving().to_proof().put().look(**OURS).elapse(1)
    assert poll(walk, **HANDS["clears"])[0] == CLEARED
    walk.elapse(walk.context.policy.progress_s)
    assert walk.phase is Phase.HELD
    assert poll(walk, **HANDS["sets"]) == [SET]


def test_a_put_that_had_ended_before_is_not_what_set_it_afterwards() -> None:
    walk = Walk().to_proof().put()
    walk.incident = walk.incident.hold(walk.now, Held("progress", "stuck", "look"))
    assert poll(walk, reason="x") == []
    assert poll(walk, **HANDS["sets"]) == [SET]


def test_the_lift_that_is_ours_is_no_alarm() -> None:
    walk = Back().to_lift().lift().show()
    assert not any(entry.text.startswith("ALARM") for entry in walk.incident.timeline)


def test_a_lift_that_is_seen_in_passing_before_its_answer_is_ours() -> None:
    walk = Back().to_lift()
    assert poll(walk, **HANDS["clears"]) == []


def test_a_disabling_without_a_reason_says_so() -> None:
    walk = Walk().look()
    assert poll(walk, status="disabled") == ["somebody else disabled it, without a reason"]
    assert poll(walk, **HANDS["enables"]) == ["somebody else took a disabling back"]


def test_our_own_disabling_by_its_mark_is_no_news() -> None:
    walk = Walk().look()
    assert poll(walk, status="disabled", reason=REASON) == []


def test_power_that_is_back_is_an_alarm_to_operators() -> None:
    walk = Walk().to_reread().identify().read(Power.ON)
    assert walk.phase is Phase.FENCING
    assert walk.told[-1] is NoticeKind.ALARM
