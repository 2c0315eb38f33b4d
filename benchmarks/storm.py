"""A storm: two hundred hosts die within one second, and how long until the last is forced down.

`python -m benchmarks.storm` runs it on SQLite and on etcd, each beside the floor: the same calls
for as many hosts, with as many calls of BMCs at a time as the daemon makes. The budget is raised,
or no daemon would cut so many. First the floor, then the daemon, each with a lab of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.configuration import OPERATORS, Wishes
from benchmarks.durable import Durable, etcd, sqlite
from benchmarks.figures import Spread
from benchmarks.floor import Floor
from benchmarks.plan import FORCED_PROJECTS, FORCED_TIMING, NONE, REALISTIC, Delays
from benchmarks.scene import Layout, Scene, scene
from doctor_daemon.config import load
from doctor_daemon.engine.device_turns import AT_ONCE

KEY = "storm"
Json = dict[str, Any]
RESULTS = Path(__file__).parent / "results.json"
HOSTS, SERVERS, SPARE = 200, 20, 4
WITHIN_S = 1.0
"""How long it takes until all of them have died."""
LIMIT_S, LOOK_S = 180.0, 0.2
STORES: tuple[Callable[[], AbstractAsyncContextManager[Durable]], ...] = (sqlite, etcd)
COMMITS = re.compile(r"^doctor_commit_seconds_count ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Storm:
    """One daemon's, and what it cost. Times are seconds from the first word on."""

    forced_down_s: float
    """Until Nova has taken the last force-down."""
    told_s: float
    """Until the operators have been told of the last one that it was read back."""
    commits: int
    syncs: int
    """How often data was made durable, by whoever keeps it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many hosts die, with how many servers each, and how often."""

    hosts: int = HOSTS
    servers: int = SERVERS
    runs: int = 3


async def measured(delays: Delays, size: Size) -> Json:
    """Measure the floor and each kind of store, one after the other, so often."""
    floors: list[float] = []
    found: dict[str, list[Storm]] = {}
    for _ in range(size.runs):
        _say(f"the floor of a storm, delays {delays.name}")
        floors.append(await _floored(delays, size))
        for store in STORES:
            async with store() as durable:
                _say(f"a storm on {durable.name}, delays {delays.name}")
                found.setdefault(durable.name, []).append(await _told(delays, size, durable))
    told = {name: _summed(storms, floors, size) for name, storms in found.items()}
    return {"floor": asdict(Spread.of(floors)), **told}


def _summed(storms: Sequence[Storm], floors: Sequence[float], size: Size) -> Json:
    forced, told = [one.forced_down_s for one in storms], [one.told_s for one in storms]
    commits, syncs = sum(one.commits for one in storms), sum(one.syncs for one in storms)
    incidents = size.hosts * len(storms)
    return {
        "forced_down": asdict(Spread.of(forced)),
        "told": asdict(Spread.of(told)),
        "over_floor": Spread.of(forced).p50_s / Spread.of(floors).p50_s,
        "commits_per_s": commits / sum(told),
        "commits_per_incident": commits / incidents,
        "syncs_per_incident": syncs / incidents,
    }


def _layout(size: Size) -> Layout:
    servers = dict.fromkeys(range(size.hosts), size.servers)
    return Layout(servers, size.hosts + SPARE, FORCED_PROJECTS)


async def _floored(delays: Delays, size: Size) -> float:
    """Have the floor go the whole way of all hosts."""
    async with scene(_layout(size), delays, Wishes(timing=FORCED_TIMING)) as place:
        floor = await Floor.of(place.cloud, load(place.configuration.path).policy, AT_ONCE)
        return await _dying(place, size, floor.force_down)


async def _told(delays: Delays, size: Size, durable: Durable) -> Storm:
    """Have the daemon hear of all hosts, and leave the rest to it."""
    wishes = Wishes(timing=FORCED_TIMING, state=durable.state, beside=durable.beside)
    async with scene(_layout(size), delays, wishes) as place:
        commits, syncs = await _commits(place), await durable.syncs()
        incidents: list[str] = []

        async def word(host: str) -> None:
            _, receipt = await place.say(host, "down")
            incidents.append(str(receipt["incident"]))

        began_s = time.monotonic()
        forced_s = await _dying(place, size, word)
        async with asyncio.timeout(LIMIT_S):
            stamps = [await place.hearing.at(one, "confirmed", OPERATORS) for one in incidents]
        made = await _commits(place) - commits
        return Storm(forced_s, max(stamps) - began_s, made, await durable.syncs() - syncs)


async def _dying(place: Scene, size: Size, work: Callable[[str], Awaitable[None]]) -> float:
    """Let all hosts die, and do this about each; return the seconds to the last force-down."""
    hosts = place.cloud.hosts[: size.hosts]
    for host in hosts:
        await place.cloud.fail(host)
    began_s = time.monotonic()

    async def one(number: int, host: str) -> None:
        await asyncio.sleep(WITHIN_S * number / size.hosts)
        await work(host)

    await asyncio.gather(*(one(number, host) for number, host in enumerate(hosts)))
    return await _last_forced(place, hosts) - began_s


async def _last_forced(place: Scene, hosts: Sequence[str]) -> float:
    """Wait until all are forced down in the lab's Nova; return the moment of the last one."""
    wanted, last_s, seen = set(hosts), 0.0, 0
    async with asyncio.timeout(LIMIT_S):
        while True:
            entries = await place.cloud.control("GET", f"record?since={seen}")
            seen += len(entries)
            for entry in entries:
                if entry["kind"] == "forced-down" and entry["host"] in wanted:
                    wanted.discard(entry["host"])
                    last_s = entry["at_s"]
            if not wanted:
                return last_s
            await asyncio.sleep(LOOK_S)


async def _commits(place: Scene) -> int:
    url = f"{place.configuration.metrics_url}/metrics"
    async with place.session.get(url, raise_for_status=True) as answer:
        found = COMMITS.search(await answer.text())
    return int(float(found[1])) if found else 0


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def table(found: Json) -> str:
    """Return what is printed."""
    lines: list[str] = []
    for delays, way in found["delays"].items():
        floor = way["floor"]
        lines.append(f"a storm, delays {delays}: the floor {floor['p50_s']:.2f} s (n {floor['n']})")
        for name in (name for name in way if name != "floor"):
            one = way[name]
            lines.append(
                f"  {name}: last forced_down {one['forced_down']['p50_s']:.2f} s, "
                f"{one['over_floor']:.2f} x the floor; last told {one['told']['p50_s']:.2f} s; "
                f"{one['commits_per_s']:.0f} commits/s, {one['commits_per_incident']:.1f} commits "
                f"and {one['syncs_per_incident']:.1f} fsyncs an incident"
            )
    return "\n".join(lines)


async def run(size: Size, delays: Sequence[Delays], *, quick: bool) -> Json:
    """Measure with each of the delays."""
    found = {one.name: await measured(one, size) for one in delays}
    return {"quick": quick, **asdict(size), "within_s": WITHIN_S, "delays": found}


def main() -> None:
    """Parse the command line, measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storm", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once, with real delays alone")
    parser.add_argument("--out", type=Path, default=RESULTS)
    words = parser.parse_args()
    size = Size(runs=1) if words.quick else Size()
    delays = (REALISTIC,) if words.quick else (NONE, REALISTIC)
    found = asyncio.run(run(size, delays, quick=words.quick))
    whole = json.loads(words.out.read_text()) if words.out.exists() else {}
    words.out.write_text(json.dumps({**whole, KEY: found}, indent=1) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
