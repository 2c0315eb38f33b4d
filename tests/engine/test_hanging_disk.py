"""A flood while the disk hangs: what its senders have given up is kept, but not without end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Evidence, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.engine.case import INBOX_MAX
from doctor_daemon.engine.desk import SAVED_WITHIN_S
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.lanes import WAITING_MAX
from doctor_daemon.errors import Temporary
from tests.engine.rig import HOST, OTHER, Rig, SlowDisk
from tests.simulation.virtual import run

ROUNDS, BATCHES, BATCH = 12, 10, 480
HANGS_S = 600.0
ALIKE = 40
"""So many statements the source repeats, each time as an event of its own."""


def batches(rig: Rig, host: HostId, verdict: Verdict, round_: int) -> Iterator[list[Evidence]]:
    said = replace(rig.evidence(verdict, host), source="flood")
    for batch in range(BATCHES):
        yield [
            replace(said, key=f"{round_}|{batch}|{n}", fingerprint=f"disk-{n % ALIKE}")
            for n in range(BATCH)
        ]


async def given_up(engine: Engine, said: list[Evidence]) -> None:
    with suppress(Temporary):
        await engine.desk.submit(said)


def kept() -> int:
    gc.collect()
    return sum(isinstance(one, Evidence) and one.source == "flood" for one in gc.get_objects())


@pytest.mark.parametrize(
    ("host", "verdict"), [(HOST, Verdict.DOWN), (OTHER, Verdict.UP)], ids=["incident", "record"]
)
def test_i20_what_is_kept_while_the_disk_hangs_has_an_end(host: HostId, verdict: Verdict) -> None:
    disk = SlowDisk()
    rig = Rig(disk=disk)

    async def main() -> None:
        async with rig.running() as engine:
            await engine.desk.submit([rig.evidence()])
            disk.commit_s = HANGS_S
            for round_ in range(ROUNDS):
                async with asyncio.TaskGroup() as senders:
                    for said in batches(rig, host, verdict, round_):
                        senders.create_task(given_up(engine, said))
                await asyncio.sleep(SAVED_WITHIN_S)
            disk.commit_s = 0.0
            assert kept() <= 2 * (INBOX_MAX + WAITING_MAX)

    run(main())
