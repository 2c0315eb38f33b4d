"""Numbers that must fit each other. D3: an unsafe tuning is refused, with the computed minimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from itertools import product

import pytest
from pydantic import BaseModel

from doctor_daemon.config import Settings
from doctor_daemon.config.mass import Mass
from doctor_daemon.config.models import Budget, Evacuation, Timing
from doctor_daemon.config.release import Release
from doctor_daemon.config.timing import CALL_S, RULES, Numbers, broken, call_s, policy
from doctor_daemon.core.policy import Policy
from tests.config.samples import BmcConfig, CloudConfig

Reading = Callable[..., Settings]
Refusal = Callable[..., str]

DEVICE = (
    "{type: sample-bmc, password_file: bmc, url: https://x, "
    "uuid: 00112233-4455-6677-8899-aabbccddeeff, %s}"
)


def test_the_defaults_are_the_cores_shipped_numbers(read: Reading) -> None:
    assert policy(Timing(), Budget(), Evacuation(), Release(), Mass()) == Policy()
    assert read("").policy == Policy()


def test_every_limit_of_the_core_is_an_option_and_the_other_way_round() -> None:
    budget = (f"budget_{name}" for name in Budget.model_fields)
    mass = (f"mass_{name}" for name in Mass.model_fields)
    named = (*Timing.model_fields, *Evacuation.model_fields, *Release.model_fields)
    options = {*named, *budget, *mass, "own_age_s"}
    assert options == {field.name for field in fields(Policy)}, "own_side.age_s"


def test_a_number_of_the_file_reaches_the_core(read: Reading) -> None:
    found = read("timing: {grace_s: 0, off_reads: 4}\nbudget: {total: 9, window_s: 1200}\n").policy
    assert (found.grace_s, found.off_reads) == (0, 4)
    assert (found.budget_total, found.budget_window_s) == (9, 1200)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("timing: {off_reads: 2}", "timing.off_reads: found 2; expected at least 3"),
        ("timing: {off_reads: 13}", "timing.off_reads: found 13; expected at most 12"),
        ("timing: {off_hold_s: 1.9}", "timing.off_hold_s: found 1.9; expected at least 2"),
        (
            "timing: {off_timeout_s: 22.9}",
            (
                "timing.off_timeout_s: found 22.9; expected at least 23 = 2 x a power device's "
                "time-out + the longest hold + read_every_s, which is 20 + 2 + 1: a cut whose "
                "answer is lost and one slow reading must leave time for the hold"
            ),
        ),
        (
            "timing: {proof_age_s: 29}",
            (
                "timing.proof_age_s: found 29; expected at least 30 = the time-out of a "
                "force-down: it must stand for as long as a force-down may take"
            ),
        ),
        ("timing: {proof_age_s: 121}", "timing.proof_age_s: found 121; expected at most 120"),
        (
            "timing: {off_hold_s: 11}",
            (
                "timing.proof_age_s: found 30; expected at least 31 = 2 x a power device's "
                "time-out + the longest hold, which is 20 + 11"
            ),
        ),
        (
            "timing: {read_every_s: 3}",
            "timing.look_age_s: found 5; expected at least 6 = 2 x read_every_s",
        ),
        (
            "timing: {evidence_age_s: 214}",
            (
                "timing.evidence_age_s: found 214; expected at least 215 = grace_s + "
                "corroboration_s + a power device's time-out + the time-out of the cloud's lists, "
                "which is 10 + 120 + 10 + 75"
            ),
        ),
        (
            "timing: {warm_up_s: 29}",
            (
                "timing.warm_up_s: found 29; expected at least 30 = 2 x the time between two lists "
                "of services + grace_s, which is 20 + 10"
            ),
        ),
        (
            "timing: {warm_up_s: 206}",
            (
                "timing.evidence_age_s: found 300; expected at least 301 = the longer one of "
                "warm_up_s and quiet_s + grace_s + "
                "a power device's time-out + the time-out of the cloud's lists, "
                "which is 206 + 10 + 10 + 75"
            ),
        ),
        (
            "timing: {progress_s: 610, warm_up_s: 476, evidence_age_s: 620, force_down_tries: 1}",
            (
                "timing.progress_s: found 610; expected at least 611 = the longer one of "
                "warm_up_s and quiet_s + off_timeout_s + "
                "3 x a power device's time-out + the time-out of the cloud's lists, "
                "which is 476 + 30 + 30 + 75"
            ),
        ),
        (
            "release: {quiet_s: 9}",
            "release.quiet_s: found 9; expected at least 10 = grace_s",
        ),
        (
            "release: {flaps_max: 4}",
            "release.fences_max: found 3; expected at least 4 = flaps_max",
        ),
        (
            "release: {quiet_s: 206}",
            (
                "timing.evidence_age_s: found 300; expected at least 301 = the longer one of "
                "warm_up_s and quiet_s + grace_s + "
                "a power device's time-out + the time-out of the cloud's lists, "
                "which is 206 + 10 + 10 + 75"
            ),
        ),
        (
            "mass: {per_domain: 11}",
            "mass.total: found 10; expected at least 11 = per_domain",
        ),
        (
            "mass: {cool_down_s: 29}",
            (
                "mass.cool_down_s: found 29; expected at least 30 = grace_s + 2 x the time "
                "between two lists of services, which is 10 + 20"
            ),
        ),
        (
            "timing: {backoff_s: 31}",
            "timing.backoff_max_s: found 30; expected at least 31 = backoff_s",
        ),
        (
            "timing: {progress_s: 605}\nevacuation: {evacuation_timeout_s: 135}",
            (
                "timing.progress_s: found 605; expected at least 606 = off_timeout_s + "
                "2 x a power device's time-out + the pauses between force_down_tries force-downs + "
                "the time-out of a force-down + "
                "the time-out of the cloud's lists, which is 30 + 20 + 451 + 30 + 75"
            ),
        ),
        (
            "timing: {human_proof_max_s: 60, proof_age_s: 61}",
            "timing.human_proof_max_s: found 60; expected at least 61 = proof_age_s",
        ),
        (
            "budget: {window_s: 89}",
            "budget.window_s: found 89; expected at least 90 = 2 x off_timeout_s + backoff_max_s",
        ),
        (
            "budget: {per_domain: 5}",
            "budget.total: found 4; expected at least 5 = per_domain",
        ),
        ("budget: {total: 0}", "budget.total: found 0; expected at least 1"),
        (
            "mode: evacuate\ntiming: {progress_s: 734}",
            (
                "timing.progress_s: found 734; expected at least 735 = evacuation_timeout_s + "
                "settle_s + the time-out of the cloud's lists, which is 600 + 60 + 75"
            ),
        ),
        (
            "mode: evacuate\nevacuation: {evacuation_timeout_s: 134}",
            (
                "evacuation.evacuation_timeout_s: found 134; expected at least 135 = settle_s + "
                "the time-out of the cloud's lists, which is 60 + 75"
            ),
        ),
        (
            "mode: evacuate\nevacuation: {guard_every_s: 7}",
            (
                "timing.proof_age_s: found 30; expected at least 31 = 3 x guard_every_s + a power "
                "device's time-out, which is 21 + 10"
            ),
        ),
        (
            "evacuation: {settle_s: 9}",
            "evacuation.settle_s: found 9; expected at least 10",
        ),
    ],
)
def test_below_its_minimum_a_number_is_refused_and_the_minimum_told(
    refused: Refusal, text: str, told: str
) -> None:
    assert told in refused(text + "\n")


@pytest.mark.parametrize(
    "text",
    [
        "timing: {off_timeout_s: 23}",
        "timing: {read_every_s: 2.5}",
        "timing: {evidence_age_s: 215}",
        "mode: evacuate\ntiming: {progress_s: 735}",
        "mode: fence\ntiming: {progress_s: 734}",  # what is not evacuated takes no such time
        "mode: fence\nevacuation: {guard_every_s: 7}",
        "timing: {progress_s: 606}\nevacuation: {evacuation_timeout_s: 135}",
        "evacuation: {guard_every_s: 6.6}",
        (
            "timing: {grace_s: 0, corroboration_s: 0, warm_up_s: 0, evidence_age_s: 85}\n"
            "release: {quiet_s: 0}"
        ),
        "timing: {off_reads: 12, off_hold_s: 2.3}",
        "timing: {warm_up_s: 30}",
        "timing: {warm_up_s: 0}",
        "release: {quiet_s: 10}",
        "release: {flaps_max: 2, fences_max: 2}",
        "budget: {window_s: 90}",
        "budget: {per_domain: 1, total: 1}",
    ],
)
def test_the_minimum_itself_is_taken(read: Reading, text: str) -> None:
    assert read(text + "\n").policy != Policy()


def test_the_longest_time_out_of_a_device_counts(refused: Refusal) -> None:
    slow = DEVICE % "timeout_s: 20"
    told = refused(f"hosts: [{{names: a, levels: [[{slow}]]}}]\n")
    assert "timing.off_timeout_s: found 30; expected at least 43" in told
    assert "timing.proof_age_s: found 30; expected at least 42" in told


def test_the_longest_hold_of_a_device_counts(refused: Refusal, read: Reading) -> None:
    held = f"hosts: [{{names: a, levels: [[{DEVICE % 'hold_s: 10.5'}]]}}]\n"
    assert "timing.proof_age_s: found 30; expected at least 30.5" in refused(held)
    assert read(held + "timing: {proof_age_s: 30.5, off_timeout_s: 31.5}\n").devices


def test_numbers_that_are_none_are_not_measured_by(refused: Refusal) -> None:
    told = refused("timing: {off_hold_s: x, off_timeout_s: 5}\n")
    assert told == "doctor-daemon.yaml:3: timing.off_hold_s: found 'x'; expected a number"


def test_every_rule_holds_by_default() -> None:
    assert list(broken(Numbers(Timing(), Budget(), Evacuation(), 10, 75, 30, 2))) == []


@pytest.mark.parametrize("number", range(len(RULES)))
def test_every_rule_can_be_broken(number: int) -> None:
    rule = RULES[number]
    low = {rule.option: 0.5 if rule.or_zero else 0}
    timing = Timing().model_copy(update=low if rule.section == "timing" else {})
    budget = Budget().model_copy(update=low if rule.section == "budget" else {})
    moves = Evacuation().model_copy(update=low if rule.section == "evacuation" else {})
    back = Release().model_copy(update=low if rule.section == "release" else {})
    crowd = Mass().model_copy(update=low if rule.section == "mass" else {})
    numbers = Numbers(timing, budget, moves, release=back, mass=crowd)
    found = [text for _, _, text in broken(numbers) if rule.why in text]
    assert len(found) == 1


def test_a_time_out_is_that_of_the_first_option_there_is() -> None:
    class Bare(BaseModel):
        """Says nothing of its time-outs."""

    cloud = CloudConfig(read_timeout_s=7, force_down_timeout_s=8)
    assert call_s([cloud], "read_timeout_s", "timeout_s") == 7
    assert call_s([cloud], "timeout_s") == CALL_S
    assert call_s([], "timeout_s") == CALL_S
    assert call_s([Bare()], "timeout_s") == CALL_S
    bmc = {"url": "https://x", "password_file": "bmc"}
    slow = [BmcConfig.model_validate({**bmc, "timeout_s": wait_s}) for wait_s in (3, 5, 4)]
    assert call_s(slow, "timeout_s") == 5


@pytest.mark.parametrize(("hold_s", "device_s"), list(product((2, 7), (5, 20))))
def test_what_the_message_says_is_enough_is_enough(hold_s: float, device_s: float) -> None:
    numbers = Numbers(Timing(), Budget(), Evacuation(), device_s, 75, 30, hold_s)
    least = {rule.option: 0.0 for rule in RULES}
    for rule in RULES:
        least[rule.option] = max(least[rule.option], rule.least(numbers))
    raised = {name: max(value, least.get(name, 0)) for name, value in numbers.timing}
    again = Numbers(Timing(**raised), Budget(), Evacuation(), device_s, 75, 30, hold_s)
    assert [found for found in broken(again) if found[0] == "timing"] == []
