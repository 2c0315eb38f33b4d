"""Evacuations in the lab: what the contract cannot see of them, and what the judge says of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.record import Entry, Kind, violations
from doctor_daemon.lab.rows import Migration, Server
from doctor_daemon.lab.world import Failure, Timing
from tests.lab.caller import caller
from tests.lab.nova_target import ask, evacuate, migrations
from tests.lab.test_nova import LabNova

TIMING = Timing(evacuate_s=0.1, compute_start_s=0.01)


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with Lab(LabOptions(hosts=3, servers_per_host=2, timing=TIMING)) as lab:
        yield lab


def fallen(lab: Lab, *, power: bool = False) -> list[Server]:
    """Let the first host be forced down, with its power cut first or not; its servers."""
    if power:
        lab.world.fail("compute-1", Failure.HOST)
    else:
        lab.world.power_off("compute-1")
    service = lab.world.hosts["compute-1"].service
    lab.world.force_down(service, forced_down=True, by="operator")
    return [server for server in lab.world.servers.values() if server.host == "compute-1"]


async def ended(*rows: Migration) -> None:
    """Wait until none of them is in flight."""
    async with asyncio.timeout(10):
        while any(row.status in ("accepted", "pre-migrating") for row in rows):  # noqa: ASYNC110 - as a daemon sees it
            await asyncio.sleep(0.005)


async def test_two_evacuations_of_one_server_run_it_twice(lab: Lab) -> None:
    server = fallen(lab)[0]
    first, second = (lab.evacuations.accept(server, "doctor") for _ in range(2))
    await ended(first)
    await asyncio.sleep(0.05)
    assert (first.status, second.status, second.dest) == ("failed", "accepted", "")
    assert (server.host, server.vm_state) == ("compute-1", "error")
    assert lab.world.runs_on(server.id) == ["compute-2", "compute-3"]
    (found,) = lab.violations()
    assert found.what == "the server runs on 2 hosts at once: compute-2, compute-3"


async def test_a_second_one_that_comes_late_makes_both_fail_too(lab: Lab) -> None:
    server = fallen(lab)[0]
    first = lab.evacuations.accept(server, "doctor")
    async with asyncio.timeout(5):
        while first.status == "accepted":  # noqa: ASYNC110 - the lab has no event for it
            await asyncio.sleep(0.001)
    second = lab.evacuations.accept(server, "doctor")
    await ended(first, second)
    assert (first.status, second.status) == ("failed", "failed")
    assert len(lab.violations()) == 1


async def test_a_guest_starts_although_its_source_has_power(lab: Lab) -> None:
    server = fallen(lab, power=True)[0]
    row = lab.evacuations.accept(server, "doctor")
    await ended(row)
    assert lab.world.runs_on(server.id) == ["compute-1", row.dest]
    asked, twice = lab.violations()
    assert asked.what == "an evacuation was asked for while the host had power"
    assert (asked.host, asked.server) == ("compute-1", server.id)
    assert twice.what.startswith("the server runs on 2 hosts at once")


def test_what_operators_evacuate_is_theirs() -> None:
    evacuated = [Entry(1.0, Kind.EVACUATE, "a", "s", "operator")]
    assert violations(evacuated, frozenset({"operator"})) == []
    assert len(violations(evacuated)) == 1, "a host never heard of has power"
    assert violations([Entry(0.0, Kind.POWER_OFF, "a"), *evacuated]) == []


async def test_a_source_that_returns_in_mid_evacuation(lab: Lab) -> None:
    """Trap 9: it completes what is not done, which then becomes done, and destroys its guest."""
    lab.world.resume_guests = True
    server, other = fallen(lab)
    row = lab.evacuations.accept(server, "doctor")
    await asyncio.sleep(0.03)
    lab.world.power_on("compute-1")
    async with asyncio.timeout(5):
        while not lab.world.runs_on(other.id):  # noqa: ASYNC110 - the lab has no event for it
            await asyncio.sleep(0.002)
    assert (row.status, lab.world.runs_on(other.id)) == ("completed", ["compute-1"])
    async with asyncio.timeout(5):
        while row.status != "done":  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    assert lab.world.runs_on(server.id) == [row.dest]
    assert lab.violations() == []
    lab.world.fail("compute-1", Failure.COMPUTE)
    lab.world.recover("compute-1")
    assert row.status == "completed"


async def test_a_message_to_a_dead_destination_is_read_by_nobody(lab: Lab) -> None:
    server = fallen(lab)[0]
    lab.world.fail("compute-2", Failure.COMPUTE)
    lab.world.hosts["compute-3"].service.disabled = True
    row = lab.evacuations.accept(server, "doctor")
    await asyncio.sleep(0.2)
    assert (row.status, row.dest, row.updated_at_s) == ("accepted", "", None)
    assert server.task_state == "rebuilding"
    lab.world.hosts["compute-3"].service.disabled = False
    again = lab.evacuations.accept(server, "doctor")
    lab.world.power_off("compute-2")
    await ended(row)
    assert (again.status, again.dest) == ("accepted", ""), "Nova has taken the first one for it"
    assert (row.status, row.dest, server.host) == ("done", "compute-3", "compute-3")
    assert lab.violations() == []


async def test_a_destination_that_dies_after_the_guest_has_started(lab: Lab) -> None:
    server = fallen(lab)[0]
    row = lab.evacuations.accept(server, "doctor")
    async with asyncio.timeout(5):
        while not lab.world.runs_on(server.id):  # noqa: ASYNC110 - the lab has no event for it
            await asyncio.sleep(0.001)
    lab.world.fail(row.dest, Failure.COMPUTE)
    lab.world.recover(row.dest)
    await asyncio.sleep(0.1)
    assert (row.status, server.host) == ("pre-migrating", "compute-1")
    assert lab.world.runs_on(server.id) == [row.dest]


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.085])
async def test_a_server_that_is_deleted_meanwhile_starts_nowhere(lab: Lab, after_s: float) -> None:
    server = fallen(lab)[0]
    row = lab.evacuations.accept(server, "doctor")
    await asyncio.sleep(after_s)
    lab.world.delete(server.id)
    await ended(row)
    assert lab.world.runs_on(server.id) == []
    assert (server.vm_state, server.fault) == ("deleted", None)


async def test_a_thousand_are_spread(lab: Lab) -> None:
    owner = lab.members["project-1"]
    for _ in range(998):
        lab.world.boot("compute-1", owner.project.id, owner.id)
    rows = [lab.evacuations.accept(server, "doctor") for server in fallen(lab)]
    await ended(*rows)
    assert Counter(row.dest for row in rows) == {"compute-2": 500, "compute-3": 500}
    assert {row.status for row in rows} == {"done"}
    assert lab.violations() == []


async def test_rows_of_a_cell_that_does_not_answer_are_left_out(lab: Lab) -> None:
    """Source: nova/compute/multi_cell_list.py; no contract test, as of a cell that is down."""
    lab.evacuations.accept(fallen(lab)[0], "doctor")
    async with caller() as asks:
        nova = LabNova(lab, asks)
        assert len(await migrations(nova, "source_compute=compute-1")) == 1
        lab.world.hosts["compute-1"].cell_down = True
        assert await migrations(nova, "source_compute=compute-1") == []


async def test_faults_reach_evacuations_and_migrations(lab: Lab) -> None:
    server = fallen(lab)[0]
    lab.faults.add(
        Rule(service=Service.NOVA, do=Do.STATUS_AFTER, method="POST", path="*/action"),
        Rule(service=Service.NOVA, do=Do.STATUS, path="*/os-migrations", host="compute-1"),
    )
    async with caller() as asks:
        nova = LabNova(lab, asks)
        assert (await evacuate(nova, server.id)).status == 503
        assert len(lab.evacuations.rows) == 1, "it was taken on all the same"
        path = "/os-migrations?source_compute=compute-1"
        assert (await ask(nova, "GET", path)).status == 503
        assert (await ask(nova, "GET", path)).status == 200
    assert [applied.host for applied in lab.faults.applied] == ["compute-1", "compute-1"]


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        ("2.13", {"onSharedStorage": True}),
        ("2.95", {}),
        ("2.52", {"host": "compute-2", "force": True}),
        ("2.68", {"host": "compute-2"}),
        ("2.94", {"adminPass": "x"}),
    ],
)
async def test_other_dialects_are_no_secret(lab: Lab, version: str, asked: object) -> None:
    server = fallen(lab)[0]
    async with caller() as asks:
        path, body = f"/servers/{server.id}/action", {"evacuate": asked}
        reply = await ask(LabNova(lab, asks), "POST", path, version, body=body)
    assert (reply.status, "the lab does not model" in reply.message) == (501, True)
    assert lab.evacuations.rows == []


async def test_other_lists_of_migrations_are_no_secret(lab: Lab) -> None:
    async with caller() as asks:
        nova = LabNova(lab, asks)
        for version in ("2.58", "2.59"):
            other = await ask(nova, "GET", "/os-migrations?hidden=true", version)
            assert other.status == 501
            assert other.message == "the lab does not model the filter 'hidden'"


async def test_an_older_nova_lists_no_migrations_in_a_newer_version() -> None:
    options = LabOptions(hosts=1, nova=NovaOptions(highest=(2, 50)))
    async with Lab(options) as lab, caller() as asks:
        assert (await ask(LabNova(lab, asks), "GET", "/os-migrations", "2.59")).status == 406
