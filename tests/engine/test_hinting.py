"""What the cloud's messages do to a running engine: a fresher map, an earlier look, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from doctor_daemon.core.hints import Hint, Taken
from doctor_daemon.core.host import HostId, Mode, ServerId
from doctor_daemon.core.joining import UNPLACED
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.hinting import EngineHints
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Fleet
from tests.engine.instruments import HOST, OTHER, ScriptedNova
from tests.engine.moving import comes, posted
from tests.engine.rig import Rig, accuse, incident_of, server, until
from tests.engine.test_neighbours import group
from tests.simulation.virtual import run

AHEAD_S = 3_000.0
"""How far Nova's clock is ahead of ours."""
POLL_S = 31.0


class Dated(ScriptedNova):
    """A Nova that dates its answers."""

    hints: Callable[[], object] = bool
    """What is hinted at while it is asked for its services."""

    async def fleet(self) -> Fleet:
        asked_s = self.clock.now().wall_s
        self.hints()
        return replace(await super().fleet(), asked_there_s=asked_s + AHEAD_S)


def dated() -> tuple[Rig, Dated]:
    rig = Rig()
    there = rig.nova.there
    rig.nova = nova = Dated(rig.clock)
    nova.there = there
    return rig, nova


def hint(rig: Rig, host: str, after_s: float = 0.0) -> Hint:
    """What Nova says of server one, changed so long after now."""
    changed_s = rig.clock.now().wall_s + AHEAD_S + after_s
    return Hint(server(1, "red"), host, changed_s, changed_s)


def on(engine: Engine, host: HostId) -> list[str]:
    return [one.id for one in engine.ward.servers(host).servers]


def test_the_map_follows_a_hint_until_the_next_list() -> None:
    rig, _ = dated()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(20)
            hints = EngineHints(engine)
            assert hints.server(hint(rig, OTHER.name, -60.0)) is Taken.STALE
            assert on(engine, HOST) == ["vm-1", "vm-2"]
            assert hints.server(hint(rig, OTHER.name)) is Taken.TAKEN
            assert (on(engine, HOST), on(engine, OTHER)) == (["vm-2"], ["vm-1"])
            await asyncio.sleep(POLL_S)
            assert (on(engine, HOST), on(engine, OTHER)) == (["vm-1", "vm-2"], [])

    run(main())
    assert rig.bugs == []


def test_the_early_notice_names_the_servers_that_hints_have_added() -> None:
    rig, _ = dated()
    rig.mode = Mode.NOTIFY

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(20)
            new = replace(hint(rig, HOST.name), server=server(3, "green"))
            assert EngineHints(engine).server(new) is Taken.TAKEN
            await accuse(rig, engine)
            await asyncio.sleep(1)
            assert rig.consumer.kinds("green") == ["suspected"]

    run(main())
    assert rig.bugs == []


def test_i1_whatever_is_said_of_a_service_only_has_nova_asked() -> None:
    """A message that it is forced down, or up, is no sighting: Nova shows that it is not so."""
    rig, nova = dated()

    async def main() -> None:
        async with rig.running() as engine:
            hints = EngineHints(engine)
            assert await hints.service(HOST.name) is False, "nobody is waiting for it"
            assert await hints.service("never-heard-of") is False
            assert nova.looks == 0
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(POLL_S)
            before, looks = incident_of(engine), nova.looks
            assert await hints.service(HOST.name) is True
            await asyncio.sleep(1)
            assert nova.looks == looks + 1
            assert incident_of(engine).version == before.version, "it is as it was"
            assert incident_of(engine).phase is Phase.DOWN

    run(main())
    assert rig.bugs == []


def test_c4_a_flag_that_vanishes_is_an_alarm_as_soon_as_that_is_hinted_at() -> None:
    rig, nova = dated()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(POLL_S)
            nova.down.discard(HOST.name)
            assert await EngineHints(engine).service(HOST.name) is True
            await asyncio.sleep(0.1)
            texts = [entry.text for entry in incident_of(engine).timeline]
            assert sum(text.startswith("ALARM: forced_down was cleared") for text in texts) == 1

    run(main())
    assert rig.bugs == []


def test_a_nova_that_cannot_be_asked_is_an_error_of_the_source() -> None:
    rig, nova = dated()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            nova.errors = [Temporary("no answer") for _ in range(20)]
            with pytest.raises(Temporary, match="no answer"):
                await EngineHints(engine).service(HOST.name)

    run(main())
    assert rig.bugs == []


def test_c7_no_hint_decides_who_goes_and_when() -> None:
    """The one whom a server is kept together with is where the lists say that it is."""
    rig, nova = dated()
    rig.mode = Mode.EVACUATE
    nova.there[OTHER.name] = (server(7, "red"),)
    nova.groups = (group("affinity", 1, 7),)

    async def main() -> None:
        async with rig.running() as engine:
            hinted = Hint(server(7, "red"), "", 0.0, 0.0)
            nova.hints = lambda: EngineHints(engine).server(
                replace(hinted, changed_s=rig.clock.now().wall_s + AHEAD_S + 5.0)
            )
            await asyncio.sleep(20)
            await accuse(rig, engine)
            await comes(lambda: len(posted(rig)) == 2)
            assert engine.ward.hostmap.servers(OTHER.name).servers == (), "the hint is believed"
            record = incident_of(engine).evacuations[ServerId("vm-1")]
            assert record.why != UNPLACED

    run(main())
    assert rig.bugs == []


def test_what_is_told_of_upkeep_is_told_by_the_lists() -> None:
    rig, nova = dated()
    nova.disabled = {HOST.name: "new memory"}

    async def main() -> None:
        async with rig.running() as engine:
            new = Hint(server(3, "green"), HOST.name, 0.0, 0.0)
            taken: list[Taken] = []
            nova.hints = lambda: taken.append(
                EngineHints(engine).server(
                    replace(new, changed_s=rig.clock.now().wall_s + AHEAD_S + 5.0)
                )
            )
            await comes(lambda: rig.consumer.kinds("red") == ["maintenance"])
            assert Taken.TAKEN in taken
            assert "vm-3" in on(engine, HOST), "the hint is believed"
            assert rig.consumer.kinds("green") == []

    run(main())
    assert rig.bugs == []
