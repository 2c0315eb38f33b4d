"""A host that others take back into use: at its limits, and beside what else is being done."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.incident import Held
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Step
from tests.core.coming_back import REASON, Back
from tests.core.make import plan
from tests.core.moving import Moving
from tests.core.test_automatic import Alone
from tests.core.test_by_hand import BY_HAND, ENDED, ByHand, held
from tests.core.test_reporting_in import polled

ALARM = " says down, and the host may be in use; it is held, and nothing is done"


def alarms(walk: Back) -> int:
    return sum(entry.text.endswith(ALARM) for entry in walk.incident.timeline)


# what counts as a report


def test_a_report_in_a_list_that_was_asked_for_together_with_the_last_one_counts() -> None:
    walk = ByHand().in_use().reports()
    assert polled(walk, updated_s=walk.shown["updated_s"] + 10).phase is Phase.RESOLVED


def test_a_host_that_is_only_shown_again_and_again_has_not_reported_in() -> None:
    assert ByHand().in_use().notice().notice().notice().phase is Phase.DOWN


def test_what_is_as_it_was_is_not_saved_again() -> None:
    walk = ByHand().in_use()
    before = walk.incident
    assert walk.notice().incident is before


def test_one_that_goes_down_once_more_is_not_taken_for_up() -> None:
    walk = ByHand().in_use().notice(state="down").elapse(900)
    assert "Nova does not show it up" in walk.said


def test_a_flag_that_went_while_the_last_servers_moved_is_seen_once_the_host_is_down() -> None:
    moved = Moving().to_posted()
    walk = ByHand(mode=moved.context.mode, plan=moved.context.plan)
    walk.incident, walk.context, walk.rows = moved.incident, moved.context, dict(moved.rows)
    walk.notice(**BY_HAND)
    Moving.follow(walk.turns(1, "done"))
    assert (walk.phase, walk.incident.release.gone_at) == (Phase.DOWN, None)
    assert walk.notice().incident.release.gone_at == walk.now
    assert walk.reports().reports().said == ENDED


def test_our_own_lifting_is_nobody_elses_hand() -> None:
    walk = Back().to_lift().lift().show(state="down").elapse(10).report(state="up")
    assert (walk.step, walk.incident.release.used_at) == (Step.WATCHING, None)


# what it counts for


def test_an_enabled_host_is_back_whatever_reason_stands_beside_that() -> None:
    walk = ByHand().down().notice(**{**BY_HAND, "reason": REASON})
    assert (walk.reports().reports().phase, walk.said) == (Phase.RESOLVED, ENDED)


@pytest.mark.parametrize("order", [Order.CLOSE, Order.DECOMMISSION])
def test_an_order_that_is_being_followed_goes_before_a_new_suspicion(order: Order) -> None:
    assert ByHand().in_use().order(order).elapse(1).hear().phase is Phase.DOWN


def test_after_a_reboot_on_its_way_it_is_where_it_was_put_back() -> None:
    """What was said on another boot is too old, and nobody has looked since."""
    walk = ByHand().in_use().elapse(1).hear()
    assert walk.phase is Phase.RELEASING
    assert (walk.reboot().phase, walk.incident.sighting) == (Phase.DOWN, None)


def test_a_way_back_that_policy_has_begun_goes_on_when_the_policy_is_another() -> None:
    walk = Alone().to_down().list("web").notice(**BY_HAND).starts().quarantine(320)
    assert walk.step is Step.WATCHING
    walk.given(plan=plan()).round()
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.WATCHING)


def test_whose_flag_was_set_again_on_its_way_has_not_been_put_back() -> None:
    walk = ByHand().in_use().elapse(1).hear().show(forced_down=True, state="down")
    assert walk.incident.release.used_at is None
    assert walk.elapse(1).hear(verdict=Verdict.WITHDRAWN).phase is Phase.RELEASING


# held


def test_what_was_said_at_the_moment_at_which_it_was_held_is_no_alarm() -> None:
    walk = ByHand().down().hear()
    walk.incident = walk.incident.hold(walk.now, Held("release", "stuck", "look"))
    assert alarms(walk.notice(**BY_HAND)) == 0


def test_who_is_held_once_more_and_called_down_is_told_once_more() -> None:
    walk = held().elapse(1).hear()
    assert alarms(walk) == 1
    walk.order(Order.RELEASE).elapse(1)
    walk.incident = walk.incident.hold(walk.now, Held("release", "stuck", "look"))
    assert alarms(walk.elapse(1).hear("zabbix").elapse(1).hear("zabbix")) == 2
