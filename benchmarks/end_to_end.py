"""`make bench`, end to end: a host's link is cut, and consumers and Nova are told.

The hosts are network namespaces with the shipped agent in each, which beats every 100 ms; cloud,
consumer and daemon are as for the other figures. Time begins before the link is taken down, so the
few milliseconds which that takes are in every figure. Nothing but silence accuses the host. One
host dies at a time, at any moment between two beats. Needs root, and Debian's iproute2.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.configuration import OPERATORS, Wishes
from benchmarks.figures import ENOUGH, Spread
from benchmarks.plan import FORCED_PROJECTS, FORCED_TIMING, NONE, REALISTIC, Delays
from benchmarks.scene import Layout, Scene, scene
from doctor_daemon.cli.client import ask
from doctor_daemon.core.policy import Policy
from doctor_daemon.heartbeat.keys import Algorithm, Key
from tools.netns import CLOUD, Fleet, fleet, unused, within

RESULTS = Path(__file__).parent / "results.json"
KEY = "end_to_end"
SECRET = "a secret of the benchmark's own fleet"  # noqa: S105 - nobody else has it
RACKS: Sequence[Sequence[int]] = ((1, 2, 3), (4, 5, 6))
HOSTS = [number for rack in RACKS for number in rack]
SERVERS = 10
PORT = 7412
INTERVAL_S = 0.1
EARLY_WANTED_S = 0.5
"""Death to suspicion, as wanted of the listener alone: the notice is to add nothing to it."""
LIMIT_S = 60.0
LOOK_S = 0.2
Json = dict[str, Any]
CALM_S = 1.0
"""After a host is heard again: the rhythm of its beats is learnt anew."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from the cut of the link, one of each a death."""

    early: Sequence[float]
    confirmed: Sequence[float]


def source(folder: Path) -> Json:
    """Return the source of the heartbeats; its secret is written."""
    _private(folder / "fleet", SECRET)
    return {
        "name": "beats",
        "type": "heartbeat",
        "trust": "alone",
        "listen": [f"{CLOUD}:{PORT}"],
        "keys": [{"secret_file": str(folder / "fleet")}],
        "memory_file": str(folder / "heartbeat.memory"),
        "warm_up_s": 0,
    }


async def measured(delays: Delays, count: int, net: Fleet) -> Times:
    """Let so many hosts die, one after the other; this process is in the middle of the fleet."""
    layout = Layout(dict.fromkeys(range(len(HOSTS)), SERVERS), len(HOSTS) + 1, FORCED_PROJECTS)
    with tempfile.TemporaryDirectory(prefix="doctor-bench-") as made:
        folder = Path(made)
        wishes = Wishes(timing=FORCED_TIMING, sources=(source(folder),))
        async with scene(layout, delays, wishes) as place, _agents(net, folder):
            await _heard(place, len(HOSTS))
            turns = (HOSTS[turn % len(HOSTS)] for turn in range(count + 1))
            found = [await _death(place, net, number) for number in turns]
    early, confirmed = zip(*found[1:], strict=True)  # the first was to warm up
    return Times(early, confirmed)


async def _death(place: Scene, net: Fleet, number: int) -> tuple[float, float]:
    """Cut a host's link; return the seconds to the last early notice, and to `confirmed`."""
    host = place.cloud.hosts[number - 1]
    await place.cloud.fail(host)
    await asyncio.sleep(random.uniform(0, INTERVAL_S))
    cut_s = time.monotonic()
    await asyncio.to_thread(net.port, number, "down")
    incident = await _incident(place, host)
    early_s = await place.hearing.last(incident, "suspected", FORCED_PROJECTS + 1)
    told_s = await place.hearing.at(incident, "confirmed", OPERATORS)
    net.port(number, "up")
    await place.cloud.mend([host])
    await place.close(host)
    place.hearing.forget(incident)
    await _heard(place, len(HOSTS))
    await asyncio.sleep(CALM_S)
    return early_s - cut_s, told_s - cut_s


async def _incident(place: Scene, host: str) -> str:
    """Wait for a host's incident; return its id."""
    socket, path = place.configuration.socket, f"/v1/hosts/{host}"
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = (await asyncio.to_thread(ask, socket, "GET", path))["incident"]
            if found is not None and found["phase"] not in ("resolved", "dismissed"):
                return str(found["id"])
            await asyncio.sleep(LOOK_S)


async def _heard(place: Scene, count: int) -> None:
    """Wait until the daemon hears so many hosts."""
    wanted = f'doctor_heartbeat_hosts{{source="beats",state="heard"}} {count}.0'
    async with asyncio.timeout(LIMIT_S):
        while True:
            async with place.session.get(f"{place.configuration.metrics_url}/metrics") as answer:
                if wanted in await answer.text():
                    return
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def _agents(net: Fleet, folder: Path) -> AsyncIterator[None]:
    """Run the agent of every host until the block ends."""
    of_all = Key(1, Algorithm.BLAKE2B, SECRET.encode())
    async with AsyncExitStack() as stack:
        for number in HOSTS:
            host = f"compute-{number}"
            _private(folder / f"{host}.key", of_all.of(host.encode()).line())
            config = folder / f"{host}.toml"
            config.write_text(
                f'host = "{host}"\nlisteners = ["{CLOUD}:{PORT}"]\n'
                f'interval_s = {INTERVAL_S}\nkey_file = "{host}.key"\n'
            )
            argv = ("-m", "doctor_daemon.cli.entry", "heartbeat", "--config", str(config))
            made = await asyncio.create_subprocess_exec(
                *within(net.host(number), sys.executable, *argv)
            )
            stack.push_async_callback(made.wait)
            stack.callback(made.kill)
        yield


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def results(found: dict[str, Times], *, quick: bool) -> Json:
    """Return what is written."""
    return {
        "quick": quick,
        "machine": {
            "cpus": os.cpu_count(),
            "load_1min": os.getloadavg()[0],
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "python": platform.python_version(),
        },
        "interval_s": INTERVAL_S,
        "hosts": len(HOSTS),
        "servers": SERVERS,
        "projects": FORCED_PROJECTS,
        "grace_s": FORCED_TIMING["grace_s"],
        "hold_s": Policy().off_hold_s,
        "delays": {
            name: {
                "early_notice": asdict(Spread.of(times.early)),
                "forced_down": asdict(Spread.of(times.confirmed)),
            }
            for name, times in found.items()
        },
    }


def table(found: Json) -> str:
    """Return what is printed."""
    lines = []
    for name, way in found["delays"].items():
        early, confirmed = way["early_notice"], way["forced_down"]
        met = "met" if early["p99_s"] <= EARLY_WANTED_S else "not met"
        few = ", preliminary" if early["n"] < ENOUGH else ""
        notice = f"link cut to early notice, beats every 100 ms, delays {name}: {_told(early)}"
        lines.append(f"{notice}: {met}{few} (wanted p99 {EARLY_WANTED_S:g})")
        down = f"link cut to forced_down read back, delays {name}: {_told(confirmed)}"
        lines.append(f"{down}, with {found['hold_s']:g} s of hold and no grace")
    return "\n".join(lines)


def _told(spread: Json) -> str:
    times = f"p50 {spread['p50_s']:.3f} s, p99 {spread['p99_s']:.3f} s, max {spread['max_s']:.3f} s"
    return f"{times} (n {spread['n']})"


def write(found: Json, path: Path) -> None:
    """Put the results beside those of the other figures."""
    whole = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**whole, KEY: found}, indent=1) + "\n")


def run(counts: dict[Delays, int], *, quick: bool) -> Json:
    """Measure with each of the delays so often."""
    with fleet(unused("be"), RACKS) as net:
        times = {
            delays.name: asyncio.run(measured(delays, count, net))
            for delays, count in counts.items()
        }
    return results(times, quick=quick)


def main() -> None:
    """Parse the command line, measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.end_to_end", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few deaths; the results say so")
    parser.add_argument("--deaths", type=int, help="so many with each of the delays")
    known = {delays.name: delays for delays in (NONE, REALISTIC)}
    parser.add_argument("--delays", choices=known, action="append", help="these alone")
    parser.add_argument("--out", type=Path, default=RESULTS)
    words = parser.parse_args()
    count = words.deaths or (5 if words.quick else ENOUGH)
    names = words.delays or ([REALISTIC.name] if words.quick else [*known])
    counts = {known[name]: count for name in names}
    found = run(counts, quick=words.quick or count < ENOUGH)
    write(found, words.out)
    print(table(found))


if __name__ == "__main__":
    main()
