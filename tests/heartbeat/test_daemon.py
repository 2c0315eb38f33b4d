"""The whole of it: agents as processes, the daemon as a process, a lab, and a host that dies."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

from doctor_daemon.lab.world import Failure
from tests.heartbeat.beats import SECRET, agent_files
from tests.heartbeat.test_agent import agent
from tests.heartbeat.voices import Voices
from tests.inspectors.looking import secret
from tests.slice.process import daemon, kill, ready, started
from tests.slice.site import LAB, LIMIT_S, LOOK_S, Site, free_port, site, story


def sources(folder: Path, port: int) -> list[dict[str, Any]]:
    """What a configuration has of the heartbeats."""
    return [
        {
            "name": "beats",
            "type": "heartbeat",
            "trust": "alone",
            "listen": [f"127.0.0.1:{port}"],
            "keys": [{"secret_file": secret(folder / "fleet", SECRET.decode())}],
            "memory_file": str(folder / "heartbeat.memory"),
            "warm_up_s": 0.5,
        }
    ]


async def listener_of(place: Site, pid: int) -> int:
    """Return the listener of a daemon, once it listens: before, it may not even have its name."""
    await place.logged("listening for heartbeats")
    (found,) = listeners_of(pid)
    return found


def listeners_of(pid: int) -> list[int]:
    """Return the listeners of a daemon that run."""
    children = Path("/proc", str(pid), "task", str(pid), "children").read_text().split()
    found = [int(child) for child in children]
    return [one for one in found if b"heartbeat.listener" in _command(one)]


def _command(pid: int) -> bytes:
    """Return a process's command line; nothing where it has ended."""
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes()
    except FileNotFoundError:
        return b""


async def heard(place: Site, count: int) -> None:
    until_s = time.monotonic() + LIMIT_S
    while await place.metric('doctor_heartbeat_hosts{source="beats",state="heard"}') < count:
        assert time.monotonic() < until_s, place.log.read_text()[-2000:]
        await asyncio.sleep(LOOK_S)


async def test_a_dead_host_is_fenced_by_its_silence(tmp_path: Path) -> None:
    port = free_port()
    changes = {"sources": sources(tmp_path, port)}
    async with site(tmp_path, LAB, changes=changes) as place, daemon(place):
        await place.arm()
        with Voices(port, ("ctl-1",)), agent(agent_files(tmp_path, port, host="compute-2")):
            config = agent_files(tmp_path, port, host="compute-1")
            with agent(config) as dying:
                await heard(place, 3)
                place.lab.world.fail("compute-1", Failure.HOST)
                dying.kill()
                incident = await place.until("compute-1", "down")
        assert "no heartbeat for 0." in story(incident)
        assert not place.host("compute-1").power
        assert await place.incident("compute-2") is None


async def test_a1_a_killed_listener_is_told_and_started_anew(tmp_path: Path) -> None:
    port = free_port()
    changes = {"sources": sources(tmp_path, port)}
    async with site(tmp_path, LAB, changes=changes) as place, daemon(place) as process:
        listener = await listener_of(place, process.pid)
        os.kill(listener, signal.SIGKILL)
        await place.logged("the listener has ended")
        with Voices(port, ("compute-1", "compute-2")):
            await heard(place, 2)
        assert await place.incident("compute-1") is None


async def test_the_listener_ends_with_a_killed_daemon(tmp_path: Path) -> None:
    changes = {"sources": sources(tmp_path, free_port())}
    async with site(tmp_path, LAB, changes=changes) as place, started(place) as process:
        await ready(place, process)
        listener = await listener_of(place, process.pid)
        await kill(process)
        async with asyncio.timeout(LIMIT_S):
            while b"heartbeat.listener" in _command(listener):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.05)
