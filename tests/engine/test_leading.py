"""Several daemons with one store: who stands by does nothing, and who led before does no more."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.standing_by import STANDING_BY
from doctor_daemon.errors import Conflict, LateError, Temporary
from tests.engine.instruments import HOST
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.engine.sharing import SharedDisk, two
from tests.engine.test_pauses import freeze
from tests.simulation.virtual import VirtualClock, run

SOON = Policy(grace_s=1.0)


def shared(rig: Rig) -> SharedDisk:
    assert isinstance(rig.disk, SharedDisk)
    return rig.disk


def test_b10_one_that_stands_by_takes_nothing_in_and_shows_what_the_other_saved() -> None:
    async def main() -> None:
        _, first, second = two(Rig(policy=SOON))
        async with first.running() as leader:
            await accuse(first, leader)
            aside = second.engine()
            task = asyncio.create_task(aside.run())
            await until(leader, Phase.DOWN)
            await asyncio.sleep(60)
            assert not aside.ready.is_set()
            assert aside.poller.ready.is_set(), "the cloud is known before it is needed"
            assert aside.ticked is not None, "systemd's watchdog is fed"
            with pytest.raises(Temporary, match=STANDING_BY):
                await aside.desk.submit([second.evidence()])
            status = Operators(aside).status()
            assert status["leadership"]["leader"] == "ctl-1"
            assert [row["phase"] for row in status["incidents"]] == ["down"]
            assert status["armed"]["on"]
            explained = await Operators(aside).explain(HOST)
            assert explained["incident"]["id"] == incident_of(leader).id
            aside.stop()
            await task
        assert first.device.cuts == 1
        assert first.bugs + second.bugs == []

    run(main())


def test_d7_another_takes_over_a_cut_that_is_under_way_and_reads_the_power_again() -> None:
    async def main() -> None:
        cluster, first, second = two(Rig(policy=SOON))
        engine = first.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        successor = second.engine()
        following = asyncio.create_task(successor.run())
        await accuse(first, engine)
        await until(engine, Phase.FORCING_DOWN)
        await first.crash(task)
        reads, puts = first.device.reads, len(first.nova.puts)
        first.clock.reboot()
        cluster.lead(None)
        await until(successor, Phase.DOWN)
        assert first.device.reads >= reads + 3, "a proof of another daemon's is taken again"
        assert first.device.cuts == 1
        assert len(first.nova.puts) <= puts + 1
        await Operators(successor).order(HOST, Order.RELEASE, "ann", "mended")
        successor.stop()
        await following

    run(main())


def test_a12_one_that_is_deposed_ends_and_sends_nothing_more() -> None:
    async def main() -> None:
        cluster, first, _ = two(Rig(policy=SOON))
        engine = first.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(first, engine)
        await until(engine, Phase.FENCING)
        cluster.lead(SharedDisk(cluster, "ctl-2"))
        cuts, puts = first.device.cuts, len(first.nova.puts)
        await asyncio.wait((task,))
        found = task.exception()
        assert isinstance(found, BaseExceptionGroup)
        assert found.subgroup(Conflict) is not None
        with pytest.raises(LateError):
            engine.ward.permit()
        assert (first.device.cuts, len(first.nova.puts)) == (cuts, puts)

    run(main())


def test_a12_before_each_effect_the_store_is_asked_and_silence_stops_it() -> None:
    async def main() -> None:
        _, first, _ = two(Rig(policy=SOON))
        async with first.running() as engine:
            await Operators(engine).arm("ann", "test")
            shared(first).unheard = True  # a frozen machine: its own clock says that it leads
            await engine.desk.submit([first.evidence()])
            await asyncio.sleep(30)
            assert incident_of(engine).phase is Phase.FENCING
            assert first.device.cuts == 0
            shared(first).unheard = False
            await until(engine, Phase.DOWN)
            asked = shared(first).asked
            assert asked >= 2, "once for the cut, and once for the force-down"

    run(main())


def test_i5_nothing_begins_once_the_lease_is_nearly_over() -> None:
    async def main() -> None:
        _, first, _ = two(Rig(policy=SOON))
        async with first.running() as engine:
            await Operators(engine).arm("ann", "test")
            shared(first).lasts_s = 0.0
            await engine.desk.submit([first.evidence()])
            await asyncio.sleep(30)
            assert first.device.cuts == 0
            assert incident_of(engine).phase is Phase.FENCING, "it waits, and is not held"
            with pytest.raises(LateError, match="etcd has not answered"):
                engine.ward.permit()
            shared(first).lasts_s = 0.25
            permit = engine.ward.permit()
            assert permit.not_after.since(first.clock.now()) <= 0.25
            await until(engine, Phase.DOWN)

    run(main())


def test_a_cut_that_cannot_be_confirmed_for_long_costs_no_try_and_holds_no_device() -> None:
    async def main() -> None:
        _, first, _ = two(Rig(policy=SOON))
        async with first.running() as engine:
            await Operators(engine).arm("ann", "test")
            shared(first).unheard = True
            await engine.desk.submit([first.evidence()])
            await until(engine, Phase.FENCING)
            await asyncio.sleep(120)  # much longer than a try may take
            assert not engine.ward.tools.device_turns.busy(f"{HOST}/bmc")
            shared(first).unheard = False
            await until(engine, Phase.DOWN)
            assert first.device.cuts == 1
            story = [entry.text for entry in incident_of(engine).timeline]
            assert not any("not off" in text for text in story), story

    run(main())


class Interrupted(SharedDisk):
    """A store of which one answer is taken after a pause of the process."""

    which = 0
    """The so manieth from now on."""
    woke_at: Instant | None = None

    async def confirm(self) -> None:
        await super().confirm()
        self.which -= 1
        if self.which == 0:
            freeze(60.0)
            self.woke_at = VirtualClock().now()
            await asyncio.sleep(0.1)  # the tick comes first
            raise LateError("the answer was taken too late")


@pytest.mark.parametrize("which", [1, 2])
def test_a12_a_pause_while_it_is_asked_who_leads_takes_the_cut_back(which: int) -> None:
    """Nothing has been sent yet: so the host has its whole grace again, and is looked at anew."""

    async def main() -> None:
        cluster, first, _ = two(Rig())
        disk = first.disk = Interrupted(cluster, "ctl-1")
        async with first.running() as engine:
            await accuse(first, engine)
            disk.which = which
            await asyncio.sleep(75.0)  # sixty of them in one
            await engine.desk.submit([first.evidence()])
            await until(engine, Phase.DOWN)
            cut_at = incident_of(engine).cut_started
            assert disk.woke_at is not None
            assert cut_at is not None
            assert cut_at.since(disk.woke_at) >= first.policy.grace_s
            assert first.device.cuts == 1

    run(main())


def test_e8_who_is_not_certain_to_lead_tells_consumers_nothing() -> None:
    async def main() -> None:
        _, first, _ = two(Rig(policy=SOON))
        async with first.running() as engine:
            await Operators(engine).arm("ann", "test")
            shared(first).lasts_s = 0.0
            await engine.desk.submit([first.evidence()])
            await asyncio.sleep(120)
            assert first.consumer.heard == []
            shared(first).lasts_s = 10.0
            await until(engine, Phase.DOWN)
            await asyncio.sleep(5)
            assert first.consumer.heard != []

    run(main())


def test_one_that_waits_for_the_word_that_it_leads_can_be_stopped() -> None:
    async def main() -> None:
        _, first, _ = two(Rig(policy=SOON))
        loop = asyncio.get_running_loop()
        async with first.running() as engine:
            await Operators(engine).arm("ann", "test")
            shared(first).unheard = True
            await engine.desk.submit([first.evidence()])
            await asyncio.sleep(30)
            began_s = loop.time()
        assert loop.time() - began_s < 5
        assert first.device.cuts == 0

    run(main())


def test_one_that_stands_by_ends_when_it_is_told_to() -> None:
    async def main() -> None:
        cluster, first, second = two(Rig(policy=SOON))
        cluster.lead(shared(first))
        engine = second.engine()
        task = asyncio.create_task(engine.run())
        await asyncio.sleep(5)
        engine.stop()
        await asyncio.wait_for(task, 5)
        assert cluster.leader is first.disk

    run(main())
