"""How a wish to have a host switched on ends: overtaken, answered late, or given up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.incident import Held, Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release, SwitchedOn, Switching, SwitchOn
from doctor_daemon.core.switching import switched_on, switching, unswitched
from doctor_daemon.core.tries import Outcome
from tests.core.make import (
    BMC,
    PDU,
    UUID,
    Fields,
    at,
    context,
    incident,
    level,
    plan,
    power_proof,
    sighting,
)

HELD = Held("internal", "a bug", "see to it")
WISH = Switching(3, at(0))
BY_BMC = SwitchOn(3, 1, "bmc", UUID)
PAIR = plan(level(BMC, PDU))


def wished(wish: Switching | None = WISH, **changes: Fields) -> Incident:
    release = Release(number=3, switching=wish, inspected_at=at(0))
    given = {"phase": Phase.DOWN, "proof": power_proof(), "sighting": sighting(0)}
    return incident(**{**given, "release": release, **changes})


def answered(made: Incident, outcome: Outcome, effect: SwitchOn = BY_BMC) -> Incident:
    return switched_on(made, SwitchedOn(effect, outcome, "204", at(5)), context(5))


def wish_of(made: Incident) -> Switching:
    assert made.release.switching is not None
    return made.release.switching


# overtaken


@pytest.mark.parametrize(
    ("go_at", "said", "switched_at"),
    [
        (None, "not switched on: cmp-1 is held: a bug", None),
        (at(2), "whether it was switched on is not known, for cmp-1 is held: a bug", at(5)),
    ],
)
def test_what_was_wished_of_a_host_that_is_held_is_answered(
    go_at: Instant | None, said: str, switched_at: Instant | None
) -> None:
    made = wished(replace(WISH, go_at=go_at), phase=Phase.HELD, held=HELD)
    found = switching(made, context(5))
    assert found.timeline[-1].text == said
    assert (found.release.switching, found.release.switched_at) == (None, switched_at)


def test_where_nothing_was_wished_there_is_nothing_to_answer() -> None:
    made = wished(None)
    assert unswitched(made, at(5), "it is held") is made


# answered


@pytest.mark.parametrize(
    ("wish", "held", "number", "noted"),
    [
        (None, HELD, 3, True),
        (None, HELD, 2, False),
        (None, None, 3, False),
    ],
)
def test_an_answer_that_comes_once_it_is_held_is_noted(
    wish: Switching | None, held: Held | None, number: int, *, noted: bool
) -> None:
    phase = Phase.HELD if held else Phase.DOWN
    made = wished(wish, held=held, phase=phase)
    found = answered(made, Outcome.REFUSED, replace(BY_BMC, number=number))
    assert (found is not made) is noted
    assert (found.timeline[-1].text == "bmc: switch on refused: 204") is noted


def test_an_answer_is_counted_as_long_as_it_is_waited_for() -> None:
    made = wished(replace(WISH, go_at=at(2)), phase=Phase.HELD, held=HELD)
    assert wish_of(answered(made, Outcome.REFUSED)).answered == ("bmc",)


def test_one_that_may_have_done_it_is_enough_whatever_the_others_say() -> None:
    made = wished(replace(WISH, go_at=at(2)))
    first = answered(made, Outcome.UNKNOWN)
    assert (wish_of(first).sent, wish_of(first).said) == (True, "")
    both = answered(first, Outcome.REFUSED, replace(BY_BMC, device="pdu"))
    assert (wish_of(both).sent, wish_of(both).answered) == (True, ("bmc", "pdu"))
    assert wish_of(both).said == "pdu: switch on refused: 204"
    assert not wish_of(answered(made, Outcome.REFUSED)).sent


# given up


@pytest.mark.parametrize(
    ("phase", "patient", "after"),
    [
        (Phase.DOWN, True, Phase.HELD),
        (Phase.DOWN, False, Phase.DOWN),
        (Phase.RELEASING, True, Phase.RELEASING),
        (Phase.RELEASING, False, Phase.RELEASING),
    ],
)
def test_only_the_policy_alone_with_a_host_asks_a_human(
    phase: Phase, after: Phase, *, patient: bool
) -> None:
    made = wished(replace(WISH, patient=patient), phase=phase)
    found = switching(made, context(5, plan=plan(levels=())))
    assert (found.phase, found.release.switching) == (after, None)
    assert "not switched on: no power device is configured" in found.timeline[-1].text


@pytest.mark.parametrize("sent", [True, False])
def test_on_its_way_back_the_policy_s_wish_ends_with_its_answers(*, sent: bool) -> None:
    wish = replace(WISH, patient=True, go_at=at(2), answered=("bmc",), sent=sent)
    found = switching(wished(wish, phase=Phase.RELEASING), context(5))
    assert found.release == Release(number=3, inspected_at=at(0))
    waits = switching(wished(wish, phase=Phase.RELEASING), context(5, plan=PAIR))
    assert waits.release.switching == wish
