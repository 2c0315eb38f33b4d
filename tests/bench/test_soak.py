"""A soak in miniature: real processes, some hundreds of pieces, and nothing lost."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.soak import (
    GRACE_S,
    KEPT,
    KEY,
    Size,
    accounted,
    soaked,
    status,
    table,
    wished,
    write,
)
from benchmarks.traffic import Pace, Round, Tally
from doctor_daemon.stores.sqlite import SqliteConfig
from tests.bench.test_results import results as others
from tests.bench.test_settings import SHIPPED, settings

SMALL = Size(evidence=900, incidents=30, hosts=16, dying=1, grace_s=6.0)
GOOD = {
    "doctor_evidence_total": 7.0,
    "doctor_incidents": 0.0,
    "doctor_notices_pending": 0.0,
    "doctor_notices_dead_total": 0.0,
    "doctor_internal_errors_total": 0.0,
}


@pytest.mark.timeout(180)
async def test_all_that_is_sent_is_counted_and_each_incident_has_its_end(tmp_path: Path) -> None:
    found, samples = await soaked(SMALL)
    assert found["evidence"] >= SMALL.evidence
    assert found["incidents"] >= SMALL.incidents // 2
    assert found["forced_down"] >= 1
    assert found["effective_configuration"]["policy"]["grace_s"] == SMALL.grace_s
    assert samples
    for one in samples:
        assert one.rss_kib > 20_000
        assert min(one.files, one.tasks, one.threads, one.evidence_keys, one.stored_bytes) > 0
        assert one.incidents >= one.ended, "nothing is dropped so early"
    assert found["growth"] == []
    assert found["verdict"].startswith("not known")
    assert status(found) == 1, "what is not known is not met"
    others().write(tmp_path / "results.json")
    write(found, samples, tmp_path)
    others().write(tmp_path / "results.json")
    assert json.loads((tmp_path / "results.json").read_text())[KEY] == found
    lines = (tmp_path / "soak.jsonl").read_text().splitlines()
    assert [json.loads(line)["pieces"] for line in lines] == [one.pieces for one in samples]
    assert (tmp_path / "soak.svg").read_text().startswith("<svg")
    assert "forced down" in table(found)


async def test_only_the_grace_and_the_size_of_the_database_differ_from_what_is_shipped(
    tmp_path: Path,
) -> None:
    found = await settings(tmp_path, wished(Size()))
    assert found.policy == replace(SHIPPED, grace_s=GRACE_S)
    shipped = SqliteConfig().model_dump()
    kept = found.store.config.model_dump()
    assert kept == {**shipped, **KEPT, "path": kept["path"]}
    assert [one.terms.trust for one in found.sources] == ["alone", "alone"]


def test_what_is_flat_and_whole_is_met() -> None:
    tally = Tally(0, 1.0, answered=7, opened={"a"}, ended={"a"})
    accounted(tally, GOOD)
    assert status({"verdict": "met"}) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("doctor_evidence_total", 6.0),
        ("doctor_incidents", 1.0),
        ("doctor_notices_pending", 1.0),
        ("doctor_notices_dead_total", 1.0),
        ("doctor_internal_errors_total", 1.0),
    ],
)
def test_what_the_daemon_has_not_done_is_lost(name: str, value: float) -> None:
    tally = Tally(0, 1.0, answered=7, opened={"a"}, ended={"a"})
    with pytest.raises(RuntimeError, match="1 "):
        accounted(tally, {**GOOD, name: value})


def test_an_incident_without_an_end_is_lost() -> None:
    with pytest.raises(RuntimeError, match="1 incidents without an end"):
        accounted(Tally(0, 1.0, answered=7, opened={"a", "b"}, ended={"a"}), GOOD)


def test_a_round_has_its_accusation_its_repetitions_and_its_end() -> None:
    pace = Pace.of(1000, 50, grace_s=30)
    assert (pace.words, pace.repeats) == (20, 4)
    one = Round("cmp-1", pace, random.Random(1))
    said = [one.word(str(number)) for number in range(40)]
    words = [word for word in said if word is not None]
    quiet = len(words) - 6
    assert words[:quiet] == [("up", str(n)) for n in range(quiet)]
    first = str(quiet)
    accused = [first, first, str(quiet + 2), first, str(quiet + 4)]
    assert words[quiet:] == [*(("down", id_) for id_ in accused), ("up", str(quiet + 5))]
    one.over()
    assert not one.accused
    assert one.word("x") == ("up", "x")


def test_a_round_that_is_to_stop_begins_nothing_and_ends_what_is_open() -> None:
    one = Round("cmp-1", Pace.of(1000, 50, grace_s=30), random.Random(1))
    assert one.word("a", last=True) is None
    while one.word("b") != ("down", "b"):
        pass
    assert one.word("c", last=True) == ("up", "c")
    assert one.word("d", last=True) is None
