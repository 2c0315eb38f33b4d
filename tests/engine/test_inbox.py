"""Answers to a batch of requests are read together where calls are quick, and wait for no more."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.messages import Elapsed
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.inbox import GATHER_S, Inbox, Letter
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import SOON, bench, comes, posted, virtually
from tests.engine.rig import Rig, accuse, incident_of, server

COUNT = 40


def letter() -> Letter:
    return Letter(Elapsed())


@virtually
async def test_what_is_gathered_is_read_a_moment_after_the_first() -> None:
    inbox, now = Inbox(), asyncio.get_running_loop().time
    began, first, second = now(), letter(), letter()
    inbox.put(first, gather=True)
    await asyncio.sleep(GATHER_S / 2)
    inbox.put(second, gather=True)
    await inbox.wait()
    assert abs(now() - began - GATHER_S) < GATHER_S / 10
    taken = inbox.take()
    assert taken[0] is first
    assert taken[1] is second
    assert inbox.letters == []


@virtually
async def test_whatever_else_comes_is_read_at_once_and_what_was_gathered_with_it() -> None:
    inbox, now = Inbox(), asyncio.get_running_loop().time
    began = now()
    inbox.put(letter(), gather=True)
    inbox.put(letter())
    await inbox.wait()
    assert (now(), len(inbox.take())) == (began, 2)
    wait = asyncio.ensure_future(inbox.wait())
    await asyncio.sleep(GATHER_S * 2)
    assert not wait.done()  # nothing is left that would call it to an empty box
    inbox.put(letter())
    await wait
    assert len(inbox.take()) == 1


async def moved(rig: Rig, engine: Engine) -> dict[HostId, int]:
    """Have both hosts' requests answered; return how often anything of it was saved, by host."""
    await accuse(rig, engine)
    await engine.desk.submit([rig.evidence(host=OTHER)])
    await comes(lambda: len(posted(rig)) >= 2)
    before = {host: incident_of(engine, host).version for host in (HOST, OTHER)}
    await comes(lambda: all(under_way(engine, host) == COUNT for host in before))
    assert len(posted(rig)) == len(set(posted(rig))) == 2 * COUNT
    return {host: incident_of(engine, host).version - old for host, old in before.items()}


def under_way(engine: Engine, host: HostId = HOST) -> int:
    records = incident_of(engine, host).evacuations.values()
    return sum(record.stage is Stage.UNDER_WAY for record in records)


def crowd(posting_s: float) -> Rig:
    """Make a bench of two hosts with many servers, of which one is asked for at a time."""
    rig = bench(COUNT, replace(SOON, posts_per_host=8, posts_total=1))
    rig.nova.there[OTHER.name] = tuple(server(100 + n, "blue") for n in range(COUNT))
    rig.nova.posting_s, rig.nova.rebuilds.takes_s = posting_s, 1_000.0
    return rig


@virtually
async def test_c12_where_many_wait_in_line_their_answers_cost_few_saves() -> None:
    rig = crowd(0.005)
    async with rig.running() as engine:
        saves = await moved(rig, engine)
    assert max(saves.values()) <= COUNT / 3
    assert rig.bugs == []


@virtually
async def test_i11_where_calls_are_slow_each_answer_is_saved_before_the_next_comes() -> None:
    rig = crowd(0.5)
    async with rig.running() as engine:
        saves = await moved(rig, engine)
    assert min(saves.values()) >= COUNT


@virtually
async def test_i11_a_request_that_hangs_keeps_no_others_answer_from_being_saved() -> None:
    rig = crowd(0.005)
    async with rig.running() as engine:
        await accuse(rig, engine)
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await comes(lambda: engine.ward.turnstile.crowded)
        answered = len(posted(rig)) - 1
        rig.nova.posting_s = 60.0
        await asyncio.sleep(GATHER_S * 2)
        assert under_way(engine) + under_way(engine, OTHER) >= answered
        for host in (HOST, OTHER):
            found = await rig.disk.find(incident_of(engine, host).id)
            assert found == incident_of(engine, host)


@virtually
async def test_b9_a_sign_of_life_is_read_at_once_while_answers_are_gathered() -> None:
    rig = crowd(0.005)
    async with rig.running() as engine:
        await accuse(rig, engine)
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await comes(lambda: engine.ward.turnstile.crowded)
        began = asyncio.get_running_loop().time()
        await engine.desk.submit([rig.evidence(Verdict.UP)])
        assert asyncio.get_running_loop().time() - began < GATHER_S / 10
        assert incident_of(engine).phase is not Phase.EVACUATING
