"""Hosts of unlike intervals: who is gone does not tell what silence is, and ours accuses nobody."""

from __future__ import annotations

import random

import pytest

from doctor_daemon.heartbeat.watch import STRAIN_MAX
from doctor_daemon.heartbeat.wire import LEAVING
from tests.heartbeat.ear import Ear, Fleet

QUICK = ("agent-1", "agent-2", "agent-3")
SLOW_S = 30.0


def slow(hosts: int) -> tuple[str, ...]:
    """Names of hosts that beat seldom."""
    return tuple(f"cmp-{n}" for n in range(1, hosts + 1))


def heard(quick: int, seldom: int, *, seed: int = 0, slow_s: float = SLOW_S) -> tuple[Ear, Fleet]:
    """So many quick hosts and slow ones, all heard; slow ones beat when they will."""
    dice = random.Random(seed)
    ear, fleet, others = Ear(), Fleet(QUICK[:quick]), Fleet(slow(seldom), slow_s)
    first_s = ear.now_s
    others.due_s = {name: first_s + dice.random() * slow_s for name in others.names}
    ear.run(fleet.join(others), slow_s + 10.0)
    assert len(ear.words("hello")) == quick + seldom
    assert ear.words("down") == []
    return ear, fleet


def leave(ear: Ear, fleet: Fleet, *names: str) -> None:
    """Stop agents cleanly."""
    for name in names:
        assert ear.beat(10**9, name, flags=LEAVING)
    ear.passed(heard=len(names))
    fleet.dead.update(names)


def downs(ear: Ear) -> dict[str, float]:
    """Host -> when it was accused."""
    return {change.name: at_s for at_s, change in ear.told if change.what == "down"}


# those that are gone


@pytest.mark.parametrize("quick", [1, 2, 3])
def test_quick_hosts_that_die_among_many_slow_ones_are_accused(quick: int) -> None:
    ear, fleet = heard(quick, 300)
    fleet.dead.update(QUICK[:quick])
    ear.run(fleet, 20.0)
    assert sorted(ear.words("down")) == sorted(QUICK[:quick])
    fleet.dead.add("cmp-7")
    died_s = ear.now_s
    ear.run(fleet, 300.0)
    assert downs(ear).keys() == {*QUICK[:quick], "cmp-7"}
    assert downs(ear)["cmp-7"] - died_s <= 9 * SLOW_S, "and slow ones after them"
    assert ear.watch.strain == 0


@pytest.mark.parametrize("within_s", [0.05, 1.0])
def test_quick_hosts_that_die_among_slow_ones_that_beat_at_once_are_accused(
    within_s: float,
) -> None:
    ear, fleet, others = Ear(), Fleet(QUICK), Fleet(slow(300), SLOW_S)
    step_s = within_s / len(others.names)
    others.due_s = {name: ear.now_s + n * step_s for n, name in enumerate(others.names)}
    ear.run(fleet.join(others), SLOW_S + 10.0)
    fleet.dead.update(QUICK)
    ear.run(fleet, 2 * SLOW_S)
    assert sorted(ear.words("down")) == sorted(QUICK)


@pytest.mark.parametrize("quick", [1, 2, 3])
def test_quick_hosts_that_die_among_few_slow_ones_are_accused(quick: int) -> None:
    ear, fleet = heard(quick, 2)
    fleet.dead.update(QUICK[:quick])
    ear.run(fleet, 40 * SLOW_S)
    assert sorted(ear.words("down")) == sorted(QUICK[:quick])


@pytest.mark.parametrize("quick", [1, 2, 3])
def test_agents_that_were_stopped_do_not_tell_what_silence_is(quick: int) -> None:
    ear, fleet = heard(quick, 5)
    leave(ear, fleet, *QUICK[:quick])
    ear.run(fleet, 560.0)
    assert sorted(ear.words("down")) == sorted(QUICK[:quick]), "their five minutes are over"
    fleet.dead.add("cmp-3")
    died_s = ear.now_s
    ear.run(fleet, 200.0)
    assert downs(ear)["cmp-3"] - died_s <= 6 * SLOW_S
    assert ear.watch.strain == 0


def test_a_stopped_agent_is_accused_by_one_voice() -> None:
    ear, fleet = Ear(), Fleet(("cmp-1", "cmp-2"))
    ear.run(fleet, 10.0)
    leave(ear, fleet, "cmp-1")
    ear.run(fleet, 320.0)
    assert ear.words("down") == ["cmp-1"]
    assert not ear.watch.silent


def test_where_all_agents_are_stopped_nobody_is_accused_until_one_is_heard() -> None:
    ear, fleet = Ear(), Fleet(("cmp-1", "cmp-2", "cmp-3"))
    ear.run(fleet, 10.0)
    leave(ear, fleet, "cmp-1", "cmp-2", "cmp-3")
    ear.run(fleet, 400.0)
    assert ear.words("down") == []
    fleet.dead = {"cmp-1"}
    assert ear.beat(10**10, "cmp-2", boot=7)
    assert ear.beat(10**10, "cmp-3", boot=7)
    fleet.dead = {"cmp-1", "cmp-2", "cmp-3"}
    for n in range(4000):
        for name in ("cmp-2", "cmp-3"):
            assert ear.beat(10**10 + n + 1, name, boot=7)
        ear.passed(heard=2)
        ear.run(fleet, 0.1)
    assert ear.words("down") == ["cmp-1"]


@pytest.mark.parametrize("dead", [1, 5, 9])
def test_a4_of_hosts_of_one_interval_any_number_is_accused_at_once(dead: int) -> None:
    names = slow(10)
    ear, fleet = Ear(), Fleet(names)
    ear.run(fleet, 10.0)
    fleet.dead.update(names[:dead])
    ear.run(fleet, 1.0)
    assert sorted(ear.words("down")) == sorted(names[:dead])


def test_while_beats_are_lost_again_and_again_the_dead_are_found() -> None:
    names = slow(10)
    ear, fleet = Ear(), Fleet(names)
    ear.run(fleet, 10.0)
    fleet.dead.add("cmp-3")
    for _ in range(60):
        ear.run(fleet, 0.3, deaf=True)
        ear.run(fleet, 0.2)
    assert ear.words("down") == ["cmp-3"]


# our own silence


@pytest.mark.parametrize("lost_s", [0.3, 0.5, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("seldom", [1, 2, 5, 300])
@pytest.mark.parametrize("quick", [1, 2, 3])
def test_a1_no_loss_of_all_beats_accuses_hosts_of_unlike_intervals(
    quick: int, seldom: int, lost_s: float
) -> None:
    for seed in range(3 if seldom < 300 else 1):
        ear, fleet = heard(quick, seldom, seed=seed, slow_s=3.0)
        ear.run(fleet, random.Random(seed).random())
        ear.run(fleet, lost_s, deaf=True)
        ear.run(fleet, 10.0)
        assert ear.words("down") == []


@pytest.mark.parametrize(
    ("quick", "least_s", "most_s"),
    [(0, 0.5, 10.0), (1, 0.5, 10.0), (3, 0.5, 10.0), (2, 0.0, 0.6), (3, 0.0, 0.6), (3, 0.0, 2.0)],
)
def test_a1_a_link_that_comes_and_goes_accuses_nobody(
    quick: int, least_s: float, most_s: float
) -> None:
    dice = random.Random(quick)
    ear, fleet = heard(3, 10, slow_s=1.0)
    leave(ear, fleet, *QUICK[quick:])
    for _ in range(100):
        ear.run(fleet, dice.uniform(least_s, most_s), deaf=True)
        ear.run(fleet, dice.uniform(0.0, 0.2))
    assert set(ear.words("down")) <= set(QUICK[quick:])
    assert ear.watch.strain <= STRAIN_MAX


@pytest.mark.parametrize("rack", [slice(0, 5), slice(5, 10), slice(0, 10, 2), slice(1, 10, 2)])
def test_a1_a_rack_whose_beats_were_queued_accuses_no_other(rack: slice) -> None:
    names = slow(10)
    ear, fleet = Ear(), Fleet(names)
    ear.run(fleet, 10.0)
    lost_s, before = ear.now_s, ear.hearing.beats
    ear.run(fleet, 3.0, deaf=True)
    for name in names[rack]:
        for n in range(29):
            sent_s = lost_s + 0.1 * n + 0.05
            assert ear.beat(round(sent_s * 100), name, sent_s=sent_s)
    ear.passed(heard=ear.hearing.beats - before)
    ear.run(fleet, 5.0)
    assert ear.words("down") == []
