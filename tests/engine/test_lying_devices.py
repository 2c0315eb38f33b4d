"""Devices that lie: proof is never given wrongly where a second device or a sign of life is (B1).

Each liar is a device of the rig that says what its story wants. `rig.truth` is the host: whatever a
device says, a proof of a host that is on is a failure. The last tests are of those that are right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from itertools import chain, cycle, repeat

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import Device, Level, Mode
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Identity, Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Permit
from tests.engine.instruments import HOST, UUID, ScriptedDevice
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.simulation.virtual import VirtualClock, run

BMC = Device("bmc", "redfish", UUID, tells_host=True)
ILO = Device("ilo", "ipmi", UUID, tells_host=True)
PDU = Device("pdu", "outlet", UUID)
ON, OFF, UNKNOWN = Power.ON, Power.OFF, Power.UNKNOWN


class Truth:
    """How the host really is."""

    on = True


class Teller(ScriptedDevice):
    """Says what its story has; `cuts_truly`: whether a cut by it takes the power."""

    def __init__(
        self,
        name: str,
        clock: VirtualClock,
        truth: Truth,
        story: Iterator[Power] | None = None,
        *,
        cuts_truly: bool = True,
    ) -> None:
        super().__init__(name, clock)
        self.truth, self.story, self.cuts_truly = truth, story, cuts_truly
        self.dead_when_off = self.silent = False
        self.uuids: Iterator[str] = repeat(UUID)

    async def identify(self) -> Identity:
        await self._answering()
        self.identities += 1
        return Identity(next(self.uuids))

    async def read(self) -> Reading:
        asked_at = self.clock.now()
        await self._answering()
        self.reads += 1
        told = next(self.story) if self.story else (ON if self.truth.on else OFF)
        if told is UNKNOWN:
            raise Temporary("500")
        return Reading(told, told.value, asked_at, self.clock.now())

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        await self._answering()
        self.cuts += 1
        self.began.set()
        if self.cuts_truly:
            self.truth.on = False
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome.ACCEPTED
        return outcome, outcome.value

    async def _answering(self) -> None:
        if self.silent or (self.dead_when_off and not self.truth.on):
            await asyncio.sleep(10.0)
            raise Temporary("no answer")
        await asyncio.sleep(self.call_s)


class Bench:
    """A rig whose devices tell stories."""

    def __init__(self, *levels: Level, mode: Mode = Mode.FENCE) -> None:
        self.rig = Rig(levels=(*levels, Level(())), mode=mode)
        self.truth = Truth()
        self.tellers = {name: Teller(name, self.rig.clock, self.truth) for name in self.rig.devices}
        self.rig.devices.update(self.tellers)
        self.ends: list[Incident] = []

    def lies(self, name: str, story: Iterator[Power]) -> Teller:
        """Have a device tell a story, and cut nothing."""
        teller = self.tellers[name]
        teller.story, teller.cuts_truly = story, False
        return teller

    def go(
        self, phase: Phase, story: Callable[[Engine], Coroutine[None, None, None]] | None = None
    ) -> Incident:
        """Accuse the host and wait for the end; see that no living host is ever proven off."""

        async def main() -> None:
            async with self.rig.running() as engine:
                judge = asyncio.create_task(self._judge(engine))
                await accuse(self.rig, engine)
                if story:
                    await story(engine)
                await until(engine, phase, limit_s=900.0)
                self.ends.append(incident_of(engine))
                if judge.done():
                    judge.result()
                judge.cancel()

        run(main())
        assert self.rig.bugs == []
        return self.ends[-1]

    async def _judge(self, engine: Engine) -> None:
        while True:
            await asyncio.sleep(0.01)
            case = next(iter(engine.desk.cases.values()), None)
            if case is not None and case.incident.proof is not None:
                assert not self.truth.on, "a host that is on was proven off"


def held(end: Incident) -> str:
    """See that a human is asked, and Nova told nothing; return why."""
    assert end.held is not None
    assert end.proof is None
    return "\n".join(entry.text for entry in end.timeline)


LIES: dict[str, Callable[[], Iterator[Power]]] = {
    "off at once": lambda: repeat(OFF),
    "off, and on for one reading": lambda: cycle((OFF, OFF, OFF, ON)),
    "on, and off for ever": lambda: chain(repeat(ON, 3), repeat(OFF)),
}


@pytest.mark.parametrize("lie", LIES)
def test_b1_a_liar_is_contradicted_by_the_device_of_another_level(lie: str) -> None:
    """Its level is given up, and the second one proves what is true."""
    bench = Bench(Level((BMC,)), Level((ILO,)))
    bench.lies("bmc", LIES[lie]())
    end = bench.go(Phase.DOWN)
    assert bench.tellers["ilo"].cuts == 1
    assert end.proof is not None
    assert [part.device for part in end.proof.devices] == ["ilo"]


@pytest.mark.parametrize("lie", LIES)
def test_b1_a_liar_is_contradicted_by_a_device_of_its_own_level(lie: str) -> None:
    bench = Bench(Level((BMC, PDU)))
    bench.lies("bmc", LIES[lie]())
    bench.lies("pdu", repeat(ON))
    assert "not off 30 s after the cut" in held(bench.go(Phase.HELD))


@pytest.mark.parametrize(
    "story", [(OFF, ON), (OFF, OFF, ON), (OFF, UNKNOWN), (OFF, OFF, UNKNOWN), (UNKNOWN,)]
)
def test_b1_a_device_that_flips_or_says_off_between_errors_proves_nothing(
    story: tuple[Power, ...],
) -> None:
    bench = Bench(Level((BMC,)))
    bench.lies("bmc", cycle(story))
    assert "not off 30 s after the cut" in held(bench.go(Phase.HELD))


def test_b1_a_sign_of_life_contradicts_a_liar() -> None:
    """No second device: what another source hears after the cut is what there is."""
    bench = Bench(Level((BMC,)))
    teller = bench.lies("bmc", repeat(OFF))
    teller.call_s = 0.5

    async def lives(engine: Engine) -> None:
        await teller.began.wait()
        await engine.desk.submit([bench.rig.evidence(Verdict.UP)])

    assert "heard alive after the cut" in held(bench.go(Phase.HELD, lives))


def test_b1_nova_compute_that_reports_on_contradicts_a_liar() -> None:
    """It reports every ten seconds: a hold that is longer cannot miss it."""
    bench = Bench(Level((replace(BMC, hold_s=12.0),)))
    teller = bench.lies("bmc", repeat(OFF))

    async def reports(engine: Engine) -> None:
        await teller.began.wait()
        bench.rig.nova.running.add(HOST.name)

    assert "heard alive after the cut" in held(bench.go(Phase.HELD, reports))


def test_b5_another_chassis_is_never_cut_and_one_that_turns_up_later_proves_nothing() -> None:
    other = "00000000-0000-4000-8000-00000000000f"
    bench = Bench(Level((BMC,)))
    teller = bench.lies("bmc", repeat(OFF))
    teller.uuids = repeat(other)
    assert f"answers for {other}" in held(bench.go(Phase.HELD))
    assert teller.cuts == 0


def test_b2_a_device_that_hangs_leads_to_the_next_level() -> None:
    bench = Bench(Level((BMC,)), Level((PDU,)))
    bench.tellers["bmc"].silent = True
    end = bench.go(Phase.DOWN)
    assert end.proof is not None
    assert (bench.tellers["bmc"].cuts, bench.tellers["pdu"].cuts) == (0, 1)


def test_b3_a_bmc_that_loses_power_with_its_host_leads_to_the_next_level() -> None:
    bench = Bench(Level((BMC,)), Level((PDU,)))
    bench.truth.on = False
    bench.tellers["bmc"].dead_when_off = True
    end = bench.go(Phase.DOWN)
    assert [part.device for part in end.proof.devices if end.proof] == ["pdu"]  # type: ignore[union-attr] # it is down


def test_b3_without_another_level_a_human_is_asked() -> None:
    bench = Bench(Level((BMC,)))
    bench.truth.on = False
    bench.tellers["bmc"].dead_when_off = True
    end = bench.go(Phase.HELD)
    assert "only a human can tell" in held(end)
    assert end.held is not None
    assert "confirm-off" in end.held.frees


def test_b4_one_supply_of_two_is_not_off() -> None:
    bench = Bench(Level((Device("a", "outlet", UUID), Device("b", "outlet", UUID))))
    bench.lies("a", repeat(OFF))
    bench.lies("b", repeat(ON))
    assert "not off" in held(bench.go(Phase.HELD))


def test_b7_a_cut_that_is_accepted_and_not_done_leads_to_the_next_level() -> None:
    bench = Bench(Level((BMC,)), Level((PDU,)))
    bench.tellers["bmc"].cuts_truly = False
    end = bench.go(Phase.DOWN)
    assert end.proof is not None
    assert bench.tellers["bmc"].cuts == 2
    assert bench.tellers["pdu"].cuts == 1


def test_b8_already_off_and_refused_is_proven_by_what_is_read() -> None:
    bench = Bench(Level((BMC,)))
    bench.truth.on = False
    bench.tellers["bmc"].outcomes = [Outcome.REFUSED]  # 409: it is off already
    end = bench.go(Phase.DOWN)
    assert end.proof is not None
    assert bench.tellers["bmc"].cuts == 1


def test_b7_a_late_off_and_a_lost_answer_are_proven_by_what_is_read() -> None:
    bench = Bench(Level((BMC,)), Level((ILO,)))
    bench.tellers["bmc"].outcomes = [Outcome.UNKNOWN]
    bench.tellers["bmc"].story = chain(repeat(ON, 20), repeat(OFF))
    end = bench.go(Phase.DOWN)
    assert end.proof is not None
    assert [part.device for part in end.proof.devices] == ["bmc"]
