"""Each gate open and shut, and which gate stops what."""

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.gates import GATES, Act, Refusal, refused, verdicts, would_cut
from doctor_daemon.core.host import Level, Mode
from doctor_daemon.core.tries import Try
from tests.core.gated import READY, attempt, ready, shut
from tests.core.make import (
    BMC,
    MANUAL,
    OTHER_BOOT,
    OTHER_UUID,
    PDU,
    SECOND_BMC,
    Fields,
    at,
    context,
    evidence,
    human_proof,
    incident,
    level,
    maintenance,
    plan,
    power_proof,
    sighting,
)

CUT, FORCE_DOWN = Act.CUT, Act.FORCE_DOWN
HARM = (CUT, FORCE_DOWN, Act.EVACUATE, Act.DELETE)


EVACUATING: dict[str, Fields] = {"mode": Mode.EVACUATE, "plan": plan(mode=Mode.EVACUATE)}


@pytest.mark.parametrize("act", Act)
def test_what_is_ready_passes_every_gate(act: Act) -> None:
    assert refused(act, READY.get(act, ready()), context(**EVACUATING)) is None


def test_which_gate_stops_what() -> None:
    stops = {gate.name: {act.value for act in gate.stops} for gate in GATES}
    harm, every = {"cut", "force_down", "evacuate", "delete"}, {act.value for act in Act}
    assert stops == {
        "inventory": every,
        "armed": every,
        "mode": every,
        "protected": harm,
        "ourselves": harm,
        "controller": harm,
        "maintenance": harm,
        "warm-up": {"cut"},
        "repeated": {"cut"},
        "evidence": {"cut"},
        "contradiction": {"cut"},
        "look": {"cut", "lift", "enable"},
        "disabled": {"cut"},
        "relapsed": {"cut"},
        "settling": {"cut"},
        "dumping": {"cut"},
        "identity": {"cut"},
        "mass": {"cut"},
        "budget": {"cut"},
        "roster": {"cut"},
        "pause": {"cut", "force_down", "evacuate"},
        "isolation": {"cut"},
        "proof": {"force_down", "evacuate"},
        "evacuate": {"evacuate"},
        "readback": {"evacuate"},
        "flag": {"evacuate"},
        "alive": {"lift"},
        "accused": {"lift", "enable"},
        "restarted": {"lift", "enable"},
        "unattended": {"switch_on"},
        "listed": {"switch_on", "lift"},
        "ended": {"switch_on", "lift"},
        "stale": {"switch_on", "lift"},
        "cleaned": {"lift"},
        "quarantine": {"lift"},
        "flaps": {"lift"},
        "ours": {"lift"},
        "reason": {"enable"},
        "asleep": {"delete"},
        "off": {"delete"},
        "surveyed": {"delete"},
        "marked": {"delete"},
        "vacant": {"delete"},
        "unmoved": {"delete"},
    }


def test_a_gate_that_is_asked_again_later_says_so() -> None:
    back = ["alive", "accused", "restarted", "listed", "cleaned", "quarantine"]
    again = ["look", "pause", "proof", "readback", *back, "off", "surveyed"]
    assert [gate.name for gate in GATES if gate.retry] == again


def test_every_gate_says_what_would_free_it() -> None:
    assert all(gate.frees for gate in GATES)


@pytest.mark.parametrize("act", Act)
def test_every_gate_is_told_and_the_first_shut_one_refuses(act: Act) -> None:
    guarded = plan(protected="it holds the database", mode=Mode.EVACUATE)
    world = context(armed=Armed(), mode=Mode.EVACUATE, plan=guarded)
    made = READY.get(act, ready())
    asked = verdicts(act, made, world)
    assert [gate.name for gate, _ in asked] == [gate.name for gate in GATES if act in gate.stops]
    assert [gate.name for gate, why in asked if why] == ["armed", "protected"][: 1 + (act in HARM)]
    assert refused(act, made, world) == Refusal(
        "armed",
        "the daemon is disarmed: never armed",
        "`doctor-daemon arm`; then `doctor-daemon fence HOST` takes it up again",
    )


# switches


def test_a13_a_host_that_is_not_configured_is_never_touched() -> None:
    unknown = plan(known=False)
    assert shut("inventory", ready(), plan=unknown) == "cmp-1 is not in the configuration"
    assert shut("inventory", ready()) == ""


def test_d2_a_disarmed_daemon_acts_on_nothing_and_says_who_disarmed_it() -> None:
    by_ann = Armed(on=False, by="ann", why="storage is being moved")
    text = "the daemon is disarmed by ann: storage is being moved"
    assert shut("armed", ready(), armed=by_ann) == text
    assert shut("armed", ready(), armed=Armed()) == "the daemon is disarmed: never armed"
    assert shut("armed", ready()) == ""


@pytest.mark.parametrize(
    ("daemon", "host", "why"),
    [
        (Mode.FENCE, Mode.FENCE, ""),
        (Mode.EVACUATE, Mode.FENCE, ""),
        (Mode.FENCE, Mode.EVACUATE, ""),
        (Mode.NOTIFY, Mode.EVACUATE, "mode is notify"),
        (Mode.EVACUATE, Mode.NOTIFY, "mode is notify"),
        (Mode.EVACUATE, Mode.OBSERVE, "mode is observe"),
    ],
)
def test_d5_neither_mode_goes_beyond_the_other(daemon: Mode, host: Mode, why: str) -> None:
    said = shut("mode", ready(), mode=daemon, plan=plan(mode=host))
    assert said.partition(":")[0] == why


def test_d5_a_dry_run_says_what_would_have_been_done() -> None:
    observed = plan(level(BMC), level(PDU), mode=Mode.OBSERVE)
    assert shut("mode", ready(), plan=observed) == (
        "mode is observe: would have cut the power of cmp-1 by redfish bmc, then outlet pdu, "
        "proven it off and forced it down"
    )


def test_the_levels_are_told_in_their_order() -> None:
    assert would_cut(plan(level(BMC, SECOND_BMC), level(PDU), MANUAL)) == (
        "redfish bmc+redfish bmc-2, then outlet pdu, then a human"
    )
    assert would_cut(plan(levels=())) == "nothing (no level configured)"


def test_b12_a_protected_host_is_never_touched() -> None:
    why = "cmp-1 is protected: it holds the database"
    assert shut("protected", ready(), plan=plan(protected="it holds the database")) == why
    assert shut("protected", ready()) == ""


@pytest.mark.parametrize(
    ("until_s", "why"),
    [(0.25, "cmp-1 is in maintenance by ben: new memory"), (0, ""), (-5, "")],
)
def test_d1_a_host_in_maintenance_is_left_alone_until_it_ends(until_s: float, why: str) -> None:
    assert shut("maintenance", ready(), maintenance=maintenance(until_s)) == why
    assert shut("maintenance", ready()) == ""


@pytest.mark.parametrize("daemon", Mode)
@pytest.mark.parametrize("host", Mode)
def test_d5_servers_are_evacuated_only_where_both_modes_go_as_far(daemon: Mode, host: Mode) -> None:
    why = "the mode of cmp-1 does not reach as far as evacuate any more"
    said = shut("evacuate", ready(), mode=daemon, plan=plan(mode=host))
    assert said == ("" if daemon is host is Mode.EVACUATE else why)


# evidence and the look


@pytest.mark.parametrize(
    ("heard_s", "ordered_s", "is_open"),
    [
        (-300.0, None, True),
        (-300.25, None, False),
        (-999.0, -300.0, True),
        (-999.0, -300.25, False),
    ],
)
def test_a5_a_cut_needs_young_evidence_or_a_young_order(
    heard_s: float, ordered_s: float | None, *, is_open: bool
) -> None:
    when = None if ordered_s is None else at(ordered_s)
    said = shut("evidence", incident(evidence(heard_s), ordered_at=when))
    assert said == ("" if is_open else "no evidence against cmp-1 is younger than 300 s")


def test_a5_evidence_that_was_taken_back_is_none() -> None:
    assert shut("evidence", incident(evidence(0, Verdict.WITHDRAWN)))


@pytest.mark.parametrize(("looked_s", "is_open"), [(-5, True), (-5.25, False), (None, False)])
def test_a5_a_cut_needs_a_look_at_the_host_just_before(
    looked_s: float | None, *, is_open: bool
) -> None:
    seen = None if looked_s is None else sighting(looked_s)
    why = "" if is_open else "cmp-1 has not been looked at in the last 5 s"
    assert shut("look", ready(sighting=seen)) == why


# identity


def test_a14_a_device_that_answers_for_another_chassis_is_refused() -> None:
    wrong = ready(fencing=attempt(bmc=OTHER_UUID))
    assert shut("identity", wrong) == f"bmc answers for {OTHER_UUID}, cmp-1 is {BMC.uuid}"


def test_b5_every_device_of_the_level_must_have_said_who_its_host_is() -> None:
    both = {"plan": plan(level(BMC, PDU))}
    assert shut("identity", ready(), **both) == "pdu has not said who its host is"
    assert shut("identity", ready(fencing=attempt(bmc=BMC.uuid, pdu=PDU.uuid)), **both) == ""


@pytest.mark.parametrize(
    ("fencing", "levels"),
    [
        (None, (level(BMC),)),
        (replace(attempt(), level=2), (level(BMC),)),
        (attempt(), (MANUAL,)),
    ],
)
def test_no_device_is_no_identity(fencing: Try | None, levels: tuple[Level, ...]) -> None:
    said = shut("identity", ready(fencing=fencing), plan=plan(levels=levels))
    assert said == "no power device of cmp-1 is being used"


# proof


NO_PROOF = "there is no proof that cmp-1 is off"
TOO_OLD = "the proof that cmp-1 is off is too old"
CHANGED = "the power devices of cmp-1 were changed since the proof"
ALIVE = "cmp-1 was heard alive after the proof"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"proof": None}, NO_PROOF),
        ({"proof": power_proof(incident="inc-0")}, NO_PROOF),
        ({"proof": power_proof(digest="digest-0")}, CHANGED),
        ({"proof": human_proof(digest="digest-0")}, ""),
        ({"proof": power_proof(-29.75)}, ""),
        ({"proof": power_proof(-30)}, TOO_OLD),
        ({"proof": power_proof(0.25)}, TOO_OLD),
        ({"proof": human_proof(-600, lasts_s=600)}, TOO_OLD),
        ({"proof": human_proof(-600, lasts_s=601)}, ""),
        ({"proof": power_proof(-9), "life_at": at(-9.25)}, ""),
        ({"proof": power_proof(-9), "life_at": at(-9)}, ALIVE),
        ({"proof": power_proof(-9), "life_at": at(-1)}, ALIVE),
        ({"proof": human_proof(-9), "life_at": at(-1)}, ALIVE),
    ],
)
def test_c9_force_down_needs_a_proof_of_this_incident_that_stands(
    changes: dict[str, Fields], why: str
) -> None:
    assert shut("proof", ready(**changes)) == why


def test_c1_a_proof_of_another_boot_is_too_old() -> None:
    said = shut("proof", ready(proof=human_proof(0, 3000)), now=at(1, OTHER_BOOT))
    assert said == TOO_OLD


UNREAD = "the power of cmp-1 has not been read since the daemon was away"
