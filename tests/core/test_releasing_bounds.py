"""The way back, at its limits: ends that come twice, or late, and a policy that is taken back."""

from __future__ import annotations

from doctor_daemon.core.host import WayBack
from doctor_daemon.core.messages import Crashed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Enable, EnableEnded, Lift, Step
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import REASON, Back
from tests.core.make import plan, sighting
from tests.core.test_by_hand import ENDED, ByHand


def test_of_a_request_that_was_answered_a_second_end_means_nothing() -> None:
    """It may have been carried out: nothing that is said later unmakes that."""
    walk = Back().to_lift()
    effect = walk.one(Lift)
    before = walk.lift(Outcome.UNKNOWN).see(Crashed("KeyError")).incident
    walk.wait(1).refuse(effect, "armed", "disarmed")
    assert (walk.phase, walk.incident) == (Phase.HELD, before)


def test_what_cannot_be_read_back_is_said_however_old_the_list_of_evacuations_is() -> None:
    """The poller has shown the host while the request was out, and nothing was asked meanwhile."""
    walk = Back(policy=Policy(progress_s=22.0, settle_s=1.0)).to_enable()
    effect = walk.one(Enable)
    walk.wait(40)
    walk.shown |= {"status": "enabled", "reason": REASON, "asked_at": walk.now}
    walk.see(Noticed(sighting(0, **walk.shown)))
    walk.wait(0.25).see(EnableEnded(effect, Outcome.UNKNOWN, "no answer", walk.now))
    walk.elapse(1)
    assert walk.phase is Phase.HELD
    assert walk.said.startswith("held: what was done to cmp-1 cannot be read back;")


def nearly_shown() -> ByHand:
    """Walk to two seconds before the end of a quarantine: that is all that is missing."""
    automatic = plan(way_back=WayBack(automatic=True))
    walk = ByHand(plan=automatic, policy=Policy(quarantine_s=52.0)).in_use().reports()
    for _ in range(7):
        walk.round(Power.ON)
    assert (walk.phase, walk.step) == (Phase.RELEASING, Step.CHECKING)
    return walk


def test_a_policy_that_is_taken_back_just_when_all_is_shown_has_nothing_more_done() -> None:
    assert nearly_shown().elapse(2).step is Step.WATCHING
    walk = nearly_shown().given(plan=plan()).elapse(2)
    assert (walk.phase, walk.said) == (Phase.RESOLVED, ENDED)
