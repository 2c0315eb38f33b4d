"""A flag that vanishes: by a request of ours that came late, or by another. Only that alarms."""

from __future__ import annotations

import pytest

from doctor_daemon.core.hands import LATE
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Crashed, Order, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Lift, LiftEnded
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import Back
from tests.core.test_hands import CLEARED, CLOSE, HANDS, poll


def test_a_lift_of_ours_that_is_carried_out_late_is_no_alarm() -> None:
    walk = Back().to_lift().lift(Outcome.UNKNOWN)
    walk.show(forced_down=True, state="down").elapse(1)
    assert walk.said == "the flag is still there when read back"
    walk.hear("zabbix")
    assert walk.phase is Phase.DOWN
    assert poll(walk, **HANDS["clears"]) == [LATE]
    assert NoticeKind.ALARM not in walk.told


def test_long_after_a_lift_of_ours_it_was_somebody_else() -> None:
    walk = Back().to_lift().lift(Outcome.UNKNOWN)
    walk.show(forced_down=True, state="down").elapse(60).hear("zabbix")
    assert walk.phase is Phase.DOWN
    assert poll(walk, **HANDS["clears"]) == [CLEARED + CLOSE]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNSENT])
def test_a_lift_that_certainly_did_nothing_is_not_what_has_cleared_it(outcome: Outcome) -> None:
    walk = Back().to_lift().lift(outcome)
    assert poll(walk, **HANDS["clears"]) == [CLEARED]


def test_a_lift_whose_answer_is_awaited_while_it_is_held_is_no_alarm() -> None:
    walk = Back().to_lift()
    (effect,) = walk.all(Lift)
    walk.see(Crashed("KeyError"))
    assert poll(walk, **HANDS["clears"]) == [LATE]
    walk.see(LiftEnded(effect, Outcome.ACCEPTED, "200", walk.now))
    assert walk.incident.release.lift_at == walk.now
    walk = Back().to_lift().see(Crashed("KeyError")).wait(100)
    walk.see(Resumed())
    assert walk.incident.release.lift_at == walk.now


def test_after_a_power_on_a_flag_that_vanishes_is_an_alarm_like_any_other() -> None:
    walk = Back().to_releasing().order(Order.POWER_ON).show()
    assert walk.incident.release.number == 1
    assert poll(walk, **HANDS["clears"]) == [CLEARED]
