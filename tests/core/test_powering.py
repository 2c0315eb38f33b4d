"""What policy does by itself for the power of a host whose servers have moved."""

from __future__ import annotations

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.host import Mode, WayBack
from doctor_daemon.core.messages import Inspect, Order, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import SwitchedOn, SwitchOn
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.coming_back import Back
from tests.core.make import Fields, maintenance, plan
from tests.core.moving import WORLD

SWITCHED = WayBack(power_on=True)


def moved(**changes: Fields) -> Back:
    """Walk to a host whose servers have moved, and which is to be switched on then."""
    way = changes.pop("way_back", SWITCHED)
    walk = Back(**{**WORLD, "plan": plan(mode=Mode.EVACUATE, way_back=way), **changes})
    walk.to_posted().turns(1, "done").elapse(2).follow()
    return walk


def test_a_host_is_switched_on_once_its_servers_have_moved() -> None:
    walk = moved()
    assert walk.phase is Phase.DOWN
    assert walk.said == "its servers have moved: it is to be switched on"
    walk.tell()
    (effect,) = walk.all(SwitchOn)
    walk.see(SwitchedOn(effect, Outcome.ACCEPTED, "204", walk.now))
    assert walk.due == ()


def test_it_is_tried_once() -> None:
    walk = moved().tell()
    (effect,) = walk.all(SwitchOn)
    walk.see(SwitchedOn(effect, Outcome.REFUSED, "503", walk.now)).elapse(5)
    assert walk.due == ()
    assert walk.order(Order.POWER_ON).all(Inspect)


def test_where_the_daemon_moves_no_servers_it_switches_nothing_on() -> None:
    walk = Back(plan=plan(way_back=SWITCHED)).to_down().list("web")
    assert walk.due == ()
    walk.given(mode=Mode.EVACUATE, plan=plan(mode=Mode.EVACUATE, way_back=SWITCHED)).elapse(1)
    assert walk.due == ()


def test_trap_9_it_waits_for_what_others_evacuate_and_then_asks_a_human() -> None:
    walk = moved()
    walk.rows_are(web="done", db="pre-migrating")
    for _ in range(30):
        walk.tell().elapse(10)
    assert walk.all(SwitchOn) == []
    walk.rows_are(web="done", db="done").tell()
    assert walk.all(SwitchOn)
    walk = moved()
    walk.rows_are(web="done", db="pre-migrating")
    while walk.phase is Phase.DOWN:
        walk.tell().elapse(10)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    assert "not switched on: evacuations 2 are not over" in walk.said
    assert walk.order(Order.RELEASE).phase is Phase.RELEASING


def test_what_was_not_sent_is_begun_anew_by_the_next_daemon() -> None:
    walk = moved().see(Resumed())
    assert walk.tell().all(SwitchOn)
    walk = moved().tell()
    assert walk.all(SwitchOn)
    walk.see(Resumed())
    assert "whether it was switched on is not known" in walk.said
    assert walk.due == ()


def test_a_host_that_fails_again_and_again_is_not_switched_on() -> None:
    walk = moved(returns=2)
    assert walk.due == ()
    assert walk.said.startswith("not switched on by itself: cmp-1 has come back 2 times")


@pytest.mark.parametrize("changes", [{"armed": Armed()}, {"maintenance": maintenance(10_000)}])
def test_a_host_that_humans_work_on_is_not_switched_on(changes: dict[str, Fields]) -> None:
    walk = Back(**WORLD).to_posted().turns(1, "done").elapse(2).follow()
    walk.given(plan=plan(mode=Mode.EVACUATE, way_back=SWITCHED), **changes).elapse(1)
    assert walk.due == ()


def test_an_order_is_not_taken_over() -> None:
    walk = Back(**WORLD).to_posted().turns(1, "done").elapse(2).follow().order(Order.POWER_ON)
    walk.given(plan=plan(mode=Mode.EVACUATE, way_back=SWITCHED)).tell()
    assert walk.all(SwitchOn)
    assert not walk.incident.release.powered


def test_switched_on_by_itself_it_comes_back_by_itself() -> None:
    walk = moved(way_back=WayBack(automatic=True, power_on=True)).tell()
    (effect,) = walk.all(SwitchOn)
    walk.see(SwitchedOn(effect, Outcome.ACCEPTED, "204", walk.now))
    walk.rows_are(web="completed")
    walk.shown["updated_s"] = 2000.0
    for at in (1000.0, 2000.0):
        seen = make.sighting(0, **{**walk.shown, "asked_at": walk.wait(30).now, "updated_s": at})
        walk.see(Noticed(seen))
    assert walk.phase is Phase.RELEASING
    assert walk.incident.release.powered


def test_a_wish_of_the_policy_goes_along_on_the_way_back() -> None:
    walk = moved()
    walk.rows_are(web="done", db="pre-migrating").order(Order.RELEASE)
    for _ in range(89):
        walk.tell().elapse(10)
        if walk.phase is not Phase.RELEASING:
            break
    assert walk.phase is Phase.HELD
