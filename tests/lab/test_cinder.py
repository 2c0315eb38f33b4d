"""The lab's Cinder passes the contract that a real one passes, and shows what older ones do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.identity import User
from doctor_daemon.lab.volume_services import CinderOptions
from doctor_daemon.lab.world import Timing
from tests.lab.caller import Caller, caller
from tests.lab.cinder_contract import CinderContract, LongCinderContract
from tests.lab.cinder_target import ALPHA, BETA, VOLUME, named, put, row, until
from tests.lab.nova_target import Who

TIMING = Timing(report_interval_s=0.1, service_down_s=0.4)
CINDER = CinderOptions(rpc_timeout_s=0.3, failover_s=0.05)


@dataclass(frozen=True, slots=True)
class LabCinder:
    """The lab as a target of the contract."""

    lab: Lab
    caller: Caller
    service_down_s: float = TIMING.service_down_s + TIMING.report_interval_s
    rpc_timeout_s: float = CINDER.rpc_timeout_s

    @property
    def root(self) -> str:
        return f"{self.lab.cinder.root}/v3"

    def url(self, who: Who) -> str:
        return f"{self.root}/{self._user(who).project.id}"

    async def token(self, who: Who) -> str:
        user = self._user(who)
        return self.lab.identity.issue(user, user.project, "password").text

    def _user(self, who: Who) -> User:
        return self.lab.members["project-1"] if who is Who.MEMBER else self.lab.admin

    async def kill_volume(self) -> None:
        for host in (ALPHA, BETA):
            self.lab.cinder.volumes.kill(host)

    async def start_volume(self) -> None:
        for host in (ALPHA, BETA):
            self.lab.cinder.volumes.start(host)


@pytest.fixture
async def target() -> AsyncIterator[LabCinder]:
    options = LabOptions(hosts=1, servers_per_host=0, timing=TIMING, cinder=CINDER)
    async with Lab(options) as lab, caller() as asks:
        yield LabCinder(lab, asks)


class TestContract(CinderContract, LongCinderContract):
    pass


@pytest.fixture
async def older() -> AsyncIterator[LabCinder]:
    """Give a Cinder 27 with a cluster."""
    cinder = CinderOptions(release=27, highest=(3, 71), failover_s=0.05, clustered=True)
    async with Lab(LabOptions(hosts=1, cinder=cinder)) as lab, caller() as asks:
        yield LabCinder(lab, asks)


async def test_before_28_enable_and_disable_do_what_they_say(older: LabCinder) -> None:
    """Source: cinder/api/contrib/services.py of 27.0.0."""
    for word, status in (("disable", "disabled"), ("enable", "enabled")):
        assert (await put(older, word, named(ALPHA))).status == 200
        assert (await row(older, ALPHA))["status"] == status
    assert (await put(older, "bogus", {})).status == 400


async def test_before_28_a_cluster_is_failed_over_by_failover(older: LabCinder) -> None:
    """Source: cinder/api/contrib/services.py of 27.0.0, `_failover`."""
    body = {"cluster": "gamma", "backend_id": "spare"}
    assert (await put(older, "failover", body, "3.25")).status == 400
    assert (await put(older, "failover_host", body, "3.26")).status == 400
    assert (await put(older, "failover", body, "3.26")).status == 202
    for host in ("stor-1@gamma", "stor-2@gamma"):
        await until(older, host, lambda one: one["replication_status"] == "failed-over")


async def test_a_failover_that_the_driver_fails_and_one_that_is_cut_short(
    target: LabCinder,
) -> None:
    """Source: cinder/volume/manager.py, `failover`."""
    volumes = target.lab.cinder.volumes
    volumes.row(ALPHA).failover_error = True
    await put(target, "failover_host", {"host": ALPHA, "backend_id": "spare"})
    found = await until(target, ALPHA, lambda one: one["replication_status"] == "failover-error")
    assert (found["status"], found["active_backend_id"]) == ("disabled", None)
    volumes.row(ALPHA).replication = "enabled"
    await put(target, "failover_host", {"host": ALPHA, "backend_id": "spare"})
    await target.kill_volume()
    await asyncio.sleep(CINDER.failover_s * 2)
    await target.start_volume()
    again = await put(target, "failover_host", {"host": ALPHA, "backend_id": "spare"})
    assert again.status == 400


async def test_a_thaw_that_the_driver_fails_is_a_200(target: LabCinder) -> None:
    """Source: cinder/volume/api.py, `thaw_host`."""
    target.lab.cinder.volumes.row(ALPHA).thaw_error = True
    await put(target, "freeze", {"host": ALPHA})
    reply = await put(target, "thaw", {"host": ALPHA})
    assert (reply.status, reply.body) == (
        200,
        "Backend reported error during thaw_host operation.",
    )
    assert (await row(target, ALPHA))["frozen"] is False


async def test_a_host_of_a_cluster_stands_for_the_whole_of_it(older: LabCinder) -> None:
    """Source: cinder/volume/api.py, `_get_cluster_and_services_for_replication`."""
    assert (await put(older, "freeze", {"host": "stor-1@gamma"})).status == 200
    assert (await row(older, "stor-2@gamma"))["frozen"]


async def test_a_service_that_just_died_keeps_questions_for_log_levels_waiting(
    target: LabCinder,
) -> None:
    """Source: cinder/api/v3/services.py, `get_log`."""
    await target.kill_volume()
    reply = await put(target, "get-log", {"binary": VOLUME}, "3.32")
    assert (reply.status, reply.seconds >= CINDER.rpc_timeout_s) == (500, True)
