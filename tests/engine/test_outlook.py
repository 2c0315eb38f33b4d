"""What inspectors that look by themselves are told of the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest
from aiohttp import web

from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.outlook import Outlook
from doctor_daemon.ports import Fleet, Gatekeeper, Intake
from doctor_daemon.ports.surroundings import Concern, Surroundings
from tests.engine.rig import HOST, OTHER, UUID, Rig, accuse, until
from tests.simulation.virtual import run


class Eye:
    """An inspector that keeps what it is told."""

    api: ClassVar[int] = 1
    served: ClassVar[bool] = False
    name = "eye"

    def __init__(self) -> None:
        self.around = Surroundings()
        self.fleets: list[Fleet] = []

    def place(self, around: Surroundings) -> None:
        self.around = around
        around.fleets(self.fleets.append)

    async def run(self, intake: Intake) -> None:
        return

    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        return ()


class Deaf:
    """One that is told by HTTP, and wants to know nothing."""

    api: ClassVar[int] = 1
    name = "deaf"

    async def run(self, intake: Intake) -> None:
        return

    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        return ()


def test_a_source_is_told_how_far_the_daemon_has_got() -> None:
    rig, eye = Rig(), Eye()

    async def main() -> None:
        async with rig.running() as engine:
            Outlook(engine).show({}, [eye, Deaf()])
            concern, opened = eye.around.concern, eye.around.opened
            assert (concern(HOST), opened(HOST)) == (Concern.NONE, None)
            await accuse(rig, engine)
            assert concern(HOST) is Concern.SUSPECTED
            assert opened(HOST) == engine.desk.cases[HOST].incident.opened_at
            await until(engine, Phase.DOWN)
            assert concern(HOST) is Concern.TOUCHED
            assert concern(OTHER) is Concern.NONE

    run(main())
    assert rig.bugs == []


def test_a_source_is_told_where_hosts_are_and_by_which_devices_they_are_read() -> None:
    rig, eye = Rig(), Eye()
    engine = rig.engine()
    Outlook(engine).show({HOST: {"mgmt": "10.0.0.1"}}, [eye])
    assert set(eye.around.hosts) == {HOST, OTHER}
    assert eye.around.addresses[HOST]["mgmt"] == "10.0.0.1"
    (((device, power),),) = eye.around.levels[HOST]
    assert (device.uuid, power) == (UUID, rig.device)


def test_a_source_sees_every_list_of_services_that_is_read() -> None:
    rig, eye = Rig(), Eye()

    async def main() -> None:
        async with rig.running() as engine:
            Outlook(engine).show({}, [eye])
            await asyncio.sleep(100)

    run(main())
    assert len(eye.fleets) >= 3
    assert HOST.name in eye.fleets[-1].services


def test_the_age_of_the_last_good_round_is_a_metric() -> None:
    rig, eye = Rig(), Eye()

    def age() -> float | None:
        return rig.metrics.registry.get_sample_value("doctor_source_age_seconds", {"source": "eye"})

    async def main() -> None:
        Outlook(rig.engine()).show({}, [eye])
        assert age() == float("inf")
        eye.around.looked("eye")
        await asyncio.sleep(7)
        assert age() == pytest.approx(7, abs=0.1)

    run(main())


def test_e1_a_source_looks_at_its_own_hosts_alone() -> None:
    rig, eye = Rig(), Eye()
    addresses = {HOST: {"mgmt": "10.0.0.1"}, OTHER: {"mgmt": "10.0.0.2"}}
    Outlook(rig.engine()).show(addresses, [eye], {"eye": frozenset({HOST.name})})
    assert tuple(eye.around.hosts) == (HOST,)
    assert set(eye.around.addresses) == set(eye.around.levels) == {HOST}


def test_d4_a_source_is_told_again_only_where_something_is_another() -> None:
    rig, eye = Rig(), Eye()
    engine = rig.engine()
    outlook = Outlook(engine)
    outlook.show({HOST: {"mgmt": "10.0.0.1"}}, [eye])
    first = eye.around
    outlook.show({HOST: {"mgmt": "10.0.0.1"}}, [eye])
    assert eye.around is first
    outlook.show({HOST: {"mgmt": "10.0.0.2"}}, [eye])
    assert eye.around.addresses[HOST]["mgmt"] == "10.0.0.2"
    before = eye.around
    rules = engine.ward.rules
    engine.ward.rules = replace(rules, plans={HOST: rules.plans[HOST]})
    outlook.show({HOST: {"mgmt": "10.0.0.2"}}, [eye])
    assert eye.around is not before
    assert tuple(eye.around.hosts) == (HOST,)


def test_d4_a_source_that_is_gone_is_shown_nothing_and_has_no_age() -> None:
    rig, eye, other = Rig(), Eye(), Eye()

    def age() -> float | None:
        return rig.metrics.registry.get_sample_value("doctor_source_age_seconds", {"source": "eye"})

    async def main() -> None:
        async with rig.running() as engine:
            outlook = Outlook(engine)
            outlook.show({}, [eye])
            await asyncio.sleep(40)
            seen = len(eye.fleets)
            outlook.show({}, [other])
            await asyncio.sleep(40)
            assert (len(eye.fleets), age()) == (seen, float("inf"))
            assert other.fleets, "the one that has taken its place is shown all"
            outlook.show({}, [])
            shown = len(other.fleets)
            await asyncio.sleep(40)
            assert (len(other.fleets), age()) == (shown, None)

    run(main())
