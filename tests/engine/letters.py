"""A bench on which notices are given up, and what is to be seen of them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Delivery, NoticeRow, Wanted
from tests.engine.rig import Rig, SlowDisk

GONE = "410 Gone"


class Forgetful(SlowDisk):
    """A disk that takes its time, and may not know afterwards whether it has done what it did."""

    def __init__(self) -> None:
        super().__init__()
        self.forgets = 0
        self.list_s = 0.0

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        rows = await super().notices(wanted, limit)
        await asyncio.sleep(self.list_s)
        return rows

    def _forget(self) -> None:
        if self.forgets:
            self.forgets -= 1
            msg = "no answer from the disk"
            raise Temporary(msg)

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        rows = await super().replay(ids, term=term)
        self._forget()
        return rows

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None:
        await super().deliveries(batch, term=term)
        self._forget()


def quiet(**more: Any) -> Rig:  # noqa: ANN401 - fields of the bench
    """Make a bench on which nothing more happens to a host that is suspected."""
    return Rig(policy=Policy(grace_s=600.0), **more)


async def bury(rig: Rig, engine: Engine, count: int = 1) -> list[str]:
    """Have the next so many notices to the consumer given up; return their ids, oldest first."""
    rig.consumer.errors = [Permanent(GONE)] * count
    await asyncio.sleep(1)  # until it is known which servers there are
    await engine.desk.submit([rig.evidence()])
    await asyncio.sleep(2)
    return (await states(engine, "dead"))[::-1]


async def states(engine: Engine, state: str) -> list[str]:
    """Return the ids of the notices of a state, the newest first."""
    wanted = Wanted(state, "vnfm")
    return [row.id for row in await engine.ward.tools.store.notices(wanted, 100)]


def letters(rig: Rig) -> float | None:
    return rig.metrics.registry.get_sample_value("doctor_dead_letters", {"consumer": "vnfm"})


def heard(rig: Rig) -> list[NoticeRow]:
    return [row for _, row in rig.consumer.heard]
