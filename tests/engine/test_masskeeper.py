"""Mass failure over a running daemon: what is counted, latched, let through, and kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.masses import Passage
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.views import standing
from doctor_daemon.errors import Permanent
from tests.engine.rig import HOST, OTHER, Rig, accuse, incident_of, until
from tests.simulation.virtual import run

QUICK = Policy(grace_s=2.0, budget_per_domain=9, budget_total=9, mass_cool_down_s=30.0)
BOTH = "all 2 hosts of the fleet look dead: we are wrong, and not all of them"


async def both(rig: Rig, engine: Engine) -> None:
    """Accuse the whole fleet, and let it come to the gate."""
    await accuse(rig, engine)
    await engine.desk.submit([rig.evidence(host=OTHER)])
    await asyncio.sleep(20)


def waiting(engine: Engine) -> set[str]:
    """Name the hosts that wait for the gate of mass failure."""
    found = (case.incident for case in engine.desk.cases.values())
    return {i.host.name for i in found if i.waiting and i.waiting.gate == "mass"}


def bench() -> Rig:
    return Rig(policy=QUICK, all_from=2)


def test_i9_if_all_hosts_look_dead_nothing_is_cut_and_all_is_told() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await both(rig, engine)
            assert rig.device.cuts == 0
            assert waiting(engine) == {"cmp-1", "cmp-2"}
            told = standing(engine.ward)["masses"]
            assert told == {
                "bad": 2,
                "latches": [{"scope": "fleet", "why": BOTH}],
                "passes": None,
            }
            for gauges in rig.metrics.before_scrape:
                gauges()
            value = rig.metrics.registry.get_sample_value
            assert value("doctor_hosts_bad") == 2
            assert value("doctor_mass_latches") == 1
            assert value("doctor_passes_left") == 0
            await until(engine, Phase.HELD, limit_s=1000)
            held = incident_of(engine).held
            assert held is not None
            assert held.gate == "mass"
            assert rig.device.cuts == 0

    run(main())


def test_a2_it_goes_on_once_that_has_been_over_for_a_while() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await both(rig, engine)
            await engine.desk.submit([rig.evidence(Verdict.UP, OTHER)])
            await asyncio.sleep(20)
            assert rig.device.cuts == 0
            assert waiting(engine) == {"cmp-1"}
            await until(engine, Phase.DOWN)
            assert rig.device.cuts == 1

    run(main())


def test_a4_a_human_lets_one_host_through_and_it_is_counted_down_over_a_restart() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await both(rig, engine)
            await engine.masskeeper.release(1, "ann", "the rack has no power", 600.0)
            told = standing(engine.ward)["masses"]["passes"]
            assert (told["left"], told["by"]) == (1, "ann")
            await asyncio.sleep(30)
            assert rig.device.cuts == 1
            assert len(waiting(engine)) == 1
            assert standing(engine.ward)["masses"]["passes"]["left"] == 0
        kept = await rig.disk.load()
        assert kept.masses.passes is not None
        (used,) = kept.passages
        assert used == Passage(used.host, kept.masses.passes.id, 1)
        async with rig.running() as second:
            await asyncio.sleep(30)
            assert rig.device.cuts == 1
            assert len(waiting(second)) == 1
            assert second.ward.lookout.latches
            await second.masskeeper.release(1, "ben", "this one, too", 600.0)
            await asyncio.sleep(30)
            assert rig.device.cuts == 2
            assert not waiting(second)

    run(main())


def test_a4_a_humans_word_expires() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await engine.masskeeper.release(5, "ann", "the rack has no power", 5.0)
            await engine.desk.submit([rig.evidence(host=OTHER)])
            await Operators(engine).disarm("ann", "wait")
            await asyncio.sleep(6)
            assert engine.ward.context(HOST).passes_left == 0
            assert standing(engine.ward)["masses"]["passes"] is None

    run(main())


def test_a4_who_is_held_by_then_goes_on_by_a_humans_word() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await both(rig, engine)
            await until(engine, Phase.HELD, limit_s=1000)
            await until(engine, Phase.HELD, OTHER, limit_s=1000)
            for host in (HOST, OTHER):
                await engine.desk.submit([rig.evidence(host=host)])
            await engine.masskeeper.release(1, "ann", "cmp-1 has no power", 60.0)
            await asyncio.sleep(30)
            assert rig.device.cuts == 1
            assert waiting(engine) in ({"cmp-1"}, {"cmp-2"})

    run(main())


@pytest.mark.parametrize(("count", "seconds"), [(0, 60.0), (1001, 60.0), (1, 0.0), (1, 14_401.0)])
def test_a13_a_humans_word_has_its_bounds(count: int, seconds: float) -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            with pytest.raises(Permanent):
                await engine.masskeeper.release(count, "ann", "why", seconds)
            assert engine.ward.lookout.passes is None

    run(main())


def test_a2_hosts_that_nova_shows_down_count_too_and_zones_are_domains() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(1.5)
            up, ward = engine.ward.shown[HOST.name], engine.ward
            down = replace(up, state="down", updated_s=up.updated_s + 1)
            ward.shown = {HOST.name: up, OTHER.name: down, "stranger": down}
            engine.masskeeper.count()
            assert ward.lookout.bad == 1
            ward.shown = {HOST.name: down, OTHER.name: down}
            engine.masskeeper.count()
            assert [latch.scope for latch in ward.context(HOST).latches] == ["fleet"]
            ward.lookout.zones = {HOST.name: "az-1", OTHER.name: "az-2"}
            engine.masskeeper.count()
            assert ward.lookout.scopes[OTHER] == ("fleet", "failure domain rack-1", "zone az-2")

    run(main())


def test_a2_the_latch_is_saved_as_soon_as_the_disk_takes_it() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await both(rig, engine)
            await engine.desk.submit([rig.evidence(Verdict.UP, OTHER)])
            await asyncio.sleep(25)
            assert len((await rig.disk.load()).masses.latches) == 1
            rig.disk.failures = 1
            await asyncio.sleep(20)
            assert (await rig.disk.load()).masses.latches == ()
            assert rig.metrics.registry.get_sample_value("doctor_store_faults_total") == 1

    run(main())
