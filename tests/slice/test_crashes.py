"""kill -9 at the boundaries of saves and calls: nothing is lost, nothing is done twice or unproven.

The boundaries are enumerated by a first run that does not die. Which of them are tried is drawn by
a seed, CRASH_SEED; CRASHES=all tries every one. The seed and the boundaries that were reached are
printed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientError

from doctor_daemon.cli.client import Unanswered
from doctor_daemon.lab.record import Kind
from doctor_daemon.lab.world import Failure
from tests.cli.terminal import Terminal
from tests.slice.process import daemon, ready, started
from tests.slice.site import LAB, Site, site

SEED = int(os.environ.get("CRASH_SEED", "1"))
CRASHES = os.environ.get("CRASHES", "6")
AT_ONCE = 3
MOVED = 3
"""The servers of the host that dies."""
NEVER = 10**9
READS = ("read", "look", "servers", "evacuations", "changed_evacuations")


async def story(folder: Path, fatal: int) -> tuple[list[str], bool]:
    """Let a host die under a daemon that dies at a boundary; return what it passed, and if it died.

    After the crash a daemon without a skin takes over, and everything must come to its end.
    """
    trace = prepared(folder)
    argv = ("tests.slice.crashing", str(fatal), str(trace))
    async with site(folder, replace(LAB, hosts=2, servers_per_host=3), mode="evacuate") as place:
        async with started(place, argv) as mortal:
            await ready(place, mortal)
            await _accuse(place)
            died = await _to_its_end(place, mortal)
        async with daemon(place):
            await _judge(place)
    return trace.read_text().splitlines(), died


def prepared(folder: Path) -> Path:
    """Make a story's folder; return the file for the boundaries that are passed."""
    folder.mkdir()
    trace = folder / "trace"
    trace.touch()
    return trace


async def _accuse(place: Site) -> None:
    """Arm, and accuse the host; the daemon may die at any moment of it."""
    place.lab.world.fail("compute-1", Failure.COMPUTE)
    with suppress(Unanswered, ClientError, OSError):
        await place.arm()
        await place.monitor.send("compute-1")


async def _to_its_end(place: Site, mortal: asyncio.subprocess.Process) -> bool:
    """Wait until the daemon has died, or until its work is done."""
    end = asyncio.create_task(mortal.wait())
    work = asyncio.create_task(place.until("compute-1", "down"))
    await asyncio.wait((end, work), return_when=asyncio.FIRST_COMPLETED)
    if not end.done():
        await work
        await asyncio.sleep(0.5)
        with suppress(ProcessLookupError):  # its last boundary may be among the last deliveries
            mortal.send_signal(signal.SIGTERM)
    work.cancel()
    return await end == -signal.SIGKILL


async def _judge(place: Site) -> None:
    """See that what was begun came to its end, and that the record shows no wrong."""
    lab = place.lab
    await place.arm()
    await place.monitor.insist("compute-1")
    incident = await place.until("compute-1", "down")
    await asyncio.sleep(0.5)
    assert lab.world.hosts["compute-1"].service.forced_down
    assert lab.world.hosts["compute-2"].power
    assert not lab.world.hosts["compute-2"].service.forced_down
    heard = place.heard("operators")
    kinds = Counter(data["kind"] for data in heard if data["incident"] == incident["id"])
    assert kinds["suspected"] == 1, kinds
    assert kinds["confirmed"] >= 1, kinds  # and again for those left, if it was fenced again
    asked = Counter(e.server for e in lab.record.entries if e.kind is Kind.EVACUATE)
    assert set(asked.values()) == {1}, asked
    assert len(asked) == MOVED
    assert all(lab.world.runs_on(server) == ["compute-2"] for server in asked)
    told = [s["id"] for data in heard if data["kind"] == "outcome" for s in data["servers"]]
    assert sorted(told) == sorted(asked)
    assert len({data["incident"] for data in heard}) == 1
    await _on_record(place)


async def _on_record(place: Site) -> None:
    """See that the audit is one chain, and has all that reached the world by the world's record."""
    terminal = Terminal(place)
    whole = json.loads(await terminal.well("audit", "verify", "--json"))
    assert (whole["whole"], whole["unknown"]) == (True, []), whole
    lines = json.loads(
        await terminal.well("audit", "list", "--from", "1", "--limit", "1000", "--json")
    )
    records = [line["record"] for line in lines["lines"]]
    assert len(records) == whole["last"]["number"]
    intents = Counter(record["what"] for record in records if record["part"] == "intent")
    done = Counter(entry.kind for entry in place.lab.record.entries if entry.by)
    assert intents["cut"] >= 1
    assert intents["force_down"] >= done[Kind.FORCED_DOWN] >= 1
    asked = {e.server for e in place.lab.record.entries if e.kind is Kind.EVACUATE}
    said = [
        one["target"] for one in records if (one["what"], one["part"]) == ("evacuate", "intent")
    ]
    assert all(any(server in target for target in said) for server in asked)


@pytest.mark.timeout(900)
async def test_the_daemon_may_die_at_any_boundary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names, died = await story(tmp_path / "whole", NEVER)
    assert not died
    numbers = list(range(1, len(names) + 1))
    draw = random.Random(SEED)
    tried = numbers if CRASHES == "all" else sorted(draw.sample(numbers, int(CRASHES)))
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> tuple[int, list[str], bool]:
        async with turns:
            return number, *await story(tmp_path / str(number), number)

    async with asyncio.TaskGroup() as tasks:
        stories = [tasks.create_task(one(number)) for number in tried]
    found = [story.result() for story in stories]
    with capsys.disabled():
        print(
            f"\n{len(names)} boundaries in one incident; CRASH_SEED={SEED} kills at {len(tried)}:"
        )
        for number, passed, died in found:
            print(f"  {number:4} {passed[-1] if died else 'not reached'}")
    assert sum(died for _, _, died in found) >= len(tried) * 0.8
    calls = (*("cut", "force_down", "evacuate", "commit", "deliver", "deliveries"), *READS)
    assert {f"{side} {call}" for side in ("before", "after") for call in calls} <= set(names)
