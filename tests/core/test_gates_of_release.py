"""The gates of the way back: what must be shown, one by one."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import fold
from doctor_daemon.core.gates import refused
from doctor_daemon.core.incident import Marking
from doctor_daemon.core.proof import Power, ProofKind
from doctor_daemon.core.release import Release, Step
from doctor_daemon.core.tries import DeviceTry, Try
from tests.core.gated import back, ready, shut
from tests.core.make import (
    Fields,
    at,
    context,
    evidence,
    human_proof,
    identity,
    power_proof,
    reading,
    sighting,
)
from tests.core.test_gates import CUT

UNSEEN = "nobody has seen cmp-1 alive since it was proven off"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"life_at": None}, UNSEEN),
        ({"life_at": at(-0.25)}, UNSEEN),
        ({"proof": None}, ""),
        ({"proof": None, "life_at": at(-61)}, UNSEEN),
        ({"proof": None, "release": Release()}, UNSEEN),
        ({"proof": human_proof(), "life_at": None}, ""),
    ],
)
def test_i10_a_host_has_to_be_seen_alive_after_the_proof(
    changes: dict[str, Fields], why: str
) -> None:
    assert shut("alive", back(**changes)) == why
    assert power_proof().kind is ProofKind.POWER


@pytest.mark.parametrize(("reports", "is_open"), [(0, False), (1, False), (2, True), (9, True)])
def test_i10_nova_compute_has_to_report_in_twice(reports: int, *, is_open: bool) -> None:
    said = shut("restarted", back(release=Release(reports=reports)))
    assert bool(said) is not is_open
    assert is_open or f"has reported in {reports} times; 2 are needed" in said


@pytest.mark.parametrize(("asked_s", "is_open"), [(-30, True), (-30.25, False), (None, False)])
def test_i10_the_list_of_evacuations_has_to_be_young(
    asked_s: float | None, *, is_open: bool
) -> None:
    asked_at = None if asked_s is None else at(asked_s)
    why = "" if is_open else "Nova has not told the evacuations from cmp-1 in the last 30 s"
    assert shut("listed", back(release=Release(inspected_at=asked_at))) == why


def test_i10_no_evacuation_may_be_left() -> None:
    assert shut("ended", back(release=Release(open=(3, 5)))) == "evacuations 3, 5 are not over"
    assert shut("ended", back()) == ""
    assert shut("cleaned", back(release=Release(done=(3,)))) == (
        "evacuations 3 are done and not completed: restart nova-compute there, to clean up"
    )
    assert shut("cleaned", back()) == ""


@pytest.mark.parametrize(
    ("foreign", "forced_down", "is_open"),
    [(True, True, False), (True, False, True), (False, True, True), (False, False, True)],
)
def test_i18_somebody_elses_flag_is_theirs(
    foreign: bool,  # noqa: FBT001 - a column
    forced_down: bool,  # noqa: FBT001 - a column
    *,
    is_open: bool,
) -> None:
    marking = Marking(before=sighting(-60, forced_down=foreign))
    seen = sighting(0, forced_down=forced_down)
    why = "" if is_open else "somebody else had forced cmp-1 down: whoever it was has to clear it"
    assert shut("ours", back(marking=marking, sighting=seen)) == why
    assert shut("ours", back(marking=marking, sighting=None)) == ""


@pytest.mark.parametrize(
    ("reason", "is_open"),
    [("doctor-daemon:inc-1: x", True), ("doctor-daemon:inc-2: x", False), ("theirs", False)],
)
def test_i18_somebody_elses_disable_is_theirs(reason: str, *, is_open: bool) -> None:
    why = "" if is_open else "cmp-1 was not disabled by this incident"
    assert shut("reason", back(sighting=sighting(0, reason=reason))) == why
    assert shut("reason", back(sighting=None)) == "cmp-1 was not disabled by this incident"


def test_i10_an_old_evacuation_may_not_threaten_a_server_that_is_back() -> None:
    said = shut("stale", back(release=Release(stale=(3, 5))))
    assert said.startswith("evacuations 3, 5 are older than what became of their servers")
    assert shut("stale", back()) == ""


def test_i10_after_the_lift_reports_are_asked_for_anew() -> None:
    said = shut("restarted", back(release=Release(step=Step.WATCHING, reports=1)))
    assert "has reported in 1 times since the flag was lifted; 2 are needed" in said


def test_i10_a_host_that_is_called_down_is_not_given_back() -> None:
    words = fold({}, evidence(0, source="zabbix"))
    assert shut("accused", back(words=words)) == "zabbix calls cmp-1 down"
    before = Release(accusers=tuple(words))
    assert shut("accused", back(words=words, release=before)) == ""
    assert shut("accused", back(words=fold({}, evidence(-301)))) == ""


def test_i10_power_that_was_read_before_the_way_back_began_says_nothing() -> None:
    read = DeviceTry(identity=identity(), readings=(reading(Power.ON, -1),))
    attempt = Try(1, 1, 1, "digest-1", at(-60), devices={"bmc": read})
    made = back(fencing=attempt, life_at=None, release=Release(began=at(0)))
    assert shut("alive", made) == UNSEEN
    assert shut("alive", replace(made, release=Release(began=at(-1)))) == ""
    assert shut("alive", replace(made, release=Release())) == UNSEEN


def test_a_refusal_says_whether_to_ask_again() -> None:
    refusal = refused(CUT, ready(sighting=None), context())
    assert refusal is not None
    assert (refusal.gate, refusal.retry) == ("look", True)
