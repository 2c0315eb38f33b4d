"""What metrics say of hosts that the daemon could not fence at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.host import Level
from tests.engine.test_readiness import Fleet
from tests.simulation.virtual import run


@pytest.mark.parametrize("levels", [(), (Level(()),)])
def test_b17_a_host_that_only_a_human_can_tell_off_is_not_ready(
    levels: tuple[Level, ...],
) -> None:
    fleet = Fleet(2)
    bare = replace(fleet.ward.plan(fleet.hosts[0]), levels=levels)
    plans = {**fleet.ward.rules.plans, fleet.hosts[0]: bare}
    fleet.ward.rules = replace(fleet.ward.rules, plans=plans)
    run(fleet.go(320))
    ready = [fleet.metric("doctor_fencing_ready", host=f"cmp-{n}") for n in range(2)]
    assert ready == [0, 1]
    counts = [fleet.metric("doctor_fencing_hosts", fenceable=word) for word in ("manual", "no")]
    assert counts == [1, 0]
    assert fleet.metric("doctor_fencing_probe_age_seconds", host="cmp-0") is None
