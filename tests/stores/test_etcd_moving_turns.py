"""Much that is moved into etcd or out of it holds up nobody, and as much fits as is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from doctor_daemon.core.audit import ORIGIN
from doctor_daemon.errors import Permanent
from doctor_daemon.ports.moving import Inventory, LastNumber, Record
from doctor_daemon.stores.etcd_moving import BREATHER, EtcdMoving
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.values import at, host

COUNT = 3 * BREATHER


class Turns:
    """Counts how often everybody else had his turn."""

    def __init__(self) -> None:
        self.count = 0
        self.seen: list[int] = []
        """What it was at each record."""

    async def run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)

    @property
    def had(self) -> list[int]:
        """Return after which records somebody else had his turn."""
        pairs = zip(self.seen, self.seen[1:], strict=False)
        return [number for number, (one, other) in enumerate(pairs) if one != other]


@asynccontextmanager
async def counting() -> AsyncIterator[Turns]:
    turns = Turns()
    running = asyncio.create_task(turns.run())
    try:
        yield turns
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def numbers(turns: Turns) -> AsyncIterator[Record]:
    for number in range(COUNT):
        turns.seen.append(turns.count)
        yield LastNumber("vnfm", host(f"h{number:03}"), 5)


def inventory(closed: int) -> Inventory:
    return Inventory(0.0, 1, at(1), closed, closed, 0, ORIGIN, ORIGIN)


async def test_everybody_else_has_his_turn_now_and_then_while_much_is_moved(
    config: EtcdConfig,
) -> None:
    moving = EtcdMoving(config.model_copy(update={"closed_max": 3}))
    async with counting() as turns:
        with pytest.raises(Permanent, match="closed_max keeps 3 of them"):
            await moving.fill(inventory(4), numbers(turns))
        assert turns.seen == []
        await moving.fill(inventory(3), numbers(turns))
    assert turns.had == [BREATHER - 1, 2 * BREATHER - 1]
    async with counting() as turns, moving.given() as (_, records):
        async for _ in records:
            turns.seen.append(turns.count)
    assert turns.had == [0, BREATHER, 2 * BREATHER]
