"""The contract of a Nova whose hosts die and come back, on the real one.

The lab passes it too. Each of these takes half a minute to a minute and a half here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.lab.caller import caller
from tests.lab.nova_contract import LongNovaContract
from tests.lab.nova_target import Who
from tests.openstack.estate import Estate
from tests.openstack.real_nova import RealNova, tokens, zoned

__all__ = ["tokens", "zoned"]


class TestRealNova(LongNovaContract):
    @pytest.fixture
    async def target(self, zoned: Estate, tokens: dict[Who, str]) -> AsyncIterator[RealNova]:
        async with caller() as asks:
            yield RealNova(zoned, tokens, asks)
