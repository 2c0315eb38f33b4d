"""The real Cinder passes the contract that the lab's passes, and takes the daemon's orders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest

from tests.contracts.cinder_orders import CinderOrders, Orders
from tests.lab.cinder_contract import CinderContract
from tests.lab.nova_target import Who
from tests.openstack.real_cinder import Login, RealCinder, cinder, ordered, targeted
from tests.openstack.testbed.services import Services

__all__ = ["cinder"]


class TestRealCinder(CinderContract):
    @pytest.fixture
    async def target(
        self, cinder: tuple[Services, Mapping[Who, Login]]
    ) -> AsyncIterator[RealCinder]:
        async with targeted(cinder) as target:
            yield target


class TestRealOrders(CinderOrders):
    @pytest.fixture
    async def orders(self, cinder: tuple[Services, Mapping[Who, Login]]) -> AsyncIterator[Orders]:
        async with ordered(cinder) as orders:
            yield orders

    async def test_the_account_is_checked_and_nothing_changed(self, orders: Orders) -> None:
        before = await orders.adapter.services()
        assert await orders.adapter.check() == []
        after = await orders.adapter.services()
        shown = [[replace(row, updated_at="") for row in rows] for rows in (before, after)]
        assert shown[0] == shown[1]
