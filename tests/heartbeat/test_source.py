"""The source: from real datagrams, through a real listener, to evidence."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from pydantic import ValidationError

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.errors import Temporary
from doctor_daemon.heartbeat.keys import Algorithm, Key
from doctor_daemon.inspectors.heartbeat import Heartbeat
from doctor_daemon.metrics import Measured, Metrics
from doctor_daemon.plugins import INSPECTORS, find
from doctor_daemon.ports.surroundings import Concern, Looking
from tests.engine.rig import HOST, OTHER
from tests.heartbeat.beats import SECRET
from tests.heartbeat.voices import Voices
from tests.inspectors.looking import Scene, configured, secret, told
from tests.inspectors.rig import Ledger, terms
from tests.slice.site import free_port

LIMIT_S = 60.0
WITNESS = "ctl-1"


class Stage:
    """A source with a listener of its own, and the daemon as it sees it."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.port = free_port()
        wanted: dict[str, object] = {
            "listen": [f"127.0.0.1:{self.port}"],
            "keys": [{"secret_file": secret(folder / "fleet", SECRET.decode())}],
            "memory_file": str(folder / "memory"),
            "warm_up_s": 0.0,
            **options,
        }
        self.ledger, self.scene, self.metrics = Ledger(), Scene(), Metrics()
        self.source = Heartbeat(configured(Heartbeat.Config, folder, **wanted), terms("beats"))
        self.source.place(self.scene.around())
        self.source.measure(self.metrics)

    def value(self, series: str, **labels: str) -> float:
        found = self.metrics.registry.get_sample_value(series, {"source": "beats", **labels})
        return found or 0.0

    async def until(self, met: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not met():  # noqa: ASYNC110 - a process gives no event
                await asyncio.sleep(0.02)

    def told(self) -> list[tuple[str, str, str]]:
        return told(self.ledger.taken)


@asynccontextmanager
async def hearing(folder: Path, **options: object) -> AsyncIterator[tuple[Stage, Voices]]:
    """Run a source that hears two hosts and a witness."""
    stage = Stage(folder, **options)
    task = asyncio.create_task(stage.source.run(stage.ledger))
    try:
        with Voices(stage.port, ("cmp-1", "cmp-2", WITNESS)) as voices:
            await stage.until(lambda: stage.value("doctor_heartbeat_hosts", state="heard") == 3)
            yield stage, voices
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def listeners() -> list[int]:
    """Return the listeners that this process has started."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1] if words else ""
            if b"doctor_daemon.heartbeat.listener" in words and parent == str(os.getpid()):
                found.append(int(entry.name))
    return found


def test_the_plugin_is_found_by_its_name() -> None:
    assert find(INSPECTORS, "heartbeat") is Heartbeat
    assert issubclass(Heartbeat, Looking)
    assert issubclass(Heartbeat, Measured)


async def test_silence_accuses_and_a_beat_takes_it_back(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (stage, voices):
        assert stage.told() == [], "hosts that live are no news"
        voices.silenced.add("cmp-1")
        await stage.until(lambda: stage.ledger.is_open(HOST))
        assert stage.told() == [("cmp-1", "heartbeat", "down")]
        assert stage.ledger.taken[0].summary.startswith("no heartbeat for 0.")
        await stage.until(lambda: stage.value("doctor_heartbeat_hosts", state="silent") == 1)
        voices.silenced.clear()
        await stage.until(lambda: not stage.ledger.is_open(HOST))
        assert stage.told()[1:] == [("cmp-1", "heartbeat", "up")]


async def test_a12_a_host_that_others_accuse_is_said_to_be_alive(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (stage, voices):
        voices.silenced.add("cmp-2")
        await stage.until(lambda: ("cmp-2", "heartbeat", "down") in stage.told())
        stage.scene.concerns |= {HOST: Concern.SUSPECTED, OTHER: Concern.SUSPECTED}
        await stage.until(lambda: ("cmp-1", "heartbeat", "up") in stage.told())
        assert ("cmp-2", "heartbeat", "up") not in stage.told()


async def test_a_witness_is_never_accused(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (stage, voices):
        voices.silenced.add(WITNESS)
        await stage.until(lambda: stage.value("doctor_heartbeat_hosts", state="silent") == 1)
        assert stage.told() == []


async def test_a1_all_silent_at_once_accuses_nobody_and_is_shown(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (stage, voices):
        await stage.until(lambda: stage.value("doctor_heartbeat_listening") == 1)
        looked = len(stage.scene.looked)
        assert looked > 0
        voices.silenced |= {"cmp-1", "cmp-2", WITNESS}
        await stage.until(lambda: stage.value("doctor_heartbeat_listening") == 0)
        voices.silenced.clear()
        await stage.until(lambda: stage.value("doctor_heartbeat_listening") == 1)
        assert stage.value("doctor_heartbeat_troubles_total", what="silence") >= 1
        assert stage.told() == []


async def test_a1_the_listeners_death_is_no_word_about_any_host(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (stage, _):
        (pid,) = listeners()
        os.kill(pid, signal.SIGKILL)
        await stage.until(lambda: stage.value("doctor_heartbeat_listening") == 0)
        await stage.until(lambda: stage.value("doctor_heartbeat_listening") == 1)
        await asyncio.sleep(1.0)
        assert listeners() != [pid]
        assert stage.told() == []


async def test_a_host_that_died_while_nobody_listened_is_accused(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (stage, _):
        await stage.until((tmp_path / "memory").exists)
        assert len(listeners()) == 1
    assert listeners() == [], "it ends with its source"
    again = Stage(tmp_path)
    task = asyncio.create_task(again.source.run(again.ledger))
    with Voices(again.port, ("cmp-2", WITNESS)):
        await again.until(lambda: again.told() == [("cmp-1", "heartbeat", "down")])
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_e1_what_is_forged_is_counted(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (stage, _):
        with Voices(stage.port, ("cmp-7",), of_all=stage_key()):
            await stage.until(
                lambda: stage.value("doctor_heartbeats_rejected_total", reason="forged") > 0
            )
        assert stage.value("doctor_heartbeats_total") > 0


def stage_key() -> Key:
    return Key(1, Algorithm.BLAKE2B, b"a secret of somebody else")


async def test_evidence_that_could_not_be_saved_is_said_again(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (stage, voices):
        stage.ledger.error = Temporary("the disk is full")
        voices.silenced.add("cmp-1")
        await stage.until(lambda: stage.value("doctor_heartbeat_hosts", state="silent") == 1)
        stage.ledger.error = None
        await stage.until(lambda: stage.told() == [("cmp-1", "heartbeat", "down")])
    assert stage.ledger.taken[0].verdict is Verdict.DOWN


async def test_a14_a_name_is_that_of_another_host_after_a_reload(tmp_path: Path) -> None:
    """A witness becomes a host's agent, and then another's; listener and agents know of nothing."""
    async with hearing(tmp_path) as (stage, voices):
        first, second = (HostId("default", name) for name in ("cmp-8", "cmp-9"))
        names = stage.ledger._names  # noqa: SLF001 - as a reload changes them
        names |= {"cmp-8": first, "cmp-9": second, WITNESS: first}
        stage.scene.concerns[first] = Concern.SUSPECTED
        await stage.until(lambda: ("cmp-8", "heartbeat", "up") in stage.told())
        voices.silenced.add(WITNESS)
        await stage.until(lambda: ("cmp-8", "heartbeat", "down") in stage.told())
        stage.ledger.taken.clear()
        names[WITNESS] = second
        await stage.until(lambda: len(stage.told()) > 1)
        moved = [("cmp-8", "heartbeat", "withdrawn"), ("cmp-9", "heartbeat", "down")]
        assert sorted(stage.told()) == moved


KEY = {"secret_file": "fleet"}


@pytest.mark.parametrize(
    "options",
    [
        {"listen": []},
        {"listen": ["ctl-1:7412"]},
        {"keys": []},
        {"keys": [KEY, KEY]},
        {"keys": [{**KEY, "number": 0}]},
        {"keys": [{**KEY, "algorithm": "md5"}]},
        {"misses": 1},
        {"phi": 0},
        {"receive_buffer": 1},
        {"unknown": 1},
    ],
)
def test_what_is_wrong_in_the_configuration_is_refused(
    tmp_path: Path, options: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        Stage(tmp_path, **options)


def test_b15_no_secret_is_in_a_dump_of_the_options(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    orders = stage.source._config.orders()  # noqa: SLF001 - what the listener is told
    assert SECRET.hex() in str(orders)
    config = configured(
        Heartbeat.Config, tmp_path, listen=["127.0.0.1:7412"], keys=[{"secret_file": "fleet"}]
    )
    assert SECRET.decode() not in repr(config) + config.model_dump_json()
