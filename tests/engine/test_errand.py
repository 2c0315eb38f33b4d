"""One order about Cinder, step by step: what is asked, how often, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from doctor_daemon.core.log_levels import LevelWish, LogLevels, LogScope
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volume_orders import LEFT
from doctor_daemon.core.volumes import (
    FROZEN,
    NO_REASON,
    VOLUME,
    End,
    Finding,
    Target,
    VolumeAct,
    VolumeService,
    Wish,
)
from doctor_daemon.engine.errand import Errand, Patience
from doctor_daemon.errors import LateError, Permanent, Temporary
from doctor_daemon.ports import Permit
from doctor_daemon.ports.storage import Answer
from tests.core.make import at
from tests.engine.errands import TAKEN, Listed, Script
from tests.simulation.virtual import run

HOST = "control@alpha"
TARGET = Target(HOST)
THEIRS = "rack move"
PATIENCE = Patience(pauses_s=(0, 0, 0), failover_s=4, failover_every_s=1)
NO = (Outcome.REFUSED, "Cinder answered 400")
LOST = (Outcome.UNKNOWN, "no answer")

UP = VolumeService(VOLUME, HOST, "enabled", "up", replication="enabled")
DOWN = replace(UP, status="disabled", reason=THEIRS)
BARE = replace(DOWN, reason="")
ICE = replace(DOWN, frozen=True, reason=FROZEN)
MOVING = replace(UP, replication="failing-over")
MOVED = replace(UP, replication="failed-over", backend="spare")

DISABLE = Wish(VolumeAct.DISABLE, TARGET, reason=THEIRS)
THAW = Wish(VolumeAct.THAW, TARGET)
FAILOVER = Wish(VolumeAct.FAILOVER, TARGET, to="spare")
LEVEL = LevelWish(LogScope(VOLUME, HOST, "cinder"), "DEBUG")
QUIET = LogLevels(VOLUME, HOST, {"cinder": "INFO"})
LOUD = LogLevels(VOLUME, HOST, {"cinder": "DEBUG"})

Rows = Sequence[VolumeService]


async def led() -> None:
    """Nobody else leads."""


async def deposed() -> None:
    raise LateError("not led")


async def unfit_to_be_noted(_: Rows) -> None:
    raise Temporary("the disk is full")


def errand(script: Script) -> Errand:
    return Errand(script, lambda _: "", lambda: Permit(1, at(60)), led, PATIENCE)


def done(made: Errand, wish: Wish | LevelWish) -> Finding:
    """Carry an order out, in virtual time."""
    found = list[Finding]()

    async def main() -> None:
        found.append(await made.done(wish))

    run(main())
    return found[0]


def left(made: Errand, wish: Wish | LevelWish, kept: Rows = ()) -> Finding:
    """Say what has become of one, in virtual time."""
    found = list[Finding]()

    async def main() -> None:
        found.append(await made.left(wish, kept))

    run(main())
    return found[0]


# before it is sent


def test_what_cannot_be_read_before_is_not_sent() -> None:
    script = Script([Temporary("no answer")])
    assert done(errand(script), DISABLE) == Finding(End.REFUSED, "nothing was sent: no answer")
    assert script.asked == ["list"]


@pytest.mark.parametrize(
    ("wish", "unfit", "why"),
    [
        (
            Wish(VolumeAct.DISABLE, Target("another")),
            "",
            "Cinder lists no cinder-volume of another",
        ),
        (DISABLE, "its order is not open any more", "its order is not open any more"),
    ],
)
def test_what_is_refused_or_does_not_fit_is_not_sent(wish: Wish, unfit: str, why: str) -> None:
    script = Script([UP])
    found = done(replace(errand(script), unfit=lambda _: unfit), wish)
    assert (found.end, found.text.startswith(why)) == (End.REFUSED, True)
    assert script.asked == ["list"]


def test_what_is_so_already_is_not_sent() -> None:
    script = Script([DOWN])
    found = done(errand(script), DISABLE)
    assert (found.end, found.text.endswith("already: rack move; nothing was sent")) == (
        End.ACHIEVED,
        True,
    )
    assert script.asked == ["list"]


@pytest.mark.parametrize(("before", "noted"), [(ICE, []), (replace(DOWN, frozen=True), [HOST])])
def test_whose_disabling_is_at_risk_is_noted_before_anything_is_sent(
    before: VolumeService, noted: list[str]
) -> None:
    script = Script([before, UP])

    async def note(rows: Rows) -> None:
        assert rows, "there is something to be noted"
        script.asked.extend(f"note {row.host}" for row in rows)

    done(replace(errand(script), noted=note), THAW)
    assert script.asked[: len(noted) + 2] == [
        "list",
        *(f"note {host}" for host in noted),
        f"thaw {HOST}",
    ]


def test_d9_what_cannot_be_noted_is_not_sent() -> None:
    script = Script([replace(DOWN, frozen=True)])
    found = done(replace(errand(script), noted=unfit_to_be_noted), THAW)
    assert found == Finding(End.REFUSED, "nothing was sent: the disk is full")
    assert script.asked == ["list"]


@pytest.mark.parametrize("wish", [DISABLE, LEVEL])
def test_i3_what_a_gate_or_another_leader_forbids_is_not_sent(wish: Wish | LevelWish) -> None:
    for forbidden in ({"shut": lambda _: "not led"}, {"confirmed": deposed}):
        script = Script([UP], levels=[QUIET])
        found = done(replace(errand(script), **forbidden), wish)
        assert (found.end, found.text.endswith(": not led")) == (End.REFUSED, True)
        assert script.asked in (["list"], []), "it is not read back"


def test_i3_a_permit_that_has_lapsed_sends_nothing() -> None:
    script = Script([UP], [LateError("the permit has lapsed")])
    found = done(errand(script), DISABLE)
    assert (found.end, found.text.endswith("as it was: the permit has lapsed")) == (
        End.REFUSED,
        True,
    )


# read back


@pytest.mark.parametrize(
    ("wish", "answer", "lists", "end", "reads"),
    [
        (DISABLE, TAKEN, [DOWN], End.ACHIEVED, 1),
        (DISABLE, TAKEN, [UP, DOWN], End.ACHIEVED, 2),
        (DISABLE, TAKEN, [UP], End.NOT_ACHIEVED, 3),
        (DISABLE, LOST, [UP], End.UNKNOWN, 3),
        (DISABLE, NO, [UP], End.REFUSED, 1),
        (DISABLE, NO, [DOWN], End.ACHIEVED, 1),
        (DISABLE, TAKEN, [Temporary("late"), DOWN], End.ACHIEVED, 2),
        (DISABLE, TAKEN, [Temporary("late")], End.UNKNOWN, 3),
        (DISABLE, TAKEN, [UP, UP, Permanent("lost")], End.UNKNOWN, 3),
        (FAILOVER, TAKEN, [MOVED], End.ACHIEVED, 1),
        (FAILOVER, TAKEN, [UP, UP, MOVED], End.ACHIEVED, 3),
        (FAILOVER, TAKEN, [MOVING, MOVED], End.ACHIEVED, 2),
        (FAILOVER, TAKEN, [UP, MOVING, MOVING, Temporary("late"), MOVED], End.ACHIEVED, 5),
        (FAILOVER, TAKEN, [MOVING, Permanent("lost")], End.UNKNOWN, 2),
        (FAILOVER, TAKEN, [MOVING, UP], End.NOT_ACHIEVED, 2),
        (FAILOVER, TAKEN, [MOVING], End.UNKNOWN, 5),
    ],
)
def test_it_is_read_back_until_it_is_so_or_nothing_more_is_to_come(
    wish: Wish, answer: Answer, lists: list[Listed], end: End, reads: int
) -> None:
    script = Script([UP, *lists], [answer])
    assert done(errand(script), wish).end is end
    assert script.asked.count("list") == 1 + reads


def test_what_was_left_is_read_and_not_sent_again() -> None:
    script = Script([UP, DOWN], levels=[QUIET, LOUD])
    assert left(errand(script), DISABLE).end is End.ACHIEVED
    assert left(errand(script), LEVEL).end is End.ACHIEVED
    assert script.asked == ["list", "list", "levels", "levels"]
    lost = left(errand(Script([Temporary("no list")])), DISABLE)
    assert lost.text == f"{LEFT[1]}; it could not be read back: no list"


# what was disabled before


@pytest.mark.parametrize(
    ("before", "reason", "told"), [(DOWN, THEIRS, THEIRS), (BARE, NO_REASON, "no reason")]
)
def test_what_somebody_had_disabled_is_so_again(
    before: VolumeService, reason: str, told: str
) -> None:
    script = Script([replace(before, frozen=True), UP, replace(DOWN, reason=reason)])
    found = done(errand(script), THAW)
    assert found.end is End.ACHIEVED
    assert found.text.endswith(f"; {HOST} had been disabled ({told}), and is so again")
    assert script.asked[-2:] == [f"disable {HOST}: {reason}", "list"]


@pytest.mark.parametrize(
    ("answer", "after", "why"),
    [
        (TAKEN, UP, TAKEN[1]),
        ((Outcome.ACCEPTED, ""), UP, "Cinder has not said why"),
        (TAKEN, replace(ICE, frozen=False), TAKEN[1]),
        (TAKEN, Temporary("no list"), "no list"),
    ],
)
def test_what_is_not_so_again_is_told_with_what_helps(
    answer: Answer, after: Listed, why: str
) -> None:
    script = Script([replace(DOWN, frozen=True), UP, after], [TAKEN, answer])
    found = done(errand(script), THAW)
    assert (found.end, found.advice) == (End.NOT_ACHIEVED, f"disable {HOST} again")
    assert found.text.endswith(f"had been disabled ({THEIRS}), and is so no more: {why}")


# log levels


@pytest.mark.parametrize(
    ("answer", "levels", "end", "reads"),
    [
        (TAKEN, [LOUD], End.ACHIEVED, 1),
        (TAKEN, [QUIET, LOUD], End.ACHIEVED, 2),
        (TAKEN, [QUIET], End.NOT_ACHIEVED, 3),
        (LOST, [QUIET], End.UNKNOWN, 3),
        (NO, [LOUD], End.REFUSED, 0),
        (TAKEN, [Temporary("late")], End.UNKNOWN, 1),
    ],
)
def test_levels_are_read_back_until_they_are_so(
    answer: Answer, levels: list[LogLevels | Exception], end: End, reads: int
) -> None:
    script = Script([UP], [answer], levels)
    assert done(errand(script), LEVEL).end is end
    assert script.asked == ["set DEBUG", *["levels"] * reads]
