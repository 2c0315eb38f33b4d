"""A soak: a million pieces of evidence and ten thousand incidents through one daemon.

`python -m benchmarks.soak` has monitors send until all is sent, and looks at the daemon meanwhile:
its memory, file descriptors, tasks and threads, and what it has stored. Retention is set so that it
bites early. From then on nothing may grow any more: the last third of the samples is held beside
the third before. Nothing may be lost either: what was answered is what the daemon has counted, and
each incident has its end. Otherwise it exits with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.configuration import Wishes
from benchmarks.flatness import bitten, growths, verdict
from benchmarks.picture import drawn
from benchmarks.plan import NONE
from benchmarks.samples import Sample, Series
from benchmarks.scene import Layout, Scene, scene
from benchmarks.traffic import Monitor, Pace, Round, Sender, Tally, deaths
from doctor_daemon.config import load

KEY = "soak"
Json = dict[str, Any]
RESULTS = Path(__file__).parent / "results.json"
SERIES = Path(__file__).parent / "soak.jsonl"
PICTURE = Path(__file__).parents[1] / "docs" / "soak.svg"
EVIDENCE, INCIDENTS, HOSTS = 1_000_000, 10_000, 200
DYING, MONITORS, SERVERS, PROJECTS = 8, 4, 2, 2
"""Hosts that die; monitors of each source; servers of each host, and of how many projects."""
GRACE_S = 30.0
"""What differs from the shipped timing: who lives is to be taken back within the grace, on a slow
machine too."""
RATE_PER_S = 1500.0
"""Pieces a second, at most: accusations are remembered for five minutes, and most of the run is to
come after that."""
KEPT: Mapping[str, int] = {"size_max_mib": 64}
"""What differs from the shipped retention: of 512 MiB nothing would be dropped in a million."""
SAMPLES = 120
SECOND = "second"
SETTLE_S, LOOK_S = 60.0, 0.5


@dataclass(frozen=True, slots=True)
class Size:
    """How much is sent, and about how many hosts."""

    evidence: int = EVIDENCE
    incidents: int = INCIDENTS
    hosts: int = HOSTS
    dying: int = DYING
    grace_s: float = GRACE_S


async def soaked(size: Size) -> tuple[Json, Sequence[Sample]]:
    """Run one soak. Raise RuntimeError where something was lost."""
    numbered = dict.fromkeys(range(size.hosts + size.dying), SERVERS)
    layout = Layout(numbered, size.hosts + size.dying + 1, PROJECTS)
    async with scene(layout, NONE, wished(size)) as place:
        age_s = load(place.configuration.path).policy.evidence_age_s
        tally = Tally(size.evidence, RATE_PER_S)
        series = Series(place, tally, max(size.evidence // SAMPLES, 1), age_s, say=_say)
        began_s = time.monotonic()
        await _watched(series, _sent(place, size, tally))
        took_s = time.monotonic() - began_s
        counted = await _settled(series)
        accounted(tally, counted)
        found = _told(size, tally, took_s, series.samples)
        return found | {"effective_configuration": place.configuration.effective()}, series.samples


def wished(size: Size) -> Wishes:
    """Return what differs from the shipped configuration."""
    second: Json = {"name": SECOND, "type": "evidence", "trust": "alone", "path": f"/v1/{SECOND}"}
    timing = {"grace_s": size.grace_s}
    return Wishes(timing=timing, sources=(second,), kept=KEPT, plain=True)


async def _watched(series: Series, work: Coroutine[None, None, None]) -> None:
    """Take samples while something is done. Raise what ends either of the two."""
    looking, working = asyncio.create_task(series.run()), asyncio.create_task(work)
    try:
        await asyncio.wait((looking, working), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (looking, working):
            task.cancel()
        await asyncio.wait((looking, working))
    for task in (looking, working):
        if not task.cancelled():
            task.result()


async def _sent(place: Scene, size: Size, tally: Tally) -> None:
    """Have all monitors speak until all is sent, and each incident has ended."""
    draw, hosts = random.Random(size.evidence), place.cloud.hosts
    first = place.configuration.evidence_url
    urls = {"bench": first, SECOND: first.replace("/v1/evidence", f"/v1/{SECOND}")}
    senders = [Sender(place, name, url, tally) for name, url in urls.items()]
    pace = Pace.of(size.evidence, size.incidents, size.grace_s)
    rounds = [Round(host, pace, draw) for host in hosts[: size.hosts]]
    monitors = [
        Monitor(place, sender, rounds[number :: MONITORS * len(senders)], PROJECTS + 1)
        for number, sender in enumerate(senders * MONITORS)
    ]
    async with asyncio.TaskGroup() as tasks:
        for monitor in monitors:
            tasks.create_task(monitor.run())
        for host in hosts[size.hosts : size.hosts + size.dying]:
            tasks.create_task(deaths(place, senders[0], host, draw))


async def _settled(series: Series) -> Mapping[str, float]:
    """Wait until nothing is open and all is told; return the metrics then, or after a while."""
    counted = await series.scraped()
    for _ in range(int(SETTLE_S / LOOK_S)):
        if not counted["doctor_incidents"] and not counted["doctor_notices_pending"]:
            break
        await asyncio.sleep(LOOK_S)
        counted = await series.scraped()
    return counted


def accounted(tally: Tally, counted: Mapping[str, float]) -> None:
    """Raise RuntimeError where something was lost."""
    wrong = {
        "statements that were answered and not counted": tally.answered
        - int(counted["doctor_evidence_total"]),
        "incidents without an end": len(tally.opened ^ tally.ended),
        "incidents that are open": int(counted["doctor_incidents"]),
        "notices that were not told": int(counted["doctor_notices_pending"]),
        "notices given up": int(counted["doctor_notices_dead_total"]),
        "bugs": int(counted["doctor_internal_errors_total"]),
    }
    found = [f"{count} {what}" for what, count in wrong.items() if count]
    if found:
        raise RuntimeError(f"of {tally.answered} statements: {', '.join(found)}")


def _told(size: Size, tally: Tally, took_s: float, samples: Sequence[Sample]) -> Json:
    """Put together what was found."""
    grown, since = growths(samples), bitten(samples)
    return {
        "wanted": {"evidence": EVIDENCE, "incidents": INCIDENTS},
        "evidence": tally.answered,
        "incidents": len(tally.opened),
        "forced_down": tally.forced_down,
        "hosts": size.hosts + size.dying,
        "took_s": took_s,
        "rate_per_s": tally.answered / took_s,
        "refused": tally.refused,
        "lost": 0,
        "retention": {**KEPT, "bites_at": since[0].pieces if since else None},
        "samples": len(samples),
        "growth": [{**asdict(one), "flat": one.flat} for one in grown],
        "verdict": verdict(grown),
    }


def _say(one: Sample) -> None:
    told = (
        f"{time.strftime('%H:%M:%S')} {one.pieces} pieces, {one.rate_per_s:.0f} a second, "
        f"{one.rss_kib / 1024:.1f} MiB, {one.stored_bytes / 1024 / 1024:.1f} MiB stored, "
        f"{one.files} files, {one.tasks} tasks, {one.threads} threads, "
        f"{one.ended} incidents ended, {one.incidents} kept"
    )
    print(told + (", retention bites" if one.bitten else ""), file=sys.stderr, flush=True)


def table(found: Json) -> str:
    """Return what is printed."""
    told = (
        f"{found['evidence']} pieces of evidence, {found['incidents']} incidents, "
        f"{found['forced_down']} forced down, {found['rate_per_s']:.0f} pieces a second; "
        f"retention bites from {found['retention']['bites_at']} pieces on"
    )
    lines = [
        f"  {one['what']}: {one['before']:.0f}, then {one['after']:.0f} "
        f"(at most {one['allowed']:.0f})"
        for one in found["growth"]
    ]
    return "\n".join([told, *lines, f"flat: {found['verdict']}"])


def write(found: Json, samples: Sequence[Sample], folder: Path | None = None) -> None:
    """Write the figures, the series and the picture: where they are kept, or in a folder."""
    paths = (RESULTS, SERIES, PICTURE)
    results, series, picture = (folder / one.name for one in paths) if folder else paths
    whole = json.loads(results.read_text()) if results.exists() else {}
    results.write_text(json.dumps({**whole, KEY: found}, indent=1) + "\n")
    series.write_text("".join(json.dumps(asdict(one)) + "\n" for one in samples))
    if samples:
        title = f"{found['evidence']:,} pieces of evidence, {found['incidents']:,} incidents"
        picture.write_text(drawn(samples, found["retention"]["bites_at"], title))


def status(found: Json) -> int:
    """Return the exit status: 0 where all is flat."""
    return 0 if found["verdict"] == "met" else 1


def main() -> int:
    """Parse the command line, run, print and write; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--evidence", type=int, default=EVIDENCE)
    parser.add_argument("--incidents", type=int, default=INCIDENTS)
    parser.add_argument("--hosts", type=int, default=HOSTS, help="hosts that live")
    parser.add_argument("--out", type=Path, help="a folder for results, series and picture")
    words = parser.parse_args()
    size = Size(words.evidence, words.incidents, words.hosts)
    found, samples = asyncio.run(soaked(size))
    write(found, samples, words.out)
    print(table(found))
    return status(found)


if __name__ == "__main__":
    sys.exit(main())
