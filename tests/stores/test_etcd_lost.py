"""C5: what is left in etcd when something in the middle of many transactions is lost."""

from __future__ import annotations

import random
import string
from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.upkeep import Turn, Upkeep
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change, Delivery
from doctor_daemon.stores import etcd_folding
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import keys, opened, read_whole
from tests.stores.test_etcd_network import GIVEN_UP_S, by, until_known
from tests.stores.values import DAY_S, at, closing, head_of, host, notice, opening


async def test_c5_a_notice_that_was_dropped_by_half_is_not_told_again(
    etcd: Cluster, config: EtcdConfig
) -> None:
    short = config.model_copy(update={"keep_days": 1})
    told = replace(notice(1), made_at=None)
    later = replace(notice(2, id_="two"), made_at=None)
    async with opened(short) as (store, term):
        await store.commit(opening(), term=term)
        await store.commit(Change(notices=(told, later)), term=term)
        await store.commit(closing(head_of(opening()), 1), term=term)
        await store.deliveries([Delivery(told.id, "delivered", 1)], term=term)
        await store.commit(opening("two", "cmp-2", 3 * DAY_S), term=term)
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(short, relay.url), GIVEN_UP_S) as (store, term),
    ):
        await read_whole(store)
        relay.left = 1  # it is known that notices may be dropped, and none of them is yet
        with pytest.raises(Temporary):
            await store.prune(term=term)
        relay.left = None
        await until_known(store, term)
        assert [row.id for row in (await store.load()).pending] == [later.id]
        await store.deliveries([Delivery(later.id, "delivered", 1)], term=term)
    async with opened(short) as (store, term):
        assert (await store.load()).pending == ()
        await store.prune(term=term)
        assert (await store.load()).sequences == {(told.consumer, told.host): 2}


async def many_small_rows(store: EtcdStore, term: int) -> None:
    for number in range(etcd_folding.FOLD_REST + 1):
        await store.commit(Change(armed=Armed(why=f"{number}")), term=term)


async def test_c5_small_rows_whose_writing_anew_was_lost_are_written_anew_the_next_time(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        await many_small_rows(store, term)
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url), GIVEN_UP_S) as (store, term),
    ):
        await read_whole(store)
        relay.left = 1  # numbers were taken, and nothing is written below them
        with pytest.raises(Temporary):
            await store.prune(term=term)
        relay.left = None
        await until_known(store, term)
        await store.prune(term=term)
        assert keys(etcd, config, "l") == 1
        expected = await store.load()
    async with opened(config) as (store, _):
        assert await store.load() == expected


async def test_small_rows_that_are_large_are_written_anew_one_by_one(
    etcd: Cluster, config: EtcdConfig
) -> None:
    few = config.model_copy(update={"closed_max": 1})
    noise = "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=1_000_000))
    async with opened(few) as (store, term):
        for id_ in ("one", "two"):
            await store.commit(opening(id_), term=term)
            await store.commit(closing(head_of(opening(id_)), 1), term=term)
        await many_small_rows(store, term)
        await store.commit(Change(armed=Armed(why=noise)), term=term)
        upkeep = Upkeep(host(), IncidentId(noise[::-1]), Turn.BEGUN, at(2))
        await store.commit(Change(upkeep=(upkeep,)), term=term)
        await store.prune(term=term)
        assert [keys(etcd, config, kind) for kind in "il"] == [1, 2]
        expected = await store.load()
    async with opened(few) as (store, _):
        assert await store.load() == expected
