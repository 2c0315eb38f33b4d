"""A real Cinder whose services die, and the storage of a host that was fenced."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from signal import SIGKILL

import pytest

from tests.contracts.cinder_orders import LongCinderOrders, Orders
from tests.lab.cinder_contract import LongCinderContract
from tests.lab.cinder_target import ALPHA, BETA
from tests.lab.nova_target import Who
from tests.openstack.daemon import Daemon, running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import active, assert_moved
from tests.openstack.real_cinder import (
    HOST,
    Login,
    RealCinder,
    cinder,
    listed,
    ordered,
    start_volume,
    targeted,
)
from tests.openstack.testbed.calls import Answer, ask
from tests.openstack.testbed.configuration import (
    REPORT_INTERVAL_S,
    SERVICE_DOWN_TIME_S,
)
from tests.openstack.testbed.processes import wait_for
from tests.openstack.testbed.services import Services

__all__ = ["cinder"]


class TestRealCinder(LongCinderContract):
    @pytest.fixture
    async def target(
        self, cinder: tuple[Services, Mapping[Who, Login]]
    ) -> AsyncIterator[RealCinder]:
        async with targeted(cinder) as target:
            yield target


class TestRealOrders(LongCinderOrders):
    @pytest.fixture
    async def orders(self, cinder: tuple[Services, Mapping[Who, Login]]) -> AsyncIterator[Orders]:
        async with ordered(cinder) as orders:
            yield orders


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
