"""nova-compute reports in of a host that is down: of which reports its way back begins, by policy.

And when a host that was switched on by policy is waited for no more.
"""

from __future__ import annotations

from doctor_daemon.core.host import Mode
from doctor_daemon.core.messages import Look, Looked, Order, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.coming_back import Back
from tests.core.make import Fields, plan
from tests.core.moving import WORLD
from tests.core.test_automatic import BEGUN, Alone
from tests.core.test_powering import SWITCHED, ends, moved

UP = "nova-compute reports in again: it is on; `doctor-daemon release HOST` gives it back"
MOVED = "the rack is moved"


def polled(walk: Back, seconds: float = 0, **changes: Fields) -> Back:
    """Let the poller show the service, by a list asked for so many seconds from now."""
    seen = {**walk.shown, **changes, "asked_at": walk.now.plus(seconds)}
    return walk.see(Noticed(make.sighting(0, **seen)))


def down() -> Alone:
    """Walk to a host that is down, and was shown once since."""
    return Alone().to_down().list("web").notice()


# of which reports


def test_a_list_that_was_asked_for_together_with_the_last_look_counts() -> None:
    assert polled(down(), updated_s=1010.0).said == BEGUN


def test_a_list_from_before_the_last_look_shows_nothing() -> None:
    walk = down()
    before = walk.incident
    assert polled(walk, -0.25, updated_s=1010.0).incident is before
    assert polled(walk, -0.25, reason=MOVED).incident is before


def test_a_host_that_is_held_is_not_given_back_by_itself() -> None:
    walk = Alone().to_held()
    assert walk.notice().starts().phase is Phase.HELD


def test_a_look_that_is_answered_late_hides_no_report() -> None:
    """A list has shown another's write meanwhile; the look has not seen that yet."""
    walk = down().order(Order.CLOSE)
    asked_at, out = walk.now, walk.one(Look)
    polled(walk.wait(1), reason=MOVED)
    assert walk.said.startswith("not ended: ")
    walk.see(Looked(out.number, make.sighting(0, **{**walk.shown, "asked_at": asked_at})))
    walk.shown["reason"] = MOVED
    polled(walk.wait(30))
    assert polled(walk.wait(30), updated_s=1010.0).said == BEGUN


def test_a_flag_of_others_that_they_have_cleared_keeps_nobody_down() -> None:
    walk = Alone().to_down().list("web")
    walk.notice(forced_down=False).notice(forced_down=True)
    assert walk.starts().phase is Phase.DOWN
    walk.notice(forced_down=False)
    assert walk.starts().phase is Phase.RELEASING


def test_a_maintenance_keeps_it_until_it_is_over_and_no_longer() -> None:
    walk = down()
    over_s = walk.now.since(make.at(0)) + 30
    walk.given(maintenance=make.maintenance(over_s + 0.25))
    polled(walk.wait(30), updated_s=1010.0)
    assert walk.phase is Phase.DOWN
    walk = down().given(maintenance=make.maintenance(over_s))
    assert polled(walk.wait(30), updated_s=1010.0).phase is Phase.RELEASING


def test_whoever_is_taken_out_of_the_cloud_does_not_begin_its_way_back() -> None:
    walk = down().order(Order.DECOMMISSION)
    assert polled(walk.wait(30), updated_s=1010.0).phase is Phase.DOWN


# one that was switched on


def test_one_that_was_switched_on_is_waited_for_until_it_reports_in() -> None:
    walk = ends(moved(), Outcome.ACCEPTED)
    for _ in range(3):
        polled(walk.wait(30))
        assert walk.said != UP
    assert polled(walk.wait(30), updated_s=1010.0).said == UP


def test_after_a_restart_the_first_list_is_only_what_later_ones_are_compared_with() -> None:
    walk = ends(moved(), Outcome.ACCEPTED).see(Resumed())
    assert polled(walk.wait(30), updated_s=1010.0).said != UP
    assert polled(walk.wait(30), updated_s=1010.0).said != UP
    assert polled(walk.wait(30), updated_s=1020.0).said == UP


def test_of_one_that_was_waited_for_in_vain_a_human_says_how_it_goes_on() -> None:
    walk = ends(moved(), Outcome.ACCEPTED).elapse(900)
    assert walk.phase is Phase.HELD
    before = polled(walk.wait(30)).incident
    assert polled(walk.wait(30), updated_s=1010.0).incident is before


def test_what_was_sent_to_its_power_is_not_put_away_by_a_maintenance() -> None:
    """Whether it is switched on is told by the answer, which is on its way."""
    walk = moved().tell()
    effect = walk.incident.release.switching
    assert effect is not None
    assert effect.go_at is not None
    walk.given(maintenance=make.maintenance(10_000)).elapse(1)
    assert walk.incident.release.switching == effect


def emptied() -> Back:
    """Walk to a host whose servers have moved, and which nobody has switched on."""
    return Back(**WORLD).to_posted().turns(1, "done").elapse(2).follow()


def test_an_incident_that_is_over_has_nothing_switched_on() -> None:
    walk = emptied().order(Order.CLOSE).given(plan=plan(mode=Mode.EVACUATE, way_back=SWITCHED))
    walk.show(forced_down=False)
    assert walk.phase is Phase.RESOLVED
    assert walk.said == "ended by ann: because I looked; forced_down is not ours any more"


def test_a_host_is_not_switched_on_where_the_mode_has_come_to_move_no_servers() -> None:
    walk = emptied().given(plan=plan(mode=Mode.FENCE, way_back=SWITCHED)).elapse(1)
    assert (walk.phase, walk.due) == (Phase.DOWN, ())
