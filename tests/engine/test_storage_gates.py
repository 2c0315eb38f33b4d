"""Whether a host counts as off, for those who see to its storage."""

from __future__ import annotations

import pytest

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.engine.storage_gates import is_off
from tests.core.make import at, incident, power_proof


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
    assert is_off(down) is off


@pytest.mark.parametrize(("reported_s", "off"), [(2, True), (3, False), (9, False)])
def test_so_does_a_report_of_nova_compute(reported_s: float, *, off: bool) -> None:
    down = incident(phase=Phase.DOWN, proof=power_proof(3), reported_at=at(reported_s))
    assert is_off(down) is off
