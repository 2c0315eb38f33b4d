"""C5: what is left in etcd when something in the middle of many transactions is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change, Delivery
from doctor_daemon.stores.etcd import EtcdConfig
from tests.stores.etcd_cluster import Cluster
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import opened
from tests.stores.test_etcd_network import GIVEN_UP_S, by
from tests.stores.values import DAY_S, closing, head_of, notice, opening


async def test_c5_a_notice_that_was_dropped_by_half_is_not_told_again(
    etcd: Cluster, config: EtcdConfig
) -> None:
    short = config.model_copy(update={"keep_days": 1})
    told = replace(notice(1), made_at=None)
    later = replace(notice(2, id_="two"), made_at=None)
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(short, relay.url), GIVEN_UP_S) as (store, term),
    ):
        await store.commit(opening(), term=term)
        await store.commit(Change(notices=(told, later)), term=term)
        await store.commit(closing(head_of(opening()), 1), term=term)
        await store.deliveries([Delivery(told.id, "delivered", 1)], term=term)
        await store.commit(opening("two", "cmp-2", 3 * DAY_S), term=term)
        relay.left = 1  # it is known that notices may be dropped, and none of them is yet
        with pytest.raises(Temporary):
            await store.prune(term=term)
        relay.left = None
        assert [row.id for row in (await store.load()).pending] == [later.id]
        await store.deliveries([Delivery(later.id, "delivered", 1)], term=term)
    async with opened(short) as (store, term):
        assert (await store.load()).pending == ()
        await store.prune(term=term)
        assert (await store.load()).sequences == {(told.consumer, told.host): 2}
