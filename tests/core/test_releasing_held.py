"""The way back called off, held and begun again; and what is told at its end."""

from collections.abc import Callable

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Crashed, Inspect, Order, Read
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Enable, Lift, LiftEnded, Step
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import Back
from tests.core.make import BMC, SERVICE, level, plan, server
from tests.core.moving import Moving, guest, row

# called down, called off


def test_what_was_said_before_says_nothing_new() -> None:
    walk = Back().to_releasing().hear()
    assert walk.phase is Phase.RELEASING


def test_a_host_that_is_called_down_again_stays_forced_down() -> None:
    walk = Back().to_releasing().hear(verdict=Verdict.UP).elapse(5)
    walk.hear()
    assert walk.phase is Phase.DOWN
    assert walk.said == "alertmanager says down again: it stays forced down"
    assert walk.order(Order.RELEASE).phase is Phase.RELEASING


def test_another_source_counts_at_once() -> None:
    assert Back().to_releasing().hear("zabbix").phase is Phase.DOWN


def test_a_release_is_called_off() -> None:
    walk = Back().to_releasing().order(Order.DISMISS)
    assert walk.phase is Phase.DOWN
    assert walk.said == "dismiss by ann: because I looked; it stays forced down"


@pytest.mark.parametrize("order", [Order.DISMISS, Order.POWER_ON])
def test_it_is_too_late_once_the_flag_is_being_lifted(order: Order) -> None:
    walk = Back().to_lift().order(order)
    assert "it is too late for that" in walk.said
    assert walk.all(Lift)


# held, and again


def test_a_release_that_was_held_is_tried_again() -> None:
    walk = Back().rows_are(web="accepted").to_releasing().round().elapse(600)
    assert walk.gate == "release"
    walk.rows_are(web="failed").order(Order.RELEASE)
    walk.identify().read(Power.ON).tell().show().round().round()
    assert walk.all(Lift)


def test_a_host_that_is_held_for_something_else_is_not_released() -> None:
    walk = Back().to_held().order(Order.RELEASE)
    assert walk.phase is Phase.HELD
    assert "it is held by the gate fencing" in walk.said


def test_a_host_whose_servers_could_not_all_be_moved_comes_back_with_them() -> None:
    walk = Moving().to_posted().turns(1, "failed")
    for _ in range(3):
        walk.guard(3)
        if walk.all(Inspect):
            walk.inspect()
        walk.accept()
        for id_ in list(walk.rows):
            walk.turns(id_, "failed")
    while walk.phase is Phase.EVACUATING:
        walk.guard(3)
        if walk.all(Inspect):
            walk.inspect()
    assert walk.gate == "evacuation"
    assert walk.order(Order.RELEASE).phase is Phase.RELEASING


def test_a_late_answer_of_a_lift_means_nothing() -> None:
    walk = Back().to_releasing()
    before = walk.incident
    stray = LiftEnded(Lift(7, SERVICE), Outcome.ACCEPTED, "200", walk.now)
    assert walk.see(stray).incident is before
    walk.refuse(Lift(7, SERVICE), "armed")
    assert walk.incident is before
    walk = Back().to_lift()
    before = walk.incident
    assert walk.see(stray).incident is before


def test_who_was_on_it_is_told_that_it_is_back() -> None:
    walk = Back().to_resolved()
    (entry,) = [e for e in walk.incident.timeline if e.tell is NoticeKind.RECOVERED]
    assert entry.servers is None
    assert walk.incident.servers == {server("web").id: server("web")}


def test_the_power_is_read_calmly() -> None:
    walk = Back(plan=plan(level(BMC))).to_releasing().identify().read(Power.ON)
    assert walk.all(Read) == []
    assert walk.elapse(9.75).all(Read) == []
    assert walk.elapse(0.25).all(Read) != []


# old evacuations


def stuck(walk: Back) -> Back:
    """Let an evacuation of web be stuck, and a later one have failed: web is on the host still."""
    walk.rows = {1: row(1, "web", "accepted"), 2: row(2, "web", "failed")}
    walk.back = (server("web"),)
    return walk


STALE = (
    "evacuations 1 are older than what became of their servers, which are on cmp-1: "
    "a nova-compute that starts there destroys the guests of those"
)


def test_an_old_evacuation_that_would_destroy_a_guest_holds_and_is_named() -> None:
    walk = stuck(Back()).to_releasing()
    for _ in range(200):
        walk.identify().round()
    assert walk.said == f"held: {STALE}; `doctor-daemon release HOST` tries again"


def test_a_host_with_such_a_guest_is_not_switched_on() -> None:
    walk = stuck(Back()).to_down().list("web").order(Order.POWER_ON).tell()
    assert walk.said == f"not switched on: {STALE}"


@pytest.mark.parametrize("status", ["accepted", "pre-migrating", "done"])
def test_a_server_that_came_back_is_threatened_by_what_it_left_behind(status: str) -> None:
    walk = Back()
    walk.rows = {1: row(1, "web", status), 2: row(2, "web", "completed")}
    walk.to_releasing().tell()
    release = walk.incident.release
    assert (release.open, release.stale) == ((), ())
    assert release.old == (() if status == "done" else (1,))
    walk.back = (server("web"),)
    walk.round()
    assert (walk.incident.release.stale, walk.incident.release.old) == ((1,), ())


def test_what_nova_is_still_doing_is_no_old_evacuation() -> None:
    walk = Back().rows_are(web="pre-migrating").to_releasing()
    walk.back = (server("web"),)
    release = walk.tell().incident.release
    assert (release.open, release.stale, release.old) == ((1,), (), ())


def test_what_is_left_behind_is_told_at_the_end() -> None:
    walk = Back()
    walk.rows = {1: row(1, "web", "accepted"), 2: row(2, "web", "completed")}
    walk.to_resolved()
    assert walk.incident.timeline[-2].text == (
        "evacuations 1 are stuck: before a server of theirs comes back to cmp-1, "
        "restart nova-compute there until they are completed"
    )


# bugs


@pytest.mark.parametrize("way", [Back.to_releasing, Back.to_lift, Back.to_watching, Back.to_enable])
def test_a_bug_on_the_way_back_does_not_keep_a_host_for_ever(way: Callable[[Back], Back]) -> None:
    walk = way(Back()).see(Crashed("KeyError"))
    assert (walk.phase, walk.gate) == (Phase.HELD, "internal")
    assert walk.said.endswith("see the log; then `release HOST` or `fence HOST`")
    walk.order(Order.RELEASE)
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.CHECKING)
    assert walk.all(Lift) == []
    walk.identify().read(Power.ON).tell().show()
    for _ in range(200):
        walk.round()
        if walk.all(Lift):
            walk.lift().show()
        if walk.all(Enable):
            walk.enable().show()
    assert walk.phase is Phase.RESOLVED


def test_a_bug_before_the_host_was_down_does() -> None:
    walk = Back().to_proof().see(Crashed("KeyError"))
    assert walk.said.endswith("see the log; then `fence HOST`")
    assert walk.order(Order.RELEASE).phase is Phase.HELD
    assert "it is held by the gate internal" in walk.said


def test_a_bug_while_it_was_down_does_not() -> None:
    walk = Back().to_down().see(Crashed("KeyError")).order(Order.RELEASE)
    assert walk.phase is Phase.RELEASING


# in use again


def test_servers_that_came_back_to_a_host_that_was_held_after_the_lift_are_moved_again() -> None:
    walk = Moving("web", "db").to_posted()
    walk.turns(1, "done").turns(2, "done").elapse(2).follow()
    back = Back(mode=walk.context.mode, plan=walk.context.plan)
    back.incident, back.context, back.rows = walk.incident, walk.context, dict(walk.rows)
    for id_ in back.rows:
        back.turns(id_, "completed")
    back.shown["updated_s"] = 2000.0
    back.order(Order.RELEASE).identify().read(Power.ON).tell().show().round().round()
    back.lift().show().elapse(10).tell().report(forced_down=True, state="down")
    assert back.gate == "release"
    back.there = {one.id: one for one in (guest("web"),)}
    back.order(Order.FENCE).fence().inspect()
    assert back.posts == [("web", 2)]
    assert back.stage("db") is Stage.MOVED


def test_whoever_vouches_that_it_is_off_after_the_lift_has_them_moved_too() -> None:
    walk = Back().to_watching()
    for _ in range(200):
        walk.elapse(10).tell().show()
    walk.order(Order.CONFIRM_OFF, 600)
    assert walk.phase is Phase.FORCING_DOWN
    assert walk.incident.release.began is None
    assert walk.incident.listings == 0
