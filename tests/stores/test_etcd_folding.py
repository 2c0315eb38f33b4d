"""Small rows are written anew in as many pieces as they need, each of which etcd takes."""

from __future__ import annotations

import random
import string

from doctor_daemon.core.context import Armed
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.port_tasks import PORTS_MAX, STORY_MAX, PortTask
from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd_folding import FOLD_REST, PIECE_MAX, RECORDS_MAX
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_transactions import REQUEST_MAX
from doctor_daemon.stores.etcd_values import CHANGE, packed
from tests.stores.etcd_cluster import Cluster
from tests.stores.test_etcd import keys, opened
from tests.stores.values import at, host, volume_task

HOSTS = 60
"""With so many ports each that they are several transactions."""
WORDS_MAX = 300
"""Characters of a line that tells what a peer has said."""


def large(name: str, rng: random.Random) -> PortTask:
    """Return the largest task about ports that a host can have."""
    ports = tuple(rng.randbytes(16).hex() for _ in range(PORTS_MAX))
    task = PortTask(host(name), IncidentId("one"), 1, at(7), ours=ports)
    for number in range(STORY_MAX):
        words = "".join(rng.choices(string.ascii_letters + " ", k=WORDS_MAX))
        task = task.hold(at(number), words, words)
    return task


async def test_the_largest_tasks_of_many_hosts_are_written_anew(
    etcd: Cluster, config: EtcdConfig
) -> None:
    rng = random.Random(9)
    tasks = [large(f"cmp-{n}", rng) for n in range(HOSTS)]
    one = len(packed(CHANGE.dumps(Change(port_tasks=(tasks[0],)))))
    assert one < PIECE_MAX  # what a host can have fits, and together they do not
    assert one * HOSTS > 2 * REQUEST_MAX
    async with opened(config) as (store, term):
        for task in tasks:
            await store.commit(Change(port_tasks=(task,)), term=term)
        for number in range(FOLD_REST):
            await store.commit(Change(armed=Armed(why=f"{number}")), term=term)
        expected = await store.load()
        await store.prune(term=term)
        assert keys(etcd, config, "l") < HOSTS
        assert await store.load() == expected
    async with opened(config) as (store, _):
        assert await store.load() == expected
        assert len(expected.port_tasks) == HOSTS


async def test_more_records_than_one_value_takes_are_written_anew(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        tasks = tuple(volume_task(n) for n in range(1, 3 * RECORDS_MAX))
        await store.commit(Change(tasks=tasks), term=term)
        for number in range(FOLD_REST):
            await store.commit(Change(armed=Armed(why=f"{number}")), term=term)
        expected = await store.load()
        await store.prune(term=term)
        assert keys(etcd, config, "l") <= 5
    async with opened(config) as (store, _):
        assert await store.load() == expected
        assert expected.tasks == tasks
