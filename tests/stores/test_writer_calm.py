"""Between work that is queued the log is moved only where there is very much in it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from doctor_daemon.stores.writer import BUSY_GROUPS, CALM_GROUPS
from tests.stores.test_writer_ends import LIMIT_S, Moves, gone_movers

SOON_S = 0.5


@pytest.fixture
async def moves(tmp_path: Path) -> AsyncIterator[Moves]:
    moves = Moves(tmp_path / "notes.sqlite3")
    await moves.writer.start()
    yield moves
    moves.end.set()
    async with asyncio.timeout(LIMIT_S):
        await moves.writer.stop()


async def moved_before_the_next(moves: Moves) -> bool:
    """Commit a group while work is queued; tell whether a move has begun before that is done."""
    moves.begun.clear()
    held = await moves.hold()

    def begun(_: sqlite3.Connection) -> bool:
        return moves.begun.wait(SOON_S)

    queued = asyncio.create_task(moves.writer.write(begun))
    await asyncio.sleep(0)
    moves.gate.set()
    async with asyncio.timeout(LIMIT_S):
        assert await held
        return await queued


async def test_a_log_that_may_wait_is_not_moved_while_work_is_queued(moves: Moves) -> None:
    await moves.groups(CALM_GROUPS - 1)
    assert not await moved_before_the_next(moves)


async def test_a_log_of_very_many_groups_is_moved_though_work_is_queued(moves: Moves) -> None:
    await moves.groups(CALM_GROUPS)
    assert await asyncio.to_thread(moves.begun.wait, LIMIT_S)
    await moves.groups(BUSY_GROUPS - 1)
    moves.end.set()
    await gone_movers()
    assert await moved_before_the_next(moves)
