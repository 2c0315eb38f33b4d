"""The whole benchmark in miniature: real processes, one incident a figure."""

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import FIGURES, Run
from benchmarks.disk import fdatasync
from benchmarks.plan import LEAST, REALISTIC, SERVERS
from doctor_daemon.core.policy import Policy

FIELDS = {
    "taken_at",
    "machine",
    "quick",
    "hold_s",
    "fdatasync_p99_s",
    "early_notice_p99_s",
    "forced_down_over_floor",
    "evacuation_over_floor",
    "following_requests",
    "wanted",
    "fdatasync",
    "delays",
    "effective_configuration",
}


def test_the_disk_is_measured_in_the_folder_that_is_named(tmp_path: Path) -> None:
    found = fdatasync(tmp_path, writes=3)
    assert found.n == 3
    assert 0 < found.p50_s <= found.p99_s <= found.max_s
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(180)
async def test_a_run_of_one_incident_a_figure_gives_whole_results(tmp_path: Path) -> None:
    quickest = (
        REALISTIC.__class__(REALISTIC.name, bmc_s=0.01, power_s=0.1, nova_s=0.01, keystone_s=0.01),
    )
    results = await Run(LEAST, FIGURES, projects=(1,), delays=quickest).results()
    results.write(tmp_path / "results.json")
    found = json.loads((tmp_path / "results.json").read_text())
    assert set(found) == FIELDS
    assert found["quick"] is True
    assert set(found["early_notice_p99_s"]) == {f"{servers}/1" for servers in SERVERS}
    assert set(found["forced_down_over_floor"]) == {str(servers) for servers in SERVERS}
    assert found["evacuation_over_floor"] > 0
    assert [one["requests"] for one in found["following_requests"]] == [1, 1, 1]
    effective = found["effective_configuration"]
    assert set(effective) == set(FIGURES)
    shipped = Policy()
    for figure in FIGURES:
        policy = effective[figure]["policy"]
        assert policy["off_reads"] == shipped.off_reads
        assert policy["off_hold_s"] == shipped.off_hold_s
        assert policy["read_every_s"] == shipped.read_every_s
    assert effective["early"]["policy"]["grace_s"] == shipped.grace_s
    assert effective["forced"]["policy"]["grace_s"] == 0
    hold_s = found["hold_s"]
    way = found["delays"][REALISTIC.name]
    assert all(way[f"forced_down {servers} servers"]["p50_s"] > hold_s for servers in SERVERS), (
        "no proof was taken in less than the hold time"
    )
    assert way["forced_down floor"]["p50_s"] > hold_s
    assert str(results.table()).startswith("figure")
