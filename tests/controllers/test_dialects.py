"""A Nova of before 2.53: services by number and name, each thing in a PUT of its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.host import HostId
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError, Permanent, Temporary
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.world import Failure, Timing
from tests.controllers.dialects import DISABLED, FORCED, ID, NAMED, ROW, SAID, until, writes
from tests.controllers.releasing import REASON, fenced
from tests.controllers.rigs import (
    HOST,
    OLD,
    OTHER,
    SMALL,
    FastClock,
    calls,
    every_put,
    nova,
    offering,
    service_id,
)
from tests.controllers.test_evacuating import dead
from tests.fakes.peer import Peer, Request, answering, in_turn, telling
from tests.lab.nova_returns import REFUSAL

# looking


async def test_a_service_has_a_number_and_its_host_for_an_id_that_is_stable() -> None:
    async with Lab(OLD) as lab, nova(lab) as adapter:
        service = lab.world.hosts["compute-1"].service
        look = await adapter.look(HOST)
        assert look.uuid == f"{service.id}@compute-1" == service_id(lab)
        assert (look.state, look.status, look.forced_down) == ("up", "enabled", False)
        assert (await adapter.look(HOST)).uuid == look.uuid
        fleet = await adapter.fleet()
        assert fleet.services["compute-1"].uuid == look.uuid
        assert fleet.services["compute-2"].uuid == service_id(lab, "compute-2") != look.uuid


async def test_a_service_that_was_made_anew_has_another_id() -> None:
    async with Lab(OLD) as lab, nova(lab) as adapter:
        before = await adapter.look(HOST)
        lab.world.replace_service("compute-1")
        assert (await adapter.look(HOST)).uuid != before.uuid


async def test_a_nova_that_is_upgraded_meanwhile_keeps_its_dialect_until_it_refuses_it() -> None:
    answers = {"services": [ROW]}
    offer = offering(telling(answers), "2.52")
    async with Lab(SMALL) as lab, nova(lab) as adapter, Peer(offer) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        assert (await adapter.look(HOST)).uuid == "6@compute-1"
        peer.answer = offering(telling(answers), "2.104")
        assert (await adapter.look(HOST)).uuid == "6@compute-1"
        peer.answer = offering(answering(406), "2.104")
        with pytest.raises(Permanent, match="Nova answered 406"):
            await adapter.look(HOST)
        peer.answer = offering(telling(answers), "2.104")
        with pytest.raises(Permanent, match="expected a text"):
            await adapter.look(HOST)
        asked = [one.headers.get("openstack-api-version", "") for one in peer.requests]
        assert asked[-2:] == ["", "compute 2.69"]


@pytest.mark.parametrize("highest", [(2, 10), (2, 1)])
async def test_below_2_11_nothing_is_done_at_all(highest: tuple[int, int]) -> None:
    clock = FastClock()
    words = "2.11 to 2.69 is needed to see how hosts stand, and to force them down"
    async with Lab(until(highest)) as lab, nova(lab, clock) as adapter:
        lab.faults.add(every_put())
        for ask in (adapter.look, adapter.servers, adapter.evacuations):
            with pytest.raises(Permanent, match=words):
                await ask(HOST)
        with pytest.raises(Permanent, match=words):
            await adapter.fleet()
        told = await adapter.check()
        assert words in told[0]
        assert len(told) == len(set(told)) == 3
        outcome, text = await adapter.force_down(
            service_id(lab), REASON, clock.permit(), disable=True
        )
        assert outcome is Outcome.REFUSED
        assert "2.11 is needed to force a host down by its name" in text
        assert not lab.faults.applied


# down cells


@pytest.mark.parametrize("highest", [(2, 11), (2, 52), (2, 53), (2, 68)])
async def test_trap_2_before_2_69_a_host_that_is_missing_may_be_in_a_cell_that_is_down(
    highest: tuple[int, int],
) -> None:
    async with Lab(until(highest)) as lab, nova(lab) as adapter:
        lab.world.hosts["compute-1"].cell_down = True
        for ask in (adapter.look, adapter.servers, adapter.evacuations):
            with pytest.raises(Temporary, match="may mean that its cell does not answer"):
                await ask(HOST)
        fleet = await adapter.fleet()
        assert set(fleet.services) == {"compute-2"}
        assert (await adapter.look(OTHER)).state == "up"


async def test_trap_2_from_2_69_on_a_host_that_is_missing_is_not_there() -> None:
    async with Lab(until((2, 69))) as lab, nova(lab) as adapter:
        with pytest.raises(Permanent, match="named exactly 'compute-9'"):
            await adapter.look(HostId("default", "compute-9"))
        lab.world.hosts["compute-1"].cell_down = True
        with pytest.raises(Temporary, match="the database of its cell does not answer"):
            await adapter.look(HOST)


async def test_trap_2_a_row_of_a_down_cell_with_nothing_in_it_is_unknown() -> None:
    stub = {**NAMED, "status": "UNKNOWN"}
    other = {**ROW, "id": "4f22b540-1c82-456c-b2f4-ba0d18d9a30f", "host": "compute-2"}
    rows = offering(telling({"services": [stub, other]}))
    async with Lab(SMALL) as lab, nova(lab) as adapter, Peer(rows) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        fleet = await adapter.fleet()
        assert (set(fleet.services), fleet.unknown) == ({"compute-2"}, frozenset({"compute-1"}))
        with pytest.raises(Temporary, match="its cell does not answer"):
            await adapter.servers(HOST)


# forcing down


async def test_trap_3_forced_down_comes_first_and_then_the_reason() -> None:
    clock = FastClock()
    answers = offering(in_turn(FORCED, DISABLED), "2.52")
    async with Lab(OLD) as lab, nova(lab, clock) as adapter, Peer(answers) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        ended = await adapter.force_down(ID, REASON, clock.permit(), disable=True)
        assert ended == (
            Outcome.ACCEPTED,
            "Nova answered that the service is forced down" + SAID[Outcome.ACCEPTED],
        )
        assert writes(peer) == [
            (
                "/v2.1/os-services/force-down",
                "compute 2.11",
                {**NAMED, "forced_down": True},
            ),
            (
                "/v2.1/os-services/disable-log-reason",
                "compute 2.1",
                {**NAMED, "disabled_reason": REASON},
            ),
        ]


async def test_a_host_is_forced_down_and_disabled() -> None:
    clock = FastClock()
    async with Lab(OLD) as lab, nova(lab, clock) as adapter:
        uuid = (await adapter.look(HOST)).uuid
        lab.faults.add(every_put())
        outcome, _ = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        look = await adapter.look(HOST)
        assert (outcome, look.uuid) == (Outcome.ACCEPTED, uuid)
        assert (look.forced_down, look.state) == (True, "down")
        assert (look.status, look.reason) == ("disabled", REASON)
        assert len(lab.faults.applied) == 2
        assert calls(adapter).seen[-2] == ("force_down", "accepted")


async def test_trap_3_a_host_that_just_died_keeps_neither_waiting() -> None:
    clock = FastClock()
    options = replace(OLD, nova=replace(OLD.nova, rpc_timeout_s=30.0))
    async with Lab(options) as lab, nova(lab, clock, force_down_timeout_s=5.0) as adapter:
        lab.world.fail("compute-1", Failure.COMPUTE)
        outcome, text = await adapter.force_down(
            service_id(lab), REASON, clock.permit(), disable=True
        )
        assert (outcome, "no answer" in text) == (Outcome.ACCEPTED, False)
        assert (await adapter.look(HOST)).reason == REASON


async def test_trap_4_a_foreign_disable_keeps_its_reason() -> None:
    clock = FastClock()
    async with Lab(OLD) as lab, nova(lab, clock) as adapter:
        service = lab.world.hosts["compute-1"].service
        service.disabled, service.disabled_reason = True, "rack move"
        lab.faults.add(every_put())
        await adapter.force_down(service_id(lab), REASON, clock.permit(), disable=False)
        look = await adapter.look(HOST)
        assert (look.forced_down, look.status, look.reason) == (True, "disabled", "rack move")
        assert len(lab.faults.applied) == 1


async def test_a_lapsed_permit_changes_nothing() -> None:
    clock = FastClock()
    async with Lab(OLD) as lab, nova(lab, clock) as adapter:
        lab.faults.add(every_put())
        with pytest.raises(LateError):
            await adapter.force_down(service_id(lab), REASON, clock.permit(-0.1), disable=True)
        assert not lab.faults.applied


async def test_the_permit_is_asked_again_before_the_second_put() -> None:
    clock = FastClock()

    async def slowly(request: Request, writer: asyncio.StreamWriter) -> None:
        clock.advance(60)
        await FORCED(request, writer)

    answers = offering(in_turn(slowly, DISABLED), "2.52")
    async with Lab(OLD) as lab, nova(lab, clock) as adapter, Peer(answers) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        outcome, text = await adapter.force_down(ID, REASON, clock.permit(30), disable=True)
        assert outcome is Outcome.ACCEPTED
        assert "is forced down; it is not disabled: " in text
        assert len(writes(peer)) == 1


async def test_a_kept_name_is_changed_whatever_its_number() -> None:
    """By name Nova changes what has that name now: the number is compared at every look."""
    clock = FastClock()
    async with Lab(OLD) as lab, nova(lab, clock) as adapter:
        uuid = (await adapter.look(HOST)).uuid
        lab.world.replace_service("compute-1")
        outcome, _ = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        look = await adapter.look(HOST)
        assert (outcome, look.forced_down, look.uuid == uuid) == (Outcome.ACCEPTED, True, False)


async def test_a_host_that_nova_does_not_have_is_a_refusal() -> None:
    clock = FastClock()
    async with Lab(OLD) as lab, nova(lab, clock) as adapter:
        ended = await adapter.force_down("6@compute-9", REASON, clock.permit(), disable=True)
        assert ended == (
            Outcome.REFUSED,
            "Nova answered 404 Host 'compute-9' is not mapped to any cell",
        )


@pytest.mark.parametrize("highest", [(2, 52), (2, 96)])
async def test_an_id_of_the_other_dialect_does_no_harm(highest: tuple[int, int]) -> None:
    clock = FastClock()
    async with Lab(until(highest)) as lab, nova(lab, clock) as adapter:
        await adapter.look(HOST)
        service = lab.world.hosts["compute-1"].service
        other = service.uuid if highest < (2, 53) else f"{service.id}@compute-1"
        outcome, text = await adapter.force_down(other, REASON, clock.permit(), disable=False)
        # A newer Nova still speaks the older dialect: the deed is the one that was wanted.
        wanted = Outcome.REFUSED if highest < (2, 53) else Outcome.ACCEPTED
        assert outcome is wanted, text
        assert service.forced_down is (wanted is Outcome.ACCEPTED)


# the way back


async def test_a_host_is_lifted_and_then_enabled() -> None:
    clock = FastClock()
    async with Lab(OLD) as lab, nova(lab, clock) as adapter:
        fenced(lab)
        uuid = (await adapter.look(HOST)).uuid
        assert await adapter.lift(uuid, clock.permit()) == (
            Outcome.ACCEPTED,
            "Nova answered that the service is not forced down any more",
        )
        look = await adapter.look(HOST)
        assert (look.forced_down, look.status, look.reason) == (False, "disabled", REASON)
        assert await adapter.enable(uuid, clock.permit()) == (
            Outcome.ACCEPTED,
            "Nova answered that the service is enabled",
        )
        look = await adapter.look(HOST)
        assert (look.forced_down, look.status, look.reason, look.uuid) == (
            *(False, "enabled", "", uuid),
        )


async def test_trap_8_a_lift_is_refused_in_novas_words_until_a_restart() -> None:
    clock = FastClock()
    async with Lab(replace(OLD, timing=Timing(evacuate_s=600))) as lab, nova(lab, clock) as adapter:
        row = lab.evacuations.accept(lab.world.servers[dead(lab)], "doctor")
        row.status = "done"
        assert await adapter.lift(service_id(lab), clock.permit()) == (
            Outcome.REFUSED,
            f"Nova answered 400 {REFUSAL.format(HOST.name)}",
        )
