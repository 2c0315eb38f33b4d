"""The real Nova and Keystone pass the contracts that the lab passes.

The lab stands in for both wherever no cloud is at hand, so what it was built to do is asked here of
the services themselves. The contracts hurt a host's nova-compute and nothing else of the estate; it
is restored once at the end, as a restoration after each of many harmless questions would only cost
time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from tests.lab.caller import Caller, caller
from tests.lab.keystone_contract import KeystoneContract
from tests.lab.nova_contract import NovaContract
from tests.lab.nova_target import Who
from tests.lab.old_nova_contract import OldNovaContract
from tests.openstack.elderly import Elderly
from tests.openstack.estate import Estate
from tests.openstack.real_nova import ADMIN, MEMBER, RealNova, tokens, zoned
from tests.openstack.testbed.site import Site

__all__ = ["tokens", "zoned"]


@dataclass(frozen=True, slots=True)
class RealKeystone:
    """The estate's Keystone as a target of the contract."""

    site: Site
    credential: tuple[str, str]
    caller: Caller
    admin: tuple[str, str, str] = ADMIN
    member: tuple[str, str, str] = MEMBER

    @property
    def root(self) -> str:
        return self.site.url("keystone")


@pytest.fixture(scope="module")
def credential(whole_estate: Estate) -> Iterator[tuple[str, str]]:
    """Id and secret of an application credential of the admin."""
    admin = whole_estate.admin
    (user,) = admin.identity("GET", f"/users?name={ADMIN[0]}")["users"]
    path = f"/users/{user['id']}/application_credentials"
    asked = {"application_credential": {"name": "lab-contracts"}}
    made = admin.identity("POST", path, asked, expect=201)["application_credential"]
    try:
        yield made["id"], made["secret"]
    finally:
        admin.identity("DELETE", f"{path}/{made['id']}", expect=204)


class TestRealNova(NovaContract):
    @pytest.fixture
    async def target(self, zoned: Estate, tokens: dict[Who, str]) -> AsyncIterator[RealNova]:
        async with caller() as asks:
            yield RealNova(zoned, tokens, asks)


class TestElderlyNova(OldNovaContract):
    """The same Nova, behind a proxy that lets it offer no more than one of before 2.53."""

    @pytest.fixture
    async def target(self, whole_estate: Estate, tokens: dict[Who, str]) -> AsyncIterator[RealNova]:
        elderly = Elderly("127.0.0.1", whole_estate.site.port("nova"))
        try:
            async with caller() as asks:
                yield RealNova(whole_estate, tokens, asks, root=elderly.url)
        finally:
            await asyncio.to_thread(elderly.close)


class TestRealKeystone(KeystoneContract):
    @pytest.fixture
    async def target(
        self, whole_estate: Estate, credential: tuple[str, str]
    ) -> AsyncIterator[RealKeystone]:
        async with caller() as asks:
            yield RealKeystone(whole_estate.site, credential, asks)
