"""A host that somebody takes back into use: its incident ends, or it is suspected anew. No silence.

And nothing is cut for what was said while it was still down.
"""

from __future__ import annotations

from typing import Self

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import WayBack
from doctor_daemon.core.incident import Held, NoticeKind
from doctor_daemon.core.messages import Cut, Look, Order, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.sightings import Noticed
from tests.core import make
from tests.core.coming_back import REASON, Back
from tests.core.make import Fields, maintenance, plan

BY_HAND: dict[str, Fields] = {
    "forced_down": False,
    "state": "up",
    "status": "enabled",
    "reason": "",
}
ENDED = "put back by hand: Nova has it up and enabled, and forced_down is gone"
ANSWERED = "nothing unanswered is said against it: it is not cut"
IN_USE = "says down, and somebody has taken the host back into use"


class ByHand(Back):
    """A walk of a host that is down, and of which the poller shows what others do to it."""

    def notice(self, **changes: Fields) -> Self:
        """Let the poller show the service, ten seconds later."""
        self.shown = {**self.shown, **changes}
        self.wait(10)
        return self.see(Noticed(make.sighting(0, **{**self.shown, "asked_at": self.now})))

    def reports(self, **changes: Fields) -> Self:
        """Let nova-compute report in first."""
        return self.notice(updated_s=self.shown["updated_s"] + 10, **changes)

    def down(self) -> Self:
        return self.to_down().list("web").notice()

    def in_use(self) -> Self:
        """Let somebody clear the flag and enable the host, which is up."""
        return self.down().notice(**BY_HAND)


# its end


def test_a_host_that_was_put_back_by_hand_ends_its_incident_and_consumers_hear_of_it() -> None:
    walk = ByHand().in_use()
    assert walk.reports().phase is Phase.DOWN
    walk.reports()
    assert (walk.phase, walk.said, walk.told[-1]) == (
        Phase.RESOLVED,
        ENDED,
        NoticeKind.RECOVERED,
    )
    assert walk.incident.release.returns == 1


@pytest.mark.parametrize("changes", [{"armed": Armed()}, {"maintenance": maintenance(10_000)}])
def test_hands_that_are_kept_off_do_not_keep_it_open(changes: dict[str, Fields]) -> None:
    assert ByHand().in_use().given(**changes).reports().reports().phase is Phase.RESOLVED


def test_one_that_others_have_disabled_is_theirs_to_enable() -> None:
    walk = ByHand().down().notice(**{**BY_HAND, "status": "disabled", "reason": "burn-in"})
    assert walk.reports().reports().phase is Phase.RESOLVED
    assert walk.said == (
        "put back by hand: Nova has it up and disabled by others: burn-in, and forced_down is gone"
    )


def test_a_write_to_the_service_is_no_report() -> None:
    walk = ByHand().in_use().reports().reports(status="disabled", reason="again")
    assert walk.reports().phase is Phase.DOWN
    assert walk.reports().phase is Phase.RESOLVED


def test_an_old_list_says_nothing() -> None:
    walk = ByHand().in_use().reports()
    old = make.sighting(0, **{**walk.shown, "updated_s": 9e9, "asked_at": walk.now.plus(-1)})
    assert walk.see(Noticed(old)).phase is Phase.DOWN


def test_a_flag_that_was_set_again_begins_it_anew() -> None:
    walk = ByHand().in_use().reports().notice(forced_down=True, state="down")
    release = walk.incident.release
    assert (release.gone_at, release.used_at) == (None, None)
    walk.notice(**BY_HAND).reports()
    assert walk.phase is Phase.DOWN
    assert walk.reports().phase is Phase.RESOLVED


def test_a_wish_to_switch_it_on_ends_with_it() -> None:
    walk = ByHand().in_use().reports().order(Order.POWER_ON).reports()
    assert walk.phase is Phase.RESOLVED
    assert walk.incident.release.switching is None
    texts = [entry.text for entry in walk.incident.timeline]
    assert "not switched on: the host is back" in texts


def test_whoever_closes_it_goes_first() -> None:
    walk = ByHand().in_use().reports().order(Order.CLOSE).reports()
    assert walk.phase is Phase.RESOLVED
    assert walk.said.startswith("ended by ann")


def test_a_restart_forgets_nothing_of_it() -> None:
    walk = ByHand().in_use().reports().see(Resumed())
    assert walk.reports().phase is Phase.RESOLVED


def test_after_a_reboot_it_is_in_use_still() -> None:
    walk = ByHand().in_use().reboot()
    assert (walk.phase, walk.incident.release.used_at) == (Phase.DOWN, walk.now)
    assert walk.elapse(1).hear().phase is Phase.RELEASING


# its end that does not come


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": "down"}, "Nova does not show it up"),
        ({"status": "disabled", "reason": REASON}, "it is disabled by this incident still"),
        ({}, "nova-compute does not report in"),
    ],
)
def test_what_is_put_back_by_half_is_held_in_the_end(changes: dict[str, Fields], why: str) -> None:
    walk = ByHand().down().notice(**{**BY_HAND, **changes})
    assert walk.waits == [900.0]
    if "reason" in changes:
        walk.reports().reports()
    walk.elapse(899 - (walk.now.since(walk.incident.release.gone_at or walk.now)))
    assert walk.phase is Phase.DOWN
    walk.elapse(1)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    assert walk.said.startswith(f"held: forced_down of cmp-1 is gone, and {why}; ")
    assert walk.order(Order.RELEASE).phase is Phase.RELEASING


# its next failure


def test_a_host_in_use_that_fails_again_is_suspected_and_fenced_once_more() -> None:
    walk = ByHand().in_use().reports().elapse(5).hear()
    assert (walk.phase, walk.said) == (Phase.RELEASING, f"alertmanager {IN_USE}")
    walk.show().elapse(10)
    assert (walk.phase, walk.all(Cut)) == (Phase.FENCING, [])
    assert walk.fence().phase is Phase.DOWN
    assert walk.incident.release.gone_at is None
    assert walk.incident.marking.foreign_flag is False


def test_what_was_said_before_it_was_in_use_cuts_nothing() -> None:
    walk = ByHand().down().hear().notice(**BY_HAND).elapse(60)
    assert (walk.phase, walk.all(Look)) == (Phase.DOWN, [])


def test_what_is_said_while_nova_does_not_show_it_up_yet_cuts_nothing() -> None:
    """Who puts a host back may clear the flag first; whoever called it down calls it so still."""
    walk = ByHand().down().notice(**{**BY_HAND, "state": "down"}).elapse(1).hear()
    assert walk.phase is Phase.DOWN
    walk.notice(state="up").elapse(1)
    assert walk.phase is Phase.DOWN
    assert walk.hear().phase is Phase.RELEASING


@pytest.mark.parametrize("changes", [{}, {"way_back": WayBack(automatic=True)}])
def test_one_that_shows_life_is_not_cut(changes: dict[str, Fields]) -> None:
    walk = ByHand(plan=plan(**changes)).in_use().elapse(1).hear()
    walk.elapse(1).show().elapse(3).report()
    if changes:
        assert walk.phase is Phase.RELEASING  # the policy sees to the rest
        return
    assert (walk.phase, walk.said) == (Phase.DOWN, ANSWERED)
    walk.reports().reports()
    assert (walk.phase, walk.said) == (Phase.RESOLVED, ENDED)


def test_life_that_another_source_has_seen_will_do() -> None:
    walk = ByHand().in_use().elapse(1).hear().elapse(1)
    walk.hear("ping", verdict=Verdict.UP)
    assert walk.phase is Phase.DOWN


def test_a_word_that_is_taken_back_will_do_as_well() -> None:
    walk = ByHand().in_use().elapse(1).hear().elapse(1).hear(verdict=Verdict.WITHDRAWN)
    assert (walk.phase, walk.said) == (Phase.DOWN, ANSWERED)


def test_life_that_was_seen_before_it_was_called_down_will_not() -> None:
    walk = ByHand().in_use().elapse(1).hear("ping", verdict=Verdict.UP).elapse(1).hear()
    walk.show().elapse(10)
    assert walk.phase is Phase.FENCING


def test_on_its_way_back_by_the_policy_an_old_accuser_is_heard_again() -> None:
    """Somebody has cleared the flag: from then on it speaks of a host that is in use."""
    walk = ByHand(plan=plan(way_back=WayBack(automatic=True))).in_use().reports()
    walk.elapse(1).show().elapse(1).hear()
    assert (walk.phase, walk.incident.release.ordered) == (Phase.RELEASING, False)
    assert walk.show().elapse(10).phase is Phase.FENCING


def test_a_flag_that_goes_on_the_way_back_is_seen_too() -> None:
    walk = ByHand().to_releasing().identify().tell().show().elapse(10).show(**BY_HAND)
    assert walk.incident.release.used_at == walk.now
    walk.elapse(1).hear().elapse(9).show().elapse(10)
    assert walk.phase is Phase.FENCING


def test_what_policy_and_orders_do_not_ask_for_is_not_enabled() -> None:
    """Its way back begins for an accusation alone, and ends as soon as that is answered."""
    ours = {**BY_HAND, "status": "disabled", "reason": REASON}
    walk = ByHand().down().notice(**ours).elapse(1).hear().elapse(1).show().elapse(3).report()
    assert walk.phase is Phase.DOWN


def test_one_that_comes_back_too_often_is_not_held_for_that_once_it_is_in_use() -> None:
    walk = ByHand(plan=plan(way_back=WayBack(automatic=True))).given(returns=2).in_use()
    assert walk.reports().phase is Phase.RELEASING


# held


def held() -> ByHand:
    walk = ByHand().down()
    walk.incident = walk.incident.hold(walk.now, Held("release", "stuck", "look"))
    return walk.notice(**BY_HAND)


def test_a_host_that_is_held_and_in_use_is_not_silently_called_down() -> None:
    walk = held().elapse(1).hear()
    assert walk.said == (
        "ALARM: alertmanager says down, and the host may be in use; it is held, and nothing is done"
    )
    assert (walk.phase, walk.told[-1]) == (Phase.HELD, NoticeKind.ALARM)
    lines = len(walk.incident.timeline)
    walk.elapse(60).hear()
    assert len(walk.incident.timeline) == lines, "once"


def test_what_was_said_before_it_was_held_is_no_alarm() -> None:
    walk = held()
    before = walk.incident
    assert walk.elapse(1).incident is before


def test_a_host_that_is_held_and_forced_down_is_in_nobodys_use() -> None:
    walk = ByHand().down()
    walk.incident = walk.incident.hold(walk.now, Held("release", "stuck", "look"))
    lines = len(walk.incident.timeline)
    walk.elapse(1).hear()
    assert len(walk.incident.timeline) == lines
