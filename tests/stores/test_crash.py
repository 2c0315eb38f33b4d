"""What a call said is saved is there, however the process ends."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.contracts.store_audit import names, whole

KILLS = 4
LINES_MIN = 60


async def committer(behaviour: str, where: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.stores.committer", behaviour, where, stdout=PIPE
    )


async def killed(where: str, lines: int) -> set[str]:
    """Let a process commit, kill it without a warning, and return what it said is saved."""
    process = await committer("endless", where)
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(lines)]
    process.kill()
    rest, _ = await process.communicate()
    assert process.returncode == -9
    # A last line that was cut off said nothing.
    whole = b"".join(said) + rest[: rest.rfind(b"\n") + 1]
    return set(whole.decode().split())


async def test_nothing_that_was_said_to_be_saved_is_lost_by_a_kill(tmp_path: Path) -> None:
    path, said = tmp_path / "state.sqlite3", set[str]()
    for kill in range(KILLS):
        async with asyncio.timeout(20):
            said |= await killed(str(path), LINES_MIN + 37 * kill)
    store = SqliteStore(SqliteConfig(path=path))
    assert await store.open() == KILLS + 1
    saved = {incident.id: incident for incident in (await store.load()).incidents}
    lines = names(await whole(store, 1000))
    await store.close()
    print(f"{KILLS} kills: {len(said)} said, {len(saved)} saved")
    assert len(said) >= KILLS * LINES_MIN
    assert said <= saved.keys()
    assert all(len(incident.timeline) == 1 for incident in saved.values())
    assert sorted(lines) == sorted(saved)  # each has its line in the one chain


async def test_a_disk_without_room_is_told_of_and_loses_nothing(tmp_path: Path) -> None:
    process = await committer("bounded", str(tmp_path / "state.sqlite3"))
    async with asyncio.timeout(20):
        out, _ = await process.communicate()
    assert process.returncode == 0
    error, at_the_limit, after = out.decode().splitlines()
    assert error.startswith(f"{tmp_path}/state.sqlite3: reading or writing failed")
    saved, loaded = map(int, at_the_limit.split())
    assert saved == loaded > 10
    assert int(after) == saved + 1
