"""Forcing down: one PUT, in time or not at all, and its end told apart."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do, Rule, Service
from tests.controllers.rigs import (
    HOST,
    SMALL,
    FastClock,
    calls,
    every_put,
    nova,
    rule,
)

REASON = "doctor-daemon:i-1: the host failed and its power is proven off"


async def test_trap_3_forcing_down_is_one_put() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(every_put())
        uuid = (await adapter.look(HOST)).uuid
        outcome, text = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert (outcome, text) == (
            Outcome.ACCEPTED,
            "Nova answered that the service is forced down",
        )
        look = await adapter.look(HOST)
        assert (look.forced_down, look.state, look.status) == (True, "down", "disabled")
        assert look.reason == REASON
        assert len(lab.faults.applied) == 1
        assert calls(adapter).seen[-2:] == [("force_down", "accepted"), ("look", "ok")]


async def test_trap_4_a_foreign_disable_keeps_its_reason() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        service = lab.world.hosts["compute-1"].service
        service.disabled, service.disabled_reason = True, "rack move"
        await adapter.force_down(service.uuid, REASON, clock.permit(), disable=False)
        look = await adapter.look(HOST)
        assert (look.forced_down, look.status, look.reason) == (True, "disabled", "rack move")


async def test_forcing_down_twice_is_accepted_twice() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        uuid = lab.world.hosts["compute-1"].service.uuid
        for _ in range(2):
            outcome, _ = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
            assert outcome is Outcome.ACCEPTED


async def test_a_lapsed_permit_changes_nothing() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(every_put())
        uuid = lab.world.hosts["compute-1"].service.uuid
        with pytest.raises(LateError):
            await adapter.force_down(uuid, REASON, clock.permit(-0.1), disable=True)
        assert not lab.faults.applied
        assert calls(adapter).seen[-1] == ("force_down", "late")


async def test_a_permit_that_lapses_while_keystone_is_waited_for_changes_nothing() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(every_put(), Rule(service=Service.KEYSTONE, do=Do.SLOW, seconds=0.3))
        uuid = lab.world.hosts["compute-1"].service.uuid
        with pytest.raises(LateError):
            await adapter.force_down(uuid, REASON, clock.permit(0.2), disable=True)
        assert [one.rule.service for one in lab.faults.applied] == [Service.KEYSTONE]


@pytest.mark.parametrize(
    "fault",
    [
        rule(Do.LOST_REPLY, method="PUT"),
        rule(Do.TIMEOUT_AFTER, method="PUT"),
        rule(Do.STATUS_AFTER, method="PUT", status=500),
        rule(Do.STATUS_AFTER, method="PUT", status=502),
        rule(Do.STATUS_AFTER, method="PUT", status=504),
    ],
    ids=lambda fault: f"{fault.do}-{fault.status}",
)
async def test_trap_c5_a_lost_answer_is_unknown_and_the_deed_done(fault: Rule) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock, force_down_timeout_s=0.5) as adapter:
        uuid = (await adapter.look(HOST)).uuid
        lab.faults.add(fault, every_put())
        outcome, _ = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert outcome is Outcome.UNKNOWN
        assert [one.rule for one in lab.faults.applied] == [fault], "it was not sent again"
        assert (await adapter.look(HOST)).forced_down


@pytest.mark.parametrize(
    "fault",
    [
        rule(Do.TIMEOUT_BEFORE, method="PUT"),
        rule(Do.STATUS, method="PUT", status=503),
        rule(Do.STATUS, method="PUT", status=408),
        rule(Do.GARBAGE, method="PUT"),
    ],
    ids=lambda fault: f"{fault.do}-{fault.status}",
)
async def test_trap_c5_a_lost_answer_is_unknown_and_nothing_done(fault: Rule) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock, force_down_timeout_s=0.5) as adapter:
        uuid = (await adapter.look(HOST)).uuid
        lab.faults.add(fault, every_put())
        outcome, _ = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert outcome is Outcome.UNKNOWN
        assert [one.rule for one in lab.faults.applied] == [fault]
        assert not (await adapter.look(HOST)).forced_down


@pytest.mark.parametrize("status", [301, 400, 403, 404, 406, 409, 429])
async def test_a_client_error_is_a_refusal_in_novas_words(status: int) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        uuid = lab.world.hosts["compute-1"].service.uuid
        lab.faults.add(rule(Do.STATUS, method="PUT", status=status))
        outcome, text = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert outcome is Outcome.REFUSED
        assert text.startswith(f"Nova answered {status}")


async def test_a_service_that_is_gone_is_a_refusal() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        uuid = (await adapter.look(HOST)).uuid
        lab.world.replace_service("compute-1")
        outcome, text = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert (outcome, text) == (
            Outcome.REFUSED,
            f"Nova answered 404 Service {uuid} could not be found.",
        )


@pytest.mark.parametrize("service", ["", "6", "../servers", "compute-1"])
async def test_what_is_no_service_id_is_never_sent(service: str) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(every_put())
        outcome, text = await adapter.force_down(service, REASON, clock.permit(), disable=True)
        assert (outcome, "is no id of a compute service" in text) == (Outcome.REFUSED, True)
        assert not lab.faults.applied


async def test_a_nova_that_is_not_there_is_a_refusal() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.keystone.endpoints["compute"] = "http://127.0.0.1:9/v2.1"
        uuid = lab.world.hosts["compute-1"].service.uuid
        outcome, text = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert outcome is Outcome.REFUSED
        assert text.startswith("nothing was sent")


async def test_without_any_token_nothing_is_sent() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(
            Rule(service=Service.KEYSTONE, do=Do.STATUS, status=503, times=None), every_put()
        )
        uuid = lab.world.hosts["compute-1"].service.uuid
        outcome, text = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert outcome is Outcome.REFUSED
        assert text.startswith("Keystone gave no token")


async def test_reads_that_hang_do_not_keep_a_force_down_waiting() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock, connections=1) as adapter:
        uuid = (await adapter.look(HOST)).uuid
        lab.faults.add(rule(Do.HANG))
        hanging = asyncio.create_task(adapter.look(HOST))
        await asyncio.sleep(0.1)
        outcome, _ = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert outcome is Outcome.ACCEPTED
        hanging.cancel()


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(rule(Do.HANG))
        hanging = asyncio.create_task(adapter.look(HOST))
        await asyncio.sleep(0.2)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert calls(adapter).seen[-1] == ("look", "cancelled")
        assert (await adapter.look(HOST)).state == "up"
