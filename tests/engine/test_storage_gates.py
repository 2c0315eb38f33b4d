"""Whether a host counts as off, for those who see to its storage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.engine.storage_gates import is_off
from tests.core.make import OTHER_BOOT, at, incident, power_proof


@pytest.mark.parametrize(
    ("life_at", "switched_at", "off"),
    [
        (None, None, True),
        (at(2), at(2), True),
        (at(3), None, False),
        (None, at(3), False),
        (None, at(9), False),
    ],
)
def test_life_or_a_switching_on_since_the_proof_ends_it(
    life_at: Instant | None, switched_at: Instant | None, *, off: bool
) -> None:
    release = Release(switched_at=switched_at)
    proof = power_proof(3)
    down = incident(phase=Phase.DOWN, proof=proof, life_at=life_at, release=release)
    assert is_off(down, at(9)) is off


@pytest.mark.parametrize(
    ("reported_at", "used_at", "off"),
    [
        (None, None, True),
        (at(2), None, True),
        (at(3), None, False),
        (at(9, OTHER_BOOT), None, True),  # that was before this boot, and so before the proof
        (None, at(9), False),
    ],
)
def test_a_host_that_has_reported_in_or_was_put_back_by_hand_is_not_known_to_be_off(
    reported_at: Instant | None, used_at: Instant | None, *, off: bool
) -> None:
    release = Release(used_at=used_at)
    down = incident(phase=Phase.DOWN, proof=power_proof(3), release=release)
    assert is_off(replace(down, reported_at=reported_at), at(9)) is off


def test_a_proof_of_another_boot_says_nothing_of_now() -> None:
    down = incident(phase=Phase.DOWN, proof=power_proof(3))
    assert is_off(down, at(9))
    assert not is_off(down, at(9, OTHER_BOOT))
