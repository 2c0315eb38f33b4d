"""What policy does by itself for the power of a host whose servers have moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.host import Mode, WayBack
from doctor_daemon.core.messages import Inspect, Look, Order, Resumed, Wait
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import SwitchedOn, SwitchOn
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.coming_back import Back
from tests.core.make import Fields, at, maintenance, plan
from tests.core.moving import WORLD

SWITCHED = WayBack(power_on=True)
FOREIGN = "somebody else had forced cmp-1 down: whoever it was sees to it"
HUMAN = "ann has made sure that cmp-1 is off, and may be working on it"
GONE = "forced_down of cmp-1 is gone: somebody else sees to it"


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
    assert walk.due == (Wait(walk.now.plus(900)),)


def ends(walk: Back, outcome: Outcome, text: str = "503") -> Back:
    """Answer the request to switch it on."""
    walk.tell()
    (effect,) = walk.all(SwitchOn)
    walk.see(SwitchedOn(effect, outcome, text, walk.now))
    return walk


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNSENT])
def test_what_was_certainly_not_done_is_tried_again_and_then_a_human_is_asked(
    outcome: Outcome,
) -> None:
    walk = moved()
    for pause_s in (60.0, 120.0):
        ends(walk, outcome)
        assert (walk.said, walk.phase) == (
            f"not switched on yet: it is tried again in {pause_s:g} s",
            Phase.DOWN,
        )
        assert walk.waits == [pause_s]
        walk.elapse(pause_s - 1)
        assert walk.all(Inspect) == []
        walk.elapse(1)
    ends(walk, outcome)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    assert walk.said.startswith(f"held: not switched on: bmc: switch on {outcome}: 503; see to")
    assert walk.incident.release.switched_at is None


def test_between_two_tries_an_operator_may_order_it() -> None:
    walk = ends(moved(), Outcome.REFUSED).order(Order.POWER_ON).tell()
    assert walk.all(SwitchOn)


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_what_may_have_been_done_is_not_repeated_and_its_effect_is_waited_for(
    outcome: Outcome,
) -> None:
    walk = ends(moved(), outcome).elapse(899)
    assert walk.phase is Phase.DOWN
    walk.elapse(1)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    assert "cmp-1 was switched on, and nova-compute has not reported in since" in walk.said
    assert walk.order(Order.RELEASE).phase is Phase.RELEASING


@pytest.mark.parametrize("order", [Order.DECOMMISSION, Order.CLOSE], ids=str)
def test_an_order_that_is_being_followed_is_answered_before_a_human_is_asked(order: Order) -> None:
    walk = ends(moved(), Outcome.ACCEPTED).wait(890).order(order).elapse(20)
    assert walk.phase is Phase.DOWN
    if order is Order.DECOMMISSION:
        walk.elapse(121)
    for _ in range(walk.context.policy.looks_max if order is Order.CLOSE else 0):
        walk.elapse(30).fail(walk.one(Look))
    texts = [entry.text for entry in walk.incident.timeline[-2:]]
    assert texts[0].startswith(("not decommissioned: ", "not ended: "))
    assert texts[1].startswith("held: cmp-1 was switched on, and nova-compute has not reported in")


def test_one_that_comes_up_is_waited_for_no_more() -> None:
    walk = ends(moved(), Outcome.ACCEPTED)
    for updated_s in (1000.0, 1000.0, 1010.0):
        shown = {**walk.shown, "asked_at": walk.wait(30).now, "updated_s": updated_s}
        walk.see(Noticed(make.sighting(0, **shown)))
    assert walk.said == (
        "nova-compute reports in again: it is on; `doctor-daemon release HOST` gives it back"
    )
    assert (walk.due, walk.elapse(900).phase) == ((), Phase.DOWN)


def test_after_a_restart_one_that_may_have_been_switched_on_is_waited_for() -> None:
    walk = moved().tell()
    assert walk.all(SwitchOn)
    walk.see(Resumed())
    assert walk.waits == [900.0]
    walk.reboot()
    assert walk.waits == [900.0]


@pytest.mark.parametrize("changes", [{"armed": Armed()}, {"maintenance": maintenance(10_000)}])
def test_hands_that_are_kept_off_meanwhile_put_it_away_until_they_may_again(
    changes: dict[str, Fields],
) -> None:
    walk = moved()
    world = walk.context
    walk.given(**changes).elapse(1)
    assert (walk.incident.release.switching, walk.due) == (None, ())
    assert walk.said == (
        "not switched on by itself as long as the daemon is to keep its hands off it"
    )
    walk.tell().elapse(1000)
    assert walk.due == ()
    walk.context = replace(world, now=walk.now)
    assert walk.elapse(1).tell().all(SwitchOn)


NO_MORE = "hosts are not switched on by themselves any more"
LOWER = "the mode of cmp-1 does not reach as far as evacuate any more"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mode": Mode.FENCE}, LOWER),
        ({"plan": plan(mode=Mode.FENCE, way_back=SWITCHED)}, LOWER),
        ({"plan": plan(mode=Mode.EVACUATE)}, NO_MORE),
    ],
    ids=["mode", "host's mode", "way back"],
)
def test_a_configuration_that_is_against_it_meanwhile_puts_it_away(
    changes: dict[str, Fields], why: str
) -> None:
    """Also that of another daemon which has taken over."""
    walk = moved()
    walk.given(**changes).elapse(1)
    assert (walk.incident.release.switching, walk.due) == (None, ())
    assert walk.said == f"not switched on by itself: {why}"
    assert walk.tell().elapse(1000).due == ()
    walk = moved().tell()
    refusal = refused(Act.SWITCH_ON, walk.incident, walk.given(**changes).context)
    assert refusal is not None
    assert (refusal.gate, refusal.why) == ("unattended", why)


def test_a_maintenance_that_begins_just_before_keeps_it_off() -> None:
    walk = moved().tell()
    refusal = refused(
        Act.SWITCH_ON, walk.incident, walk.given(maintenance=maintenance(9e4)).context
    )
    assert refusal is not None
    assert (refusal.gate, refusal.why) == (
        "unattended",
        "cmp-1 is in maintenance by ben: new memory",
    )


def test_an_incident_that_is_being_closed_switches_nothing_on() -> None:
    walk = moved().order(Order.CLOSE).tell()
    assert (walk.phase, walk.all(SwitchOn)) == (Phase.DOWN, [])
    walk.look(**walk.shown)
    assert walk.all(SwitchOn) or walk.elapse(10).tell().all(SwitchOn)
    walk = Back(**WORLD).to_posted().turns(1, "done").elapse(2).follow().order(Order.CLOSE)
    walk.given(plan=plan(mode=Mode.EVACUATE, way_back=SWITCHED)).elapse(1)
    assert walk.incident.release.switching is None


def later(walk: Back) -> Back:
    """Have the policy switch hosts on only now."""
    return walk.given(plan=plan(mode=Mode.EVACUATE, way_back=SWITCHED)).elapse(1)


def test_a_host_that_others_see_to_is_left_to_them() -> None:
    down = Back(**WORLD).to_posted().turns(1, "done").elapse(2).follow().incident
    walk = Back(**WORLD)
    walk.given(now=at(100))
    for changed, said in (
        ({"marking": replace(down.marking, before=make.sighting(0, forced_down=True))}, FOREIGN),
        ({"proof": make.human_proof(0)}, HUMAN),
        ({"sighting": make.sighting(0)}, GONE),
    ):
        walk.incident = replace(down, **changed)
        assert (later(walk).due, walk.said) == ((), f"not switched on by itself: {said}")


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
    assert walk.all(SwitchOn) == []


def test_a_host_that_fails_again_and_again_is_not_switched_on() -> None:
    walk = moved(returns=2)
    assert (walk.phase, walk.gate) == (Phase.HELD, "flaps")
    assert walk.said.startswith("held: not switched on by itself: cmp-1 has come back 2 times")
    assert walk.order(Order.RELEASE).order(Order.POWER_ON).tell().all(SwitchOn)


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
    for updated_s in (1000.0, 2000.0):
        shown = {**walk.shown, "asked_at": walk.wait(30).now, "updated_s": updated_s}
        seen = make.sighting(0, **shown)
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


def test_devices_that_are_gone_from_the_configuration_are_said_to_be() -> None:
    walk = moved()
    for pause_s in (60.0, 120.0):
        walk.tell()
        walk.given(plan=replace(walk.context.plan, levels=())).elapse(1)
        walk.given(plan=plan(mode=Mode.EVACUATE, way_back=SWITCHED)).elapse(pause_s)
    walk.tell().given(plan=replace(walk.context.plan, levels=())).elapse(1)
    assert walk.phase is Phase.HELD
    assert "not switched on: its power devices are gone from the configuration" in walk.said
