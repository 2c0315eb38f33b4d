"""A Nova too old to be told that a host is down."""

from __future__ import annotations

from contextlib import closing

from tests.openstack.daemon import running
from tests.openstack.elderly import aged
from tests.openstack.estate import Estate

HOST = "compute-1"


def test_below_2_11_no_power_is_cut(estate: Estate) -> None:
    with closing(aged(estate, (2, 10))) as old, running(estate, nova=old.url) as daemon:
        crash = estate.crash(HOST)
        found = daemon.await_phase(HOST, "held", 120)
    assert found["held"]["gate"] == "look"
    assert estate.bmcs[HOST].cuts(crash) == []
    assert estate.passed("PUT", "") == []
