"""A restart with history in miniature: real starts, and stores that hold what they should."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from benchmarks.durable import etcd
from benchmarks.history import DAYS, NOTICES, History, Names, id_of, into_etcd, into_sqlite
from benchmarks.processes import unit_environment
from benchmarks.restart import KEY, WANTED_S, Size, measured, summed, table, write
from benchmarks.starts import Start
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.phases import Phase
from doctor_daemon.ports import Store, Wanted
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.bench.test_results import results as others
from tests.stores.values import DAY_S, at, head_of, notice, opening, server

ID = "0123456789ab"
OLD = Names(ID, "cmp-1", "service-1", "machine-1", "digest-1")
SAMPLE = replace(
    head_of(opening(ID)).note(at(2), "cmp-1 is forced down"),
    phase=Phase.DOWN,
    servers={one.id: one for one in (server("s1"), server("s2"))},
)
HISTORY = History(SAMPLE, notice(1, id_=ID), OLD)


def names(begin: int, count: int) -> list[Names]:
    return [
        Names(id_of(number), f"host-{number}", f"s-{number}", f"m-{number}", f"d-{number}")
        for number in range(begin, begin + count)
    ]


async def holds(store: Store) -> None:
    """See that a store holds three that are open and seven that are over, whole."""
    snapshot = await store.load()
    assert [one.host.name for one in snapshot.incidents] == ["host-0", "host-1", "host-2"]
    for one in snapshot.incidents:
        assert one.phase is Phase.DOWN
        assert [line.text for line in one.timeline][-1] == f"{one.host.name} is forced down"
        assert one.servers == SAMPLE.servers
    headings = await store.headings(None, 100)
    ended = [one.ended_wall_s for one in headings if one.ended_wall_s is not None]
    assert (len(headings), len(ended)) == (10, 7)
    assert max(ended) - min(ended) == pytest.approx(DAYS * DAY_S * 6 / 7)
    over = await store.find(IncidentId(id_of(1005)))
    assert over is not None
    assert (over.phase, over.host.name, len(over.timeline)) == (Phase.RESOLVED, "host-1005", 3)
    told = await store.notices(Wanted(state="delivered"), 100)
    assert len(told) == 7 * NOTICES


async def test_sqlite_holds_what_was_put_into_it(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    into_sqlite(path, HISTORY, names(0, 3), names(1000, 7))
    store = SqliteStore(SqliteConfig(path=path))
    await store.open()
    await holds(store)
    await store.close()


async def test_etcd_holds_what_was_put_into_it() -> None:
    async with etcd() as durable:
        [url] = cast("list[str]", (durable.state or {})["endpoints"])
        await into_etcd(url, HISTORY, names(0, 3), names(1000, 7))
        store = EtcdStore(EtcdConfig(endpoints=(url,)))
        await store.open()
        await holds(store)
        await store.close()


@pytest.mark.timeout(180)
async def test_a_start_is_measured_on_each_store(tmp_path: Path) -> None:
    found = await measured(Size(opened=4, over=30, starts=1))
    for name in ("empty", "sqlite", "etcd"):
        assert 0.1 < found[name]["ready"]["p50_s"] <= found[name]["settled_s"]
        assert found[name]["cpu_s"][0] > 0.1
        assert found[name]["ready"]["p50_s"] <= found[name]["sound_s"]
        assert 20_000 < found[name]["rss_kib"] <= found[name]["settled_rss_kib"]
    assert found["sqlite"]["stored_bytes"] > 30 * 5000
    path = tmp_path / "results.json"
    others().write(path)
    write(found, path)
    others().write(path)
    assert json.loads(path.read_text())[KEY] == found, "other benchmarks leave it"
    assert "4 open and 30 closed" in table(found)


def test_the_longest_start_is_what_counts() -> None:
    times = [0.5, WANTED_S, 0.7]
    assert summed([Start(one, 0.5, 1, 9) for one in times], 9)["verdict"] == "met"
    late = [*times, WANTED_S + 0.01]
    assert summed([Start(one, 0.5, 1, 9) for one in late], 9)["verdict"] == "not met"


def test_a_daemon_without_its_incidents_has_not_restarted() -> None:
    with pytest.raises(RuntimeError, match="9 incidents are open"):
        summed([Start(0.5, 0.5, 1, 9), Start(0.5, 0.5, 1, 8)], 9)


def test_what_is_measured_has_the_units_variables() -> None:
    """The last of them keeps a daemon's memory flat."""
    assert unit_environment() == {"PYTHONFAULTHANDLER": "1", "MALLOC_MMAP_THRESHOLD_": "131072"}
