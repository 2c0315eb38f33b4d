"""What is told of no maintenance, or not at once: faults, what comes and goes, broken plug-ins."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.notices import Notice
from doctor_daemon.core.upkeep import Turn
from doctor_daemon.engine.caretaker import POLLS, REST_S
from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.ports import Fleet
from tests.engine.consumers import ScriptedConsumer
from tests.engine.instruments import HOST, OTHER, ScriptedNova
from tests.engine.rig import Rig
from tests.engine.test_caretaker import POLL_S, SOON_S, seen, told, turns
from tests.simulation.virtual import VirtualClock, run


class DeadNova(ScriptedNova):
    """Shows every service as down, though nobody has forced it."""

    async def fleet(self) -> Fleet:
        shown = (await super().fleet()).services
        return Fleet({name: replace(one, state="down") for name, one in shown.items()})


def test_of_a_dead_host_that_is_disabled_no_maintenance_is_told() -> None:
    rig = Rig()
    there, rig.nova = rig.nova.there, DeadNova(rig.clock)
    rig.nova.there = there

    async def main() -> None:
        async with rig.running():
            await seen(rig, lambda: rig.nova.disabled.update({HOST.name: "it died"}))
            assert told(rig.consumer) == []

    run(main())


def test_of_a_host_whose_libvirt_is_gone_no_maintenance_is_told() -> None:
    rig = Rig()
    why = "AUTO: Connection to libvirt lost: 1"

    async def main() -> None:
        async with rig.running():
            await seen(rig, lambda: rig.nova.disabled.update({HOST.name: why}))
            assert rig.consumer.heard == []

    run(main())


class Picky(ScriptedConsumer):
    """A consumer's plug-in that knows no kind that was added after it was written."""

    def __init__(self, name: str, clock: VirtualClock, error: Exception) -> None:
        super().__init__(name, clock)
        self.error = error

    def render(self, notice: Notice, id_: str, sequence: int) -> str:
        if notice.kind is NoticeKind.MAINTENANCE:
            raise self.error
        return super().render(notice, id_, sequence)


@pytest.mark.parametrize("error", [Permanent("no such kind"), Conflict("no"), KeyError("no")])
def test_a_plug_in_that_cannot_tell_of_it_does_not_end_the_daemon(error: Exception) -> None:
    rig = Rig()
    rig.second = picky = Picky("ops", rig.clock, error)

    async def main() -> None:
        async with rig.running() as engine:
            await seen(rig, lambda: rig.nova.disabled.update({HOST.name: "new memory"}))
            assert engine.ended == ()
            assert rig.bugs == [error], "and it is not tried again at each poll"
            await engine.desk.submit([rig.evidence(host=OTHER)])
            await asyncio.sleep(1)
            assert rig.second.kinds() == ["suspected"]
            picky.error = Permanent("not asked before it has rested")
            await asyncio.sleep(REST_S + POLL_S)
            assert len(rig.bugs) == 2

    run(main())


def test_what_only_one_poll_has_shown_is_not_told() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running():
            await asyncio.sleep(SOON_S)
            for number in range(20):
                rig.nova.disabled = {} if number % 2 else {HOST.name: "and back"}
                await asyncio.sleep(POLL_S)
            assert told(rig.consumer) == []

    run(main())


def test_what_comes_and_goes_is_told_at_most_twice_in_ten_minutes() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running():
            await asyncio.sleep(SOON_S)
            for number in range(60):
                rig.nova.disabled = {} if number % 2 else {HOST.name: "and back"}
                await asyncio.sleep(POLLS * POLL_S)
            heard_s = [at_s for at_s, row in rig.consumer.heard if row.project == "red"]
            assert len(heard_s) > 2
            assert min(later - one for one, later in pairwise(heard_s[::2])) >= REST_S
            assert set(turns(rig)[::2]) == {Turn.BEGUN}, "and each beginning has its end"
            assert heard_s[1] - heard_s[0] < 2 * SOON_S, "which is told at once"

    run(main())
