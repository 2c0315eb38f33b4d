"""Every request to Keystone met by every fault: what whoever needs a token is told."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import pytest

from doctor_daemon.controllers.clouds import read_cloud
from doctor_daemon.controllers.keystone import Keystone
from doctor_daemon.controllers.tokens import Tokens
from doctor_daemon.errors import DoctorError
from doctor_daemon.lab.cloud import ADMIN, CREDENTIAL, Lab
from doctor_daemon.lab.credentials import CLOUDS
from doctor_daemon.lab.faults import Rule, Service
from doctor_daemon.ports.secrets import SecretFile
from tests.controllers.faults import FAULTS, Asked, Fault, Row, asked, counter, row_of
from tests.controllers.rigs import SMALL, FastClock

WAITS = 3.0
"""How many time-outs a token may take, as the adapters have it."""
NO = ("400", "401", "403", "404", "409", "413")
TOKEN: Row = {**dict.fromkeys(FAULTS, "Temporary"), **dict.fromkeys(NO, "Permanent")}
"""Keystone's own no is not asked for again at once: accounts get locked by insisting."""
DISCOVERY: Row = {**dict.fromkeys(FAULTS, "granted"), "401": "Temporary", "slow drip": "Temporary"}
"""Without it the version is taken from the URL. But what drips holds up whoever waits for it, and
keystoneauth has nothing to answer a 401 with where nobody has logged in yet."""
ROWS: Mapping[str, Row] = {"GET": DISCOVERY, "POST": TOKEN}


def test_every_call_of_keystone_has_its_row() -> None:
    calls = {name for name, _ in inspect.getmembers(Keystone, inspect.isfunction)}
    assert {name for name in calls if not name.startswith("_")} == {"grant"}


async def granted(cloud: str, limit_s: float, *rules: Rule) -> tuple[str, tuple[Asked, ...]]:
    """Ask for a token as the adapters do; return what came of it, and what was asked."""
    async with Lab(SMALL) as lab:
        lab.faults.add(*rules, counter(Service.KEYSTONE))
        secret = SecretFile(lab.folder / CLOUDS)
        keystone = Keystone(lambda: read_cloud(secret, cloud), limit_s)
        tokens = Tokens(keystone.grant, FastClock(), WAITS * limit_s)
        ended = "granted"
        try:
            await tokens.current()
        except DoctorError as error:
            ended = type(error).__name__
        finally:
            await tokens.close()
        return ended, asked(lab, Service.KEYSTONE)


@pytest.mark.parametrize("cloud", [ADMIN, CREDENTIAL])
async def test_a_token(cloud: str) -> None:
    well, requests = await granted(cloud, 5.0)
    assert well == "granted"
    assert {request.method for request in requests} >= {"POST"}

    async def told(request: Asked, fault: Fault) -> str:
        return (await granted(cloud, fault.limit_s, request.rule(fault, None)))[0]

    expected = {str(one): ROWS[one.method] for one in requests}
    assert await row_of(requests, told, expected) == expected
