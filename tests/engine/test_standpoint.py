"""What the daemon knows of itself: pauses, its control plane, and what it has cut of that."""

from __future__ import annotations

import pytest

from doctor_daemon.core.host import HostId
from doctor_daemon.core.ourselves import OwnRules
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.standpoint import PAUSE_S, UNREAD_S, Standpoint, Wakefulness
from doctor_daemon.errors import Temporary
from tests.core.make import HOST, at, incident

TICK_S = 0.25


def standpoint(rules: OwnRules | None = None) -> Standpoint:
    fixed = rules or OwnRules()
    return Standpoint(lambda: fixed)


@pytest.mark.parametrize(("gap_s", "paused"), [(PAUSE_S, False), (PAUSE_S + 0.25, True)])
def test_a_gap_between_two_ticks_is_a_pause_above_the_limit(gap_s: float, *, paused: bool) -> None:
    wake = Wakefulness()
    assert wake.tick(at(0), TICK_S) == 0.0
    assert wake.seen(at(gap_s)) == (at(gap_s) if paused else None)
    assert wake.tick(at(gap_s), TICK_S) == (gap_s if paused else 0.0)
    assert wake.tick(at(gap_s), TICK_S) == 0.0


def test_before_the_first_tick_and_in_a_rest_nothing_is_measured() -> None:
    wake = Wakefulness()
    assert wake.seen(at(100)) is None
    wake.tick(at(100), TICK_S)
    wake.rest()
    assert wake.seen(at(900)) is None
    assert wake.tick(at(900), TICK_S) == 0.0


@pytest.mark.parametrize(
    ("after_s", "taken"), [(0.0, False), (UNREAD_S - 0.25, False), (2.0, True)]
)
def test_an_order_that_may_have_lain_unread_is_not_followed(after_s: float, *, taken: bool) -> None:
    own = standpoint()
    own.attentive(at(0))
    own.wake.tick(at(0), TICK_S)
    own.wake.tick(at(60), TICK_S)
    if taken:
        own.attentive(at(60 + after_s))
    else:
        with pytest.raises(Temporary, match="say it again"):
            own.attentive(at(60 + after_s))


def test_what_is_known_is_made_anew_only_when_something_has_changed() -> None:
    rules = [OwnRules()]
    own = Standpoint(lambda: rules[0])
    own.wake.tick(at(0), TICK_S)
    first = own.seen(at(1))
    assert own.seen(at(1)) is first
    rules[0] = OwnRules(control=frozenset({"ctl-1"}))
    second = own.seen(at(1))
    assert second is not first
    assert own.seen(at(1)) is second
    awake = own.seen(at(60))
    assert awake.awake_at == at(60)
    assert own.seen(at(60)) is awake
    own.told({"ctl-2": "Nova shows it"})
    told = own.seen(at(60))
    assert told is not awake
    own.told({"ctl-2": "Nova shows it"})
    assert own.seen(at(60)) is told


def test_of_the_control_plane_nothing_is_known_until_nova_has_shown_it() -> None:
    own = standpoint(OwnRules(control=frozenset({"ctl-1"})))
    assert own.seen(at(0)).control is None
    own.told({})
    assert own.seen(at(0)).control == {"ctl-1": "the configuration says so"}


def test_a_host_of_the_control_plane_that_was_cut_is_down_until_its_incident_ends() -> None:
    own = standpoint()
    own.saw(incident(cut_started=at(0)))
    assert own.seen(at(0)).control_down == frozenset()
    own.told({HOST.name: "Nova shows it", "another": "Nova shows it"})
    assert own.seen(at(0)).control_down == {HOST}
    own.saw(incident(host=HostId("default", "another")))
    assert own.seen(at(0)).control_down == {HOST}
    known = own.seen(at(0))
    own.saw(incident(cut_started=at(0)))
    assert own.seen(at(0)) is known
    own.saw(incident(cut_started=at(0), phase=Phase.RESOLVED))
    assert own.seen(at(0)).control_down == frozenset()
