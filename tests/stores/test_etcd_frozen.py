"""A12, B10: a leader that is killed, or frozen for longer than its lease, and the next one."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster
from tests.stores.test_etcd_leading import SHORT_S, WAIT_S, short, standing_by
from tests.stores.values import opening


@asynccontextmanager
async def leader(etcd: Cluster, config: EtcdConfig) -> AsyncIterator[Process]:
    """Run a process that leads."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.stores.etcd_leader"),
        *(etcd.urls[0], config.prefix, str(SHORT_S)),
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        assert await said(process) == "leads 1"
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def said(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_S):
        return (await process.stdout.readline()).decode().strip()


def ask(process: Process, id_: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{id_}\n".encode())


async def test_b10_a_leader_that_was_killed_is_followed_when_its_lease_has_run_out(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        leader(etcd, config) as process,
        standing_by(short(config)) as (store, begun),
    ):
        ask(process, "a")
        assert [await said(process) for _ in range(2)] == ["done", "done"]
        process.kill()
        killed_s = time.monotonic()
        async with asyncio.timeout(WAIT_S):
            assert await begun == 2
        print(f"killed: the next led {time.monotonic() - killed_s:.2f} s later")
        assert time.monotonic() - killed_s <= SHORT_S + 1
        assert [one.id for one in (await store.load()).incidents] == ["a"]


async def test_a12_a_leader_that_was_frozen_for_longer_than_its_lease_does_nothing_any_more(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        leader(etcd, config) as process,
        standing_by(short(config, "next")) as (store, begun),
    ):
        ask(process, "a")
        assert [await said(process) for _ in range(2)] == ["done", "done"]
        process.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(WAIT_S):
            newer = await begun
        await store.commit(opening("b", "b"), term=newer)
        ask(process, "c")  # it is there when it wakes
        process.send_signal(signal.SIGCONT)
        confirmed, saved = await said(process), await said(process)
        assert confirmed.startswith("LateError this daemon leads no more: term 1 is over: term 2")
        assert saved.startswith("Conflict term 1 is over: term 2 has been claimed, and next leads")
        assert [one.id for one in (await store.load()).incidents] == ["a", "b"]
