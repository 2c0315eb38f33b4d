"""The estate's Cinder as a target of the contract which the lab's passes.

It is started for one module at a time, beside the control plane that all tests share: nothing else
needs it, and it costs half a gigabyte.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from signal import SIGKILL
from typing import Any

import pytest

from doctor_daemon.controllers.cinder import Cinder, CinderConfig
from tests.contracts.cinder_orders import Orders
from tests.controllers.rigs import FastClock
from tests.lab.caller import Caller, caller
from tests.lab.cinder_target import ALPHA, BETA
from tests.lab.keystone_contract import by_password
from tests.lab.nova_target import Who
from tests.openstack.estate import Estate
from tests.openstack.testbed.calls import Answer, ask
from tests.openstack.testbed.configuration import (
    REPORT_INTERVAL_S,
    RPC_RESPONSE_TIMEOUT_S,
    SERVICE_DOWN_TIME_S,
)
from tests.openstack.testbed.processes import wait_for
from tests.openstack.testbed.services import Services
from tests.openstack.testbed.site import PASSWORD, Site, listening

PROCESSES = ("cinder-scheduler", "cinder-volume", "cinder-api")
HOST = "compute-1"
USERS = {Who.ADMIN: "admin", Who.MEMBER: "tenant"}
BUSY_S = 4.0
LISTENS = "Driver post RPC initialization completed successfully"
"""What cinder-volume logs for each back end once it can be asked."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user's token, and the endpoint of its catalogue."""

    token: str
    url: str


def login(site: Site, user: str) -> Login:
    answer = ask("POST", site.auth_url + "/auth/tokens", by_password(user, PASSWORD, user))
    catalogue = answer.json["token"]["catalog"]
    (volumes,) = [entry for entry in catalogue if entry["type"] == "block-storage"]
    return Login(answer.headers["x-subject-token"], volumes["endpoints"][0]["url"])


@dataclass(frozen=True, slots=True)
class RealCinder:
    """The estate's Cinder as a target of the contract."""

    services: Services
    logins: Mapping[Who, Login]
    caller: Caller
    service_down_s: float = SERVICE_DOWN_TIME_S + REPORT_INTERVAL_S + BUSY_S
    rpc_timeout_s: float = RPC_RESPONSE_TIMEOUT_S

    @property
    def root(self) -> str:
        return self.services.site.url("cinder", "/v3")

    def url(self, who: Who) -> str:
        return self.logins[who].url

    async def token(self, who: Who) -> str:
        return self.logins[who].token

    async def kill_volume(self) -> None:
        await asyncio.to_thread(self.services.processes.end, ["cinder-volume"], SIGKILL)

    async def start_volume(self) -> None:
        await asyncio.to_thread(start_volume, self.services, self.logins[Who.ADMIN])


def listed(admin: Login) -> list[dict[str, Any]]:
    answer: Answer = ask("GET", f"{admin.url}/os-services", headers={"X-Auth-Token": admin.token})
    rows: list[dict[str, Any]] = answer.json["services"] if answer.status == 200 else []
    return rows


def start_volume(services: Services, admin: Login) -> None:
    """Start it, and wait until it listens: it reports, and is up, a moment before."""
    if services.processes.pid("cinder-volume"):
        return
    log = services.site.run / "log" / "cinder-volume.log"
    before = log.read_text().count(LISTENS) if log.exists() else 0
    services.start_cinder("cinder-volume")
    wait_for("cinder-volume", lambda: log.read_text().count(LISTENS) >= before + 2, 90)

    def up() -> bool:
        rows = [row for row in listed(admin) if row["host"] in (ALPHA, BETA)]
        return len(rows) == 2 and all(row["state"] == "up" for row in rows)

    wait_for("the services of cinder-volume", up, 30)


@pytest.fixture(scope="module")
def cinder(
    whole_estate: Estate, say: Callable[[str], None]
) -> Iterator[tuple[Services, Mapping[Who, Login]]]:
    """Cinder's processes, from the first test of this module to the last."""
    services = Services(whole_estate.site)
    logins = {who: login(whole_estate.site, user) for who, user in USERS.items()}
    try:
        for name in ("cinder-api", "cinder-scheduler"):
            services.start_cinder(name)
        wait_for("cinder-api", lambda: listening(whole_estate.site.port("cinder")))
        start_volume(services, logins[Who.ADMIN])
        say("Cinder answers")
        yield services, logins
    finally:
        services.processes.end(PROCESSES)


@asynccontextmanager
async def targeted(
    cinder: tuple[Services, Mapping[Who, Login]],
) -> AsyncIterator[RealCinder]:
    async with caller() as asks:
        yield RealCinder(*cinder, asks)


@asynccontextmanager
async def ordered(
    cinder: tuple[Services, Mapping[Who, Login]],
) -> AsyncIterator[Orders]:
    clock = FastClock()
    clouds = cinder[0].site.run / "clouds.yaml"
    config = CinderConfig.model_validate({"clouds_file": clouds, "cloud": "admin"})
    adapter = Cinder(config, clock)
    try:
        async with targeted(cinder) as target:
            yield Orders(target, adapter, clock)
    finally:
        await adapter.close()
