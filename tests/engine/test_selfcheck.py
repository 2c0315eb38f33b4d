"""A daemon that may be cut off cuts nothing, and goes on when it is not."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.ourselves import OwnRules
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.operators import Operators
from tests.engine.own_side import ScriptedOwnSide
from tests.engine.rig import HOST, OTHER, Rig, accuse, incident_of, until
from tests.simulation.virtual import run


def bench() -> tuple[Rig, ScriptedOwnSide]:
    """Make a bench whose own side is looked after."""
    rig = Rig()
    rig.own = own = ScriptedOwnSide(rig.clock)
    return rig, own


def good(rig: Rig) -> float | None:
    return rig.metrics.registry.get_sample_value("doctor_own_side", {"sign": "reference"})


def test_a1_our_own_side_is_asked_as_soon_as_a_host_is_suspected() -> None:
    rig, own = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(1.0)
            await accuse(rig, engine)
            await asyncio.sleep(0.1)
            assert own.asked[-1] == {HOST}
            assert len(own.asked) == 2
            await until(engine, Phase.DOWN)
            texts = [entry.text for entry in incident_of(engine).timeline]
            assert not any("isolation" in text for text in texts)
            assert good(rig) == 1

    run(main())
    assert rig.bugs == []


@pytest.mark.parametrize("how", ["bad", "broken", "hangs"])
def test_a1_nothing_is_cut_while_we_may_be_cut_off_and_then_it_is_held(how: str) -> None:
    rig, own = bench()
    own.good, own.hangs = how != "bad", how == "hangs"
    own.bug = KeyError("bug") if how == "broken" else None

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            for _ in range(250):
                await asyncio.sleep(5.0)
                if incident_of(engine).phase is Phase.HELD:
                    break
                await engine.desk.submit([rig.evidence()])
            held = incident_of(engine).held
            assert held is not None
            assert held.gate == "isolation"
            assert rig.device.cuts == 0
            assert rig.nova.puts == []
            assert good(rig) == 0
            signs = Operators(engine).status()["own_side"]["checks"]
            assert [sign["good"] for sign in signs] == [False if how == "bad" else None]

    run(main())
    assert [type(bug) for bug in rig.bugs] == [KeyError] * (len(rig.bugs) if how == "broken" else 0)


def test_a1_it_goes_on_by_itself_when_we_are_back() -> None:
    rig, own = bench()
    own.good = False

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(60.0)
            assert incident_of(engine).phase is Phase.FENCING
            assert rig.device.cuts == 0
            own.good = True
            await until(engine, Phase.DOWN, limit_s=16.0)
            assert rig.device.cuts == 1

    run(main())
    assert rig.bugs == []


def test_b12_a_controller_is_held_and_one_that_is_told_late_is_waited_for() -> None:
    rig = Rig()
    rig.nova.control = {HOST.name: "nova-conductor"}
    rig.nova.fleet_s = 20.0

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(12.0)
            assert incident_of(engine).phase is Phase.FENCING
            assert "Nova has not shown yet" in incident_of(engine).timeline[-1].text
            await until(engine, Phase.HELD)
            held = incident_of(engine).held
            assert held is not None
            assert (held.gate, rig.device.cuts) == ("controller", 0)

    run(main())


def test_b12_one_controller_at_a_time() -> None:
    rig = Rig(mode=Mode.FENCE)
    rig.nova.control = {HOST.name: "nova-conductor", OTHER.name: "nova-scheduler"}
    rig.own_rules = OwnRules(control_fenced=True)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await engine.desk.submit([rig.evidence(host=OTHER)])
            await until(engine, Phase.HELD, OTHER)
            held = incident_of(engine, OTHER).held
            assert held is not None
            assert held.gate == "controller"
            assert "so is cmp-1, which is down already" in held.why
            assert rig.device.cuts == 1

    run(main())


def test_b12_ourselves_never() -> None:
    rig = Rig()
    rig.own_rules = OwnRules({HOST: "cmp-1 is this machine's name"}, control_fenced=True)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.HELD)
            held = incident_of(engine).held
            assert held is not None
            assert (held.gate, rig.device.cuts) == ("ourselves", 0)
            shown = Operators(engine).status()["own_side"]
            assert shown["hosts"] == {"cmp-1": "cmp-1 is this machine's name"}

    run(main())
