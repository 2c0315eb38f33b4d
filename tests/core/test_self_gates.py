"""The gates that ask about ourselves: each open, shut, and shut by what is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.gates import Act, gate_waited_for, refused
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ourselves import Check, Ourselves, Sign
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from tests.core.gated import ready, shut
from tests.core.make import HOST, OTHER_BOOT, Fields, at, context, sighting

OTHER = HostId("default", "cmp-2")


def checked(seconds: float = 0, *, good: bool | None = True, sign: Sign = Sign.REFERENCE) -> Check:
    return Check(sign, good, "1 of 3 reference points answer", at(seconds))


def own(*checks: Check, **changes: Fields) -> Ourselves:
    """Make what is known of us, with one sign asked for."""
    found = {check.sign: check for check in checks}
    return replace(Ourselves((Sign.REFERENCE,), found), **changes)


# cut off


def test_a1_nothing_is_cut_while_our_own_side_is_bad() -> None:
    assert shut("isolation", ready(), own=own(checked())) == ""
    bad = own(checked(good=False))
    text = "we may be cut off ourselves: 1 of 3 reference points answer"
    assert shut("isolation", ready(), own=bad) == text


def test_i9_what_is_not_known_of_ourselves_is_as_bad() -> None:
    assert "cut off" in shut("isolation", ready(), own=own(checked(good=None)))
    never = "our own side (reference) has not been checked in the last 10 s"
    assert shut("isolation", ready(), own=own()) == never


@pytest.mark.parametrize(("age_s", "open_"), [(10, True), (10.25, False)])
def test_a1_a_check_that_is_too_old_counts_as_none(age_s: float, *, open_: bool) -> None:
    asked = ready(fencing=None)
    why = shut("isolation", asked, now=at(age_s), own=own(checked(0)))
    assert (why == "") is open_


def test_a1_only_a_check_since_the_host_was_suspected_counts() -> None:
    before, since = own(checked(-0.25)), own(checked(0))
    assert "has not been checked" in shut("isolation", ready(), own=before)
    assert shut("isolation", ready(), own=since) == ""
    rebooted = ready(opened_at=at(5, OTHER_BOOT))
    assert shut("isolation", rebooted, own=since) == ""


def test_a1_without_any_sign_only_nova_counts_which_the_look_asks() -> None:
    assert shut("isolation", ready(), own=Ourselves()) == ""
    assert shut("look", ready(sighting=None), own=Ourselves()) != ""


# asleep


def test_a12_a_host_is_looked_at_anew_after_a_pause() -> None:
    fresh = ready(sighting=sighting(0), phase=Phase.FENCING, grace_from=at(0), proof=None)
    assert shut("pause", fresh) == ""
    assert shut("pause", fresh, own=Ourselves(awake_at=at(0))) == ""
    woken = Ourselves(awake_at=at(0.25))
    text = "the daemon stood still, and has not looked at cmp-1 anew since"
    assert shut("pause", fresh, own=woken) == text
    assert shut("pause", replace(fresh, sighting=None), own=woken) == text
    looked = replace(fresh, sighting=sighting(0.25))
    assert shut("pause", looked, own=woken) == text, "its grace has not begun anew"
    assert shut("pause", replace(looked, grace_from=at(0.25)), own=woken) == ""


def test_a12_what_was_cut_already_has_no_grace_any_more() -> None:
    woken = Ourselves(awake_at=at(0.25))
    cut = ready(cut_started=at(-5), sighting=sighting(0.25), phase=Phase.FENCING)
    assert shut("pause", cut, own=woken) == ""
    moving = ready(sighting=sighting(0.25), phase=Phase.EVACUATING)
    assert shut("pause", moving, own=woken) == ""


STILL = "the daemon stood still, and has not looked at cmp-1 anew since"
AWAKE = Ourselves(awake_at=at(1))


def looked_anew(**changes: Fields) -> Incident:
    """Make an incident whose host was looked at since the pause, and whose grace is of before."""
    seen = sighting(1)
    return replace(
        ready(sighting=seen, phase=Phase.FENCING, proof=None, grace_from=at(0)), **changes
    )


@pytest.mark.parametrize(("seconds", "why"), [(10.75, STILL), (11, "")])
def test_a12_a_grace_that_is_over_since_the_pause_is_enough(seconds: float, why: str) -> None:
    assert shut("pause", looked_anew(), own=AWAKE, now=at(seconds)) == why


@pytest.mark.parametrize(
    ("ordered_at", "why"),
    [(None, STILL), (at(0.75), STILL), (at(1), ""), (at(1, OTHER_BOOT), STILL)],
)
def test_a12_what_is_ordered_since_the_pause_needs_no_grace(
    ordered_at: Instant | None, why: str
) -> None:
    assert shut("pause", looked_anew(ordered_at=ordered_at), own=AWAKE, now=at(2)) == why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cut_started": at(-5)}, ""),
        ({"cut_started": at(-5), "release": Release(again=True)}, STILL),
        ({"cut_started": at(-299)}, ""),
        ({"cut_started": at(-299.25)}, STILL),
        ({"cut_started": at(-999), "phase": Phase.FORCING_DOWN}, ""),
    ],
)
def test_a12_a_cut_that_is_decided_anew_has_its_whole_grace(changes: Fields, why: str) -> None:
    """One of a host that was in use again, or that was decided by a daemon of before."""
    assert shut("pause", looked_anew(**changes), own=AWAKE, now=at(1)) == why


def test_a12_a_suspicion_counts_its_grace_itself() -> None:
    assert shut("pause", looked_anew(phase=Phase.SUSPECTED), own=AWAKE, now=at(2)) == ""


def test_a12_no_phase_goes_on_before_the_host_was_looked_at_anew() -> None:
    for phase in (Phase.FORCING_DOWN, Phase.EVACUATING):
        old = ready(sighting=sighting(0.75), phase=phase, grace_from=at(1))
        assert shut("pause", old, own=AWAKE, now=at(60)) == STILL


# whose host it is


@pytest.mark.parametrize("act", [Act.CUT, Act.FORCE_DOWN, Act.EVACUATE])
def test_b12_our_own_host_is_never_touched(act: Act) -> None:
    ours = Ourselves(self_={HOST: "its name is ours"})
    refusal = refused(act, ready(), context(own=ours))
    assert refusal is not None
    assert (refusal.gate, refusal.why) == (
        "ourselves",
        "this daemon runs on cmp-1: its name is ours",
    )
    assert shut("ourselves", ready(), own=Ourselves(self_={OTHER: "its name is ours"})) == ""


def test_b12_controllers_are_protected_without_configuration() -> None:
    shown = Ourselves(control={"cmp-1": "nova-scheduler"})
    assert shut("controller", ready(), own=shown) == "cmp-1 is of the control plane: nova-scheduler"
    assert shut("controller", ready(), own=Ourselves(control={"cmp-2": "nova-scheduler"})) == ""


def test_b12_one_control_plane_node_at_a_time_where_they_may_be_fenced() -> None:
    both = {"cmp-1": "nova-scheduler", "cmp-2": "nova-conductor"}
    allowed = Ourselves(control=both, control_fenced=True)
    assert shut("controller", ready(), own=allowed) == ""
    assert shut("controller", ready(), own=replace(allowed, control_down=frozenset({HOST}))) == ""
    one_down = replace(allowed, control_down=frozenset({OTHER}))
    text = "cmp-1 is of the control plane (nova-scheduler), and so is cmp-2, which is down already"
    assert shut("controller", ready(), own=one_down) == text


def test_b12_nothing_is_cut_before_nova_has_shown_who_the_controllers_are() -> None:
    unknown = Ourselves(control=None)
    text = "Nova has not shown yet whether cmp-1 is of the control plane"
    assert shut("roster", ready(), own=unknown) == text
    assert shut("roster", ready()) == ""
    assert shut("controller", ready(), own=unknown) == ""


# waiting


def test_what_is_waited_for_does_not_hide_what_no_wait_opens() -> None:
    bad = own(checked(good=False))
    refusal = refused(Act.CUT, ready(words={}), context(own=bad))
    assert refusal is not None
    assert (refusal.gate, refusal.waits) == ("evidence", False)
    refusal = refused(Act.CUT, ready(), context(own=bad))
    assert refusal is not None
    assert (refusal.gate, refusal.waits) == ("isolation", True)


def test_which_gates_are_waited_for() -> None:
    names = ("roster", "pause", "isolation")
    assert all(gate_waited_for(name) for name in names)
    assert gate_waited_for("budget") is None
