"""A restart with much history: from exec until the daemon is ready, on SQLite and on etcd.

`python -m benchmarks.restart` has a daemon fence one host, and makes of that one incident a store
with a thousand that are open and a hundred thousand that are over. Then the daemon is started as
its unit starts it, and asked whether it is ready until it says so. Each store is started five times
and so is a daemon without any history, which shows what all the rest costs. The lab's Nova shows
the hosts of open incidents forced down, as they are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from benchmarks import processes
from benchmarks.cloud import Cloud
from benchmarks.configuration import OPERATORS, Configuration, Wishes
from benchmarks.durable import etcd
from benchmarks.figures import Spread
from benchmarks.history import History, Names, id_of, into_etcd, into_sqlite
from benchmarks.plan import FORCED_TIMING, NONE
from benchmarks.scene import Layout, Scene, scene
from benchmarks.starts import LOOK_S, READY_S, Bench, Start
from doctor_daemon.cli.client import ask
from doctor_daemon.config import load
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.ports import Wanted
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore

KEY = "restart"
Json = dict[str, Any]
RESULTS = Path(__file__).parent / "results.json"
OPEN, OVER, STARTS = 1_000, 100_000, 5
SERVERS, LINES = 20, 30
WANTED_S = 2.0
CLOSED_MAX = 100_000
"""Of etcd: the most that can be configured."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much history, and how often the daemon is started with it."""

    opened: int = OPEN
    over: int = OVER
    starts: int = STARTS


async def measured(size: Size) -> Json:
    """Measure each kind of store."""
    with tempfile.TemporaryDirectory(prefix="doctor-bench-") as made:
        history = await _history(Path(made))
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(ClientSession())
            hosts = size.opened + 1
            lab = processes.process("lab", processes.lab(hosts, 1, NONE), Path(made))
            about = await processes.first_line(await stack.enter_async_context(lab))
            cloud = Cloud(session, about)
            await cloud.login()
            return await _stores(size, history, Bench(Path(made), cloud))


async def _history(folder: Path) -> History:
    """Have a daemon fence one host, and return its incident."""
    layout = Layout({0: SERVERS}, 2, 1)
    wishes = Wishes(timing=FORCED_TIMING, one_consumer=True, plain=True)
    async with scene(layout, NONE, wishes) as place:
        host = place.cloud.hosts[0]
        await place.cloud.fail(host)
        _, receipt = await place.say(host, "down")
        id_ = IncidentId(str(receipt["incident"]))
        await place.hearing.at(id_, "confirmed", OPERATORS)
        [names] = _names([(id_, host)], place.cloud, place.configuration)
        await _until_down(place, host)
        copied = folder / "one.sqlite3"
        body = await asyncio.to_thread(_copied, place.configuration.database, copied)
    store = SqliteStore(SqliteConfig(path=copied))
    await store.open()
    try:
        found, [told] = await store.find(id_), await store.notices(Wanted(), 1)
    finally:
        await store.close()
    if found is None or len(found.servers) != SERVERS:
        raise RuntimeError(f"the incident {id_} is not as it should be: {found}")
    for number in range(len(found.timeline), LINES):
        found = found.note(found.phase_at, f"line {number}: somebody has looked after this host")
    opened = replace(found, timeline=found.timeline[-LINES:])
    return History(opened, replace(told, body=body), names)


async def _until_down(place: Scene, host: str) -> None:
    async with asyncio.timeout(READY_S):
        while True:
            path = f"/v1/hosts/{host}"
            found = await asyncio.to_thread(ask, place.configuration.socket, "GET", path)
            if found["incident"]["phase"] == "down":
                return
            await asyncio.sleep(LOOK_S)


def _copied(path: Path, into: Path) -> str:
    """Copy a database that is in use; return what was told last."""
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(into)) as other:
        one.backup(other)
        row = other.execute("SELECT body FROM notices ORDER BY seq DESC LIMIT 1").fetchone()
    return str(row[0])


async def _stores(size: Size, history: History, bench: Bench) -> Json:
    """Fill each kind of store, and start a daemon with it."""
    empty = bench.configured("empty")
    hosts = bench.cloud.hosts[: size.opened]
    whose = [(id_of(number), host) for number, host in enumerate(hosts)]
    opened = _names(whose, bench.cloud, empty)
    over = [
        replace(opened[number % len(opened)], id=id_of(size.opened + number))
        for number in range(size.over)
    ]
    _say("a start without history; the first has the byte code made, and is not counted")
    await bench.starts(empty, 1)
    found = {"empty": summed(await bench.starts(empty, size.starts), 0)}
    await bench.forced_down(opened)
    _say(f"{size.opened} open and {size.over} closed incidents in SQLite")
    sqlite = bench.configured("sqlite")
    sqlite.database.parent.mkdir(mode=0o700)
    await asyncio.to_thread(into_sqlite, sqlite.database, history, opened, over)
    stored = sqlite.database.stat().st_size
    _say("starts on SQLite")
    found["sqlite"] = summed(await bench.starts(sqlite, size.starts), size.opened)
    found["sqlite"]["stored_bytes"] = stored
    async with etcd() as durable:
        state: Json = {**(durable.state or {}), "closed_max": CLOSED_MAX}
        [url] = state["endpoints"]
        _say("the same in etcd")
        await into_etcd(url, history, opened, over)
        _say("starts on etcd")
        starts = await bench.starts(bench.configured("etcd", state), size.starts)
        found["etcd"] = summed(starts, size.opened)
    return {**asdict(size), "servers": SERVERS, "lines": LINES, "wanted_s": WANTED_S, **found}


def _names(
    whose: Sequence[tuple[str, str]], cloud: Cloud, configuration: Configuration
) -> list[Names]:
    """Return the names of incidents, given (id, host) of each."""
    plans, about = load(configuration.path).plans, cloud.about["hosts"]
    return [
        Names(
            id_,
            host,
            cloud.services[host],
            str(about[host]["uuid"]).lower(),
            plans[HostId("default", host)].digest,
        )
        for id_, host in whose
    ]


def summed(starts: Sequence[Start], wanted: int) -> Json:
    """Sum up. Raise RuntimeError where a daemon did not have what it should."""
    wrong = [one.incidents for one in starts if one.incidents != wanted]
    if wrong:
        raise RuntimeError(f"{wanted} incidents are open, and daemons have had {wrong}")
    times = [one.ready_s for one in starts]
    last = starts[-1]
    return {
        "ready": asdict(Spread.of(times)),
        "times_s": times,
        "cpu_s": [one.cpu_s for one in starts],
        "rss_kib": last.rss_kib,
        "settled_rss_kib": last.settled_rss_kib,
        "settled_s": last.settled_s,
        "sound_s": last.sound_s,
        "verdict": "met" if max(times) <= WANTED_S else "not met",
    }


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def table(found: Json) -> str:
    """Return what is printed."""
    lines = [f"from exec to ready, {found['opened']} open and {found['over']} closed incidents"]
    for name in ("empty", "sqlite", "etcd"):
        one = found[name]
        lines.append(
            f"  {name}: p50 {one['ready']['p50_s']:.2f} s, longest {one['ready']['max_s']:.2f} s "
            f"of {one['ready']['n']} (wanted {found['wanted_s']:g} s: {one['verdict']}); "
            f"{max(one['cpu_s']):.2f} s of processors; known to be sound after "
            f"{one['sound_s']:.1f} s; {one['rss_kib'] / 1024:.0f} MiB then, "
            f"{one['settled_rss_kib'] / 1024:.0f} MiB after {one['settled_s']:.1f} s"
        )
    return "\n".join(lines)


def write(found: Json, path: Path) -> None:
    """Write the JSON beside what others have put there."""
    whole = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**whole, KEY: found}, indent=1) + "\n")


def main() -> None:
    """Parse the command line, measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restart", description=__doc__)
    parser.add_argument("--opened", type=int, default=OPEN)
    parser.add_argument("--over", type=int, default=OVER)
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    words = parser.parse_args()
    found = asyncio.run(measured(Size(words.opened, words.over, words.starts)))
    write(found, words.out)
    print(table(found))


if __name__ == "__main__":
    main()
