"""The testbed does what the scenarios believe of it: it is the judge, so it is tried first."""

from __future__ import annotations

import threading
import time

import pytest

from tests.openstack.estate import Estate
from tests.openstack.guests import read_record, stays
from tests.openstack.rack import OTHER_UUID, Bmc
from tests.openstack.testbed.calls import ask
from tests.openstack.testbed.processes import wait_for

HOST = "compute-1"
ELSEWHERE = "compute-2"


def shown_power(bmc: Bmc) -> str:
    return str(bmc.ask("GET", bmc.system_path).json["PowerState"])


def test_guests_outlive_a_crash_and_end_with_the_power(estate: Estate) -> None:
    host, bmc = estate.hosts[HOST], estate.bmcs[HOST]
    servers, began = set(estate.boot(HOST, 2)), len(bmc.changes())
    estate.crash(HOST)
    assert not host.processes.pid(HOST)
    assert host.running_guests() == servers

    assert bmc.reset("ForceOff").status == 204
    # Off may be told only when all is over, so the truth is looked at after the telling.
    while shown_power(bmc) == "On":
        time.sleep(0.01)
    assert host.running_guests() == set()
    [off] = bmc.changes()[began:]
    ends = [stay.until for stay in stays(read_record(estate.site.guests_record))]
    assert len(ends) == 2
    assert max(ends) < off.mono


def test_power_off_stops_a_healthy_host_and_power_on_starts_it(estate: Estate) -> None:
    host, bmc = estate.hosts[HOST], estate.bmcs[HOST]
    estate.boot(HOST, 1)
    began = len(bmc.changes())
    bmc.turn("Off")
    assert not host.alive()
    bmc.turn("On")
    wait_for("nova-compute and exporter", host.alive)
    assert host.running_guests() == set()
    assert [change.power for change in bmc.changes()[began:]] == ["Off", "On"]


def test_the_record_tells_stop_and_start_of_a_living_guest(estate: Estate) -> None:
    [server] = estate.boot(HOST, 1)
    host = estate.hosts[HOST]
    for action, status in (
        ("os-stop", "SHUTOFF"),
        ("os-start", "ACTIVE"),
        ("suspend", "SUSPENDED"),
    ):
        path = f"/servers/{server}/action"
        estate.tenant.compute("POST", path, {action: None}, expect=202)
        await_status(estate, server, status)
        assert host.running_guests() == ({server} if status == "ACTIVE" else set())
    told = [(event.event, event.why) for event in read_record(estate.site.guests_record)]
    assert told == [
        ("start", "spawn"),
        ("stop", "power off"),
        ("start", "power on"),
        ("stop", "suspend"),
    ]


def await_status(estate: Estate, server: str, status: str) -> None:
    def reached() -> bool:
        row = estate.tenant.compute("GET", f"/servers/{server}")["server"]
        return row["status"] == status and not row["OS-EXT-STS:task_state"]

    wait_for(status, reached, 20)


def test_a_bmc_asks_who_is_there_and_shows_a_signed_certificate(estate: Estate) -> None:
    bmc = estate.bmcs[HOST]
    system = bmc.ask("GET", bmc.system_path).json
    assert (system["UUID"], system["PowerState"]) == (bmc.uuid, "On")
    with pytest.raises(OSError, match="certificate verify failed"):
        ask("GET", bmc.url + bmc.system_path)


@pytest.mark.parametrize(
    ("fault", "status"), [("401", 401), ("503", 503), ("other-chassis", 200), ("nopower", 200)]
)
def test_a_bmc_fails_as_it_is_told_to(estate: Estate, fault: str, status: int) -> None:
    bmc = estate.bmcs[ELSEWHERE]
    bmc.set_fault(fault)
    answer = bmc.ask("GET", bmc.system_path)
    assert answer.status == status
    if fault == "other-chassis":
        assert answer.json["UUID"] == OTHER_UUID
    if fault == "nopower":
        assert "PowerState" not in answer.json


def test_a_bmc_may_refuse_or_ignore_a_cut_and_may_lie(estate: Estate) -> None:
    bmc, host = estate.bmcs[ELSEWHERE], estate.hosts[ELSEWHERE]
    bmc.set_fault("reject")
    assert (bmc.reset("ForceOff").status, shown_power(bmc)) == (400, "On")
    bmc.set_fault("stuck")
    assert (bmc.reset("ForceOff").status, shown_power(bmc)) == (204, "On")
    bmc.set_fault("always-off")
    assert (bmc.reset("ForceOff").status, shown_power(bmc)) == (204, "Off")
    bmc.set_fault("lie-off")
    assert shown_power(bmc) == "Off"
    bmc.set_fault("badjson")
    with pytest.raises(ValueError, match="Unterminated string"):
        shown_power(bmc)
    bmc.set_fault("slow:0.5")
    assert bmc.ask("GET", bmc.system_path).duration_s > 0.5
    assert (bmc.power(), host.alive()) == ("On", True)
    assert [cut.status for cut in bmc.cuts()][-3:] == [400, 204, 204]


def force_down(estate: Estate, host: str) -> threading.Thread:
    """Through the proxy, as the daemon would, in a thread that ends with the request."""
    token = ask("POST", estate.site.auth_url + "/auth/tokens", admin_login()).headers
    headers = {
        "X-Auth-Token": token["x-subject-token"],
        "OpenStack-API-Version": "compute 2.53",
    }
    url = f"{estate.proxy.url}/v2.1/os-services/{estate.services[host]}"

    def put() -> None:
        try:
            ask("PUT", url, {"forced_down": True}, headers=headers)
        except ConnectionError:
            # What a dropped request looks like to its sender.
            return

    thread = threading.Thread(target=put)
    thread.start()
    return thread


def admin_login() -> dict[str, object]:
    domain = {"id": "default"}
    password = {"user": {"name": "admin", "domain": domain, "password": "testbed"}}
    scope = {"project": {"name": "admin", "domain": domain}}
    identity = {"methods": ["password"], "password": password}
    return {"auth": {"identity": identity, "scope": scope}}


def test_a_held_request_reaches_nova_only_when_released(estate: Estate) -> None:
    [server] = estate.boot(HOST, 1)
    held = estate.proxy.hold("PUT", "/os-services/")
    sender = force_down(estate, HOST)
    held.await_request(10)
    assert estate.service(HOST)["forced_down"] is False
    assert estate.forced_down() == []
    held.release()
    sender.join()
    assert estate.service(HOST)["forced_down"] is True
    assert estate.host_status(server) == "DOWN"
    passed = estate.proxy.passed("PUT")[-1]
    assert passed.status == 200
    assert passed.answered is not None
    assert passed.answered > passed.asked.mono


def test_a_dropped_request_never_reaches_nova(estate: Estate) -> None:
    held = estate.proxy.hold("PUT", "/os-services/")
    sender = force_down(estate, HOST)
    held.await_request(10)
    held.drop()
    sender.join()
    assert estate.service(HOST)["forced_down"] is False
    assert estate.forced_down() == []


def test_the_checker_catches_a_force_down_without_a_cut(estate: Estate) -> None:
    [server] = estate.boot(HOST, 1)
    estate.crash(HOST)
    assert estate.violations() == []
    force_down(estate, HOST).join()
    [told] = estate.violations()
    assert server in told
    assert "while Nova had the host forced down" in told


def test_the_checker_accepts_a_force_down_after_the_cut(estate: Estate) -> None:
    estate.boot(HOST, 1)
    estate.crash(HOST)
    estate.bmcs[HOST].turn("Off")
    force_down(estate, HOST).join()
    assert len(estate.forced_down()) == 1
    assert estate.violations() == []


def test_restoring_leaves_every_host_as_it_was(estate: Estate) -> None:
    estate.boot(HOST, 1)
    estate.crash(HOST)
    estate.bmcs[HOST].set_fault("stuck")
    estate.admin.mark(estate.services[HOST], forced_down=True, status="disabled")
    estate.restore()
    row = estate.service(HOST)
    assert (row["forced_down"], row["status"], row["state"]) == (False, "enabled", "up")
    assert estate.hosts[HOST].alive()
    assert estate.hosts[HOST].guests() == {}
    assert read_record(estate.site.guests_record) == []
    assert estate.alerting.alerts() == []
