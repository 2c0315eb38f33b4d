"""What must be shown before a host comes back, at the bounds, and where something is missing."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evidence import Verdict, Words, fold
from doctor_daemon.core.host import HostPlan, Mode, WayBack
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.preconditions import (
    accusations,
    left_to_humans,
    said_before,
    since_in_use,
    unanswered,
)
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Release, Step, Switching
from doctor_daemon.core.tries import DeviceTry, Try
from tests.core.coming_back import Back
from tests.core.gated import attempt, back, shut
from tests.core.make import (
    UUID,
    Fields,
    at,
    context,
    evidence,
    human_proof,
    identity,
    level,
    maintenance,
    off,
    plan,
    reading,
)

NAME = "alertmanager/print"
DOWN: Words = fold({}, evidence(0))
"""What one source has said at second 0."""
PATIENT = Release(switching=Switching(1, at(0), patient=True))
"""The policy's own wish to have the host switched on."""


# the power's word


def read(power: Power, seconds: float = 0) -> Incident:
    """Make an incident of a host that its only device reads so, and that no source has seen."""
    known = DeviceTry(identity=identity(UUID), readings=(reading(power, seconds),))
    tried = Try(1, 1, 1, "digest-1", at(-60), devices={"bmc": known})
    return back(fencing=tried, life_at=None, release=Release(began=at(0)))


def test_power_that_is_read_on_as_the_way_back_begins_is_a_sign_of_life() -> None:
    assert shut("alive", read(Power.ON)) == ""
    assert shut("alive", read(Power.OFF)) == "the power of cmp-1 reads off"
    assert "nobody has seen" in shut("alive", read(Power.ON, -0.25))


@pytest.mark.parametrize("changed", [plan(levels=()), plan(level())], ids=["none", "a human"])
def test_power_is_asked_of_nobody_where_the_plan_has_no_device_any_more(changed: HostPlan) -> None:
    assert "nobody has seen" in shut("alive", read(Power.ON), plan=changed)


def test_without_a_try_there_is_no_word_of_the_power() -> None:
    assert "nobody has seen" in shut("alive", back(fencing=None, life_at=None))
    assert shut("alive", back(fencing=None)) == ""


def test_who_has_not_said_who_it_is_or_has_read_nothing_says_nothing_of_the_power() -> None:
    nameless = DeviceTry(readings=off(1, 2, 3))
    unread = attempt(bmc=UUID)
    for tried in (unread, unread.put("bmc", nameless)):
        assert shut("alive", back(fencing=tried)) == ""
        assert "nobody has seen" in shut("alive", back(fencing=tried, life_at=None))


# what is said against it


@pytest.mark.parametrize(("seconds", "stands"), [(300, True), (300.25, False)])
def test_a_word_against_it_counts_for_as_long_as_evidence_does(
    seconds: float, *, stands: bool
) -> None:
    made = back(words=DOWN, release=Release())
    assert bool(accusations(made, context(seconds))) is stands


@pytest.mark.parametrize(("seconds", "new"), [(-1, False), (0, False), (0.25, True)])
def test_who_accused_it_before_says_something_new_only_after_it_is_in_use(
    seconds: float, *, new: bool
) -> None:
    words = fold({}, evidence(seconds))
    lifted = Release(step=Step.WATCHING, lifted_at=at(0), accusers=(NAME,))
    by_hand = Release(used_at=at(0), accusers=(NAME,))
    for release in (lifted, by_hand):
        made = back(words=words, release=release)
        assert bool(accusations(made, context(1))) is new
        assert bool(since_in_use(words, release)) is new
        assert said_before(made) == (() if new else (NAME,))


def test_an_accuser_whose_word_has_made_room_for_others_is_not_remembered() -> None:
    assert said_before(back(words=DOWN, release=Release(accusers=("gone/print", NAME)))) == (NAME,)


@pytest.mark.parametrize(("seconds", "answered"), [(-0.25, False), (0, True), (0.25, True)])
def test_a_sign_of_life_answers_what_was_said_up_to_then(seconds: float, *, answered: bool) -> None:
    by_source = back(words=DOWN, life_at=at(seconds), release=Release())
    by_itself = back(words=DOWN, life_at=None, release=Release(alive_at=at(seconds)))
    for made in (by_source, by_itself):
        assert bool(unanswered(made, context(1))) is not answered


def test_a_host_that_nova_shows_up_late_after_the_lift_can_be_accused_by_its_old_accuser() -> None:
    walk = Back().to_lift().lift().show(state="down").elapse(1)
    assert (walk.step, walk.incident.release.used_at) == (Step.WATCHING, None)
    assert walk.hear().elapse(10).phase is Phase.FENCING


# coming back by itself


def alone(seen_s: float, words: Words | None = None) -> Incident:
    """Make an incident of a host that has been seen alive for so long at second 0."""
    release = Release(ordered=False, alive_since=at(-seen_s))
    return back(words=words or {}, release=release)


@pytest.mark.parametrize(("seen_s", "is_open"), [(299.75, False), (300, True), (300.25, True)])
def test_the_quarantine_lasts_as_long_as_the_policy_says(seen_s: float, *, is_open: bool) -> None:
    assert bool(shut("quarantine", alone(seen_s))) is not is_open


def test_only_words_that_call_it_down_begin_the_quarantine_anew() -> None:
    up = fold({}, evidence(-1, Verdict.UP))
    assert shut("quarantine", alone(400, up)) == ""
    down = fold(up, evidence(-100, source="zabbix"))
    assert shut("quarantine", alone(400, down)) == (
        "cmp-1 has been seen alive, and not called down, for 100 of 300 s"
    )


def test_a_host_without_a_quarantine_has_to_be_seen_alive_all_the_same() -> None:
    policy = Policy(quarantine_s=0)
    unseen = back(release=Release(ordered=False))
    assert shut("quarantine", unseen, policy=policy).endswith("for 0 of 0 s")
    assert shut("quarantine", alone(0), policy=policy) == ""


# switching it on


def test_a_host_without_a_proof_is_left_to_nobody() -> None:
    assert left_to_humans(back(proof=None)) == ""
    assert left_to_humans(back()) == ""
    assert left_to_humans(back(proof=human_proof())).startswith("ann has made sure that cmp-1 is")


def test_what_nobody_has_asked_for_or_seen_shuts_nothing() -> None:
    assert shut("unattended", back()) == ""
    alone_again = back(sighting=None, release=Release(ordered=False))
    assert shut("flaps", alone_again) == ""
    assert shut("flaps", alone_again, returns=2).startswith("cmp-1 has come back 2 times")


@pytest.mark.parametrize(("seconds", "is_open"), [(59.75, False), (60, True)])
def test_the_policy_switches_nothing_on_in_a_maintenance(seconds: float, *, is_open: bool) -> None:
    world: Fields = {
        "now": at(seconds),
        "maintenance": maintenance(60),
        "mode": Mode.EVACUATE,
        "plan": plan(mode=Mode.EVACUATE, way_back=WayBack(power_on=True)),
    }
    asked = shut("unattended", back(release=PATIENT), **world)
    assert asked == ("" if is_open else "cmp-1 is in maintenance by ben: new memory")
