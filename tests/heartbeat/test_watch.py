"""Who is accused of silence, when, and when nobody is: the listener doubts itself first."""

from __future__ import annotations

import math
import random

import pytest

from doctor_daemon.heartbeat.patience import WINDOW, Patience, Rhythm, deviations
from doctor_daemon.heartbeat.roll import REMEMBERED, Roll
from doctor_daemon.heartbeat.watch import STRAIN_MAX, by_name
from doctor_daemon.heartbeat.wire import LEAVING
from tests.heartbeat.ear import START_S, Ear, Fleet

NAMES = tuple(f"cmp-{n}" for n in range(1, 11))


def living(ear: Ear | None = None, names: tuple[str, ...] = NAMES) -> tuple[Ear, Fleet]:
    """A fleet that has been heard for ten seconds."""
    ear, fleet = ear or Ear(), Fleet(names)
    ear.run(fleet, 10.0)
    assert sorted(ear.words("hello")) == sorted(names)
    assert ear.words("down") == []
    return ear, fleet


# suspicion


def test_a_host_that_falls_silent_is_accused_after_its_misses() -> None:
    ear, fleet = living()
    fleet.dead.add("cmp-3")
    died_s = ear.now_s
    ear.run(fleet, 2.0)
    ((at_s, change),) = [one for one in ear.told if one[1].what == "down"]
    assert change.name == "cmp-3"
    assert 0.35 <= at_s - died_s <= 0.5
    assert change.text.startswith("no heartbeat for 0.4")
    assert "4 missed, one every 0.1 s" in change.text
    assert ear.watch.suspects == 1


def test_a_host_that_returns_is_alive_at_its_first_beat() -> None:
    ear, fleet = living()
    fleet.dead.add("cmp-3")
    ear.run(fleet, 2.0)
    fleet.dead.clear()
    ear.run(fleet, 0.2)
    assert ear.words("up") == ["cmp-3"]
    ear.run(fleet, 10.0)
    assert ear.words("down") == ["cmp-3"]
    assert ear.watch.suspects == 0


def test_irregular_beats_are_given_more_time() -> None:
    dice = random.Random(7)
    rhythm = Rhythm(0.1)
    for _ in range(WINDOW):
        rhythm.note(dice.choice((0.02, 0.4)))
    patience = Patience(misses=3)
    assert patience.limit_s(rhythm) > 1.0
    assert Patience(misses=3, longest_s=0.8).limit_s(rhythm) == 0.8
    assert Patience(misses=20, longest_s=0.8).limit_s(rhythm) == pytest.approx(2.05)


def test_phi_is_the_chance_of_so_long_a_gap() -> None:
    for phi in (1, 5, 8, 12):
        gap = deviations(phi)
        assert -math.log10(0.5 * math.erfc(gap / math.sqrt(2))) == pytest.approx(phi)
    assert Patience().deviations == pytest.approx(deviations(8), abs=1e-3)


def test_beats_like_clockwork_are_not_accused_for_a_hair() -> None:
    rhythm = Rhythm(0.1)
    for _ in range(10 * WINDOW):
        rhythm.note(0.1)
    assert rhythm.deviation_s() == pytest.approx(0.025)
    assert Patience(misses=1).limit_s(rhythm) == pytest.approx(0.1 + 5.612 * 0.025)


def test_the_window_is_bounded_and_a_long_gap_counts_little() -> None:
    rhythm = Rhythm(0.1)
    rhythm.note(3600.0)
    assert Patience().limit_s(rhythm) < 1.0
    for _ in range(WINDOW):
        rhythm.note(0.1)
    assert rhythm.mean_s() == pytest.approx(0.1)


def test_an_agent_that_is_stopped_has_five_minutes() -> None:
    ear, fleet = living()
    ear.tick()
    assert ear.beat(10**6, "cmp-3", flags=LEAVING)
    fleet.dead.add("cmp-3")
    ear.run(fleet, 20.0)
    assert ear.words("down") == []
    ear = Ear(patience=Patience(leaving_s=5.0))
    ear, fleet = living(ear)
    assert ear.beat(10**6, "cmp-3", flags=LEAVING)
    fleet.dead.add("cmp-3")
    ear.run(fleet, 6.0)
    ((_, change),) = [one for one in ear.told if one[1].what == "down"]
    assert change.text.endswith(", after its agent was stopped")


def test_another_interval_is_another_rhythm() -> None:
    ear, fleet = living()
    fleet.dead.add("cmp-3")
    assert ear.beat(10**6, "cmp-3", interval_ms=2000)
    ear.run(fleet, 8.0)
    assert ear.words("down") == []
    ear.run(fleet, 2.0)
    assert ear.words("down") == ["cmp-3"]


def test_signs_of_life_are_told_on_demand_and_once() -> None:
    ear, fleet = living()
    fleet.dead.add("cmp-3")
    ear.watch.want(by_name(ear.roll, [("ddh1", "cmp-3"), ("ddh1", "cmp-4"), ("hbv2", "cmp-5")]))
    ear.run(fleet, 2.0)
    assert ear.words("beat") == ["cmp-4"]


# its own trouble


def test_a12_after_its_own_pause_nobody_is_accused_before_beats_could_arrive() -> None:
    ear, fleet = living()
    ear.pause(fleet, 60.0)
    ear.run(fleet, 10.0)
    assert ear.words("down") == []
    assert ear.watch.troubles == {"pause": 1}


def test_a12_who_died_in_the_pause_is_accused_after_it() -> None:
    ear, fleet = living()
    fleet.dead.add("cmp-3")
    ear.pause(fleet, 60.0)
    resumed_s = ear.now_s
    ear.run(fleet, 5.0)
    ((at_s, change),) = [one for one in ear.told if one[1].what == "down"]
    assert change.name == "cmp-3"
    assert at_s - resumed_s <= 2 * 0.5


def test_a1_all_silent_at_once_is_our_own_trouble() -> None:
    ear, fleet = living()
    ear.run(fleet, 30.0, deaf=True)
    assert ear.watch.silent
    assert ear.words("down") == []
    fleet.dead.add("cmp-3")
    ear.run(fleet, 5.0)
    assert not ear.watch.silent
    assert ear.words("down") == ["cmp-3"], "and who did not come back is accused then"
    assert ear.watch.troubles == {"silence": 1}


@pytest.mark.parametrize("lost_s", [0.3, 0.5, 1.0, 10.0])
@pytest.mark.parametrize("hosts", [2, 3, 10])
def test_a1_no_loss_of_all_beats_accuses_anybody(hosts: int, lost_s: float) -> None:
    for seed in range(10):
        ear, fleet = living(names=NAMES[:hosts])
        ear.run(fleet, random.Random(seed).random())
        ear.run(fleet, lost_s, deaf=True)
        ear.run(fleet, 5.0)
        assert ear.words("down") == []


def test_a1_one_host_alone_cannot_be_told_from_our_own_link() -> None:
    ear, fleet = living(names=NAMES[:1])
    fleet.dead.add("cmp-1")
    ear.run(fleet, 30.0)
    assert ear.words("down") == []
    assert ear.watch.silent


def test_one_voice_is_enough_however_slow_it_is() -> None:
    ear, fleet = living(names=NAMES[:1])
    fleet.dead.add("cmp-1")
    for n in range(20):
        ear.tick()
        assert ear.beat(2000 + n, "ctl-1", interval_ms=1000)
        ear.passed(heard=1)
        ear.run(fleet, 1.0)
    assert ear.words("down") == ["cmp-1"]


def test_drops_of_the_kernel_are_our_own_trouble() -> None:
    ear, fleet = living()
    fleet.dead.add("cmp-3")
    for _ in range(30):
        ear.run(fleet, 0.1)
        ear.passed(heard=1, drops=5)
    assert ear.words("down") == []
    ear.run(fleet, 10.0)
    assert ear.words("down") == ["cmp-3"]
    assert ear.watch.troubles == {"drops": 30}


def test_strain_is_bounded_and_passes() -> None:
    ear, fleet = living()
    for _ in range(3 * STRAIN_MAX):
        ear.pause(fleet, 1.0)
    assert ear.watch.strain == STRAIN_MAX
    ear.run(fleet, 6.0 * STRAIN_MAX)
    assert ear.watch.strain == 0
    assert ear.words("down") == []


def test_a10_nobody_is_accused_in_the_warm_up() -> None:
    before, _ = living()
    roll = Roll()
    roll.restore(before.roll.kept("boot", before.now_s), "boot", START_S)
    assert {host.state for host in roll.every()} == {REMEMBERED}
    ear = Ear(roll=roll, warm_up_s=10.0)
    fleet = Fleet(NAMES, dead={"cmp-3"})
    for name in fleet.due_s:
        fleet.due_s[name] = START_S
    ear.hearing.beats = 0
    ear.now_s = START_S + 0.5
    ear.run(fleet, 9.0)
    assert ear.words("down") == []
    ear.run(fleet, 30.0)
    assert len(ear.words("hello")) == 9, "each is told when it is heard in this run"
    assert ear.words("down") == ["cmp-3"], "who was remembered, and is not heard again"
