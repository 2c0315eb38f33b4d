"""A host that goes to Nova's MAINTENANCE and is back: told once two polls agree, exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.upkeep import Turn, Upkeep
from doctor_daemon.engine.caretaker import POLLS, REST_S
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change, NoticeRow
from tests.engine.consumers import ScriptedConsumer
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import comes
from tests.engine.rig import Rig, SlowDisk, accuse, incident_of, server, until
from tests.simulation.virtual import run

POLL_S = 30.0
"""The rig's pace; and as long as it takes to be shown twice, saved and told."""
SOON_S = POLLS * POLL_S + 1.0
KIND = "maintenance"


def told(consumer: ScriptedConsumer, project: str = "") -> list[NoticeRow]:
    return [row for _, row in consumer.heard if (row.kind, row.project) == (KIND, project)]


def texts(rig: Rig) -> list[str]:
    return [row.body.partition('"text": "')[2].rstrip('"}') for row in told(rig.consumer)]


def turns(rig: Rig) -> list[Turn]:
    """Return what operators heard, in order."""
    return [Turn.BEGUN if "has disabled" in text else Turn.ENDED for text in texts(rig)]


async def seen(rig: Rig, change: Callable[[], object]) -> None:
    """Let the map be filled and what was told rest; change something; and let it be seen."""
    await asyncio.sleep(REST_S)
    change()
    await asyncio.sleep(SOON_S)


def test_it_is_told_when_it_begins_and_when_it_ends() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running():
            await seen(rig, lambda: rig.nova.disabled.update({HOST.name: "new memory"}))
            assert texts(rig) == ["somebody has disabled cmp-1 in Nova: new memory"]
            await asyncio.sleep(10 * POLL_S)
            assert turns(rig) == [Turn.BEGUN]
            await seen(rig, rig.nova.disabled.clear)
            assert turns(rig) == [Turn.BEGUN, Turn.ENDED]
            for project in ("red", "blue"):
                assert rig.consumer.kinds(project) == [KIND, KIND]
            begun, ended = told(rig.second)
            assert (begun.incident, begun.host) == (ended.incident, HOST)
            assert begun.evidence_at is None
            await seen(rig, lambda: rig.nova.disabled.update({HOST.name: "again"}))
            assert told(rig.second)[-1].incident != begun.incident

    run(main())
    assert rig.bugs == []


def test_a_host_that_is_disabled_when_it_is_seen_first_is_told() -> None:
    rig = Rig()
    rig.nova.disabled = {OTHER.name: ""}

    async def main() -> None:
        async with rig.running():
            await asyncio.sleep(SOON_S)
            assert texts(rig) == ["somebody has disabled cmp-2 in Nova"]

    run(main())


@pytest.mark.parametrize("between", ["", "enabled"])
def test_a_restart_neither_repeats_nor_loses_it(between: str) -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running():
            await seen(rig, lambda: rig.nova.disabled.update({HOST.name: "new memory"}))
        if between:
            rig.nova.disabled.clear()
        async with rig.running():
            await asyncio.sleep(2 * SOON_S)
        expected = [Turn.BEGUN, Turn.ENDED] if between else [Turn.BEGUN]
        assert turns(rig) == expected
        assert len({row.incident for row in told(rig.consumer)}) == 1

    run(main())


def test_a_disable_of_ours_is_not_told() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(SOON_S)
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(2 * SOON_S)
            assert told(rig.consumer) == []
            rig.nova.disabled = {OTHER.name: "doctor-daemon:cafe: by an earlier incident"}
            await asyncio.sleep(2 * SOON_S)
            assert told(rig.consumer) == []

    run(main())


def test_a_host_with_an_open_incident_is_left_to_that_and_told_of_afterwards() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(SOON_S)
            await engine.desk.submit([rig.evidence()])
            rig.nova.disabled = {HOST.name: "I look after it"}
            await until(engine, Phase.HELD)
            await asyncio.sleep(2 * SOON_S)
            assert told(rig.consumer) == []
            await Operators(engine).order(HOST, Order.DISMISS, "ann", "I look after it")
            await asyncio.sleep(SOON_S)
            assert turns(rig) == [Turn.BEGUN]

    run(main())


def test_in_a_dry_run_nobody_hears_and_nothing_counts_as_told() -> None:
    rig = Rig(mode=Mode.OBSERVE)
    rig.nova.disabled = {HOST.name: "new memory"}

    async def main() -> None:
        async with rig.running():
            await asyncio.sleep(SOON_S)
        assert told(rig.consumer) == []
        rig.mode = Mode.NOTIFY
        async with rig.running():
            await asyncio.sleep(SOON_S)
        assert turns(rig) == [Turn.BEGUN]

    run(main())


def test_a_save_that_fails_is_tried_until_it_is_saved() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running():
            await seen(rig, lambda: None)
            rig.disk.failures = 3
            await seen(rig, lambda: rig.nova.disabled.update({HOST.name: "new memory"}))
            assert turns(rig) == [Turn.BEGUN]
            assert rig.disk.failures == 0
            value = rig.metrics.registry.get_sample_value
            assert value("doctor_store_faults_total") == 3

    run(main())


class LosingDisk(SlowDisk):
    """Saves notices of maintenance, and says once that it has not."""

    def __init__(self) -> None:
        super().__init__()
        self.losses = 1

    async def commit(self, change: Change, *, term: int) -> None:
        await super().commit(change, term=term)
        if change.upkeep and self.losses:
            self.losses -= 1
            msg = "no answer from the disk"
            raise Temporary(msg)


def test_a_save_that_only_seemed_to_fail_is_told_once() -> None:
    rig = Rig(disk=LosingDisk())

    async def main() -> None:
        async with rig.running():
            await seen(rig, lambda: rig.nova.disabled.update({HOST.name: "new memory"}))
            await asyncio.sleep(2 * SOON_S)
            assert turns(rig) == [Turn.BEGUN]
            await seen(rig, rig.nova.disabled.clear)
            assert turns(rig) == [Turn.BEGUN, Turn.ENDED]
            assert len({row.incident for row in told(rig.consumer)}) == 1

    run(main())


def test_an_incident_that_opens_meanwhile_is_numbered_and_told_after_it() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(SOON_S)
            rig.disk.commit_s = 2.0
            rig.nova.disabled = {HOST.name: "new memory"}
            await comes(lambda: HOST in engine.ward.telling)
            await asyncio.gather(engine.desk.submit([rig.evidence()]))
            await asyncio.sleep(5)
            heard = [row for _, row in rig.consumer.heard]
            assert [row.kind for row in heard if not row.project] == [KIND, "suspected"]
            assert [row.sequence for row in heard] == sorted(row.sequence for row in heard)
            assert len({row.sequence for row in heard}) == len(heard)

    run(main())


def test_an_incident_that_opens_meanwhile_decides_after_it() -> None:
    """What it takes of the budget is reserved in the step that decides it, and nothing between."""
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(SOON_S)
            rig.disk.commit_s = 2.0
            rig.nova.disabled = {HOST.name: "new memory"}
            await comes(lambda: HOST in engine.ward.telling)
            first = asyncio.create_task(engine.desk.submit([rig.evidence()]))
            await asyncio.sleep(0.5)
            await asyncio.gather(first, engine.desk.submit([rig.evidence()]))
            assert incident_of(engine).version == 1, "both are of the one step that waited"

    run(main())


def test_what_was_told_is_what_is_saved() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running():
            await seen(rig, lambda: rig.nova.disabled.update({HOST.name: ""}))
        (saved,) = (await rig.disk.load()).upkeep
        assert (saved.host, saved.turn) == (HOST, Turn.BEGUN)
        assert saved.id == told(rig.consumer)[0].incident

    run(main())


def test_a_host_that_nova_says_nothing_of_is_as_it_was() -> None:
    rig = Rig()
    earlier = Upkeep(HOST, IncidentId("u-1"), Turn.BEGUN, Instant("boot-1", 0.0, 0.0))

    async def main() -> None:
        term = await rig.disk.open()
        gone = Upkeep(OTHER, IncidentId("u-2"), Turn.ENDED, earlier.at)
        await rig.disk.commit(Change(upkeep=(earlier, gone)), term=term)
        rig.nova.disabled = {HOST.name: "still"}
        rig.nova.there[OTHER.name] = (server(9, "red"),)
        async with rig.running():
            await asyncio.sleep(2 * SOON_S)
        assert told(rig.consumer) == []

    run(main())


def test_whoever_heard_of_the_beginning_hears_of_the_end_though_its_servers_have_left() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await seen(rig, lambda: rig.nova.disabled.update({HOST.name: "new memory"}))
            hostmap = engine.ward.hostmap
            for one in rig.nova.there.pop(HOST.name):
                hostmap.change([(one, OTHER.name)], hostmap.as_of_wall_s)
        async with rig.running():  # and over a restart
            await seen(rig, rig.nova.disabled.clear)
            assert turns(rig) == [Turn.BEGUN, Turn.ENDED]
            assert rig.consumer.kinds("red") == rig.consumer.kinds("blue") == [KIND, KIND]
        (saved,) = (await rig.disk.load()).upkeep
        assert (saved.turn, saved.heard) == (Turn.ENDED, ())

    run(main())
    assert rig.bugs == []
