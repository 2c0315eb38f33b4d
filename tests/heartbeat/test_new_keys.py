"""SIGHUP: secrets of heartbeats are changed under a daemon and agents that go on."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from doctor_daemon.errors import ConfigError
from doctor_daemon.heartbeat.keys import Algorithm, Key
from doctor_daemon.inspectors.heartbeat import Heartbeat, HeartbeatConfig
from tests.heartbeat.beats import agent_files, private
from tests.heartbeat.test_agent import agent
from tests.heartbeat.test_daemon import heard, listeners_of, sources
from tests.inspectors.looking import configured, secret
from tests.inspectors.rig import terms
from tests.slice.process import daemon
from tests.slice.site import LAB, LIMIT_S, LOOK_S, Site, free_port, site
from tests.slice.test_reload import Config, dumped, loaded, reload

NEXT = Key(2, Algorithm.HMAC_SHA256, b"the next secret of the whole fleet")


def with_keys(place: Site, *keys: Config) -> str:
    config = loaded(place)
    config["sources"][0]["keys"] = list(keys)
    return dumped(config)


async def rejected(place: Site, reason: str) -> float:
    series = f'doctor_heartbeats_rejected_total{{reason="{reason}",source="beats"}}'
    return await place.metric(series)


async def test_d4_each_host_changes_its_key_in_its_own_time_and_none_is_missed(
    tmp_path: Path,
) -> None:
    port = free_port()
    changes = {"sources": sources(tmp_path, port)}
    old = {"secret_file": "fleet", "number": 1}
    new = {
        "secret_file": secret(tmp_path / "next", NEXT.secret.decode()),
        "number": 2,
        "algorithm": "hmac-sha256",
    }
    names = ("compute-1", "compute-2", "compute-3")
    with ExitStack() as agents:
        files = [agent_files(tmp_path, port, host=name) for name in names]
        running = [agents.enter_context(agent(one)) for one in files]
        async with site(tmp_path, LAB, changes=changes) as place, daemon(place) as process:
            listeners = listeners_of(process.pid)
            await heard(place, len(names))
            await reload(place, process, with_keys(place, old, new))
            await in_force(place, "[1, 2]")
            for name, made in zip(names, running, strict=True):
                private(tmp_path / f"{name}.key", NEXT.of(name.encode()).line())
                assert made.stderr is not None
                assert "key 2 is in force" in await asyncio.to_thread(made.stderr.readline)
                await moved_on(place)
            await reload(place, process, with_keys(place, new))
            await in_force(place, "[2]")
            assert listeners_of(process.pid) == listeners, "the same one goes on"
            assert await rejected(place, "unknown_key") == 0
            assert [await place.incident(name) for name in names] == [None] * 3
            await stolen(place, tmp_path, port)


async def in_force(place: Site, numbers: str) -> None:
    """Wait until the listener itself has told which keys it accepts."""
    await place.logged(f"keys of heartbeats are in force source=beats numbers={numbers} ")
    await moved_on(place)


async def moved_on(place: Site) -> None:
    """Wait until the listener has told twice how it stands."""
    series = 'doctor_heartbeats_total{source="beats"}'
    for _ in range(2):
        before = await place.metric(series)
        while await place.metric(series) == before:  # noqa: ASYNC110 - another process
            await asyncio.sleep(LOOK_S)


async def stolen(place: Site, folder: Path, port: int) -> None:
    """The old key speaks for nobody any more."""
    copy = folder / "copy"
    copy.mkdir()
    with agent(agent_files(copy, port, host="compute-1")):
        async with asyncio.timeout(LIMIT_S):
            while await rejected(place, "unknown_key") == 0:  # noqa: ASYNC110 - as above
                await asyncio.sleep(LOOK_S)


def options(folder: Path, *files: str, **more: object) -> HeartbeatConfig:
    keys = [{"number": number, "secret_file": file} for number, file in enumerate(files, 1)]
    return configured(HeartbeatConfig, folder, listen=["127.0.0.1:7412"], keys=keys, **more)


def test_d4_other_keys_take_no_new_start_and_all_else_does(tmp_path: Path) -> None:
    one = secret(tmp_path / "one", "a secret of the fleet")
    two = secret(tmp_path / "two", "the next one of the fleet")
    source = Heartbeat(options(tmp_path, one), terms("beats"))
    assert source.become(options(tmp_path, one, two)) is not None
    assert source.become(options(tmp_path, one)) is not None, "its file may hold another"
    assert source.become(options(tmp_path, one, misses=7)) is None


def test_d4_a_key_that_cannot_be_used_is_told_before_anything_is_changed(tmp_path: Path) -> None:
    one = secret(tmp_path / "one", "a secret of the fleet")
    short = secret(tmp_path / "short", "too short")
    source = Heartbeat(options(tmp_path, one), terms("beats"))
    with pytest.raises(ConfigError, match="the secret has 9 bytes; expected at least 16"):
        source.become(options(tmp_path, one, short))
