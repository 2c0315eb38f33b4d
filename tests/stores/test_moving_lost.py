"""A state that is moved over a network that fails: all of it counts once, or it is known not to."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.ports.moving import Record
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_values import SCHEMA
from doctor_daemon.stores.moved_file import reading
from tests.stores.etcd_cluster import Cluster, call, code
from tests.stores.etcd_leases import lapse
from tests.stores.etcd_relay import Relay, relayed
from tests.stores.movers import exported, imported, of_etcd, of_sqlite, read, walked
from tests.stores.test_etcd_leading import WAIT_S, until
from tests.stores.test_etcd_network import by
from tests.stores.test_moving import opened
from tests.stores.values import opening


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """Return a file in which everything stands."""
    source = of_sqlite(tmp_path / "source.sqlite3")
    async with opened(source) as [(store, term)]:
        await walked(store, term, 5)
    return await exported(source, tmp_path / "file")


def schema(etcd: Cluster, config: EtcdConfig) -> str:
    """Return what stands in the place of the schema."""
    found = call(etcd.members[0].port, "kv/range", {"key": code(f"{config.prefix}schema")})
    return b64decode(found["kvs"][0]["value"]).decode() if "kvs" in found else ""


async def test_i6_answers_that_are_lost_change_nothing(
    file: Path, tmp_path: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    async with relayed(etcd.members[0].port) as relay:
        place = of_etcd(by(config, relay.url, timeout_s=3.0))
        losing = asyncio.create_task(many_are_lost(relay))
        try:
            await imported(place, file)
            await exported(place, tmp_path / "again")
        finally:
            losing.cancel()
            await asyncio.gather(losing, return_exceptions=True)
    assert read(tmp_path / "again")[1] == read(file)[1]


async def many_are_lost(relay: Relay) -> None:
    """Lose one answer, and let the next ones through: a lease needs two, one after the other."""
    while True:
        relay.heard = b""
        relay.answers.clear()
        await relay.hears(b"header")
        relay.answers.set()
        relay.cut()
        for _ in range(4):
            relay.heard = b""
            await relay.hears(b"header")


async def test_i6_the_end_is_known_again_though_its_answer_was_lost(
    tmp_path: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    source = of_sqlite(tmp_path / "source.sqlite3")
    async with opened(source) as [(store, term)]:
        await store.commit(opening(), term=term)
    file = await exported(source, tmp_path / "file")
    async with relayed(etcd.members[0].port) as relay:

        async def then_lost(records: Iterator[Record]) -> AsyncIterator[Record]:
            for record in records:
                yield record
            relay.left = 1  # all that was put; and then the end

        with reading(file) as (inventory, records):
            moving = of_etcd(by(config, relay.url, timeout_s=3.0)).moving
            filling = asyncio.create_task(moving.fill(inventory, then_lost(records)))
            await until(lambda: schema(etcd, config) == str(SCHEMA) and relay.left == 0)
            assert not filling.done()
            relay.left = None
            relay.cut()
            async with asyncio.timeout(WAIT_S):
                await filling
    async with opened(of_etcd(config)) as [(store, term)]:
        assert (term, len((await store.load()).incidents)) == (2, 1)


async def test_i6_an_import_that_leads_no_more_puts_nothing_in(
    file: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    async def then_lapsed(records: Iterator[Record]) -> AsyncIterator[Record]:
        for record in records:
            yield record
        lapse(etcd, config.prefix)

    with reading(file) as (inventory, records):
        filling = of_etcd(config).moving.fill(inventory, then_lapsed(records))
        with pytest.raises(Conflict, match="somebody else leads, or our lease has run out"):
            await filling
    with pytest.raises(Permanent, match="not whole"):
        await of_etcd(config).store().open()
    await imported(of_etcd(config), file)


async def test_i6_an_export_that_leads_no_more_is_none(etcd: Cluster, config: EtcdConfig) -> None:
    place = of_etcd(config)
    async with opened(place) as [(store, term)]:
        await store.commit(opening(), term=term)
    async with place.moving.given() as (_, records):
        lapse(etcd, config.prefix)
        with pytest.raises(Conflict, match="somebody may have written meanwhile"):
            assert [record async for record in records] == []
