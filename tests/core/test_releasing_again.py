"""A host that fails again on its way back, and a daemon that does."""

from collections.abc import Callable

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Look, Order
from doctor_daemon.core.notices import notices
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.recall import recallable
from doctor_daemon.core.release import Lift, Step
from tests.core.coming_back import Back
from tests.core.moving import Moving, guest
from tests.core.walk import Walk

# failing again


def again(walk: Back) -> Back:
    """Let the host be called down again, by who had taken it back."""
    return walk.hear(verdict=Verdict.UP).elapse(1).hear()


def test_after_the_lift_a_host_that_fails_is_fenced_once_more() -> None:
    walk = again(Back().to_watching())
    assert (walk.phase, 10 in walk.waits) == (Phase.RELEASING, True)
    walk.elapse(10)
    assert walk.phase is Phase.FENCING
    assert walk.said == "ALARM: alertmanager says down again, and the flag is lifted"
    assert not walk.incident.charged
    walk.fence()
    assert (walk.phase, len(walk.incident.charges)) == (Phase.DOWN, 2)


def test_our_own_disable_is_not_taken_for_somebody_elses() -> None:
    walk = again(Back().to_watching()).show().elapse(10).fence()
    assert walk.said == "Nova has it forced down; it was disabled by us before (read back)"


def test_a_word_that_is_taken_back_in_its_grace_was_nothing() -> None:
    walk = again(Back().to_watching()).elapse(5).hear(verdict=Verdict.UP).elapse(5)
    assert walk.phase is Phase.RELEASING
    walk.watch(80)
    assert walk.step is Step.ENABLING


def test_one_word_that_anybody_can_forge_fences_nothing_and_enables_nothing() -> None:
    walk = Back().to_watching().hear(verdict=Verdict.UP).hear("doctor", trust=Trust.OPEN)
    walk.watch(280)
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.WATCHING)
    walk.watch(40)  # it has grown old
    assert walk.step is Step.ENABLING


def test_a_word_that_stands_to_the_end_holds() -> None:
    walk = Back().to_watching().hear(verdict=Verdict.UP)
    while walk.phase is Phase.RELEASING:
        walk.hear("doctor", trust=Trust.OPEN).round()
    assert "cmp-1 is called down, and not by enough to fence it" in walk.said


def test_a_host_that_fails_again_and_again_is_left_to_a_human() -> None:
    walk = again(Back(policy=Policy(refences_max=0)).to_watching()).elapse(10)
    assert (walk.phase, walk.gate) == (Phase.HELD, "power")


def test_a_host_that_fails_while_it_is_enabled_is_fenced_once_that_was_read_back() -> None:
    walk = again(Back().to_enable()).elapse(10)
    assert walk.phase is Phase.RELEASING
    assert walk.enable().phase is Phase.FENCING


def test_servers_that_came_back_are_moved_once_more() -> None:
    """A record from before the host was in service again says nothing of what runs there now."""
    walk = Moving("web", "db").to_posted()
    walk.turns(1, "done").turns(2, "done").elapse(2).follow()
    assert walk.phase is Phase.DOWN
    back = Back(mode=walk.context.mode, plan=walk.context.plan)
    back.incident, back.context = walk.incident, walk.context
    back.rows = dict(walk.rows)
    for id_ in back.rows:
        back.turns(id_, "completed")
    back.shown["updated_s"] = 2000.0
    back.order(Order.RELEASE).identify().read(Power.ON).tell().show().round().round()
    back.lift().show()
    again(back).elapse(10)
    assert recallable(back.incident)
    back.there = {one.id: one for one in (guest("web"),)}
    assert back.fence().incident.servers == {}
    back.inspect()
    assert back.stage("web") is Stage.POSTING
    assert back.posts == [("web", 2)]
    assert back.stage("db") is Stage.MOVED
    back.accept().turns(3, "done").elapse(2).follow()
    assert back.phase is Phase.DOWN


def test_what_has_failed_is_tried_again_by_the_same_record() -> None:
    record = Moving().to_posted().record()
    assert record.of_before() is record


# restarts


def test_after_a_restart_everything_is_shown_anew() -> None:
    walk = Back().to_releasing().identify().read(Power.ON).tell().show().round()
    walk.resume()
    release = walk.incident.release
    assert (release.reports, release.inspected_at) == (0, None)
    assert walk.all(Lift) == []
    walk.identify().read(Power.ON).tell().show().round().round()
    assert walk.all(Lift)


def test_after_a_restart_a_lift_without_an_answer_is_read_back() -> None:
    walk = Back().to_lift()
    assert walk.resume().all(Lift) == []
    walk.show(forced_down=False, state="up")
    assert walk.step is Step.WATCHING
    walk = Back().to_lift().resume().show()
    assert (walk.step, walk.said) == (Step.CHECKING, "the flag is still there when read back")


def test_after_a_restart_only_a_lift_without_an_answer_may_still_be_carried_out() -> None:
    walk = Back().to_lift().resume()
    assert walk.incident.release.lift_at == walk.now
    for walk in (Back().to_lift().lift(), Back().to_enable()):
        ended_at = walk.incident.release.lift_at
        assert ended_at is not None
        assert walk.resume().incident.release.lift_at == ended_at


@pytest.mark.parametrize("way", [Back.to_releasing, Back.to_watching])
def test_after_a_restart_nothing_is_read_back_where_nothing_was_sent(
    way: Callable[[Back], Back],
) -> None:
    walk = way(Back()).resume()
    assert (walk.incident.release.put, walk.incident.release.put_at) == (None, None)
    assert walk.show().all(Look) == []


def test_after_a_restart_who_had_accused_it_before_says_nothing_new() -> None:
    walk = Back().to_releasing().resume().show().elapse(1).hear()
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.CHECKING)
    assert walk.incident.release.lifted_at is None
    assert walk.hear("zabbix").phase is Phase.DOWN


def test_after_a_restart_it_is_watched_anew() -> None:
    walk = Back().to_watching().watch(50)
    walk.resume()
    assert walk.incident.release.lifted_at == walk.now
    assert walk.watch(50).step is Step.WATCHING
    assert walk.watch(20).step is Step.ENABLING


def test_after_a_restart_an_enable_without_an_answer_is_read_back() -> None:
    walk = Back().to_enable().resume().show(status="enabled", reason="")
    assert walk.watch(70).phase is Phase.RESOLVED


@pytest.mark.parametrize("way", [Back.to_releasing, Back.to_watching])
def test_on_another_boot_it_is_timed_anew(way: Callable[[Back], Back]) -> None:
    walk = way(Back())
    walk.reboot()
    assert walk.phase is Phase.RELEASING
    assert walk.incident.release.began == walk.now
    walk.hear()
    assert walk.phase is Phase.RELEASING


def test_who_is_told_what_of_its_power() -> None:
    walk = Back().rows_are(web="accepted").to_releasing().round().elapse(600)
    assert fenced(walk) == "confirmed"
    walk = Back().to_watching().elapse(10).report(forced_down=True, state="down")
    assert fenced(walk) == "no"
    assert fenced(Back().to_resolved()) == "no"


def fenced(walk: Walk) -> str:
    last = [entry for entry in walk.incident.timeline if entry.tell][-1]
    told = list(notices(walk.incident, last.seq - 1, walk.context))
    assert last.tell in (NoticeKind.HELD, NoticeKind.RECOVERED)
    return told[0].fenced


def test_a_list_of_a_host_that_is_down_is_not_asked_for_without_a_reason() -> None:
    walk = Back().to_down().list("web")
    assert walk.due == ()
