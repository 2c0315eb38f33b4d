"""The ports of fenced hosts, beside the incident and after it, with the whole engine around."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from doctor_daemon.core.host import HostId, Mode
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.port_tasks import PortPolicy, PortStage
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.port_gates import is_back, off_limits
from doctor_daemon.ports import Fleet
from tests.engine.coming_back import give_back, over
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import comes
from tests.engine.neutron import (
    MARKING,
    BenchNeutron,
    names,
    reach,
    story,
    task_of,
    told,
)
from tests.engine.rig import Rig, accuse, incident_of, until


def test_the_ports_of_a_fenced_host_are_down_until_it_is_back() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        rig.nova.there[OTHER.name] = ()
        async with rig.running() as engine:
            await accuse(rig, engine)
            task = await reach(engine, PortStage.MARKED)
            assert neutron.is_down() == names(0, 1, 2)
            assert neutron.most <= 4
            assert set(task.ours) == names(0, 1, 2)
            shown = (await Operators(engine).explain(HOST))["ports"]
            assert (shown["stage"], shown["marked"]) == ("marked", 3)
            assert Operators(engine).status()["ports"] == []
            engine._gauges()  # noqa: SLF001 - what a scrape does
            metric = rig.metrics.registry.get_sample_value
            assert metric("doctor_port_tasks", {"stage": "marked"}) == 1
            await give_back(rig, engine)
            assert neutron.is_down() == names(0, 1, 2)
            await over(engine)
            task = await reach(engine, PortStage.DONE)
            assert neutron.is_down() == set()
            assert "cmp-1 is back: they are cleared" in told(task)
            asked = list(neutron.asked)
            await asyncio.sleep(200)
            assert neutron.asked == asked

    story(main)


def test_nothing_is_marked_before_the_host_is_forced_down() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.FORCING_DOWN)
            assert neutron.asked == []
            await reach(engine, PortStage.MARKED)
            assert HOST.name in rig.nova.down

    story(main)


def test_a_port_is_cleared_once_it_is_bound_elsewhere_and_the_others_stay() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        async with rig.running() as engine:
            await accuse(rig, engine)
            await reach(engine, PortStage.MARKED)
            here = rig.nova.there[HOST.name]
            rig.nova.there[HOST.name], rig.nova.there["cmp-7"] = here[1:], here[:1]
            await comes(lambda: neutron.is_down() == names(1, 2))
            task = task_of(engine)
            assert task is not None
            assert "1 of its ports, bound elsewhere, are cleared" in told(task)
            rig.nova.there[HOST.name] = ()
            task = await reach(engine, PortStage.DONE)
            assert incident_of(engine).phase is Phase.DOWN
            assert told(task)[-1] == "none of its ports has a data_plane_status of ours"

    story(main)


def test_a_port_that_was_down_before_is_never_cleared() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        neutron.said["p-vm-1"] = "DOWN"
        neutron.said["p-vm-2"] = "ACTIVE"
        async with rig.running() as engine:
            await accuse(rig, engine)
            task = await reach(engine, PortStage.MARKED)
            assert set(task.ours) == names(0, 2)
            assert "; 1 more are left as they were" in told(task)[-1]
            await give_back(rig, engine)
            await over(engine)
            await reach(engine, PortStage.DONE)
            assert neutron.is_down() == names(1)

    story(main)


def test_a_port_of_which_somebody_has_said_another_thing_since_is_left() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        async with rig.running() as engine:
            await accuse(rig, engine)
            await reach(engine, PortStage.MARKED)
            neutron.said["p-vm-0"] = "ACTIVE"
            neutron.gone.add("p-vm-1")
            await comes(lambda: (task := task_of(engine)) is not None and len(task.ours) == 1)
            assert neutron.said["p-vm-0"] == "ACTIVE"
            assert not [one for one in neutron.asked if one.startswith("clear")]

    story(main)


def test_an_evacuation_waits_for_nothing_of_this() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        neutron.call_s = 60.0
        rig.nova.rebuilds.there.setdefault("cmp-9", ())
        async with rig.running() as engine:
            await accuse(rig, engine)
            began = asyncio.get_running_loop().time()
            await until(engine, Phase.DOWN)
            assert asyncio.get_running_loop().time() - began < 60.0

    story(main)


def test_where_neutron_does_not_offer_it_that_is_told_and_nothing_is_done() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        neutron.offers = False
        async with rig.running() as engine:
            await accuse(rig, engine)
            task = await reach(engine, PortStage.DONE)
            assert told(task)[-1] == (
                "Neutron does not offer data-plane-status: nothing is said of its ports"
            )
            await asyncio.sleep(100)
            assert neutron.asked == []

    story(main)


def test_without_being_asked_for_it_nothing_is_done() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(100)
            assert (neutron.asked, neutron.lists, task_of(engine)) == ([], 0, None)
            assert (await Operators(engine).explain(HOST))["ports"] is None

    story(main, policy=PortPolicy())


def test_a_host_whose_flag_was_cleared_by_hand_is_back_once_its_incident_is_closed() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        async with rig.running() as engine:
            await accuse(rig, engine)
            await reach(engine, PortStage.MARKED)
            rig.nova.down.discard(HOST.name)
            await asyncio.sleep(100)
            assert neutron.is_down() == names(0, 1, 2)
            await Operators(engine).order(HOST, Order.CLOSE, "ann", "it was repaired")
            await over(engine)
            await reach(engine, PortStage.DONE)
            assert neutron.is_down() == set()

    story(main)


def test_a_host_that_dies_again_is_marked_again() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        async with rig.running() as engine:
            await accuse(rig, engine)
            first = await reach(engine, PortStage.MARKED)
            again = replace(incident_of(engine), refences=1)
            engine.desk.cases[HOST].incident = again
            engine.portkeeper.heed(None, again)
            await comes(lambda: (t := task_of(engine)) is not None and t.round == 1)
            second = await reach(engine, PortStage.MARKED)
            assert (first.round, second.round, second.ours) == (0, 1, first.ours)
            assert neutron.is_down() == names(0, 1, 2)

    story(main)


def test_only_a_list_that_was_asked_for_since_shows_that_a_host_is_back() -> None:
    async def main(rig: Rig, _: BenchNeutron) -> None:
        early = rig.clock.now()
        fleet = await rig.nova.fleet()
        late = rig.clock.now()
        assert is_back(HOST, fleet, early.plus(-1.0))
        assert not is_back(HOST, fleet, late)
        unlisted = HostId("default", "cmp-77")
        assert is_back(unlisted, fleet, late)
        assert not is_back(unlisted, Fleet(fleet.services, blind=True), late)
        assert not is_back(unlisted, Fleet(fleet.services, frozenset({"cmp-77"})), late)
        assert not is_back(HOST, Fleet({}), early)

    story(main)


def test_what_is_not_configured_any_more_is_not_marked() -> None:
    async def main(rig: Rig, _: BenchNeutron) -> None:
        async with rig.running() as engine:
            await Operators(engine).arm("ann", "go")
            assert off_limits(engine.ward, HOST) == ""
            rig.ports = PortPolicy()
        async with rig.running() as engine:
            why = off_limits(engine.ward, HOST)
            assert why == "`data_plane_status` is not configured any more"

    story(main, policy=MARKING)
