"""The return of a host in the lab: from the order to its BMC to the day it is as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.record import Kind
from doctor_daemon.lab.redfish import USER, RedfishOptions
from doctor_daemon.lab.rows import Host, Migration
from doctor_daemon.lab.world import Timing
from tests.lab.caller import Caller, Reply, basic, caller
from tests.lab.nova_target import migrations, put, row
from tests.lab.test_nova import LabNova

TIMING = Timing(report_interval_s=0.05, service_down_s=0.5, compute_start_s=0.1, evacuate_s=0.05)
LIFT = {"forced_down": False}


@dataclass(frozen=True, slots=True)
class Rack:
    """A lab whose first host has lost its power and is forced down, with one server of its own."""

    lab: Lab
    caller: Caller
    server: str

    @property
    def host(self) -> Host:
        return self.lab.world.hosts["compute-1"]

    @property
    def nova(self) -> LabNova:
        return LabNova(self.lab, self.caller)

    async def reset(self, kind: str) -> Reply:
        url = f"{self.lab.system_url('compute-1')}/Actions/ComputerSystem.Reset"
        login = basic(USER, self.lab.redfish.password)
        return await self.caller.ask("POST", url, headers=login, body={"ResetType": kind})

    async def evacuated(self) -> Migration:
        """Have the server evacuated, and wait until it is done."""
        made = self.lab.evacuations.accept(self.lab.world.servers[self.server], "doctor")
        await true(lambda: made.status == "done")
        return made


async def true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the lab has no event for it
            await asyncio.sleep(0.005)


@pytest.fixture
async def rack() -> AsyncIterator[Rack]:
    options = LabOptions(
        hosts=2, servers_per_host=1, timing=TIMING, redfish=RedfishOptions(power_s=0.05)
    )
    async with Lab(options) as lab, caller() as asks:
        (server,) = [one.id for one in lab.world.servers.values() if one.host == "compute-1"]
        lab.world.power_off("compute-1")
        lab.world.force_down(lab.world.hosts["compute-1"].service, forced_down=True, by="doctor")
        yield Rack(lab, asks, server)


async def test_a_host_that_is_switched_on_cleans_up_and_may_come_back(rack: Rack) -> None:
    made = await rack.evacuated()
    assert (await put(rack.nova, "compute-1", LIFT)).status == 400
    assert (await rack.reset("On")).status == 204
    assert not rack.host.power, "it takes a moment"
    await true(lambda: rack.host.power)
    assert (rack.host.service.alive, made.status) == (False, "done"), "it has to boot"
    assert (await put(rack.nova, "compute-1", LIFT)).status == 400
    await true(lambda: rack.host.service.alive)
    assert made.status == "completed"
    assert (await put(rack.nova, "compute-1", LIFT)).status == 200
    back = await row(rack.nova, "compute-1")
    assert (back["state"], back["status"], back["forced_down"]) == ("up", "enabled", False)
    assert rack.lab.world.runs_on(rack.server) == ["compute-2"]
    told = [one.kind for one in rack.lab.record.entries if one.host == "compute-1"][-3:]
    assert told == [Kind.POWER_ON, Kind.COMPUTE_START, Kind.FORCED_UP]
    assert rack.lab.violations() == []


@pytest.mark.parametrize(("do", "status"), [(Do.STUCK, 204), (Do.REFUSE, 400)])
async def test_a_bmc_may_refuse_to_switch_on_or_do_nothing(rack: Rack, do: Do, status: int) -> None:
    rack.lab.faults.add(Rule(service=Service.BMC, do=do))
    assert (await rack.reset("On")).status == status
    await asyncio.sleep(0.1)
    assert not rack.host.power
    assert (await rack.reset("On")).status == 204
    await true(lambda: rack.host.service.alive)


async def test_a_cut_takes_the_place_of_a_switch_on_that_has_not_happened(rack: Rack) -> None:
    await rack.reset("On")
    await rack.reset("ForceOff")
    await asyncio.sleep(0.3)
    assert (rack.host.power, rack.host.service.alive) == (False, False)


async def test_a_host_that_dies_while_it_boots_has_cleaned_up_nothing(rack: Rack) -> None:
    made = await rack.evacuated()
    await rack.reset("On")
    await true(lambda: rack.host.power)
    await rack.reset("ForceOff")
    await asyncio.sleep(0.3)
    assert (rack.host.service.alive, made.status) == (False, "done")


async def test_reports_move_updated_at_while_the_flag_stands(rack: Rack) -> None:
    """Trap 21: so two advances, without a write of one's own, say that it lives."""
    before = rack.host.service.written_at_s
    await rack.reset("On")
    await true(lambda: rack.host.service.alive)
    seen = set[float]()
    async with asyncio.timeout(5):
        while len(seen) < 3:
            rack.lab.world.beat(rack.host.service)
            seen.add(rack.host.service.written_at_s)
            await asyncio.sleep(0.005)
    assert min(seen) > before
    shown = await row(rack.nova, "compute-1")
    assert (shown["state"], shown["forced_down"]) == ("down", True)


async def test_the_truth_of_a_deleted_server_stays_in_the_lab(rack: Rack) -> None:
    """Nova shows its migrations no more; whoever judges the lab still sees them."""
    made = await rack.evacuated()
    rack.lab.world.delete(rack.server)
    assert await migrations(rack.nova, "source_compute=compute-1") == []
    assert rack.lab.evacuations.rows == [made]
    await rack.reset("On")
    await true(lambda: rack.host.service.alive)
    assert made.status == "done"
    assert (await put(rack.nova, "compute-1", LIFT)).status == 200
