"""Servers that wait for a word of their project, with a daemon around the decision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.holding import Answer, Said, Word
from doctor_daemon.core.host import Mode, Selection, Server
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.selection import HOLD
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import SOON, comes, posted, stages, virtually
from tests.engine.rebuilds import ELSEWHERE
from tests.engine.rig import Rig, accuse, incident_of, server, until

RED = frozenset({"red"})


def patient(number: int, project: str = "red") -> Server:
    return replace(server(number, project), tags={f"server:{HOLD}": "120"})


def bench(*servers: Server) -> Rig:
    selection = Selection(shared_storage=True, hold_max_s=120.0)
    rig = Rig(policy=SOON, mode=Mode.EVACUATE, selection=selection)
    rig.nova.there[HOST.name] = servers
    return rig


async def say(rig: Rig, engine: Engine, number: int, word: Word) -> bool:
    said = Said(server(number, "").id, word, "vnfm", rig.clock.now())
    return await engine.desk.answer(said, RED) is Answer.TAKEN


@virtually
async def test_a_word_is_taken_once_it_is_saved_and_it_may_be_said_twice() -> None:
    rig = bench(patient(1), patient(2), server(3, "red"))
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: posted(rig) == ["vm-3"])
        assert await say(rig, engine, 1, Word.HANDLED)
        assert await say(rig, engine, 1, Word.HANDLED)
        assert not await say(rig, engine, 1, Word.GO)
        assert stages(engine)["vm-1"] is Stage.SKIPPED
        assert await say(rig, engine, 2, Word.GO)
        await until(engine, Phase.DOWN, limit_s=60)
        assert posted(rig) == ["vm-3", "vm-2"]


@virtually
async def test_nobody_answers_for_another_project() -> None:
    rig = bench(patient(1, "blue"))
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: bool(incident_of(engine).evacuations))
        assert not await say(rig, engine, 1, Word.HANDLED)
        assert not await say(rig, engine, 9, Word.HANDLED)
        said = Said(server(1, "").id, Word.HANDLED, "vim", rig.clock.now())
        assert await engine.desk.answer(said, None) is Answer.TAKEN
        assert stages(engine)["vm-1"] is Stage.SKIPPED


@virtually
async def test_without_a_word_it_is_moved_when_its_time_is_over_restart_or_not() -> None:
    rig = bench(patient(1))
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: bool(incident_of(engine).evacuations))
        shown = (await Operators(engine).explain(HOST))["incident"]["evacuations"][0]
        assert (shown["stage"], shown["why"]) == ("waiting", "it waits for a word of its project")
        until_ = incident_of(engine).evacuations[server(1, "").id].hold_until
    async with rig.running() as engine:
        await comes(lambda: bool(posted(rig)))
        assert until_ is not None
        assert 0 <= rig.clock.now().since(until_) < 5
        assert not await say(rig, engine, 1, Word.HANDLED)
        await until(engine, Phase.DOWN)


@virtually
async def test_a_daemon_that_stops_takes_no_word() -> None:
    rig = bench(patient(1))
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: bool(incident_of(engine).evacuations))
        engine.desk.closed = True
        with pytest.raises(Temporary, match="stopping"):
            await say(rig, engine, 1, Word.GO)


@virtually
async def test_a_word_goes_to_the_incident_in_which_the_server_waits_now() -> None:
    """It had been moved before, to a host that has died since."""
    rig = bench(patient(1))
    rig.nova.rebuilds.to = OTHER.name
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: bool(incident_of(engine).evacuations))
        assert await say(rig, engine, 1, Word.GO)
        await until(engine, Phase.DOWN)
        rig.nova.rebuilds.to = ELSEWHERE
        assert not await say(rig, engine, 1, Word.GO)
        await engine.desk.submit([rig.evidence(host=OTHER)])
        known = server(1, "").id
        await comes(lambda: OTHER in engine.desk.cases)
        await comes(lambda: known in incident_of(engine, OTHER).evacuations)
        assert incident_of(engine, OTHER).evacuations[known].hold_until is not None
        assert await say(rig, engine, 1, Word.GO)
        assert incident_of(engine, OTHER).evacuations[known].hold_until is None


@virtually
async def test_a_word_that_comes_before_nova_was_asked_is_too_early_and_not_lost_unsaid() -> None:
    rig = bench(patient(1))
    async with rig.running() as engine:
        await engine.poller.ready.wait()
        await accuse(rig, engine)
        said = Said(server(1, "").id, Word.HANDLED, "vnfm", rig.clock.now())
        assert await engine.desk.answer(said, RED) is Answer.TOO_EARLY
        assert await engine.desk.answer(said, None) is Answer.TOO_EARLY
        assert await engine.desk.answer(said, frozenset({"blue"})) is Answer.NOT_WAITING
        await comes(lambda: bool(incident_of(engine).evacuations))
        assert await say(rig, engine, 1, Word.HANDLED)
