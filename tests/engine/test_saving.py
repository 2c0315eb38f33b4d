"""What is saved when: before anything is done, and no more often than that."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import Conflict, Temporary
from doctor_daemon.ports import Change, NoticeRow
from tests.engine.consumers import ScriptedConsumer
from tests.engine.rig import HOST, Rig, SlowDisk, accuse, incident_of, until
from tests.simulation.virtual import run

QUICK = Policy(grace_s=1.0)


async def _found(rig: Rig, engine: Engine) -> Incident | None:
    return await rig.disk.find(incident_of(engine).id)


def test_what_is_seen_of_an_incident_is_what_is_saved() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            seen = set()
            for _ in range(400):
                incident = incident_of(engine)
                assert await _found(rig, engine) == incident
                seen.add(incident.phase)
                await asyncio.sleep(0.02)
            assert seen >= {Phase.SUSPECTED, Phase.FENCING, Phase.DOWN}

    run(main())
    assert rig.bugs == []


def test_the_answers_to_questions_are_saved_with_the_step_that_follows_from_them() -> None:
    """In the hold time the power is read three times, and nothing is written for that."""
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await rig.device.began.wait()
            await asyncio.sleep(0.3)
            cut = incident_of(engine)
            assert rig.device.reads == 1
            await asyncio.sleep(1.5)
            assert rig.device.reads == 2
            assert incident_of(engine) == cut
            await until(engine, Phase.DOWN)
            found = await _found(rig, engine)
            assert found is not None
            assert found.proof is not None
            (part,) = found.proof.devices
            assert len(part.readings) == 3

    run(main())


def test_the_power_is_read_while_the_end_of_the_cut_is_being_saved() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await rig.device.began.wait()
            rig.disk.commit_s = 1.0
            await asyncio.sleep(0.5)
            saved = incident_of(engine).fencing
            assert saved is not None
            assert saved.device("bmc").cut is None
            assert rig.device.reads == 1

    run(main())


def test_a_notice_is_not_kept_waiting_by_a_question() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            rig.disk.commit_s = 1.0
            rig.nova.looks = 0
            submitted = asyncio.create_task(accuse(rig, engine))
            await asyncio.sleep(1.9)
            assert HOST in engine.desk.cases
            assert rig.nova.looks == 0
            await submitted
            await asyncio.sleep(0.2)
            assert rig.consumer.kinds() == ["suspected"]
            assert rig.nova.looks == 1

    run(main())


def test_c1_nothing_is_changed_on_what_is_not_saved_however_many_questions_are_asked() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await rig.device.began.wait()
            await asyncio.sleep(0.15)
            rig.disk.failures = 10**6
            await asyncio.sleep(60)
            assert rig.device.reads >= 3
            assert rig.nova.puts == []
            assert incident_of(engine).phase is Phase.FENCING
            rig.disk.failures = 0
            await until(engine, Phase.DOWN)
            assert len(rig.nova.puts) == 1
            assert rig.device.cuts == 1

    run(main())


def test_a_crash_loses_answers_alone_and_they_are_asked_for_anew() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await rig.device.began.wait()
        await asyncio.sleep(1.5)
        cut, reads = incident_of(engine), rig.device.reads
        assert reads == 2
        await rig.crash(task)
        (saved,) = (await rig.disk.load()).incidents
        assert saved == cut
        async with rig.running() as engine:
            await until(engine, Phase.DOWN)
            assert rig.device.cuts == 1
            assert rig.device.reads >= reads + 3
            found = await _found(rig, engine)
            assert found is not None
            assert found.proof is not None

    run(main())
    assert rig.bugs == []


class Attentive(ScriptedConsumer):
    """A consumer to which a notice takes a turn of the loop, as it takes to write a request."""

    def __init__(self, rig: Rig) -> None:
        super().__init__("vnfm", rig.clock)
        self.call_s = 0.0
        self.begun: list[int] = []
        """How many questions had been asked of Nova when a notice was sent."""
        self._nova = rig.nova

    async def deliver(self, row: NoticeRow) -> None:
        await super().deliver(row)
        self.begun.append(self._nova.looks)


def test_a_notice_is_sent_before_what_is_due_is_begun() -> None:
    rig = Rig(policy=QUICK)
    rig.consumer = consumer = Attentive(rig)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(0.5)
            assert rig.nova.looks == 1
            assert consumer.begun[0] == 0

    run(main())


class Usurped(SlowDisk):
    """A disk that saves a cut, or upkeep, and does not say so; then somebody else takes it over."""

    async def commit(self, change: Change, *, term: int) -> None:
        await super().commit(change, term=term)
        if change.upkeep or (change.head is not None and change.head.cut_started is not None):
            await self.open()
            msg = "no answer from the disk"
            raise Temporary(msg)


async def ends_by_conflict(running: asyncio.Task[None]) -> None:
    await asyncio.wait((running,), timeout=600)
    assert running.done()
    ended = running.exception()
    assert isinstance(ended, ExceptionGroup)
    assert ended.subgroup(Conflict) is not None


def test_b10_what_was_saved_before_somebody_else_took_over_is_his_to_do() -> None:
    rig = Rig(policy=QUICK, disk=Usurped())

    async def main() -> None:
        engine = rig.engine()
        running = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await ends_by_conflict(running)

    run(main())
    assert rig.device.cuts == 0


def test_b10_upkeep_that_was_saved_before_somebody_else_took_over_is_his_to_tell() -> None:
    rig = Rig(policy=QUICK, disk=Usurped())

    async def main() -> None:
        running = asyncio.create_task(rig.engine().run())
        await asyncio.sleep(1.0)
        rig.nova.disabled = {HOST.name: "new memory"}
        await ends_by_conflict(running)
        assert [one.host for one in (await rig.disk.load()).upkeep] == [HOST]

    run(main())
    assert rig.consumer.heard == []
