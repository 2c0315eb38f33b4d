"""The bounds of the programs that power devices start."""

from __future__ import annotations

import pytest

from doctor_daemon.ports.program import Programs
from tests.config.test_drill import HOSTS, Reading, Refusal


def test_b13_they_are_bounded_unless_it_is_said_otherwise(read: Reading) -> None:
    shipped = read(HOSTS).programs
    assert (shipped.at_once, shipped.memory_mib) == (8, 512)
    turns = Programs()
    read(f"{HOSTS}programs: {{at_once: 3, memory_mib: 256}}\n").programs.bind(turns)
    assert turns.memory_bytes == 256 * 1024 * 1024


@pytest.mark.parametrize("told", ["at_once: 0", "at_once: 65", "memory_mib: 64", "at_most: 3"])
def test_d3_bounds_that_bound_nothing_are_refused(refused: Refusal, told: str) -> None:
    assert "programs." in refused(f"{HOSTS}programs: {{{told}}}\n")
