"""What one caller of the etcd store does wrong, or gives up, is nobody else's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd import EtcdConfig
from doctor_daemon.stores.shape import Mismatch
from tests.stores.test_etcd import opened
from tests.stores.values import opening


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
