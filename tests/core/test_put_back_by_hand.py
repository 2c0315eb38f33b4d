"""What others do to a host that is down: their flag stays theirs, and what came back is moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.marking import forcing_down
from doctor_daemon.core.messages import Order, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Lift
from doctor_daemon.core.sightings import Noticed
from tests.core.coming_back import Back
from tests.core.make import sighting
from tests.core.moving import Moving, guest


def lifts(walk: Back) -> bool:
    """Show all that a release wants to see; tell whether the flag is lifted then."""
    walk.identify().read(Power.ON).tell().show()
    for _ in range(4):
        if walk.all(Lift):
            return True
        walk.round()
    return bool(walk.all(Lift))


def test_i18_a_flag_that_others_set_during_the_watch_is_theirs() -> None:
    walk = Back().to_watching().elapse(10)
    walk.report(forced_down=True, state="down", reason="pacemaker: fenced", status="disabled")
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    assert "theirs to clear" in walk.said
    walk.order(Order.RELEASE)
    assert not lifts(walk)
    assert walk.phase is Phase.RELEASING


def test_i18_a_flag_that_vanished_and_was_set_again_is_theirs() -> None:
    walk = Back().to_down().list("web")
    for number, flag in enumerate((False, True), 1):
        walk.wait(10)
        seen = sighting(0, asked_at=walk.now, forced_down=flag, status="disabled", reason="other")
        walk.see(Noticed(seen))
        assert walk.incident.marking.foreign_flag is flag, number
    walk.shown["reason"] = "other"
    walk.order(Order.RELEASE)
    assert not lifts(walk)


def test_i18_a_restart_does_not_forget_that_the_flag_had_vanished() -> None:
    walk = Back().to_down().list("web").wait(10)
    gone = sighting(0, asked_at=walk.now, forced_down=False, status="disabled", reason="other")
    lines = len(walk.see(Noticed(gone)).incident.timeline)
    walk.wait(10).see(Resumed()).see(Noticed(replace(gone, asked_at=walk.now)))
    assert len(walk.incident.timeline) == lines, "it was said before"
    walk.wait(10).see(Noticed(replace(gone, asked_at=walk.now, forced_down=True)))
    assert walk.incident.marking.foreign_flag


def test_a_flag_that_we_set_after_theirs_was_cleared_is_ours() -> None:
    walk = Back().to_down()
    marking = replace(walk.incident.marking, before=sighting(0, forced_down=True))
    phase = replace(walk.incident, phase=Phase.FORCING_DOWN, marking=marking.anew())
    look = sighting(0, asked_at=walk.now, forced_down=False, state="up", status="enabled")
    after = forcing_down(replace(phase, sighting=look), walk.context)
    assert after.marking.disable
    assert not after.marking.foreign_flag


@pytest.mark.parametrize("there", [("web",), ("web", "db")])
def test_servers_that_came_back_to_a_host_put_back_by_hand_are_moved_again(
    there: tuple[str, ...],
) -> None:
    moved = Moving("web", "db").to_posted().turns(1, "done").turns(2, "done").elapse(2).follow()
    walk = Back(mode=moved.context.mode, plan=moved.context.plan)
    walk.incident, walk.context, walk.rows = moved.incident, moved.context, dict(moved.rows)
    for number in walk.rows:
        walk.turns(number, "completed")
    walk.order(Order.RELEASE).elapse(901)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    walk.wait(86_400).hear(verdict=Verdict.DOWN).order(Order.FENCE)
    walk.there = {ServerId(f"id-{name}"): guest(name) for name in there}
    by_hand = {"state": "up", "status": "enabled", "forced_down": False, "reason": ""}
    walk.identify().look(**by_hand, updated_s=9000.0).cut().prove()
    walk.put().look(state="down", forced_down=True, status="disabled", reason="ours")
    walk.inspect()
    stages = {name: walk.stage(name) for name in ("web", "db")}
    wanted = {name: Stage.POSTING if name in there else Stage.MOVED for name in stages}
    assert stages == wanted
    assert walk.phase is Phase.EVACUATING


def test_who_had_stayed_on_a_host_put_back_by_hand_is_judged_anew_once_it_is_fenced_again() -> None:
    """It was paused when the host died first, and is not when it dies again."""
    moved = Moving("web", guest("db", "paused")).to_posted().turns(1, "done").elapse(2).follow()
    walk = Back(mode=moved.context.mode, plan=moved.context.plan)
    walk.incident, walk.context, walk.rows = moved.incident, moved.context, dict(moved.rows)
    walk.turns(1, "completed").wait(10)
    by_hand = {"state": "down", "status": "enabled", "forced_down": False, "reason": ""}
    walk.see(Noticed(sighting(0, asked_at=walk.now, **by_hand))).elapse(901)
    assert (walk.phase, walk.stage("db")) == (Phase.HELD, Stage.SKIPPED)
    walk.wait(86_400).hear(verdict=Verdict.DOWN).order(Order.FENCE)
    walk.there = {guest("db").id: guest("db")}
    walk.identify().look(**by_hand, updated_s=9000.0).cut().prove()
    walk.put().look(state="down", forced_down=True, status="disabled", reason="ours")
    walk.inspect()
    assert (walk.stage("web"), walk.stage("db")) == (Stage.MOVED, Stage.POSTING)
