"""I-17 beside the incidents: ports, reserves and storage have their records too."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from doctor_daemon.core.audit import Check, Part
from doctor_daemon.core.audit_tasks import LOST, NOT_SENT
from doctor_daemon.core.host import HostId, Mode
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.port_tasks import PortStage, PortTask
from doctor_daemon.core.ports import Said
from doctor_daemon.core.volume_tasks import TaskStage
from doctor_daemon.engine.task_audit import TaskAudit
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change
from tests.core.make import human_proof
from tests.engine import neutron as ports
from tests.engine import storage
from tests.engine.coming_back import give_back, over
from tests.engine.instruments import HOST, OTHER
from tests.engine.rig import Rig, SlowDisk, accuse
from tests.engine.volumes import BenchCinder
from tests.simulation.virtual import run

Record = dict[str, Any]


async def records(disk: SlowDisk, what: str) -> tuple[list[Record], list[Record]]:
    """Return the intents and the results of one kind of request, and check the chain."""
    page = await disk.audit(0, 1000)
    check = Check(page.anchor)
    for row in page.rows:
        check.take(row)
    check.end(page.last)
    found = [json.loads(row.body) for row in page.rows]
    found = [one for one in found if one["what"] == what]
    intents = [one for one in found if one["part"] == Part.INTENT]
    return intents, [one for one in found if one["part"] == Part.RESULT]


def told(record: Record) -> tuple[str, str, str]:
    return record["target"], record["outcome"], record.get("text", "")


class Unanswered(SlowDisk):
    """A disk of which some saves are not answered, and may be done or not."""

    what = ""
    part = Part.INTENT
    done = False
    times = 1

    async def commit(self, change: Change, *, term: int) -> None:
        hit = any(one.what == self.what and one.part is self.part for one in change.audit)
        if not hit or not self.times:
            await super().commit(change, term=term)
            return
        self.times -= 1
        if self.done:
            await super().commit(change, term=term)
        raise Temporary("no answer")


def test_each_port_that_is_marked_and_cleared_has_its_record() -> None:
    async def main(rig: Rig, neutron: ports.BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        rig.nova.there[OTHER.name] = ()
        neutron.answers = [(Said.REFUSED, "Neutron answered 403")]
        async with rig.running() as engine:
            await accuse(rig, engine)
            await ports.reach(engine, PortStage.MARKED)
            intents, results = await records(rig.disk, "mark down")
            assert [one["gates"] for one in intents] == [["off limits: open"]] * len(intents)
            assert all("proof of try 1" in one["proof"] for one in intents)
            assert all(one["host"] == "cmp-1" for one in intents)
            assert len(intents) == len(results)
            ended = {(one["outcome"], one.get("text", "")) for one in results}
            assert ("refused", "Neutron answered 403") in ended
            await give_back(rig, engine)
            await over(engine)
            await ports.reach(engine, PortStage.DONE)
            intents, results = await records(rig.disk, "clear")
            assert {one["target"] for one in intents} == {
                f"port {name}" for name in ports.names(0, 1, 2)
            }
            assert [one["outcome"] for one in results] == ["accepted"] * len(intents)

    ports.story(main)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("part", [Part.INTENT, Part.RESULT])
def test_a_save_that_was_not_answered_leaves_no_gap_and_no_number_twice(
    part: Part, *, done: bool
) -> None:
    async def main(rig: Rig, neutron: ports.BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        disk = Unanswered()
        disk.what, disk.part, disk.done = "mark down", part, done
        rig.disk = disk
        async with rig.running() as engine:
            await accuse(rig, engine)
            await ports.reach(engine, PortStage.MARKED)
        assert disk.times == 0
        intents, results = await records(disk, "mark down")
        assert {one["id"] for one in intents} == {one["id"] for one in results}
        targets = [f"port {name}" for name in sorted(ports.names(0, 1, 2))]
        ended = sorted(map(told, results))
        unsent = [one for one in ended if one[1:] == ("unsent", NOT_SENT)]
        assert len(unsent) == (2 if part is Part.INTENT else 0)
        assert {one[0] for one in ended if one[1] == "accepted"} == set(targets)
        assert neutron.is_down() == ports.names(0, 1, 2)

    ports.story(main)


def test_what_a_daemon_was_at_as_it_died_is_not_known_to_the_next() -> None:
    async def main(rig: Rig, neutron: ports.BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        disk = Unanswered()
        disk.what, disk.part, disk.times = "mark down", Part.RESULT, 1_000
        rig.disk = disk
        async with rig.running() as engine:
            await accuse(rig, engine)
            for _ in range(1_000):
                if neutron.is_down():
                    break
                await asyncio.sleep(0.1)
            assert neutron.is_down()
        disk.times = 0
        async with rig.running() as engine:
            await ports.reach(engine, PortStage.MARKED)
        intents, results = await records(disk, "mark down")
        assert {one["id"] for one in intents} == {one["id"] for one in results}
        assert ("unknown", LOST) in {told(one)[1:] for one in results}

    ports.story(main)


def test_each_request_about_storage_has_its_record() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(storage.NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            storage.die(cinder)
            await storage.reach(engine, TaskStage.DOWN)
            (intent,), (result,) = await records(rig.disk, "cinder disable")
            assert intent["id"] == result["id"] == "cinder task 1/1"
            assert intent["target"] == f"cinder-volume of {storage.NAME}"
            assert "proof of try 1" in intent["proof"]
            assert result["outcome"] == "achieved"

    storage.story(main)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("part", [Part.INTENT, Part.RESULT])
def test_a_save_about_storage_that_was_not_answered_is_made_up_for(
    part: Part, *, done: bool
) -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(storage.NAME)
        disk = Unanswered()
        disk.what, disk.part, disk.done = "cinder disable", part, done
        rig.disk = disk
        async with rig.running() as engine:
            await accuse(rig, engine)
            storage.die(cinder)
            await storage.reach(engine, TaskStage.DOWN)
        intents, results = await records(disk, "cinder disable")
        assert [one["id"] for one in intents] == [one["id"] for one in results]
        outcomes = [one["outcome"] for one in results]
        assert outcomes == (["unsent", "achieved"] if part is Part.INTENT else ["achieved"])

    storage.story(main)


class Full(Unanswered):
    """A disk that takes no more of ports once one was to be marked."""

    what = "mark down"
    full = False
    longest = 0

    async def commit(self, change: Change, *, term: int) -> None:
        self.longest = max(self.longest, len(change.audit))
        self.full = self.full or any(one.what == self.what for one in change.audit)
        if self.times and self.full and change.port_tasks:
            raise Temporary("disk full")
        await SlowDisk.commit(self, change, term=term)


def test_d9_what_a_full_disk_is_owed_does_not_grow() -> None:
    async def main(rig: Rig, neutron: ports.BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        disk = rig.disk = Full()
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(1_800)
            assert neutron.is_down() == set()
            disk.times = 0
            await ports.reach(engine, PortStage.MARKED)
        assert 0 < disk.longest <= 2 * len(ports.names(0, 1, 2))
        intents, results = await records(disk, "mark down")
        assert {one["id"] for one in intents} == {one["id"] for one in results}

    ports.story(main)


def test_numbers_are_kept_where_the_next_fencing_could_not_be_saved_either() -> None:
    async def main() -> None:
        rig = Rig()
        disk = rig.disk = Full()
        async with rig.running() as engine:
            audit, now = TaskAudit[HostId](engine.ward), rig.clock.now()
            kept = PortTask(HOST, IncidentId("one"), 0, now)

            def keep(after: PortTask) -> None:
                nonlocal kept
                if kept.fencing == after.fencing:
                    kept = replace(kept, journal=after.journal)

            for task, lines in (
                audit.begun(kept, [("mark down", "port 1")], "", None),
                (PortTask(HOST, IncidentId("one"), 1, now), ()),
            ):
                change = Change(port_tasks=(task,))
                with pytest.raises(Temporary):
                    await audit.save({HOST: task}, change, lines, keep)
            assert audit.owes(HOST, kept)
            _, (line,) = audit.begun(kept, [("clear", "port 9")], "", None)
            assert line.id == "one/ports/0/2"
            assert disk.full

    run(main())


def test_the_proof_of_another_incident_is_in_no_line() -> None:
    async def main() -> None:
        rig = Rig()
        async with rig.running() as engine:
            audit, now = TaskAudit[HostId](engine.ward), rig.clock.now()
            task = PortTask(HOST, IncidentId("one"), 0, now)
            for id_, proof in (("one", "vouched for"), ("two", "")):
                incident = Incident(IncidentId(id_), HOST, now, now, now, now)
                vouched = replace(incident, proof=human_proof(0))
                _, (line,) = audit.begun(task, [("clear", "port 9")], "", vouched)
                assert bool(line.proof) == bool(proof)

    run(main())
