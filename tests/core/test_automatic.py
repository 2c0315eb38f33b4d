"""What policy does by itself for a host that is down: its release, and switching it on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.gates import Act, verdicts
from doctor_daemon.core.host import Mode, WayBack
from doctor_daemon.core.messages import Order, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Enable, Lift, Step
from doctor_daemon.core.sightings import Noticed
from tests.core import make
from tests.core.coming_back import Back
from tests.core.make import Fields, maintenance, plan

BY_ITSELF = WayBack(automatic=True)
BEGUN = "nova-compute reports in again: its release begins by itself"


class Alone(Back):
    """A walk of a host that comes back without an order."""

    def __init__(self, **changes: Fields) -> None:
        super().__init__(**{"plan": plan(way_back=BY_ITSELF), **changes})

    def notice(self, **changes: Fields) -> Alone:
        """Let the poller show the service, half a minute later."""
        self.shown |= changes
        self.wait(30)
        return self.see(Noticed(make.sighting(0, **{**self.shown, "asked_at": self.now})))

    def starts(self) -> Alone:
        """Let nova-compute report in for the first time since the host was down."""
        self.shown["updated_s"] += 10
        return self.notice()

    def to_begun(self) -> Alone:
        self.to_down().list("web")
        return self.notice().starts()

    def quarantine(self, seconds: float = 300) -> Alone:
        """Let it be seen alive for so long."""
        until = self.now.plus(seconds)
        self.identify().read(Power.ON).tell().report()
        while not self.now.reached(until) and self.phase is Phase.RELEASING:
            self.round()
        return self


def shut(walk: Back) -> list[str]:
    return [gate.name for gate, why in verdicts(Act.LIFT, walk.incident, walk.context) if why]


# its release


def test_a_host_that_reports_in_again_is_released_by_itself() -> None:
    walk = Alone().to_begun()
    assert (walk.phase, walk.said) == (Phase.RELEASING, BEGUN)
    walk.quarantine(290)
    assert (walk.all(Lift), shut(walk)) == ([], ["quarantine"])
    walk.round().round().round()
    assert walk.all(Lift)
    walk.lift().show().watch()
    walk.enable().show()
    assert walk.phase is Phase.RESOLVED


def test_without_the_policy_nothing_begins() -> None:
    walk = Alone(plan=plan()).to_down().list("web")
    before = walk.notice().incident
    after = walk.starts().incident
    assert replace(after, reported_at=None) == before


def test_a_host_that_does_not_report_in_stays_down() -> None:
    walk = Alone().to_down().list("web").notice()
    before = walk.incident
    assert walk.notice().notice().incident is before


def test_a_write_to_the_service_is_no_report() -> None:
    walk = Alone().to_down().list("web").notice()
    walk.shown["updated_s"] += 10
    assert walk.notice(reason="the rack is moved").phase is Phase.DOWN
    assert walk.starts().phase is Phase.RELEASING


def test_what_was_seen_before_a_restart_is_not_compared() -> None:
    walk = Alone().to_down().list("web").notice().see(Resumed())
    assert walk.starts().phase is Phase.DOWN
    assert walk.starts().phase is Phase.RELEASING


@pytest.mark.parametrize(
    "changes",
    [
        {"armed": Armed()},
        {"maintenance": maintenance(10_000)},
        {"mode": Mode.NOTIFY},
        {"plan": plan(way_back=BY_ITSELF, known=False)},
    ],
)
def test_where_the_daemon_is_to_keep_its_hands_off_nothing_begins(
    changes: dict[str, Fields],
) -> None:
    walk = Alone().to_down().list("web").notice()
    world = walk.context
    assert walk.given(**changes).starts().phase is Phase.DOWN
    walk.context = replace(world, now=walk.now)
    assert walk.starts().phase is Phase.RELEASING


def test_somebody_elses_flag_is_left_to_them() -> None:
    walk = Alone().to_down().list("web")
    walk.notice(forced_down=False).notice(forced_down=True)
    assert walk.starts().phase is Phase.DOWN


def test_a_flag_that_somebody_has_cleared_ends_it_in_the_same_way() -> None:
    walk = Alone().to_down().list("web").notice(forced_down=False)
    walk.starts()
    assert walk.phase is Phase.RELEASING
    walk.quarantine(320)
    assert walk.step is Step.WATCHING


def test_an_end_that_an_operator_has_ordered_goes_first() -> None:
    walk = Alone().to_down().list("web").notice().order(Order.CLOSE)
    assert walk.starts().phase is Phase.DOWN


# its quarantine


def test_a_gap_in_what_was_seen_of_it_begins_the_quarantine_anew() -> None:
    walk = Alone().to_begun().quarantine(200).elapse(70).quarantine(280)
    assert shut(walk) == ["quarantine"]
    assert walk.quarantine(30).all(Lift)


def test_whoever_still_calls_it_down_begins_the_quarantine_anew() -> None:
    walk = Alone().to_begun().quarantine(200).hear()
    assert walk.phase is Phase.RELEASING
    walk.quarantine(290)
    assert shut(walk) == ["quarantine"]
    assert walk.quarantine(30).all(Lift)


def test_a_restart_begins_the_quarantine_anew() -> None:
    walk = Alone().to_begun().quarantine(290).resume()
    walk.quarantine(290)
    assert shut(walk) == ["quarantine"]


def test_a_maintenance_keeps_it_in_quarantine() -> None:
    walk = Alone().to_begun().given(maintenance=maintenance(10_000)).quarantine(320)
    assert shut(walk) == ["quarantine"]
    gates = {gate.name: why for gate, why in verdicts(Act.LIFT, walk.incident, walk.context)}
    assert gates["quarantine"] == "cmp-1 is in maintenance by ben: new memory"
    walk.given(maintenance=maintenance(-1)).round()
    assert walk.all(Lift)


def test_an_operators_order_is_worth_a_quarantine() -> None:
    walk = Alone().to_begun().quarantine(30).order(Order.RELEASE)
    assert (walk.phase, walk.said) == (Phase.RELEASING, "release by ann: because I looked")
    assert walk.all(Lift) or walk.round().all(Lift)
    walk.order(Order.RELEASE)
    assert "the incident is releasing; release is for one that is down or held" in walk.said


def test_one_that_an_operator_calls_off_does_not_begin_again() -> None:
    walk = Alone().to_begun().order(Order.DISMISS)
    assert walk.phase is Phase.DOWN
    walk.notice()
    assert walk.starts().phase is Phase.DOWN
    assert walk.order(Order.RELEASE).phase is Phase.RELEASING


def test_a_host_that_falls_silent_is_down_until_it_reports_in_again() -> None:
    walk = Alone().to_begun()
    for _ in range(12):
        walk.elapse(10).identify().read(Power.ON).tell().show()
    assert walk.phase is Phase.DOWN
    assert walk.said == "nova-compute does not report in: it stays forced down until it does"
    assert walk.starts().phase is Phase.RELEASING
    walk.quarantine(60)
    for _ in range(8):
        walk.elapse(10).read(Power.ON).tell().show()
    assert walk.phase is Phase.DOWN


def test_a_host_that_lives_and_cannot_be_released_is_held() -> None:
    walk = Alone().rows_are(web="done").to_begun().quarantine(2000)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    assert "restart nova-compute there" in walk.said


def test_a_host_that_is_called_down_again_is_down() -> None:
    walk = Alone().to_begun().quarantine(60).hear("zabbix")
    assert walk.phase is Phase.DOWN
    assert walk.starts().phase is Phase.RELEASING


# flaps


def test_a_host_that_has_come_back_too_often_waits_for_a_human() -> None:
    walk = Alone().given(returns=2).to_begun()
    assert (walk.phase, walk.gate) == (Phase.HELD, "flaps")
    assert walk.said == (
        "held: cmp-1 has come back 2 times in 24 hours, and failed again; "
        "find out why it fails; then `doctor-daemon release HOST`"
    )
    walk.order(Order.RELEASE)
    assert walk.phase is Phase.RELEASING
    walk.identify().read(Power.ON).tell().show().round().round()
    assert walk.all(Lift)


def test_what_has_come_back_and_failed_within_one_incident_counts() -> None:
    walk = Alone(policy=Policy(flaps_max=1)).to_begun().quarantine(320)
    walk.lift().show().elapse(1).hear("zabbix").show().elapse(10)
    assert walk.phase is Phase.FENCING
    walk.fence()
    assert (walk.phase, walk.incident.release.returns) == (Phase.DOWN, 1)
    walk.list("web").notice()
    assert (walk.starts().phase, walk.gate) == (Phase.HELD, "flaps")


def test_others_that_come_back_meanwhile_are_counted_just_before_the_lift() -> None:
    walk = Alone().to_begun().quarantine(290).given(returns=2)
    walk.round().round().round()
    assert shut(walk) == ["flaps"]


# disabled


def test_a_group_of_hosts_may_stay_disabled() -> None:
    walk = Back(plan=plan(way_back=WayBack(enable=False))).to_watching().watch(80)
    assert (walk.phase, walk.all(Enable)) == (Phase.RESOLVED, [])
    assert walk.said == "back: Nova has it up; it stays disabled, as the policy says"


def test_life_that_a_source_has_seen_does_not_begin_it() -> None:
    """Only nova-compute can come back to Nova; a ping may be answered by a machine in repair."""
    walk = Alone().to_down().list("web").notice().hear("ping", verdict=Verdict.UP)
    assert walk.phase is Phase.DOWN
