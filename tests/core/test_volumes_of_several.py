"""Orders about more than one of Cinder's services: each is looked at, and what is amiss is told."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.volumes import Target, VolumeAct, Wish, already, at_risk, judged, refusal
from tests.core.test_volumes import ALPHA, DONE, FROZEN, MARKED, OFF, ROW

DISABLE = Wish(VolumeAct.DISABLE, ALPHA)


def test_only_what_is_disabled_carries_the_daemon_s_own_mark() -> None:
    assert MARKED.marked
    assert not OFF.marked
    assert not replace(MARKED, status="enabled").marked


def test_a_cluster_of_which_a_part_is_failed_over_may_be_failed_over() -> None:
    one, two = (replace(ROW, cluster="gamma", replication=text) for text in ("enabled", "disabled"))
    over = Wish(VolumeAct.FAILOVER, Target(cluster="gamma"), to="spare")
    assert refusal(over, [one, replace(two, replication="failed-over")]) == ""
    assert "is disabled, enabled" in refusal(over, [one, two])


def test_of_services_that_are_disabled_already_each_reason_is_named() -> None:
    found = already(DISABLE, [replace(OFF, reason=""), OFF, replace(OFF, reason="disk")])
    assert found is not None
    assert found.text.endswith("is disabled already: disk and rack move; nothing was sent")


def test_the_one_that_is_not_as_wished_is_described() -> None:
    assert "is enabled, although" in judged(DISABLE, DONE, [OFF, ROW]).text


def test_only_somebody_s_disabling_is_at_risk_of_a_thaw() -> None:
    assert at_risk(Wish(VolumeAct.THAW, ALPHA), [FROZEN, ROW, OFF]) == (OFF,)
