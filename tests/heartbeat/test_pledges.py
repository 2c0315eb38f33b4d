"""Whom the daemon acknowledges, and when a boot of a host has certainly ended."""

from __future__ import annotations

from dataclasses import asdict
from itertools import count, product

import pytest

from doctor_daemon.heartbeat.lease import off_after_s
from doctor_daemon.heartbeat.lifeline import ARMED, DISARM, FED, RELEASED, Ask
from doctor_daemon.heartbeat.pledges import NO_UUID, Heard, Hold, Pledges, over, refused

HOST, INCIDENT, OURS = "cmp-1", "incident-1", "our-boot"
LEASE_S, TIMEOUT_S = 300, 60
OFF_S = off_after_s(LEASE_S, TIMEOUT_S)
X, Y = 0xB007, 0xB008


class Agent:
    """What a host's agent would say."""

    def __init__(self, pledges: Pledges, boot: int = X) -> None:
        self._pledges, self.boot, self._sequence = pledges, boot, 0
        self.challenge = 0

    def said(self, flags: int = ARMED) -> Ask:
        self._sequence += 1
        return Ask(
            *(1, flags, self.boot, self._sequence, self.challenge),
            *(LEASE_S * 1000, TIMEOUT_S * 1000, bytes(15) + b"\1", b"iron dog"),
        )

    def asks(self, now_s: float, flags: int = ARMED) -> int | None:
        """Ask, and take what is answered as an agent does."""
        flags_ = self._pledges.heard(HOST, self.said(flags), now_s).flags
        self.challenge = self._pledges.challenge(HOST)
        if flags_ is not None and flags_ & FED:
            self._pledges.answered(HOST, now_s)
        return flags_


def made() -> tuple[Pledges, Agent]:
    """A daemon that acknowledges a host at 1000 s."""
    pledges = Pledges(count(100).__next__)
    agent = Agent(pledges)
    assert agent.asks(1000) == 0, "the number has to be heard first"
    assert agent.asks(1000) == FED
    return pledges, agent


def held(now_s: float = 1010) -> tuple[Pledges, Agent, Hold]:
    pledges, agent = made()
    hold = pledges.withhold(HOST, INCIDENT, now_s)
    assert hold is not None
    return pledges, agent, hold


def test_it_is_counted_from_the_last_acknowledgement() -> None:
    pledges, agent = made()
    assert agent.asks(1005) == FED
    hold = pledges.withhold(HOST, INCIDENT, 1100)
    assert hold is not None
    assert (hold.boot, hold.incident, hold.acked_s) == (X, INCIDENT, 1005)
    assert hold.off_s == 1005 + OFF_S


def test_a_host_that_was_never_heard_cannot_be_withheld_from() -> None:
    pledges = Pledges(count(100).__next__)
    assert pledges.withhold(HOST, INCIDENT, 1000) is None
    assert pledges.holds == {}


def test_whom_it_withholds_from_is_answered_nothing_and_may_go_on_until_its_time() -> None:
    pledges, agent, hold = held()
    assert agent.asks(1015) is None
    assert agent.asks(hold.off_s - 0.1) is None
    assert pledges.holds[HOST] == hold
    assert pledges.reports == {}


def test_b1_a_boot_that_is_heard_after_its_time_has_not_ended() -> None:
    pledges, agent, hold = held()
    assert pledges.heard(HOST, agent.said(), hold.off_s) == Heard(spoiled=True)
    assert "heard after its time" in pledges.holds[HOST].spoiled
    assert pledges.heard(HOST, agent.said(), hold.off_s + 9) == Heard(), "it is told once"


@pytest.mark.parametrize("later_s", [1, OFF_S - 20, OFF_S + 20])
def test_b9_another_boot_of_the_host_is_on_again(later_s: float) -> None:
    pledges, _, hold = held()
    back = Agent(pledges, Y)
    assert back.asks(hold.acked_s + later_s) == 0
    assert back.asks(hold.acked_s + later_s) is None
    assert "another boot" in pledges.holds[HOST].spoiled


def test_e2_what_was_recorded_is_not_believed() -> None:
    pledges, agent = made()
    recorded = agent.said()
    assert pledges.heard(HOST, recorded, 1001).flags == FED
    assert pledges.heard(HOST, recorded, 1002) == Heard(replayed=True)
    assert pledges.reports[HOST].heard_s == 1001


def test_e2_what_was_recorded_before_a_restart_is_told_the_number_and_no_more() -> None:
    _, agent = made()
    recorded = agent.said()
    after = Pledges(count(500).__next__)
    assert after.heard(HOST, recorded, 1002) == Heard(0)
    assert after.reports == {}
    assert after.seen_s(HOST) is None


def test_e2_what_an_earlier_boot_had_still_on_its_way_is_not_believed() -> None:
    pledges, agent = made()
    on_its_way = agent.said()
    back = Agent(pledges, Y)
    assert back.asks(1100, 0) == 0
    assert back.asks(1100, 0) == FED
    assert pledges.heard(HOST, on_its_way, 1101) == Heard(0)
    assert (pledges.reports[HOST].boot, pledges.reports[HOST].armed) == (Y, False)
    assert back.asks(1102, 0) == FED


def test_a_watchdog_that_was_switched_off_by_leave_is_not_counted_on() -> None:
    pledges, agent = made()
    assert agent.asks(1005, ARMED | DISARM) == RELEASED
    assert "not armed" in refused(pledges.reports[HOST], LEASE_S, TIMEOUT_S, 1005)


def test_d6_leave_is_not_given_to_a_host_that_is_being_fenced() -> None:
    pledges, agent, hold = held()
    assert agent.asks(1015, ARMED | DISARM) is None
    assert pledges.holds[HOST] == hold


def test_i6_only_what_was_heard_lately_and_fits_is_counted_on() -> None:
    pledges, _ = made()
    report = pledges.reports[HOST]
    assert refused(report, LEASE_S, TIMEOUT_S, 1000 + LEASE_S) == ""
    assert "for 301 s" in refused(report, LEASE_S, TIMEOUT_S, 1001 + LEASE_S)
    assert "expected 600 s and 60 s" in refused(report, 600, TIMEOUT_S, 1000)
    assert "expected 300 s and 30 s" in refused(report, LEASE_S, 30, 1000)
    assert "nothing was heard" in refused(None, LEASE_S, TIMEOUT_S, 1000)


def test_i6_a_hold_does_not_count_for_ever() -> None:
    _, _, hold = held()
    assert not over(hold, hold.off_s + LEASE_S)
    assert over(hold, hold.off_s + LEASE_S + 1)


def test_a_host_is_acknowledged_again_once_it_is_released() -> None:
    pledges, agent, _ = held()
    pledges.release(HOST)
    assert agent.asks(1020) == FED
    assert pledges.reports[HOST].heard_s == 1020


def test_d9_what_could_not_be_saved_is_taken_back() -> None:
    pledges, agent = made()
    report = pledges.reports[HOST]
    pledges.withhold(HOST, INCIDENT, 1010)
    pledges.take_back(HOST, report)
    assert (pledges.holds, pledges.reports) == ({}, {HOST: report})
    assert agent.asks(1011) == FED


def test_b9_what_was_said_before_another_boot_does_not_come_back_with_it() -> None:
    pledges, _ = made()
    report = pledges.reports[HOST]
    pledges.withhold(HOST, INCIDENT, 1010)
    back = Agent(pledges, Y)
    assert (back.asks(1011), back.asks(1011)) == (0, None)
    pledges.take_back(HOST, report)
    assert (pledges.holds, pledges.reports) == ({}, {})


def test_b9_what_is_withheld_and_what_spoke_against_it_outlive_a_restart() -> None:
    pledges, _, hold = held()
    back = Agent(pledges, Y)
    back.asks(1100)
    back.asks(1100)
    after = Pledges(count(500).__next__)
    after.restore(pledges.kept(OURS), OURS, 1200)
    assert after.holds == pledges.holds
    assert after.holds[HOST].acked_s == hold.acked_s
    assert after.holds[HOST].spoiled


def test_after_a_boot_of_ours_the_time_is_counted_anew() -> None:
    pledges, _, _ = held()
    after = Pledges(count(500).__next__)
    after.restore(pledges.kept(OURS), "another", 77)
    assert after.holds[HOST].acked_s == 77


def test_a_moment_that_is_still_to_come_is_not_believed() -> None:
    pledges, _, hold = held()
    after = Pledges(count(500).__next__)
    after.restore(pledges.kept(OURS), OURS, hold.acked_s - 500)
    assert after.holds[HOST].acked_s == hold.acked_s - 500


NUMBERS: tuple[object, ...] = (-1e6, float("nan"), float("inf"), "300", None, [], 10**400)
WRONG: tuple[tuple[str, object], ...] = (
    *product(("lease_s", "timeout_s", "acked_s"), NUMBERS),
    ("lease_s", 0),
    ("timeout_s", 0),
    ("boot", "b"),
    ("spoiled", None),
)


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_a_time_that_cannot_have_been_kept_proves_nothing(name: str, wrong: object) -> None:
    whole = Hold("i-1", 7, NO_UUID, "iTCO", 300.0, 60.0, 400.0)
    kept = {"version": 1, "boot": OURS, "holds": {"a": asdict(whole)}}
    pledges = Pledges(count(500).__next__)
    pledges.restore(kept, OURS, 1000)
    assert pledges.holds == {"a": whole}
    again = Pledges(count(500).__next__)
    with pytest.raises((ValueError, TypeError)):
        again.restore({**kept, "holds": {"a": asdict(whole) | {name: wrong}}}, OURS, 1000)
    assert again.holds == {}


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"version": 2, "boot": OURS, "holds": {}},
        {"version": 1, "boot": OURS, "holds": {"a": {}}},
    ],
)
def test_what_is_damaged_is_refused_as_a_whole(kept: dict[str, object]) -> None:
    pledges = Pledges(count(500).__next__)
    with pytest.raises((KeyError, ValueError, TypeError)):
        pledges.restore(kept, OURS, 1000)
    assert pledges.holds == {}
