"""Every story ends as it should, by the command's own exit status and its last line.

`make test` plays a few of them, `make demo-stories` all.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from doctor_daemon.cli.demo import ends
from doctor_daemon.cli.demo.stories import LIMITS, STORIES, Story, listed, named
from doctor_daemon.lab.faults import Do
from tests.demo.theatre import SMALL, TIMES, Seen, told

AT_ONCE = 4
FEW = ("none", "bmc-lies-off", "power-returns", "lost-evacuate", "daemon-killed", "consistent-liar")
ALL: Mapping[str, Story] = {**STORIES, **LIMITS}
DRAWN = tuple(ALL) if os.environ.get("STORIES") == "all" else FEW
SERVERS = 3
MOVED = (ends.MOVED, ends.MOVED_AND_REPEATED, ends.FENCED_AGAIN)

Plays = Mapping[str, asyncio.Task[Seen]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plays() -> AsyncIterator[Plays]:
    """Play the stories that are drawn, a few at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def played(name: str) -> Seen:
        async with turns:
            return await told("--fault", name, "--json", *SMALL)

    tasks = {name: asyncio.ensure_future(played(name)) for name in DRAWN}
    yield tasks
    await asyncio.wait(tasks.values())


@pytest.mark.timeout(200)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", DRAWN)
async def test_story(plays: Plays, name: str) -> None:
    seen, story = await plays[name], ALL[name]
    assert seen.status == (name in LIMITS), (seen.out, seen.err)
    assert (seen.err, "\x1b" in seen.out) == ("", False)
    assert story.sentence in seen.out
    last = seen.last
    assert {"servers", "evacuated", "violations", *TIMES} < set(last)
    assert (last["fault"], last["servers"]) == (name, SERVERS)
    assert (last["violations"] > 0) == (name in LIMITS)
    if story.end in MOVED:
        assert last["evacuated"] == SERVERS
        assert last["detected_to_early_notice_s"] < last["detected_to_forced_down_s"]
        assert last["detected_to_forced_down_s"] < last["detected_to_confirmed_notice_s"]


@pytest.mark.timeout(200)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_plain_story_is_told_step_by_step(plays: Plays) -> None:
    seen = await plays["none"]
    told_ms = [int(found.replace(",", "")) for found in re.findall(r"^ *([\d,]+) ms  \w", seen.out)]
    assert told_ms == sorted(told_ms)
    for step in (
        "0 ms  monitor   firing: compute-1 does not answer",
        "heard: suspected, fenced: pending",
        "still down after 2 s of grace",
        "world     3 servers stopped on compute-1",
        "world     compute-1 has no power any more",
        "proven off: redfish said off 3 times over 2.0 s",
        "world     compute-1 is forced_down in Nova, by doctor",
        "heard: confirmed, fenced: confirmed",
    ):
        assert step in seen.out, step
    arrivals = " ".join(re.findall(r"started on (.*)", seen.out))
    assert {"compute-2", "compute-3", "compute-4"} == set(re.findall(r"compute-\d", arrivals))
    last = seen.last
    moments = [last[name] for name in TIMES]
    assert moments == sorted(moments)
    assert f"{last['detected_to_proof_s'] * 1000:,.0f} ms  proof" in seen.out
    assert seen.out.splitlines()[-2].startswith("The right end: ")


@pytest.mark.timeout(200)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_judge_convicts_a_consistent_liar(plays: Plays) -> None:
    seen = await plays["consistent-liar"]
    assert "WRONG  the server runs on 2 hosts at once" in seen.out
    assert "WRONG  forced_down was set while the host had power" in seen.out
    assert seen.last["violations"] == len(seen.last["wrong"])


@pytest.mark.timeout(200)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_daemon_that_is_killed_is_started_again(plays: Plays) -> None:
    seen = await plays["daemon-killed"]
    assert len(re.findall(r"kill -9 \d+", seen.out)) == 2
    assert seen.out.count("taken up again after a restart") == 2


def test_every_fault_of_the_lab_has_a_story() -> None:
    played = {rule.do for story in STORIES.values() for rule in story.rules}
    assert played == set(Do)
    for do in Do:
        story = named(do.value)
        assert story is not None
        assert do in {rule.do for rule in story.rules}


def test_every_story_is_listed_with_its_sentence() -> None:
    lines = list(listed())
    for story in ALL.values():
        assert sum(line.split() == [story.name, *story.sentence.split()] for line in lines) == 1
    assert len(lines) == len(ALL) + 1
    assert set(FEW) <= set(ALL)
