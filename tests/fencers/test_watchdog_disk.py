"""The host's own watchdog where the disk fails: what may be on it is never acted against."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.lifelines import SETTLED_S
from doctor_daemon.engine.withheld import UnsureError, write
from doctor_daemon.errors import LateError
from doctor_daemon.heartbeat.lifeline import FED
from tests.fencers.dogs import OFF_S, Rig, cut, heard
from tests.heartbeat.lifelines import HOST, LIMIT_S, listening, until

UNSURE = UnsureError(errno.EIO, "Input/output error")
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with heard(tmp_path) as made:
        yield made


def kept(rig: Rig) -> dict[str, dict[str, str]]:
    """The holds that are in the file."""
    found = json.loads((rig.folder / "watchdogs.json").read_text())
    return dict(found["holds"])


def test_a_failure_before_the_old_file_is_replaced_leaves_it(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write(file, "old")
    (tmp_path / "a.new").mkdir()
    with pytest.raises(OSError, match="directory") as found:
        write(file, "new")
    assert not isinstance(found.value, UnsureError)
    assert file.read_text() == "old"


def test_d9_a_failure_from_then_on_leaves_it_unknown(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.mkdir()
    with pytest.raises(UnsureError, match="directory"):
        write(file, "new")


async def test_b1_a_hold_that_may_be_on_the_disk_is_never_acknowledged_over(rig: Rig) -> None:
    rig.disk.fails = [UNSURE, FULL]
    outcome, text = await rig.device.cut(rig.permit())
    assert outcome is Outcome.UNKNOWN
    assert "watchdogs.json" in text
    assert HOST in kept(rig)
    for _ in range(2 * int(OFF_S) // 5):
        rig.clock.move(5)
        assert rig.asks() is None
        assert await rig.power() is not Power.OFF


async def test_b1_a_hold_that_may_be_on_the_disk_or_not_is_no_proof_however_old(rig: Rig) -> None:
    rig.disk.fails = [UNSURE]
    assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNKNOWN
    rig.clock.move(OFF_S + 1)
    assert await rig.power() is Power.UNKNOWN


async def test_b9_such_a_hold_is_kept_once_another_boot_of_the_host_was_heard(rig: Rig) -> None:
    rig.disk.fails = [UNSURE, FULL]
    assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNKNOWN
    rig.boots()
    assert [rig.asks(0), rig.asks(0)] == [0, None]
    rig.disk.fails = []
    await until(lambda: "another boot" in kept(rig)[HOST]["spoiled"])
    assert FED not in [rig.asks(0) for _ in range(3)]
    assert await rig.power() is Power.ON


async def writing(rig: Rig, begun: Event) -> asyncio.Task[tuple[Outcome, str]]:
    """Have a host heard on a new boot, and its cut be on the way to the disk."""
    rig.boots()
    rig.alive()
    task = asyncio.create_task(rig.device.cut(rig.permit()))
    await asyncio.to_thread(begun.wait, LIMIT_S)
    return task


async def test_b3_a_cut_whose_permit_lapses_in_line_is_not_made(rig: Rig) -> None:
    begun, go_on, put = Event(), Event(), rig.disk.put

    def slow(file: Path, text: str) -> None:
        begun.set()
        go_on.wait()
        put(file, text)

    rig.restarts(slow)
    async with listening(rig.made):
        first = await writing(rig, begun)
        late = asyncio.create_task(rig.device.cut(rig.permit()))
        await asyncio.sleep(0)
        rig.clock.move(1.5)
        go_on.set()
        with pytest.raises(LateError):
            await late
        assert (await first)[0] is Outcome.ACCEPTED


async def test_b1_a_restart_with_it_tells_off_of_nobody_who_was_acknowledged(
    tmp_path: Path,
) -> None:
    async with heard(tmp_path) as rig:
        acked_s = rig.clock.now().boot_s
        rig.clock.move(1)
        rig.disk.fails = [UNSURE, FULL]
        assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNKNOWN
        rig.clock.move(60)
        assert rig.asks() is None
    rig.restarts()
    async with listening(rig.made):
        rig.clock.move(SETTLED_S)
        hold = rig.device.lifeline and rig.device.lifeline.heard().hold
        assert hold
        assert hold.acked_s == acked_s
        assert await rig.power() is Power.UNKNOWN


async def test_it_is_acknowledged_again_once_a_file_without_it_is_on_the_disk(rig: Rig) -> None:
    rig.disk.fails = [UNSURE]
    assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNKNOWN
    rig.disk.fails = []
    await until(lambda: not kept(rig) and rig.asks() == FED)
    assert await rig.power() is Power.ON
    await cut(rig)
    assert HOST in kept(rig)


async def test_b1_a_cut_that_is_repeated_counts_once_it_is_saved(rig: Rig) -> None:
    acked_s = rig.clock.now().boot_s
    rig.disk.fails = [UNSURE, FULL]
    assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNKNOWN
    rig.disk.fails = [FULL]
    assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNKNOWN, "it may be there still"
    rig.disk.fails = []
    await cut(rig)
    rig.clock.at = rig.clock.at.plus(acked_s + OFF_S - rig.clock.now().boot_s)
    assert await rig.power() is Power.OFF


async def test_d9_a_cut_that_is_given_up_is_written_before_the_next_one_is(rig: Rig) -> None:
    begun, both, put, inside = Event(), Event(), rig.disk.put, list[Path]()

    def slow(file: Path, text: str) -> None:
        inside.append(file)
        if len(inside) > 1:
            both.set()
        begun.set()
        both.wait(0.3)  # for another writer in the same file, who must not come
        put(file, text)
        inside.remove(file)

    rig.restarts(slow)
    async with listening(rig.made):
        first = await writing(rig, begun)
        first.cancel()
        await asyncio.wait((first,))
        rig.incidents.clear()
        assert rig.asks() is None, "it is acknowledged again once that is saved"
        await until(lambda: rig.disk.written == 2)
        assert not both.is_set()
        assert kept(rig) == {}
        await until(lambda: rig.asks() == FED)


@pytest.mark.parametrize("error", [FULL, UNSURE])
async def test_b9_what_speaks_against_a_hold_is_saved_however_often_that_fails(
    tmp_path: Path, error: OSError
) -> None:
    async with heard(tmp_path) as rig:
        await cut(rig)
        rig.clock.move(OFF_S + 1)
        rig.disk.fails = [error]
        tries = rig.disk.tried
        assert rig.asks() is None
        assert await rig.power() is Power.ON
        await until(lambda: rig.disk.tried > tries + 1)
        rig.disk.fails = []
        await until(lambda: "after its time" in kept(rig)[HOST]["spoiled"])
    rig.restarts()
    async with listening(rig.made):
        rig.clock.move(SETTLED_S)
        assert await rig.power() is Power.UNKNOWN


async def test_a_cut_waits_for_no_threads_of_others(rig: Rig) -> None:
    """Names that are looked up, lists that are read: what hangs there has no part in a cut."""
    loop, go_on, most = asyncio.get_running_loop(), Event(), 64
    others = [loop.run_in_executor(None, go_on.wait) for _ in range(most)]
    try:
        async with asyncio.timeout(LIMIT_S):
            await cut(rig)
    finally:
        go_on.set()
        await asyncio.gather(*others)
    assert HOST in kept(rig)
