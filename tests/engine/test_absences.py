"""Hosts that drop out of view: told whether or not anything is the matter with them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from doctor_daemon.core.hands import DELETED, NOT_TOLD, SEEN_AGAIN
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.sightings import Sighting, Unseen
from doctor_daemon.engine.absences import POLLS, WORDS, Absences
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.ports import Fleet
from tests.core import make
from tests.core.make import Fields
from tests.engine.instruments import HOST, OTHER, ScriptedNova
from tests.engine.moving import bench, comes, virtually
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.engine.test_retiring import given_up
from tests.simulation.virtual import VirtualClock

POLL_S = 31.0


class Leaving(ScriptedNova):
    """A Nova whose list of services can leave hosts out."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.left_out: set[str] = set()

    async def fleet(self) -> Fleet:
        fleet = await super().fleet()
        shown = {name: one for name, one in fleet.services.items() if name not in self.left_out}
        return replace(fleet, services=shown, blind=self.blind)


def rig_of() -> tuple[Rig, Leaving]:
    """Make a bench with such a Nova; the host has no servers."""
    rig = bench(0)
    rig.nova = nova = Leaving(rig.clock)
    return rig, nova


def service(uuid: str = "a") -> Sighting:
    return replace(make.sighting(0), uuid=uuid)


def fleet(*missing: str, **changes: Fields) -> Fleet:
    every = {HOST.name: service(), OTHER.name: service("b")}
    return Fleet({name: one for name, one in every.items() if name not in missing}, **changes)


def gauge(rig: Rig, why: Unseen) -> float | None:
    value: float | None = rig.metrics.registry.get_sample_value(
        "doctor_hosts_unseen", {"why": why.value}
    )
    return value


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        (fleet(HOST.name), Unseen.GONE),
        (fleet(HOST.name, blind=True), Unseen.UNKNOWN),
        (fleet(HOST.name, unknown=frozenset({HOST.name})), Unseen.UNKNOWN),
    ],
)
def test_a_host_that_drops_out_of_view_is_told_once_and_counted(
    missing: Fleet, why: Unseen
) -> None:
    rig = Rig()
    absences = Absences(rig.engine().ward)
    absences.look(fleet())
    with capture_logs() as logs:
        for _ in range(POLLS - 1):
            absences.look(missing)
        assert (logs, gauge(rig, why)) == ([], 0.0)
        for _ in range(3):
            absences.look(missing)
    assert [(line["event"], line["host"]) for line in logs] == [(WORDS[why], str(HOST))]
    assert gauge(rig, why) == 1.0
    with capture_logs() as logs:
        absences.look(fleet())
    assert [line["event"] for line in logs] == ["Nova shows the compute service of a host again"]
    assert gauge(rig, why) == 0.0


def test_a_service_that_is_another_one_than_before_is_told() -> None:
    rig = Rig()
    absences = Absences(rig.engine().ward)
    absences.look(fleet())
    renewed = replace(fleet(), services={**fleet().services, HOST.name: service("new")})
    with capture_logs() as logs:
        absences.look(renewed)
        absences.look(renewed)
    assert [(line["before"], line["now"]) for line in logs] == [("a", "new")]


async def shown(engine: Engine) -> list[str]:
    """Let the poller look twice, and return the timeline."""
    await asyncio.sleep(2 * POLL_S)
    return [entry.text for entry in incident_of(engine).timeline]


@virtually
async def test_a_list_that_leaves_hosts_out_never_says_that_one_is_gone() -> None:
    rig, nova = rig_of()
    nova.blind = True
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        nova.left_out.add(HOST.name)
        said = await shown(engine)
        assert (said.count(NOT_TOLD), said.count(DELETED)) == (1, 0)
        nova.left_out.clear()
        assert (await shown(engine)).count(SEEN_AGAIN) == 1
        assert not any(row.kind == "alarm" for _, row in rig.consumer.heard)


@virtually
async def test_a_cell_that_is_down_is_told_in_an_open_incident() -> None:
    rig, nova = rig_of()
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        nova.silent.add(HOST.name)
        assert (await shown(engine)).count(NOT_TOLD) == 1
        assert gauge(rig, Unseen.UNKNOWN) == 1.0


@virtually
async def test_a_service_that_others_delete_is_an_alarm_within_one_poll() -> None:
    rig, nova = rig_of()
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        nova.left_out.add(HOST.name)
        assert any(line.startswith(f"ALARM: {DELETED}") for line in await shown(engine))
        assert [row.kind for _, row in rig.consumer.heard].count("alarm") == 1


@virtually
async def test_a_host_that_a_list_may_leave_out_is_not_decommissioned() -> None:
    rig, nova = rig_of()
    nova.blind = True
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        nova.left_out.add(HOST.name)
        await Operators(engine).order(HOST, Order.DECOMMISSION, "ann", "scrapped")
        assert "it leaves out those of a cell that does not answer" in await given_up(engine)
        assert nova.leaving.deletes == []


@virtually
async def test_a_service_that_we_have_had_deleted_nobody_else_has() -> None:
    rig, _ = rig_of()
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        await Operators(engine).order(HOST, Order.DECOMMISSION, "ann", "scrapped")
        await comes(lambda: HOST not in engine.desk.cases)
        assert not any(row.kind == "alarm" for _, row in rig.consumer.heard)
    assert rig.bugs == []
