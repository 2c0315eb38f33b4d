"""Orders about Cinder survive whatever becomes of the daemon, and none of them ends unsaid."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from typing_extensions import override

from doctor_daemon.controllers.cinder import Cinder
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import Target
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.volumes import VolumeService
from doctor_daemon.ports import Permit
from doctor_daemon.ports.storage import Answer
from tests.api.volumes import OPTIONS, VolumeDesk, served_orders, volume_desk
from tests.engine.rig import Rig
from tests.lab.cinder_target import ALPHA, VOLUME
from tests.stores.values import volume_task

ORDERS = "/v1/cinder/orders"
DISMISSALS = "/v1/cinder/dismissals"
LAB = LabOptions(hosts=1, cinder=OPTIONS)
NO_LIST = Rule(service=Service.CINDER, do=Do.STATUS, path="*/os-services", after=1, times=None)


async def asked(at: VolumeDesk, number: int) -> dict[str, str]:
    """Ask for the end of an order until it has one."""
    async with asyncio.timeout(20):
        while True:
            _, said = await at.desk.ask("GET", f"{ORDERS}/{number}")
            if said["order"]["end"]:
                found: dict[str, str] = said["order"]
                return found


async def frozen(row: VolumeService, *, wanted: bool) -> None:
    """Wait until a service is frozen, or is not any more."""
    for _ in range(500):
        if row.frozen is wanted:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(row)


async def test_a_foreign_disabling_is_not_lost_unsaid_when_a_read_back_fails() -> None:
    async with volume_desk() as at:
        await at.arm()
        row = at.lab.cinder.volumes.row(ALPHA)
        row.disabled, row.reason = True, "rack move"
        at.lab.faults.add(NO_LIST)
        _, said = await at.order("freeze", host=ALPHA)
        assert (row.reason, said["end"]) == ("frozen", "unknown")
        assert f"{ALPHA} had been disabled (rack move), and may be so no more" in said["text"]
        assert said["advice"].endswith(f"disable {ALPHA} again if it is enabled")


async def test_an_order_is_saved_before_it_is_sent_and_with_its_end() -> None:
    rig = Rig()
    async with volume_desk(rig) as at:
        await at.arm()
        rig.disk.failures = 1
        status, said = await at.order("freeze", host=ALPHA)
        assert (status, said["code"]) == (503, "unavailable")
        assert not at.lab.cinder.volumes.row(ALPHA).frozen
        _, said = await at.order("freeze", host=ALPHA, why="CHG-1")
        (kept,) = (await rig.disk.load()).orders
        assert (kept.number, kept.name, kept.why) == (said["number"], "freeze", "CHG-1")
        assert kept.finding is not None
        assert kept.finding.text == said["text"]


async def test_an_end_that_cannot_be_saved_is_told_and_saved_later() -> None:
    rig = Rig()
    rig.policy = replace(rig.policy, backoff_s=0.05)
    async with volume_desk(rig, kind=Failing) as at:
        await at.arm()
        Failing.disk = rig.disk
        _, said = await at.order("disable", host=ALPHA)
        assert said["end"] == "achieved"
        await asyncio.sleep(1)
        (kept,) = (await rig.disk.load()).orders
        assert (kept.finding is not None, rig.disk.failures) == (True, 0)


class Failing(Cinder):
    """A Cinder whose answer comes together with a full disk."""

    disk: object = None

    @override
    async def disable(self, target: Target, reason: str, permit: Permit) -> Answer:
        answer = await super().disable(target, reason, permit)
        self.disk.failures = 2  # type: ignore[attr-defined]  # the rig's own disk
        return answer


async def test_numbers_go_on_and_ends_are_known_after_a_restart() -> None:
    rig = Rig()
    async with Lab(LAB) as lab:
        async with served_orders(lab, rig) as at:
            await at.arm()
            _, first = await at.order("freeze", host=ALPHA)
        async with served_orders(lab, rig) as at:
            assert await asked(at, 1) == first
            _, second = await at.order("thaw", host=ALPHA)
    assert (first["number"], second["number"]) == (1, 2)


async def test_an_order_that_a_daemon_left_under_way_is_read_back_by_the_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rig = Rig()
    async with Lab(LAB) as lab:
        async with served_orders(lab, rig, wait_s=0.05) as at:
            await at.arm()
            row = lab.cinder.volumes.row(ALPHA)
            lab.cinder.volumes.kill(ALPHA)
            _, said = await at.order("freeze", host=ALPHA, why="CHG-7")
            assert said["end"] == ""
            await frozen(row, wanted=True)
        async with served_orders(lab, rig) as at:
            found = await asked(at, 1)
        assert (found["end"], found["why"]) == ("achieved", "CHG-7")
        assert "is frozen, although the daemon ended while it was under way" in found["text"]
        (kept,) = (await rig.disk.load()).orders
        assert kept.finding is not None
    lines = [line for line in capsys.readouterr().out.splitlines() if "CHG-7" in line]
    assert any("an order was left under way" in line for line in lines)
    assert any("end=achieved" in line for line in lines)


async def test_a_foreign_disabling_that_was_lost_meanwhile_is_told_by_the_next_daemon() -> None:
    rig = Rig()
    async with Lab(LAB) as lab:
        row = lab.cinder.volumes.row(ALPHA)
        async with served_orders(lab, rig, wait_s=0.05, kind=Hanging) as at:
            await at.arm()
            row.disabled, row.reason, row.frozen = True, "rack move", True
            _, said = await at.order("thaw", host=ALPHA)
            assert said["end"] == ""
            await frozen(row, wanted=False)
        async with served_orders(lab, rig) as at:
            found = await asked(at, 1)
        assert (found["end"], found["advice"]) == ("not_achieved", f"disable {ALPHA} again")
        assert f"{ALPHA} had been disabled (rack move), and is not so any more" in found["text"]
        assert not row.disabled  # nothing is sent by itself


class Hanging(Cinder):
    """A Cinder that does what it is asked, and never says so."""

    @override
    async def thaw(self, target: Target, permit: Permit) -> Answer:
        await super().thaw(target, permit)
        await asyncio.Event().wait()
        return Outcome.ACCEPTED, "never"


@pytest.mark.parametrize("level", [True, False])
async def test_an_order_that_cannot_be_read_back_after_a_restart_is_unknown(level: bool) -> None:  # noqa: FBT001 - a parameter of the test
    rig = Rig()
    async with Lab(LAB) as lab:
        async with served_orders(lab, rig, wait_s=0.05) as at:
            await at.arm()
            lab.faults.add(Rule(service=Service.CINDER, do=Do.HANG, times=None))
            if level:
                await at.order("set-log", host=ALPHA, binary=VOLUME, level="DEBUG")
            else:
                await at.order("freeze", host=ALPHA)
        lab.faults.clear()
        lab.faults.add(Rule(service=Service.CINDER, do=Do.STATUS, times=None))
        async with served_orders(lab, rig) as at:
            found = await asked(at, 1)
    assert (found["end"], "it could not be read back" in found["text"]) == ("unknown", True)


async def test_a_restart_without_a_cinder_says_that_it_is_not_known() -> None:
    rig = Rig()
    async with Lab(LAB) as lab:
        async with served_orders(lab, rig, wait_s=0.05) as at:
            await at.arm()
            lab.faults.add(Rule(service=Service.CINDER, do=Do.HANG, times=None))
            await at.order("freeze", host=ALPHA)
        async with served_orders(lab, rig, kind=None) as at:
            found = await asked(at, 1)
    assert (found["end"], "no Cinder is configured" in found["text"]) == ("unknown", True)


# What is asked of a human


async def test_a_task_that_is_not_there_cannot_be_dismissed() -> None:
    async with volume_desk() as at:
        body = {"service": ALPHA, "why": "gone"}
        status, said = await at.desk.ask("POST", DISMISSALS, body)
        assert (status, said["error"]["message"]) == (
            409,
            f"nothing is to be seen to about {ALPHA}",
        )
        status, said = await at.desk.ask("POST", DISMISSALS, {"why": "gone"})
        assert (status, said["error"]["field"]) == (422, "service")


async def test_a_task_is_dismissed_with_person_and_reason() -> None:
    rig = Rig()
    async with volume_desk(rig) as at:
        task = volume_task(1)
        at.desk.engine.ward.stock.tasks[1] = task
        status, said = await at.desk.ask(
            "POST", DISMISSALS, {"service": task.service, "why": "gone"}
        )
        assert (status, said["task"]["stage"]) == (200, "done")
        assert said["task"]["story"][-1]["text"].endswith(": gone")
        assert (await rig.disk.load()).tasks[0].over
