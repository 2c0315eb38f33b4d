"""The benchmark of heartbeats in miniature: a real listener, real datagrams, hardly any time."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.heartbeat import KEY, WANTED_PER_S, rate, suspicion, table, write
from tests.bench.test_results import results


def test_every_beat_that_is_sent_is_verified_or_counted_as_lost() -> None:
    for algorithm in WANTED_PER_S:
        found = rate(algorithm, hosts=20, per_s=2000, for_s=1.0, interval_ms=100)
        assert found["sent"] == found["verified"] + found["lost"]
        assert found["verified"] > 0
        assert found["rejected"] == {}
        assert 0 < found["cpu_share"] < 2


def test_every_death_is_noticed_and_nobody_else_is_accused() -> None:
    found = suspicion(3)
    assert found["n"] == 3
    assert 0.3 < found["p50_s"] <= found["p99_s"] <= found["max_s"] < 30


def test_the_results_stand_beside_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write({"quick": True}, path)
    results().write(path)
    found = json.loads(path.read_text())
    assert found[KEY] == {"quick": True}
    assert found["hold_s"] == 2.0
    write({"quick": False}, path)
    assert json.loads(path.read_text()) == {**found, KEY: {"quick": False}}


def test_the_table_says_what_is_met() -> None:
    one = {"seconds": 10.0, "lost": 0, "verified_per_cpu_s": 4e5, "cpu_share": 0.5, "hosts": 1000}
    good = [{**one, "algorithm": name, "verified_per_s": n} for name, n in WANTED_PER_S.items()]
    late = {"p50_s": 0.4, "p99_s": 0.45, "max_s": 0.46, "n": 300}
    found = {"verified": good, "at_5_hz": [one], "suspicion": late}
    assert "not met" not in table(found)
    found["verified"] = [{**good[0], "lost": 1}]
    assert table(found).count("not met") == 1
    found["suspicion"] = {**late, "p99_s": 0.51}
    assert table(found).count("not met") == 2
