"""The sessions that the documentation shows, had once more: the real daemon, told by its commands.

What differs from run to run (numbers, ids, moments) is left out of the comparison, and nothing
else. Each command is given in the order of the pages, and has to succeed.

`python -m tests.test_sessions` has them with the shipped timing, and writes them into the pages.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.world import Failure
from tests.house.source import ROOT
from tests.lab.cinder_target import VOLUME
from tests.slice.process import daemon
from tests.slice.site import LAB, Site, site
from tests.slice.storage import with_cinder
from tests.test_docs import OPERATING, README, Command, of, rows, section

RACK = {f"compute-{number}": {"domain": "rack-1"} for number in range(1, 6)}
REFUSAL = Rule(service=Service.BMC, do=Do.REFUSE, host="compute-2", times=None)
CONFIG = "/etc/doctor-daemon/doctor-daemon.yaml"
SHOWN_WITHIN_S = 15
SETTLED_S = 6.0
"""After this much time a look at Nova is old, as it is for whoever comes to see."""

Take = Callable[[Command, Site], Awaitable[None]]


async def play(folder: Path, timing: Mapping[str, float], take: Take) -> None:
    """Give every command that is shown, and have what it prints taken."""
    shipped = {name: dict[str, object]() for name in ("budget", "mass", "probes")}
    lab, changes = replace(LAB, hosts=len(RACK)), {**shipped, "timing": timing}
    made = site(folder, lab, mode="evacuate", changes=changes, hosts=RACK)
    async with made as place, _all_there(place):
        for command in (*of(README, "doctor-daemon"), *of(OPERATING, "doctor-daemon")):
            if command.words[1] != "run" and command.words[1:3] != ("notices", "replay"):
                # It is running, and nothing was given up; tests/slice/test_letters.py replays.
                await prepare(command, place)
                await take(command, place)


@asynccontextmanager
async def _all_there(place: Site) -> AsyncIterator[None]:
    """Run the daemon, in a cloud with everything that the pages name."""
    place.lab.faults.add(REFUSAL)
    with_cinder(place)
    beyond = [urlsplit(url).netloc for url in (place.lab.keystone.root, place.lab.nova.root)]
    place.changes = {**place.changes, "own_side": {"reference_points": beyond}}
    place.lab.cinder.volumes.add(VOLUME, "stor-1@ceph")
    place.lab.cinder.volumes.add(VOLUME, "stor-2@array", ("array-b",))
    async with daemon(place):
        while await place.metric("doctor_warm_up_seconds") > 0:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(1)
        yield


async def prepare(command: Command, place: Site) -> None:
    """Bring about what a command is shown with."""
    verb, host, world = command.words[1], command.words[-1], place.lab.world
    if verb == "explain" and await place.incident(host) is None:
        world.fail(host, Failure.COMPUTE)
        await place.monitor.insist(host)
        await place.until(host, "held" if host == "compute-2" else "down")
    elif verb == "confirm-off":
        await place.arm()
        world.power_off("compute-2")
    elif verb == "close":
        await place.until("compute-2", "down")
        service = world.hosts["compute-2"].service
        world.force_down(service, forced_down=False, by="operator")


async def given(command: Command, place: Site) -> list[str]:
    """Give a command; what it prints."""
    where = ("--socket", str(place.socket))
    if command.words[1] == "check-config":
        where = ("--config", str(place.config))
    argv = ("-m", "doctor_daemon.cli.main", *command.words[1:], *where)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, *argv, stdin=pipe, stdout=pipe, stderr=pipe, cwd=place.folder
    )
    async with asyncio.timeout(SHOWN_WITHIN_S):
        said, wrong = await process.communicate(b"compute-2\n")
    assert process.returncode == 0, f"{shlex.join(command.words)}: {wrong.decode()}"
    if command.words[1:3] == ("audit", "export"):
        (place.folder / "audit.jsonl").write_bytes(said)
    return said.decode().replace(str(place.config), CONFIG).splitlines()


def comparable(line: str) -> str:
    """A line without what differs from run to run."""
    line = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{12}\b", "ID", line)
    line = re.sub(r"Off(, Off)+", "Off", line)
    return " ".join(re.sub(r"\d[\d,.:-]*Z?", "N", line).split())


def alike(found: list[str], shown: tuple[str, ...]) -> bool:
    return [comparable(line) for line in found] == [comparable(line) for line in shown]


async def compare(command: Command, place: Site) -> None:
    """See that what is shown comes; some of it, such as the age of a look, takes its time."""
    found = await given(command, place)
    for _ in range(SHOWN_WITHIN_S):
        if not command.shown or alike(found, command.shown):
            return
        await asyncio.sleep(1)
        found = await given(command, place)
    assert "\n".join(found) == "\n".join(command.shown), f"{command.page} shows something else"


async def write(command: Command, place: Site) -> None:
    """Put what comes in the place of what is shown."""
    if not command.shown:
        await given(command, place)
        return
    await asyncio.sleep(SETTLED_S)
    page, shown = ROOT / command.page, "\n".join(command.shown)
    text = page.read_text()
    assert text.count(shown) == 1
    page.write_text(text.replace(shown, "\n".join(await given(command, place))))


def test_every_line_that_is_explained_is_shown() -> None:
    told = [row[0].split(", ") for row in rows(section(OPERATING, "## Reading explain"))]
    sessions = (*of(README, "doctor-daemon"), *of(OPERATING, "doctor-daemon"))
    shown = "\n".join(line for one in sessions for line in one.shown)
    for label in (label for labels in told[1:] for label in labels):
        assert re.search(rf"^ *{label}\b", shown, re.MULTILINE), label


def test_only_what_differs_from_run_to_run_is_left_out() -> None:
    assert alike(["down at 10,001 ms"], ("down at 9,999 ms",))
    assert not alike(["held at 10,001 ms"], ("down at 9,999 ms",))
    assert not alike(["down at 1 ms"], ("down at 1 ms", "more"))


@pytest.mark.timeout(180)
async def test_every_session_that_is_shown_can_be_had(tmp_path: Path) -> None:
    await play(tmp_path, {"grace_s": 0.5, "warm_up_s": 21}, compare)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(play(Path(scratch), {}, write))
