"""What the owners of servers hear of them in an incident: each step, once, whenever a daemon dies.

The daemon is killed at each of its commits in turn, the moment before it or the moment after, and
another one takes over. Whoever is told drops what has an id that came before, as consumers do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.messages import Order
from doctor_daemon.core.notices import OPERATORS, Notice
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.notifiers.cloudevents import event
from doctor_daemon.ports import Change
from tests.engine.consumers import ScriptedConsumer
from tests.engine.instruments import HOST
from tests.engine.rig import Rig, SlowDisk, accuse, server
from tests.simulation.virtual import run

Json = dict[str, Any]
NEVER = 0
COMMON = ("suspected", "confirmed")
END = ("held", "recovered")
LIFE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "red": {
        "vm-1": (*COMMON, "moved", *END),
        "vm-2": (*COMMON, "skipped: state", *END),
    },
    "blue": {"vm-3": (*COMMON, "failed", *END)},
}
"""Project -> server -> what its owner hears, in order."""


class Mortal(SlowDisk):
    """A disk that lets the daemon get no further than to one commit."""

    def __init__(self, fatal: int, *, saved: bool) -> None:
        super().__init__()
        self.fatal = fatal
        self.saved = saved
        self.commits = 0
        self.opened = False
        self.dead = asyncio.Event()

    async def commit(self, change: Change, *, term: int) -> None:
        self.commits += 1
        dying = self.commits == self.fatal
        if self.saved or not dying:
            await super().commit(change, term=term)
            self.opened |= change.head is not None
        if dying:
            self.dead.set()
            await asyncio.Event().wait()


class Told(ScriptedConsumer):
    """A consumer that is told by CloudEvents."""

    def render(self, notice: Notice, id_: str, sequence: int) -> str:
        return event(notice, id_, sequence)


def bench(disk: Mortal) -> Rig:
    """Make a bench with a server for each end that one can come to."""
    rig = Rig(policy=Policy(grace_s=1.0), mode=Mode.EVACUATE, disk=disk)
    rig.consumer = Told("vnfm", rig.clock)
    paused = replace(server(2, "red"), status="PAUSED", vm_state="paused")
    rig.nova.there[HOST.name] = (server(1, "red"), paused, server(3, "blue"))
    rig.nova.rebuilds.failing = {"vm-3": ["error"] * 9}
    return rig


async def live(rig: Rig, engine: Engine, disk: Mortal) -> None:
    """Play what people and the world do, from wherever it stands."""
    await engine.poller.ready.wait()
    if not disk.opened:
        await accuse(rig, engine)
    case = engine.desk.cases.get(HOST)
    while case is not None and not case.incident.phase.final:
        if case.incident.phase is Phase.HELD:
            rig.device.on = True
            rig.nova.start(HOST.name)
            await Operators(engine).order(HOST, Order.RELEASE, "ann", "mended")
        await asyncio.sleep(0.05)
    await asyncio.sleep(5)


async def lived(disk: Mortal) -> Rig:
    """Let an incident come to its end, with one daemon after the other."""
    rig = bench(disk)
    first = rig.engine()
    running, dead = asyncio.create_task(first.run()), asyncio.create_task(disk.dead.wait())
    await first.ready.wait()
    life = asyncio.create_task(live(rig, first, disk))
    await asyncio.wait((life, dead), return_when=asyncio.FIRST_COMPLETED)
    dead.cancel()
    life.cancel()
    await asyncio.wait((life,))
    await rig.crash(running)
    async with rig.running() as second:
        await live(rig, second, disk)
    return rig


def heard(rig: Rig, project: str) -> list[Json]:
    """Return what was told of one audience, each notice once."""
    rows = {row.id: row for _, row in rig.consumer.heard if row.project == project}
    for _, row in rig.consumer.heard:
        if row.project == project:
            assert row.body == rows[row.id].body, "a notice that is repeated has changed"
    return [json.loads(row.body)["data"] for row in rows.values()]


def steps(told: list[Json], id_: str) -> tuple[str, ...]:
    """Name the steps that were told of one server."""
    named = [one for one in told if id_ in [found["id"] for found in one["servers"]]]
    words = ((one["outcome"] or one["kind"], one["cause"]) for one in named)
    # Of what the last attempt has failed depends on when the daemon died.
    return tuple(f"{step}: {why}" if why and step != "failed" else step for step, why in words)


def judge(rig: Rig) -> None:
    """See that everybody heard each step once, and no owner of a host or of somebody else."""
    everything = heard(rig, OPERATORS)
    for project, servers in LIFE.items():
        told = heard(rig, project)
        assert {id_: steps(told, id_) for id_ in servers} == servers
        assert {one["id"] for found in told for one in found["servers"]} == set(servers)
        assert HOST.name not in json.dumps(told)
        assert "cmp-9" not in json.dumps(told)
        assert {id_: steps(everything, id_) for id_ in servers} == servers
    (moved,) = (one for one in everything if one["outcome"] == "moved")
    assert (moved["host"], moved["text"]) == (HOST.name, "moved to cmp-9: vm-1")
    assert rig.bugs == []
    assert rig.nova.rebuilds.twice == []


def test_each_step_is_told_once_to_whoever_it_concerns() -> None:
    async def main() -> None:
        judge(await lived(Mortal(NEVER, saved=True)))

    run(main())


@pytest.mark.parametrize("saved", [True, False], ids=["saved", "unsaved"])
def test_each_step_is_told_once_whenever_the_daemon_dies(*, saved: bool) -> None:
    counted: list[int] = []

    async def whole() -> None:
        disk = Mortal(NEVER, saved=True)
        await lived(disk)
        counted.append(disk.commits)

    run(whole())
    assert counted[0] > 15

    async def main(number: int) -> None:
        judge(await lived(Mortal(number, saved=saved)))

    for number in range(1, counted[0] + 1):
        run(main(number))
