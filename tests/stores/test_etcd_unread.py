"""What is answered while incidents that are over are still being read, and who reads them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.incident import Incident
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Wanted
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster, code
from tests.stores.etcd_held import held
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import opened
from tests.stores.test_etcd_leading import standing_by, until
from tests.stores.test_etcd_mirror import knows, mirror_of
from tests.stores.test_etcd_network import GIVEN_UP_S, by
from tests.stores.test_etcd_past import LATER_S, ended
from tests.stores.values import notice, opening

NOT_READ = "not been read yet"
NOW, THEN = notice(1, "now", id_="now").id, notice(1, "one").id


async def both(config: EtcdConfig) -> Incident:
    """Have an incident that is over and kept apart, and one that is open; each was told of."""
    async with opened(config) as (store, term):
        one = await ended(store, term, "one", "delivered")
        begun = replace(opening("now", "now", LATER_S), notices=(notice(1, "now", id_="now"),))
        await store.commit(begun, term=term)
        await store.prune(term=term)
    return one


def past_of(config: EtcdConfig) -> str:
    """Return what is asked with that reads what is over."""
    return f'"key": "{code(f"{config.prefix}x/")}"'


def tasks(name: str) -> int:
    return sum(one.get_name() == name for one in asyncio.all_tasks())


async def test_a_notice_at_hand_is_answered_and_any_other_waits_for_what_is_over(
    etcd: Cluster, config: EtcdConfig
) -> None:
    await both(config)
    async with (
        held(etcd.members[0].port, past_of(config)) as relay,
        opened(by(config, relay.url), GIVEN_UP_S) as (store, _),
    ):
        (row,) = await store.notices(Wanted(ids=frozenset({NOW})), 9)
        assert row.id == NOW
        for wanted in (Wanted(), Wanted(ids=frozenset({NOW, THEN}))):
            with pytest.raises(Temporary, match=NOT_READ):
                await store.notices(wanted, 9)
        relay.free.set()
        await until(lambda: not tasks("etcd-past"))
        assert [row.id for row in await store.notices(Wanted(), 9)] == [NOW, THEN]


async def test_a_daemon_that_stands_by_does_not_take_what_it_has_read_for_all(
    etcd: Cluster, config: EtcdConfig
) -> None:
    await both(config)
    async with (
        opened(config) as (leader, _),
        held(etcd.members[0].port, past_of(config)) as relay,
        standing_by(by(config, relay.url)) as (store, _),
    ):
        expected = await leader.load()
        assert await knows(store, lambda one: bool(one.incidents)) == expected
        with pytest.raises(Temporary, match=NOT_READ):
            await store.headings(None, 9)
        relay.free.set()
        await until(lambda: mirror_of(store).whole)
        assert await store.headings(None, 9) == await leader.headings(None, 9)


async def test_a_daemon_that_stood_by_follows_nothing_once_it_is_closed(
    config: EtcdConfig,
) -> None:
    async with opened(config):
        async with standing_by(config) as (store, _):
            await until(lambda: mirror_of(store).whole)
            assert tasks("etcd-mirror") == 1
        assert tasks("etcd-mirror") == 0


async def test_of_several_who_ask_one_has_it_read_once_more(
    etcd: Cluster, other: Cluster, config: EtcdConfig
) -> None:
    one = await both(config)
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url)) as (store, _),
    ):
        relay.lead(other.members[0].port)  # before the reading has begun
        asked = (store.find(one.id), store.headings(None, 9), store.find(one.id))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Temporary}
        assert tasks("etcd-past") == 1
        relay.lead(etcd.members[0].port)
