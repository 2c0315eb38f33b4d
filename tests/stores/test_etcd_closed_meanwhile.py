"""A store in etcd that is closed while something goes on: all of it ends, and is told why."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.errors import Permanent
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster, code
from tests.stores.etcd_held import held
from tests.stores.test_etcd import opened, read_whole
from tests.stores.test_etcd_leading import until
from tests.stores.test_etcd_network import GIVEN_UP_S, by
from tests.stores.test_etcd_unopened import CONFIG
from tests.stores.test_etcd_unread import past_of, tasks

NOT_OPEN = "the store is not open"


def audit_of(config: EtcdConfig) -> str:
    """Return what is asked with that reads the audit."""
    return f'"key": "{code(f"{config.prefix}a/")}"'


async def turns() -> None:
    """Let everybody go on until he waits for somebody outside."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_before_it_is_opened_nothing_is_pruned() -> None:
    with pytest.raises(Permanent, match=NOT_OPEN):
        await EtcdStore(CONFIG).prune(term=0)


async def test_what_is_over_is_read_no_more_once_the_store_is_closed(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        held(etcd.members[0].port, past_of(config)) as relay,
        opened(by(config, relay.url), GIVEN_UP_S) as (store, _),
    ):
        assert tasks("etcd-past") == 1
        await store.close()
        assert tasks("etcd-past") == 0


async def test_whoever_waits_for_what_is_over_is_told_that_the_store_is_closed(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        held(etcd.members[0].port, past_of(config)) as relay,
        opened(by(config, relay.url)) as (store, _),
    ):
        asking = asyncio.create_task(store.headings(None, 9))
        await turns()
        await store.close()
        with pytest.raises(Permanent, match=NOT_OPEN):
            await asking


async def test_a_pruning_that_waits_for_another_ends_with_the_store(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        held(etcd.members[0].port, audit_of(config)) as relay,
        opened(by(config, relay.url)) as (store, term),
    ):
        await read_whole(store)
        first = asyncio.create_task(store.prune(term=term))
        await until(lambda: store.groups == 1)
        await turns()  # it reads the audit
        second = asyncio.create_task(store.prune(term=term))
        await until(lambda: store.groups == 2)
        await turns()  # it waits for the first
        await store.close()
        first.cancel()
        await second  # it ends, and finds nobody to ask


async def test_whoever_reads_the_audit_asks_nobody_once_the_store_is_closed(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        held(etcd.members[0].port, audit_of(config)) as relay,
        opened(by(config, relay.url)) as (store, term),
    ):
        await read_whole(store)
        pruning = asyncio.create_task(store.prune(term=term))
        await until(lambda: store.groups == 1)
        await turns()
        await store.close()
        with pytest.raises(Permanent, match="closed"):
            await pruning
