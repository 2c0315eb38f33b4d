"""What reviews of the way back have found: long outages, lost orders, flags that come and go."""

from collections.abc import Callable

import pytest

from doctor_daemon.core.gates import Act, verdicts
from doctor_daemon.core.messages import Look, Order, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Enable, Lift, Step, SwitchedOn, SwitchOn
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.coming_back import Back


def shut(walk: Back, act: Act = Act.LIFT) -> list[str]:
    return [gate.name for gate, why in verdicts(act, walk.incident, walk.context) if why]


# long outages


@pytest.mark.parametrize("way", [Back.to_releasing, Back.to_lift, Back.to_watching, Back.to_enable])
def test_an_outage_of_any_length_holds_nothing_before_it_was_looked_at(
    way: Callable[[Back], Back],
) -> None:
    walk = way(Back())
    walk.wait(100_000).see(Resumed())
    assert (walk.phase, len(walk.all(Look))) == (Phase.RELEASING, 1)


def test_a_lift_that_was_lost_in_a_long_outage_is_read_back() -> None:
    walk = Back().to_lift().wait(1000).see(Resumed())
    walk.show(forced_down=False, state="up")
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.WATCHING)
    walk = Back().to_enable().wait(5000).see(Resumed()).show(status="enabled", reason="")
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.WATCHING)


def test_a_lift_that_is_answered_late_is_read_back_before_anybody_is_asked() -> None:
    walk = Back().to_lift()
    walk.wait(1000)
    walk.lift(Outcome.UNKNOWN)
    assert walk.phase is Phase.RELEASING
    assert walk.show().step is Step.WATCHING


def test_a_lift_that_is_answered_late_and_not_read_back_holds_in_the_end() -> None:
    walk = Back().to_lift()
    walk.wait(1000).lift(Outcome.UNKNOWN)
    assert walk.elapse(59).phase is Phase.RELEASING
    assert walk.elapse(1).gate == "release"


# orders to switch on


def test_an_order_that_is_waiting_when_the_host_is_held_is_answered() -> None:
    walk = Back().to_releasing().round().elapse(880)
    walk.order(Order.POWER_ON).elapse(20)
    assert (walk.phase, walk.incident.release.switching) == (Phase.HELD, None)
    assert walk.said.startswith("not switched on: cmp-1 is held: ")


def test_an_order_that_was_being_followed_when_the_host_is_held_is_answered() -> None:
    walk = Back().to_releasing().round().elapse(880).order(Order.POWER_ON).tell()
    (effect,) = walk.all(SwitchOn)
    walk.elapse(20)
    assert walk.phase is Phase.HELD
    assert walk.said.startswith("whether it was switched on is not known, for cmp-1 is held: ")
    walk.see(SwitchedOn(effect, Outcome.ACCEPTED, "204", walk.now))
    assert walk.said == "bmc: switch on accepted: 204"


def test_an_order_is_answered_when_the_incident_ends() -> None:
    walk = Back().to_down().list("web").order(Order.CLOSE)
    walk.order(Order.POWER_ON)
    walk.look(forced_down=False)
    assert walk.phase is Phase.RESOLVED
    assert walk.incident.timeline[-2].text == "not switched on: the incident is over"


def test_an_order_is_answered_when_the_host_fails_again() -> None:
    walk = Back().to_releasing().identify().read(Power.ON).tell().show(forced_down=False)
    walk.hear("zabbix").show().elapse(9).order(Order.POWER_ON)
    assert walk.phase is Phase.FENCING
    said = [entry.text for entry in walk.incident.timeline]
    assert "not switched on: it is fenced again" in said


# the flag


def test_a_flag_that_others_clear_and_set_again_on_the_way_back_is_theirs() -> None:
    walk = Back().to_releasing().identify().read(Power.ON).tell().show()
    walk.round()
    walk.elapse(10).read(Power.ON).tell().report(forced_down=False, state="up")
    assert walk.said == "ALARM: forced_down was cleared by somebody else"
    walk.elapse(10).read(Power.ON).tell().report(forced_down=True, state="down")
    assert walk.said == "forced_down was set by somebody else, and is theirs to clear"
    for _ in range(3):
        walk.round()
    assert (walk.all(Lift), shut(walk)) == ([], ["ours"])


def test_a_lift_that_came_late_is_not_blamed_on_others_alone() -> None:
    walk = Back().to_lift().lift(Outcome.UNKNOWN)
    walk.show(forced_down=True, state="down")
    walk.elapse(10).read(Power.ON).tell().report(forced_down=False, state="up")
    said = [entry.text for entry in walk.incident.timeline]
    assert (
        "forced_down was cleared by somebody else, or by a request of ours that came late" in said
    )


def test_a_flag_that_others_set_in_its_watch_is_theirs_afterwards_too() -> None:
    walk = Back().to_watching().elapse(10).report(forced_down=True, state="down")
    assert walk.gate == "release"
    walk.order(Order.RELEASE).identify().read(Power.ON).tell().show()
    for _ in range(4):
        walk.round()
    assert (walk.all(Lift), walk.all(Enable), shut(walk)) == ([], [], ["ours"])


def test_a_flag_that_others_set_while_it_was_down_is_theirs_on_the_way_back() -> None:
    walk = Back().to_down().list("web").wait(10)
    seen = make.sighting(0, asked_at=walk.now, forced_down=False, status="disabled")
    walk.see(Noticed(seen)).wait(10)
    again = make.sighting(0, asked_at=walk.now, forced_down=True, status="disabled")
    walk.see(Noticed(again))
    walk.order(Order.RELEASE).identify().read(Power.ON).tell().show()
    for _ in range(4):
        walk.round()
    assert (walk.all(Lift), shut(walk)) == ([], ["ours"])
