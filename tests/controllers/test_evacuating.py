"""Evacuating: one POST, in time or not at all, its end told apart, and never a second one."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.controllers.nova import EVACUATE_KEEP_S, Nova
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.record import Kind
from tests.controllers.rigs import (
    HOST,
    SMALL,
    FastClock,
    applied,
    calls,
    nova,
    rule,
)
from tests.fakes.peer import Answer, Peer, answering, closing, in_turn, resetting

ACTION = "*/action"


def dead(lab: Lab) -> ServerId:
    """Let the host be off and forced down; one of its servers."""
    lab.world.power_off("compute-1")
    service = lab.world.hosts["compute-1"].service
    lab.world.force_down(service, forced_down=True, by="doctor")
    return ServerId(next(s.id for s in lab.world.servers.values() if s.host == "compute-1"))


def every_post() -> Rule:
    """Return a rule that harms nothing, to count with."""
    return rule(Do.SLOW, ACTION, "POST", seconds=0.0, times=None)


def posted(lab: Lab) -> int:
    """Count what Nova has accepted."""
    return sum(entry.kind is Kind.EVACUATE for entry in lab.record.entries)


async def test_an_evacuation_is_accepted_with_novas_own_request_id() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        outcome, text = await adapter.evacuate(dead(lab), clock.permit())
        assert outcome is Outcome.ACCEPTED
        assert text.startswith("Nova has accepted it (req-")
        assert posted(lab) == 1
        assert calls(adapter).seen[-1] == ("evacuate", "accepted")
        assert lab.violations() == []


async def test_a_lapsed_permit_evacuates_nothing() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(every_post())
        with pytest.raises(LateError):
            await adapter.evacuate(dead(lab), clock.permit(-0.1))
        assert not lab.faults.applied
        assert calls(adapter).seen[-1] == ("evacuate", "late")


async def test_a_permit_that_lapses_while_keystone_is_waited_for_evacuates_nothing() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(every_post(), Rule(service=Service.KEYSTONE, do=Do.SLOW, seconds=0.3))
        with pytest.raises(LateError):
            await adapter.evacuate(dead(lab), clock.permit(0.2))
        assert [one.rule.service for one in lab.faults.applied] == [Service.KEYSTONE]


@pytest.mark.parametrize(
    ("fault", "taken_on"),
    [
        (rule(Do.LOST_REPLY, ACTION, "POST"), True),
        (rule(Do.TIMEOUT_AFTER, ACTION, "POST"), True),
        (rule(Do.STATUS_AFTER, ACTION, "POST", status=500), True),
        (rule(Do.STATUS_AFTER, ACTION, "POST", status=502), True),
        (rule(Do.STATUS_AFTER, ACTION, "POST", status=504), True),
        (rule(Do.TIMEOUT_BEFORE, ACTION, "POST"), False),
        (rule(Do.STATUS, ACTION, "POST", status=503), False),
        (rule(Do.STATUS, ACTION, "POST", status=408), False),
        (rule(Do.STATUS, ACTION, "POST", status=202), False),
        (rule(Do.GARBAGE, ACTION, "POST"), False),
    ],
    ids=lambda value: f"{value.do}-{value.status}" if isinstance(value, Rule) else str(value),
)
async def test_trap_10_without_a_good_answer_it_is_unknown_and_not_asked_for_again(
    fault: Rule, *, taken_on: bool
) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock, evacuate_timeout_s=0.5) as adapter:
        server = dead(lab)
        lab.faults.add(fault, every_post())
        outcome, _ = await adapter.evacuate(server, clock.permit())
        assert outcome is Outcome.UNKNOWN
        assert [one.rule for one in lab.faults.applied] == [fault], "it was not sent again"
        found = [one.server for one in await adapter.evacuations(HOST)]
        assert found == ([server] if taken_on else [])


async def test_too_many_requests_is_nothing_sent() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(rule(Do.STATUS, ACTION, "POST", status=429), every_post())
        outcome, text = await adapter.evacuate(dead(lab), clock.permit())
        assert (outcome, text[:18]) == (Outcome.UNSENT, "Nova answered 429 ")
        assert len(lab.faults.applied) == 1


async def test_trap_11_a_source_that_nova_holds_for_up_is_a_refusal() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        server = dead(lab)
        lab.world.hosts["compute-1"].service.forced_down = False
        outcome, text = await adapter.evacuate(server, clock.permit())
        assert (outcome, text) == (
            Outcome.REFUSED,
            "Nova answered 400 Compute service of compute-1 is still in use.",
        )


@pytest.mark.parametrize("server", ["", "7", "../os-services", "server-1"])
async def test_what_is_no_server_id_is_never_sent(server: str) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(rule(Do.SLOW, "*", "POST", seconds=0.0, times=None))
        outcome, text = await adapter.evacuate(ServerId(server), clock.permit())
        assert (outcome, "is no id of a server" in text) == (Outcome.REFUSED, True)
        assert not lab.faults.applied


async def test_a_nova_that_is_not_there_is_unsent() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.keystone.endpoints["compute"] = "http://127.0.0.1:9/v2.1"
        outcome, text = await adapter.evacuate(dead(lab), clock.permit())
        assert outcome is Outcome.UNSENT
        assert text.startswith("nothing was sent")


async def test_without_any_token_an_evacuation_is_unsent() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(Rule(service=Service.KEYSTONE, do=Do.STATUS, status=503, times=None))
        lab.faults.add(every_post())
        outcome, text = await adapter.evacuate(dead(lab), clock.permit())
        assert outcome is Outcome.UNSENT
        assert text.startswith("Keystone gave no token")
        assert posted(lab) == 0


async def test_trap_c6_an_evacuation_with_a_dead_token_is_asked_for_with_a_live_one() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        server = dead(lab)
        await adapter.look(HOST)
        lab.identity.revoke_all()
        outcome, _ = await adapter.evacuate(server, clock.permit())
        assert (outcome, posted(lab)) == (Outcome.ACCEPTED, 1)


async def test_a_second_401_is_unsent_but_a_lost_answer_after_one_is_unknown() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        server = dead(lab)
        unauthorized = rule(Do.STATUS, ACTION, "POST", status=401)
        lab.faults.add(unauthorized, rule(Do.LOST_REPLY, ACTION, "POST"))
        assert (await adapter.evacuate(server, clock.permit()))[0] is Outcome.UNKNOWN
        assert posted(lab) == 1
        clock.advance(400)
        lab.faults.add(unauthorized, unauthorized)
        assert (await adapter.evacuate(server, clock.permit()))[0] is Outcome.UNSENT
        assert posted(lab) == 1


async def test_many_at_once_share_a_few_connections_that_are_kept() -> None:
    clock = FastClock()
    options = LabOptions(hosts=2, servers_per_host=40)
    async with Lab(options) as lab, nova(lab, clock, evacuate_connections=8) as adapter:
        dead(lab)
        servers = [s.id for s in lab.world.servers.values() if s.host == "compute-1"]
        asked = [adapter.evacuate(ServerId(server), clock.permit()) for server in servers]
        assert {outcome for outcome, _ in await asyncio.gather(*asked)} == {Outcome.ACCEPTED}
        assert posted(lab) == 40


async def _against(adapter: Nova, lab: Lab, answer: Answer) -> tuple[list[str], list[Outcome], int]:
    """Evacuate twice, at a peer in Nova's place; the methods it saw and its connections."""
    clock = FastClock()
    async with Peer(answer) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        server = dead(lab)
        outcomes = [(await adapter.evacuate(server, clock.permit()))[0] for _ in range(2)]
        await asyncio.sleep(0.05)
        return [request.method for request in peer.requests], outcomes, peer.connections


async def test_a_connection_is_kept_for_the_next_evacuation() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        methods, outcomes, connections = await _against(adapter, lab, answering(200))
        assert (methods, connections) == (["POST", "POST"], 1)
        assert outcomes == [Outcome.ACCEPTED] * 2


@pytest.mark.parametrize("rude", [closing, resetting])
async def test_trap_10_a_kept_connection_that_breaks_is_unknown_and_not_sent_again(
    rude: Answer,
) -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        answers = in_turn(answering(200), rude)
        methods, outcomes, _ = await _against(adapter, lab, answers)
        assert methods == ["POST", "POST"]
        assert outcomes == [Outcome.ACCEPTED, Outcome.UNKNOWN]


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    """Nova closes idle ones: what is known to be closed is not used."""
    clock = FastClock()
    goodbye = answering(200, headers={"Connection": "close"})
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter, Peer(goodbye) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        server = dead(lab)
        for _ in range(2):
            outcome, _ = await adapter.evacuate(server, clock.permit())
            assert outcome is Outcome.ACCEPTED
        assert peer.connections == 2
    assert EVACUATE_KEEP_S < 5, "the shortest time for which a usual server keeps one"


async def test_reads_and_force_downs_that_hang_keep_no_evacuation_waiting() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock, connections=1) as adapter:
        server = dead(lab)
        uuid = (await adapter.look(HOST)).uuid
        lab.faults.add(rule(Do.HANG), *[rule(Do.HANG, method="PUT")] * 4)
        reading = asyncio.create_task(adapter.look(HOST))
        puts = [adapter.force_down(uuid, "x", clock.permit(), disable=False) for _ in range(4)]
        writing = [asyncio.create_task(put) for put in puts]
        await applied(lab, 5)
        assert (await adapter.evacuate(server, clock.permit()))[0] is Outcome.ACCEPTED
        for task in (reading, *writing):
            task.cancel()
