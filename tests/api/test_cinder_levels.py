"""Log levels that are raised for the time of an incident, and put back after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import ClassVar

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from doctor_daemon.controllers.cinder import Cinder
from doctor_daemon.core.log_levels import LogLevels, LogScope
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volumes import End
from doctor_daemon.engine.errand import Patience
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.volumes import Volumes
from tests.api.desk import NAMES
from tests.api.volumes import OPTIONS, QUICK, VolumeDesk, served_orders, volume_desk
from tests.engine.instruments import OTHER
from tests.engine.rig import Rig
from tests.lab.cinder_target import ALPHA, BETA, VOLUME
from tests.stores.values import volume_task

HOST = NAMES[0]
RAISE = {"binary": VOLUME, "prefix": "cinder", "level": "DEBUG", "until": HOST}
HASTY = replace(QUICK, quieting_every_s=0.01)


@asynccontextmanager
async def busy(lab: Lab, rig: Rig, patience: Patience = QUICK) -> AsyncIterator[VolumeDesk]:
    """Serve orders by a daemon that has something to see to about the storage of a host."""
    async with served_orders(lab, rig, patience=patience) as at:
        at.desk.engine.ward.stock.tasks[1] = volume_task(1)
        yield at


def hush(volumes: Volumes) -> None:
    """Let no report of a cinder-volume reach the database any more: it lives on, unasked."""
    row = volumes.row(BETA)
    row.beats_from_s, row.written_at_s = None, row.written_at_s - 3600.0


async def put_back(rig: Rig, number: int = 1) -> VolumeOrder:
    """Wait until levels were put back."""
    found: dict[int, VolumeOrder] = {}
    for _ in range(400):
        found = {one.number: one for one in (await rig.disk.load()).orders}
        if number in found and found[number].put_back is not None:
            return found[number]
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def test_raised_levels_are_put_back_once_nothing_of_the_host_is_open() -> None:
    rig = Rig()
    async with Lab(LabOptions(hosts=1, cinder=OPTIONS)) as lab:
        volumes = lab.cinder.volumes
        volumes.row(ALPHA).levels["cinder.volume"] = "ERROR"
        before = {name: dict(volumes.row(name).levels) for name in (ALPHA, BETA)}
        async with busy(lab, rig) as at:
            _, said = await at.order("set-log", **RAISE)
            assert (said["end"], said["until"], said["put_back"]) == ("achieved", HOST, "")
            assert set(volumes.row(ALPHA).levels.values()) == {"DEBUG"}
            await asyncio.sleep(0.3)
            assert set(volumes.row(BETA).levels.values()) == {"DEBUG"}
        # The next daemon finds nothing open any more.
        async with served_orders(lab, rig):
            order = await put_back(rig)
        assert order.put_back is not None
        assert order.put_back.text == "8 loggers are at the levels that they had before"
        assert {name: volumes.row(name).levels for name in (ALPHA, BETA)} == before


async def test_levels_that_could_not_be_read_before_are_not_raised() -> None:
    rig = Rig()
    async with Lab(LabOptions(hosts=1, cinder=OPTIONS)) as lab, busy(lab, rig) as at:
        lab.faults.add(Rule(service=Service.CINDER, do=Do.STATUS, path="*/get-log", times=None))
        _, said = await at.order("set-log", **RAISE)
        assert (said["end"], said["text"].startswith("nothing was sent: ")) == ("refused", True)
        assert set(lab.cinder.volumes.row(ALPHA).levels.values()) == {"INFO"}
        at.desk.engine.ward.stock.tasks.clear()
        order = await put_back(rig)
    assert order.put_back is not None
    assert order.put_back.text == "no level was changed"


async def test_levels_are_raised_only_until_something_that_there_is() -> None:
    async with volume_desk() as at:
        status, said = await at.order("set-log", **RAISE)
        assert (status, said["message"]) == (409, f"nothing of {HOST} is open: leave --until out")
        status, said = await at.order("set-log", **{**RAISE, "until": "nobody"})
        assert (status, said["field"]) == (422, "until")
        status, said = await at.order("freeze", host=ALPHA, until=HOST)
        assert (status, said["field"]) == (422, "'until'")


async def test_levels_that_cannot_be_put_back_are_tried_again() -> None:
    rig = Rig()
    async with Lab(LabOptions(hosts=1, cinder=OPTIONS)) as lab, busy(lab, rig) as at:
        await at.order("set-log", **RAISE)
        rule = Rule(service=Service.CINDER, do=Do.STATUS, path="*/set-log", times=1)
        lab.faults.add(rule)
        at.desk.engine.ward.stock.tasks.clear()
        order = await put_back(rig)
    assert order.put_back is not None
    assert order.put_back.text.endswith("are at the levels that they had before")


async def test_levels_that_cannot_be_put_back_at_all_are_told_so() -> None:
    rig = Rig()
    async with Lab(LabOptions(hosts=1, cinder=OPTIONS)) as lab, busy(lab, rig, HASTY) as at:
        await at.order("set-log", **RAISE)
        lab.faults.add(Rule(service=Service.CINDER, do=Do.STATUS, path="*/get-log", times=None))
        with capture_logs() as logs:
            at.desk.engine.ward.stock.tasks.clear()
            order = await put_back(rig)
            await asyncio.sleep(0)
    assert order.put_back is not None
    assert order.put_back.text.startswith("they cannot be read: ")
    said = [one for one in logs if one["event"].startswith("log levels are ")]
    assert [(one["event"], one["log_level"]) for one in said] == [
        ("log levels are NOT put back", "error")
    ]


async def test_levels_of_a_service_that_does_not_answer_are_not_told_to_be_put_back() -> None:
    rig = Rig()
    async with Lab(LabOptions(hosts=1, cinder=OPTIONS)) as lab, busy(lab, rig, HASTY) as at:
        await at.order("set-log", **RAISE)
        volumes = lab.cinder.volumes
        hush(volumes)
        at.desk.engine.ward.stock.tasks.clear()
        order = await put_back(rig)
        assert order.put_back is not None
        assert (order.put_back.end, order.put_back.text) == (
            End.NOT_ACHIEVED,
            f"not shown, and perhaps as they were raised: the loggers of {BETA}",
        )
        assert set(volumes.row(ALPHA).levels.values()) == {"INFO"}
        assert set(volumes.row(BETA).levels.values()) == {"DEBUG"}


async def test_levels_of_a_service_that_answers_again_are_put_back_then() -> None:
    rig = Rig()
    async with Lab(LabOptions(hosts=1, cinder=OPTIONS)) as lab, busy(lab, rig) as at:
        await at.order("set-log", **RAISE)
        volumes = lab.cinder.volumes
        hush(volumes)
        at.desk.engine.ward.stock.tasks.clear()
        for _ in range(400):
            if set(volumes.row(ALPHA).levels.values()) == {"INFO"}:
                break
            await asyncio.sleep(0.05)
        beta = volumes.row(BETA)
        beta.beats_from_s = beta.written_at_s = volumes.clock.now()
        order = await put_back(rig)
        assert order.put_back is not None
        assert order.put_back.end is End.ACHIEVED
        assert set(beta.levels.values()) == {"INFO"}


async def test_levels_that_were_raised_twice_are_put_back_to_what_they_were_before_both() -> None:
    rig = Rig()
    async with Lab(LabOptions(hosts=1, cinder=OPTIONS)) as lab, busy(lab, rig) as at:
        await at.order("set-log", **RAISE)
        await at.order("set-log", **{**RAISE, "host": ALPHA, "level": "WARNING"})
        at.desk.engine.ward.stock.tasks.clear()
        for number in (1, 2):
            order = await put_back(rig, number)
            assert order.put_back is not None
            assert order.put_back.end is End.ACHIEVED
        assert set(lab.cinder.volumes.row(ALPHA).levels.values()) == {"INFO"}


async def test_levels_that_an_order_for_another_host_still_raises_are_put_back_with_it() -> None:
    rig = Rig()
    async with Lab(LabOptions(hosts=1, cinder=OPTIONS)) as lab, busy(lab, rig) as at:
        tasks, volumes = at.desk.engine.ward.stock.tasks, lab.cinder.volumes
        tasks[2] = replace(volume_task(2), host=OTHER)
        await at.order("set-log", **RAISE)
        await at.order("set-log", **{**RAISE, "host": ALPHA, "until": OTHER.name})
        del tasks[1]
        first = await put_back(rig, 1)
        assert first.put_back is not None
        assert first.put_back.text == (
            "4 loggers are at the levels that they had before; 4 are left as they are, to another "
            "order that has raised them too"
        )
        assert set(volumes.row(ALPHA).levels.values()) == {"DEBUG"}
        assert set(volumes.row(BETA).levels.values()) == {"INFO"}
        del tasks[2]
        second = await put_back(rig, 2)
        assert second.put_back is not None
        assert second.put_back.text == "4 loggers are at the levels that they had before"
        assert set(volumes.row(ALPHA).levels.values()) == {"INFO"}


class Buggy(Cinder):
    """A Cinder with a bug in what is asked for once the levels are raised."""

    asked: ClassVar[int] = 0

    @override
    async def log_levels(self, scope: LogScope) -> Sequence[LogLevels]:
        type(self).asked += 1
        if self.asked > 2:
            msg = "a bug: password=swordfish"
            raise ValueError(msg)
        return await super().log_levels(scope)


@pytest.mark.expects_exceptions
async def test_a_bug_in_putting_them_back_is_not_met_for_ever() -> None:
    rig = Rig()
    async with (
        Lab(LabOptions(hosts=1, cinder=OPTIONS)) as lab,
        served_orders(lab, rig, patience=HASTY, kind=Buggy) as at,
    ):
        at.desk.engine.ward.stock.tasks[1] = volume_task(1)
        await at.order("set-log", **RAISE)
        at.desk.engine.ward.stock.tasks.clear()
        order = await put_back(rig)
    assert order.put_back is not None
    assert (order.put_back.end, order.put_back.text) == (
        End.UNKNOWN,
        "internal error: see the daemon's log",
    )
