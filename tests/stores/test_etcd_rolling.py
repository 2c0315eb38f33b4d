"""Daemons of two versions beside each other: an older one never leads on what a newer one wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Wanted
from doctor_daemon.ports.leading import Role
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_values import SCHEMA
from tests.stores.etcd_cluster import Cluster, call, code
from tests.stores.etcd_leases import leader
from tests.stores.test_etcd import opened, put
from tests.stores.test_etcd_leading import WAIT_S, short, standing_by, until
from tests.stores.test_etcd_mirror import following, mirror_of
from tests.stores.values import opening

NEWER = f"schema is '{SCHEMA + 1}'; this version of the daemon knows {SCHEMA} at most"


class Newer(EtcdStore):
    """The store as the next version has it."""

    schema: ClassVar[int] = SCHEMA + 1


def text(store: EtcdStore) -> str:
    return store.leadership.standing().text


@asynccontextmanager
async def newer_opened(config: EtcdConfig) -> AsyncIterator[tuple[EtcdStore, int]]:
    store = Newer(config)
    try:
        async with asyncio.timeout(WAIT_S):
            yield store, await store.open()
    finally:
        await store.close()


def stands(etcd: Cluster, config: EtcdConfig) -> object:
    """Return all that is below the prefix but who leads, who stands by and what they claimed."""
    everything = {"key": code(config.prefix), "range_end": code(f"{config.prefix[:-1]}0")}
    found = call(etcd.members[0].port, "kv/range", everything)["kvs"]
    return [(one["key"], one["mod_revision"]) for one in found if "lease" not in one]


async def test_i6_the_newer_one_takes_over_and_the_older_one_stands_by_from_then_on(
    etcd: Cluster, config: EtcdConfig
) -> None:
    old, new = short(config, "old"), short(config, "new")
    newer = Newer(new)
    async with opened(old) as (first, term):
        taking_over = asyncio.create_task(newer.open())
        await until(lambda: first.leadership.standing().ready == ("new",))
        await first.commit(opening("one", "cmp-1"), term=term)
    try:
        async with asyncio.timeout(WAIT_S):
            term = await taking_over
        await newer.commit(opening("two", "cmp-2"), term=term)
        async with standing_by(old) as (again, begun):
            await until(lambda: NEWER in text(again))
            standing = again.leadership.standing()
            assert (standing.role, standing.leader) == (Role.STANDING_BY, "new")
            assert newer.leadership.standing().ready == ()
            before = stands(etcd, config)
            await newer.close()
            await until(lambda: again.leadership.standing().leader == "")
            await refused(again)
            assert not begun.done()
            assert (stands(etcd, config), leader(etcd, config.prefix)) == (before, {})
            async with newer_opened(new) as (next_one, newest):
                assert newest == term + 1
                found = await next_one.load()
                assert [one.id for one in found.incidents] == ["one", "two"]
                await next_one.commit(opening("three", "cmp-3"), term=newest)
                assert not begun.done()
    finally:
        await newer.close()


async def refused(store: EtcdStore) -> None:
    """See that nothing is shown of what may mean something else."""
    for asked in (store.load(), store.find(IncidentId("one")), store.notices(Wanted(), 1)):
        with pytest.raises(Temporary, match="a newer one has written here"):
            await asked


async def test_i6_one_that_follows_shows_nothing_more_once_a_newer_one_has_led(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(short(config, "first")) as (first, term):
        await first.commit(opening(), term=term)
        async with following(short(config, "old")) as (store, begun):
            assert len((await store.load()).incidents) == 1
            put(etcd, f"{config.prefix}schema", str(SCHEMA + 1))
            await until(lambda: NEWER in text(store))
            await refused(store)
            assert not mirror_of(store).whole
            await first.close()
            await until(lambda: store.leadership.standing().leader == "")
            await refused(store)
            assert not begun.done()


async def test_i6_an_older_one_leads_again_where_the_older_schema_was_restored(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with newer_opened(short(config)) as (store, term):
        await store.commit(opening(), term=term)
    again = EtcdStore(short(config))
    begun = asyncio.create_task(again.open())
    try:
        await until(lambda: NEWER in text(again))
        assert not begun.done()
        put(etcd, f"{config.prefix}schema", str(SCHEMA))
        async with asyncio.timeout(WAIT_S):
            assert await begun == term + 1
        assert len((await again.load()).incidents) == 1
        assert text(again) == ""
    finally:
        await again.close()


async def test_i6_a_field_that_is_not_known_is_neither_dropped_nor_led_on(
    etcd: Cluster, config: EtcdConfig
) -> None:
    """A newer one of the same schema has written it: it may say that something must not be done."""
    value = '{"value":{"upkeep":[],"truce":[]},"boots":[]}'
    async with opened(short(config, "new")) as (store, term):
        await store.commit(opening(), term=term)
        async with following(short(config, "old")) as (other, begun):
            put(etcd, f"{config.prefix}l/0000000000000001", value)
            await until(lambda: "l/0000000000000001: the saved change" in text(other))
            await until(lambda: "old" not in store.leadership.standing().ready)
            with pytest.raises(Permanent, match="the saved change cannot be read"):
                await other.load()
            before = stands(etcd, config)
            await store.close()
            async with asyncio.timeout(WAIT_S):
                with pytest.raises(Permanent, match="the saved change cannot be read"):
                    await begun
    now = stands(etcd, config)
    names = {code(f"{config.prefix}{name}") for name in ("schema", "term")}
    assert isinstance(before, list)
    assert isinstance(now, list)
    assert [one for one in now if one[0] not in names] == [
        one for one in before if one[0] not in names
    ]
