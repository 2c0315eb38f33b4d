"""The daemon stands still, or its wall clock is stepped, and it notices before it acts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import cast

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import Mode
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from tests.engine.rig import HOST, Rig, accuse, incident_of, until
from tests.simulation.virtual import VirtualLoop, run


def freeze(seconds: float) -> None:
    """Stop the process for a time, as SIGSTOP does."""
    cast("VirtualLoop", asyncio.get_running_loop()).freeze(seconds)


def value(rig: Rig, name: str) -> float:
    return rig.metrics.registry.get_sample_value(name) or 0.0


@pytest.mark.parametrize("after_s", [2.0, 9.95, 10.05])
def test_a12_a_pause_is_noticed_before_anything_is_cut(after_s: float) -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(after_s)
            freeze(60.0)
            woke_at = rig.clock.now()
            await asyncio.sleep(9.0)
            assert rig.device.cuts == 0, "its grace begins anew"
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.FORCING_DOWN)
            assert rig.device.cuts == 1
            cut_at = incident_of(engine).cut_started
            assert cut_at is not None
            assert cut_at.since(woke_at) >= 10.0
            assert value(rig, "doctor_pauses_total") == 1

    run(main())
    assert rig.bugs == []


def test_a12_what_is_heard_after_the_pause_counts() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(10.05)
            freeze(60.0)
            await asyncio.sleep(5.0)
            await engine.desk.submit([rig.evidence(Verdict.UP)])
            assert HOST not in engine.desk.cases or incident_of(engine).phase is Phase.DISMISSED
            await asyncio.sleep(60.0)
            assert rig.device.cuts == 0

    run(main())


def test_a12_a_permit_does_not_outlive_a_pause() -> None:
    """The pause comes between the save of the decision and the call: a new try is begun."""
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await Operators(engine).order(HOST, Order.FENCE, "ann", "now")
            rig.disk.commit_s = 0.5
            while not (attempt := incident_of(engine).fencing) or attempt.go_at is None:
                await asyncio.sleep(0.01)
                writing = rig.disk.writing
                head = writing.head if writing else None
                if head and head.fencing and head.fencing.go_at:
                    freeze(20.0)
                    break
            await asyncio.sleep(0.6)
            assert rig.device.cuts == 0
            await until(engine, Phase.FORCING_DOWN)
            assert rig.device.cuts == 1
            texts = [entry.text for entry in incident_of(engine).timeline]
            assert any("stood still" in text for text in texts)

    run(main())
    assert rig.bugs == []


_ORDERS: dict[str, Callable[[Engine], Coroutine[None, None, object]]] = {
    "confirm-off": lambda e: Operators(e).order(HOST, Order.CONFIRM_OFF, "ann", "off", 600.0),
    "fence": lambda e: Operators(e).order(HOST, Order.FENCE, "ann", "now"),
    "arm": lambda e: Operators(e).arm("ann", "go"),
    "release-hosts": lambda e: e.masskeeper.release(3, "ann", "all dead", 600.0),
}


@pytest.mark.parametrize("name", _ORDERS)
def test_a12_an_order_that_lay_unread_over_a_pause_is_not_followed(name: str) -> None:
    """Whoever gave it has heard of no answer, and may have switched the host on since."""
    rig = Rig(mode=Mode.OBSERVE)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.HELD)
            before = incident_of(engine), engine.ward.armed, engine.ward.lookout.passes
            freeze(60.0)
            with pytest.raises(Temporary, match="stood still until a moment ago"):
                await _ORDERS[name](engine)
            after = incident_of(engine), engine.ward.armed, engine.ward.lookout.passes
            assert after == before
            await asyncio.sleep(2.5)
            await _ORDERS[name](engine)

    run(main())
    assert rig.bugs == []


def test_a12_what_makes_the_daemon_more_careful_is_taken_at_any_time() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            operators = Operators(engine)
            freeze(60.0)
            await operators.disarm("ann", "stop")
            await operators.maintain(HOST, "ann", "new disk", 600.0)
            assert not engine.ward.armed.on
            await operators.order(HOST, Order.DISMISS, "ann", "it lives")
            assert HOST not in engine.desk.cases or incident_of(engine).phase is Phase.DISMISSED

    run(main())
    assert rig.bugs == []


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 1e6])
def test_i13_a_step_of_the_wall_clock_changes_no_decision(step_s: float) -> None:
    """The same story with and without the step: only the wall times differ."""

    def told(step_s: float) -> list[tuple[float, str]]:
        rig, story = Rig(), list[tuple[float, str]]()

        async def main() -> None:
            async with rig.running() as engine:
                await accuse(rig, engine)
                await asyncio.sleep(3.0)
                rig.clock.wall_offset_s += step_s
                await until(engine, Phase.DOWN)
                entries = incident_of(engine).timeline
                story.extend((round(entry.at.boot_s, 2), entry.text) for entry in entries)
                noticed = value(rig, "doctor_clock_steps_total")
                assert noticed == (1 if step_s else 0)

        run(main())
        assert rig.bugs == []
        return story

    assert told(step_s) == told(0.0)


def test_i13_how_often_a_host_came_back_is_counted_as_before() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            engine.ward.lookout.came_back(HOST, rig.clock.now().plus(-80_000))
            assert engine.ward.context(HOST).returns == 1
            rig.clock.wall_offset_s += 7200.0
            await asyncio.sleep(6.0)
            assert engine.ward.context(HOST).returns == 1
            rig.clock.wall_offset_s -= 90_000.0
            await asyncio.sleep(6.0)
            assert engine.ward.context(HOST).returns == 1

    run(main())


def since_s(rig: Rig, engine: Engine) -> float:
    """Return since when it listens, in seconds, as a decision sees it."""
    context = engine.ward.context(HOST)
    assert context.repeated_at is not None
    return context.repeated_at.plus(-rig.policy.evidence_age_s).boot_s


def test_a10_words_are_to_be_said_again_since_the_last_pause() -> None:
    async def main() -> None:
        rig = Rig()
        async with rig.running() as engine:
            began_s = rig.clock.now().boot_s
            await asyncio.sleep(10)
            assert since_s(rig, engine) == pytest.approx(began_s, abs=1.0)
            freeze(30)
            await asyncio.sleep(5)
            assert since_s(rig, engine) == pytest.approx(began_s + 40, abs=1.0)

    run(main())
