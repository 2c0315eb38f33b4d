"""A storm in miniature: two hosts, on each kind of store, beside the floor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.plan import REALISTIC
from benchmarks.storm import KEY, Size, run, table
from tests.bench.test_results import results as others

QUICK = replace(REALISTIC, bmc_s=0.01, power_s=0.1, nova_s=0.01, keystone_s=0.01)


@pytest.mark.timeout(180)
async def test_a_storm_is_measured_on_each_store_beside_the_floor(tmp_path: Path) -> None:
    found = await run(Size(hosts=2, servers=1, runs=1), (QUICK,), quick=True)
    way = found["delays"][REALISTIC.name]
    assert set(way) == {"floor", "sqlite", "etcd"}
    assert way["floor"]["p50_s"] > 2.0, "no proof is taken in less than the hold time"
    for name in ("sqlite", "etcd"):
        assert way[name]["told"]["p50_s"] >= way[name]["forced_down"]["p50_s"] > 2.0
        assert way[name]["over_floor"] > 0
        assert way[name]["commits_per_incident"] > 5
    assert way["sqlite"]["syncs_per_incident"] >= way["sqlite"]["commits_per_incident"] / 2
    assert way["etcd"]["syncs_per_incident"] >= 5
    assert "fsyncs an incident" in table(found)
    path = tmp_path / "results.json"
    path.write_text(json.dumps({KEY: found}))
    others().write(path)
    assert json.loads(path.read_text())[KEY] == found, "other benchmarks leave it"
