"""The real Cinder passes the contract that the lab's passes, and takes the daemon's orders.

It is started for this module alone, beside the control plane that all tests share: nothing else
needs it, and it costs half a gigabyte.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from signal import SIGKILL
from typing import Any

import pytest

from doctor_daemon.controllers.cinder import Cinder, CinderConfig
from tests.contracts.cinder_orders import CinderOrders, Orders
from tests.controllers.rigs import FastClock
from tests.lab.caller import Caller, caller
from tests.lab.cinder_contract import CinderContract
from tests.lab.cinder_target import ALPHA, BETA
from tests.lab.keystone_contract import by_password
from tests.lab.nova_target import Who
from tests.openstack.daemon import Daemon, running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import active, assert_moved
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
        clock = FastClock()
        clouds = cinder[0].site.run / "clouds.yaml"
        config = CinderConfig.model_validate({"clouds_file": clouds, "cloud": "admin"})
        adapter = Cinder(config, clock)
        try:
            async with targeted(cinder) as target:
                yield Orders(target, adapter, clock)
        finally:
            await adapter.close()

    async def test_the_account_is_checked_and_nothing_changed(self, orders: Orders) -> None:
        before = await orders.adapter.services()
        assert await orders.adapter.check() == []
        after = await orders.adapter.services()
        shown = [[replace(row, updated_at="") for row in rows] for rows in (before, after)]
        assert shown[0] == shown[1]


def stages(daemon: Daemon) -> dict[str, str]:
    """How the storage of the host stands, by service."""
    found = json.loads(daemon.tell("explain", "--json", HOST))["storage"]
    return {task["service"]: task["stage"] for task in found}


def reset(services: Services, admin: Login) -> None:
    start_volume(services, admin)
    headers = {"X-Auth-Token": admin.token}

    def put(word: str, **body: str) -> Answer:
        return ask("PUT", f"{admin.url}/os-services/{word}", body, headers=headers)

    def at_home() -> bool:
        rows = {row["host"]: row for row in listed(admin)}
        return str(rows[ALPHA]["replication_status"]) == "enabled"

    if not at_home():
        put("failover_host", host=ALPHA, backend_id="default")
        wait_for("the failover to be taken back", at_home, 30)
    for row in listed(admin):
        if row["host"] in (ALPHA, BETA) and row["status"] == "disabled":
            put("freeze", host=row["host"])
            put("thaw", host=row["host"])


@contextmanager
def restored_backends(services: Services, admin: Login) -> Iterator[None]:
    """Leave the backends as at the start: up, not failed over, enabled."""
    try:
        yield
    finally:
        reset(services, admin)


def order_the_failover(daemon: Daemon, admin: Login) -> None:
    """Do what the daemon asks of a human."""
    held = {ALPHA: "held", BETA: "done"}
    wait_for("a human to be asked for the failover", lambda: stages(daemon) == held, 120)
    rows = {row["host"]: row for row in listed(admin)}
    assert rows[ALPHA]["replication_status"] == "enabled"
    order = ("failover", ALPHA, "--to", "spare", "--confirm", ALPHA, "--why", "CHG-1")
    daemon.tell("cinder", *order)


def test_v_the_storage_of_a_fenced_host_is_disabled_held_and_ended_once_it_is_up_elsewhere(
    estate: Estate, cinder: tuple[Services, Mapping[Who, Login]]
) -> None:
    services, admin = cinder[0], cinder[1][Who.ADMIN]
    backends = [
        {"service": ALPHA, "host": HOST, "failover_to": "spare"},
        {"service": BETA, "host": HOST},
    ]
    policy = {"every_s": 1.0, "enable_by_thaw": True, "backends": backends}
    servers = estate.boot(HOST, 1)
    with restored_backends(services, admin):
        with running(estate, evacuation={}, storage=policy) as daemon:
            services.processes.end(["cinder-volume"], SIGKILL)
            estate.crash(HOST)
            incident = daemon.await_phase(HOST, "down", 120)
            both_down = {ALPHA: "down", BETA: "down"}
            wait_for("both to be held", lambda: stages(daemon) == both_down, 30)
            rows = {row["host"]: row for row in listed(admin)}
            for name in (ALPHA, BETA):
                assert rows[name]["status"] == "disabled"
                assert rows[name]["disabled_reason"].startswith(f"doctor-daemon:{incident['id']}:")
            # Its state is up for a while after its death: that starts nothing.
            time.sleep(SERVICE_DOWN_TIME_S + REPORT_INTERVAL_S)
            assert stages(daemon) == both_down
            assert f"bring {BETA} up elsewhere" in daemon.tell("status")
            daemon.kill()
            start_volume(services, admin)
            daemon.start()
            order_the_failover(daemon, admin)
            both_done = {ALPHA: "done", BETA: "done"}
            wait_for("both to be done", lambda: stages(daemon) == both_done, 120)
            assert daemon.incident(HOST)["phase"] == "down"
        rows = {row["host"]: row for row in listed(admin)}
        alpha, beta = rows[ALPHA], rows[BETA]
        assert (alpha["replication_status"], alpha["active_backend_id"]) == ("failed-over", "spare")
        assert (alpha["status"], alpha["disabled_reason"]) == ("disabled", "failed-over")
        assert (beta["status"], beta["frozen"]) == ("enabled", False)
        assert_moved(estate, HOST, active(servers))
