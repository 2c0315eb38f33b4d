"""B10: a term that is over saves nothing any more, though it was written: the next one acts."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Conflict, Temporary
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster
from tests.stores.etcd_leases import lapse
from tests.stores.etcd_relay import Relay, relayed
from tests.stores.test_etcd import opened, read_whole
from tests.stores.test_etcd_network import GIVEN_UP_S, by, until_known
from tests.stores.values import opening


def lose_answers(relay: Relay) -> None:
    relay.heard = b""
    relay.answers.clear()


async def test_b10_a_write_whose_answer_was_lost_is_the_next_ones(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url)) as (old, term),
    ):
        await read_whole(old)
        lose_answers(relay)
        lost = asyncio.create_task(old.commit(opening(), term=term))
        await relay.hears(b'"succeeded":true')
        lapse(etcd, config.prefix)
        async with opened(config) as (new, newer):
            assert [one.id for one in (await new.load()).incidents] == ["one"]
            relay.answers.set()
            with pytest.raises(Conflict, match=f"term {newer} has been claimed"):
                await lost
            assert await old.find(IncidentId("one")) is None  # so its case does not go on


async def test_b10_what_is_found_when_the_term_is_over_is_the_next_ones(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url), GIVEN_UP_S) as (old, term),
    ):
        await read_whole(old)
        lose_answers(relay)
        with pytest.raises(Temporary, match="not known yet"):
            await old.commit(opening(), term=term)
        lapse(etcd, config.prefix)
        async with opened(config) as (new, newer):
            assert [one.id for one in (await new.load()).incidents] == ["one"]
            relay.answers.set()
            with pytest.raises(Conflict, match=f"term {newer} has been claimed"):
                await until_known(old, term)
            assert await old.find(IncidentId("one")) is None
