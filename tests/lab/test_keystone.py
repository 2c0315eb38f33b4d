"""The lab's Keystone passes the contract that a real one passes, and lets tokens expire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from doctor_daemon.lab.cloud import CREDENTIAL, Lab, LabOptions
from doctor_daemon.lab.identity import User
from doctor_daemon.lab.keystone import KeystoneOptions
from tests.lab.caller import Caller, caller
from tests.lab.keystone_contract import KeystoneContract, by_password


@dataclass(frozen=True, slots=True)
class LabKeystone:
    """The lab as a target of the contract."""

    lab: Lab
    caller: Caller

    @property
    def root(self) -> str:
        return self.lab.keystone.root

    @property
    def admin(self) -> tuple[str, str, str]:
        return _who(self.lab.admin)

    @property
    def member(self) -> tuple[str, str, str]:
        return _who(self.lab.members["project-1"])

    @property
    def credential(self) -> tuple[str, str]:
        found = self.lab.identity.credential(name=CREDENTIAL, user=self.lab.admin)
        assert found
        return found.id, found.secret


def _who(user: User) -> tuple[str, str, str]:
    return user.name, user.password, user.project.name


@pytest.fixture
async def target() -> AsyncIterator[LabKeystone]:
    async with Lab(LabOptions(hosts=1)) as lab, caller() as asks:
        yield LabKeystone(lab, asks)


class TestContract(KeystoneContract):
    pass


async def test_a_token_expires() -> None:
    options = LabOptions(hosts=1, keystone=KeystoneOptions(token_lifetime_s=0.2))
    async with Lab(options) as lab, caller() as asks:
        url = f"{lab.keystone.root}/v3/auth/tokens"
        reply = await asks.ask("POST", url, body=by_password(*_who(lab.admin)))
        headers = {"X-Auth-Token": reply.headers["X-Subject-Token"]}
        services = f"{lab.nova.root}/v2.1/os-services"
        assert (await asks.ask("GET", services, headers=headers)).status == 200
        await asyncio.sleep(0.25)
        assert (await asks.ask("GET", services, headers=headers)).status == 401
