"""The benchmark of heartbeats in miniature: a real listener, real datagrams, hardly any time."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.beating import Hosts
from benchmarks.deaths import Deaths, Json, spread
from benchmarks.heartbeat import KEY, WANTED_PER_S, rate, suspicion, table, write
from tests.bench.test_results import results
from tests.heartbeat.beats import hearing


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
    assert (found["missed"], found["accused"]) == (0, 0)
    assert 0.3 < found["p50_s"] <= found["p99_s"] <= found["max_s"] < 30


class Deaf:
    """A listener that tells nothing, or only of a host that lives."""

    def __init__(self, *told: Json) -> None:
        self._told = list(told)

    def read(self, _limit_s: float) -> Sequence[Json]:
        return [self._told.pop()] if self._told else []


def test_a_death_that_is_never_noticed_is_later_than_any() -> None:
    hosts = Hosts.of(2, "blake2b", b"a secret")
    alive = {"changes": [["compute-00001", 0, "down"]]}
    with hearing() as there:
        deaths = Deaths(2, hosts, there.getsockname()[1], limit_s=0.0, calm_s=0.0)
        assert deaths.run(Deaf(alive), random.Random(1)) == [math.inf, math.inf]
    assert deaths.accused == 1


def test_a_host_dies_again_only_once_it_has_been_heard_again() -> None:
    deaths = Deaths(2, Hosts.of(2, "blake2b", b"a secret"), 0)
    for what, died in (("down", 0), ("up", 1)):
        deaths.noticed({"changes": [["compute-00001", 0, what]]})
        deaths.dies(1, 0.0)
        assert deaths.died == died


def test_a_missed_death_has_no_figure() -> None:
    found = spread([0.4] * 150 + [math.inf])
    assert (found["n"], found["missed"], found["p99_s"], found["max_s"]) == (151, 1, 0.4, None)
    assert spread([0.4, math.inf])["p99_s"] is None


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
    late = {"p50_s": 0.4, "p99_s": 0.45, "max_s": 0.46, "n": 300, "missed": 0, "accused": 0}
    found = {"verified": good, "at_5_hz": [one], "suspicion": late}
    assert "not met" not in table(found)
    found["verified"] = [{**good[0], "lost": 1}]
    assert table(found).count("not met") == 1
    found["verified"] = [{**good[1], "verified_per_s": WANTED_PER_S["blake2b"] - 1}]
    assert table(found).count("not met") == 1
    for wrong in ({"p99_s": 0.51}, {"missed": 1, "max_s": None}, {"accused": 1}, {"p99_s": None}):
        found["suspicion"] = {**late, **wrong}
        assert table(found).count("not met") == 2
    found["suspicion"] = {**late, "missed": 1, "max_s": None}
    assert "max never (n 300, never noticed 1, accused alive 0)" in table(found)
