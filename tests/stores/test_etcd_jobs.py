"""What one caller of the etcd store does wrong, or gives up, is nobody else's."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.ports import Change
from doctor_daemon.stores import etcd_rows
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.shape import Mismatch
from tests.stores.etcd_cluster import Cluster
from tests.stores.test_etcd import keys, opened
from tests.stores.values import at, head_of, opening, step


async def test_a_change_of_which_nothing_can_be_made_fails_its_caller_alone(
    config: EtcdConfig,
) -> None:
    number: Any = 5
    async with opened(config) as (store, term):
        beside = asyncio.create_task(store.commit(opening("two", "cmp-2"), term=term))
        with pytest.raises(Mismatch, match="expected"):
            await store.commit(Change(armed=Armed(why=number)), term=term)
        await beside
        await store.commit(opening(), term=term)
        expected = await store.load()
    async with opened(config) as (store, _):
        assert await store.load() == expected
        assert {one.id for one in expected.incidents} == {"one", "two"}


async def test_what_nobody_waits_for_any_more_is_not_begun(config: EtcdConfig) -> None:
    async with opened(config) as (store, term):
        changes = [opening(f"i{n}", f"cmp-{n}") for n in range(3)]
        begun = [asyncio.create_task(store.commit(change, term=term)) for change in changes]
        await asyncio.sleep(0)  # each comes to where it waits, and the writer to nothing yet
        assert store.waiting == len(changes)
        begun[1].cancel()
        ends = await asyncio.gather(*begun, return_exceptions=True)
        assert [type(end) for end in ends] == [type(None), asyncio.CancelledError, type(None)]
        assert [one.id for one in (await store.load()).incidents] == ["i0", "i2"]


async def test_an_incident_that_does_not_fit_into_one_transaction_goes_on(
    etcd: Cluster, config: EtcdConfig
) -> None:
    noise = random.Random(8)
    async with opened(config) as (store, term):
        await store.commit(opening(), term=term)
        saved = head_of(opening())
        for number in range(1, etcd_rows.FOLD_PARTS + 2):
            text = noise.randbytes(6000).hex()
            change = step(saved, saved.note(at(number), text))
            await store.commit(change, term=term)
            saved = head_of(change)
        assert keys(etcd, config, "p") == etcd_rows.FOLD_PARTS + 2
        expected = await store.find(IncidentId("one"))
    async with opened(config) as (store, _):
        assert await store.find(IncidentId("one")) == expected == saved
