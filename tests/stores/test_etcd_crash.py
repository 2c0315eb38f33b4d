"""C1, I-11: what a call said is saved is in etcd, whoever is killed; nothing is there by half."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from itertools import count
from pathlib import Path

from doctor_daemon.ports import Wanted
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.contracts.store_audit import names
from tests.contracts.store_audit import whole as whole_chain
from tests.stores.etcd_cluster import Cluster, running
from tests.stores.test_crash import KILLS, LINES_MIN, killed
from tests.stores.test_etcd import opened
from tests.stores.test_etcd_network import until_written
from tests.stores.values import audit_line, evidence, notice, opening

LANES = 6
FALLS = 6
"""How often the etcd is killed."""


async def whole(config: EtcdConfig) -> set[str]:
    """Return the ids of all incidents, of which each has all that came with it."""
    async with opened(config) as (store, _):
        loaded = await store.load()
        told = {row.id for row in await store.notices(Wanted(), 10_000)}
        saved = {str(one.id) for one in loaded.incidents}
        assert saved == told
        assert sorted(names(await whole_chain(store, 1000))) == sorted(saved)
        assert all(len(incident.timeline) == 1 for incident in loaded.incidents)
        return saved


async def test_c1_nothing_that_was_said_to_be_saved_is_lost_by_a_kill_of_the_daemon(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "etcd") as cluster:
        said = set[str]()
        for kill in range(KILLS):
            async with asyncio.timeout(20):
                said |= await killed(cluster.urls[0], LINES_MIN + 37 * kill)
        saved = await whole(EtcdConfig(endpoints=cluster.urls))
        print(f"{KILLS} kills: {len(said)} said, {len(saved)} saved")
        assert len(said) >= KILLS * LINES_MIN
        assert said <= saved


async def lane(store: EtcdStore, term: int, name: str, said: asyncio.Queue[str]) -> None:
    """Commit for ever, as a case does: again until it is known that it was saved."""
    for number in count():
        id_ = f"{name}-{number}"
        row = replace(notice(1, id_, id_=id_), id=id_)
        line = replace(audit_line(1), id=id_)
        change = replace(opening(id_, id_), notices=(row,), evidence=(evidence(id_),))
        change = replace(change, audit=(line,))
        await until_written(store, change, term)
        said.put_nowait(id_)


async def fall(cluster: Cluster, said: asyncio.Queue[str], rng: random.Random) -> set[str]:
    """Let some be saved, kill the etcd without a warning, and begin it again."""
    (member,) = cluster.members
    async with asyncio.timeout(20):
        found = {await said.get() for _ in range(rng.randrange(5, 60))}
    await asyncio.to_thread(member.kill)
    await asyncio.to_thread(cluster.start, member)
    return found


async def test_c1_nothing_that_was_said_to_be_saved_is_lost_by_kills_of_etcd(
    tmp_path: Path,
) -> None:
    rng, said = random.Random(2026), set[str]()
    saying: asyncio.Queue[str] = asyncio.Queue()
    with running(tmp_path / "etcd") as cluster:
        config = EtcdConfig(endpoints=cluster.urls, timeout_s=0.5)
        async with opened(config) as (store, term):
            lanes = [asyncio.create_task(lane(store, term, f"l{n}", saying)) for n in range(LANES)]
            for _ in range(FALLS):
                said |= await fall(cluster, saying, rng)
            for task in lanes:
                task.cancel()
            ends = await asyncio.gather(*lanes, return_exceptions=True)
            assert {type(end) for end in ends} == {asyncio.CancelledError}
            said |= {saying.get_nowait() for _ in range(saying.qsize())}
        saved = await whole(config)
        print(f"{FALLS} kills of etcd: {len(said)} said, {len(saved)} saved")
        assert said <= saved
        assert len(saved) <= len(said) + LANES  # nothing but what was on its way
