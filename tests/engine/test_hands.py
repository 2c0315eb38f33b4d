"""What others do to a host of an open incident, seen in passing by the poller of a whole engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from doctor_daemon.core.host import Server
from doctor_daemon.core.phases import Phase
from tests.engine.instruments import HOST, ScriptedNova
from tests.engine.rig import Rig, accuse, incident_of, server, until
from tests.simulation.virtual import run

POLL_S = 31.0
"""A little longer than between two polls on the bench."""


class Changing(ScriptedNova):
    """A Nova that tells of servers that have changed."""

    changes: Sequence[tuple[Server, str]] = ()

    async def changed_servers(self, since_wall_s: float) -> Sequence[tuple[Server, str]]:
        await self._call()
        return self.changes


def said(rig: Rig) -> list[str]:
    """What operators were told of alarms."""
    return [row.kind for _, row in rig.consumer.heard if row.kind == "alarm"]


def test_a_flag_that_vanishes_is_an_alarm_within_one_poll() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            rig.nova.down.discard(HOST.name)
            await asyncio.sleep(POLL_S)
            texts = [entry.text for entry in incident_of(engine).timeline]
            assert sum(text.startswith("ALARM: forced_down was cleared") for text in texts) == 1
            saved = incident_of(engine).version
            await asyncio.sleep(3 * POLL_S)
            assert incident_of(engine).version == saved, "what is as it was is not saved again"
            assert said(rig) == ["alarm"]
            assert rig.consumer.kinds("red").count("alarm") == 0
            assert rig.metrics.registry.get_sample_value("doctor_alarms_total") == 1

    run(main())
    assert rig.bugs == []


def test_servers_that_others_move_are_told_within_one_poll() -> None:
    rig = Rig()
    rig.nova = nova = Changing(rig.clock)
    nova.there[HOST.name] = found = (server(1, "red"), server(2, "blue"))

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(1)
            nova.changes = [(found[0], "cmp-9"), (found[1], HOST.name)]
            await asyncio.sleep(POLL_S)
            texts = [entry.text for entry in incident_of(engine).timeline]
            assert texts.count("somebody else has moved vm-1 to cmp-9") == 1
            assert list(incident_of(engine).servers) == ["vm-1", "vm-2"]

    run(main())
    assert rig.bugs == []
