"""Operators who repair, order, forget and interfere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.holding import Said, Word, answerable
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import DoctorError
from tests.simulation.daemons import Daemons, Living
from tests.simulation.monitors import Monitors
from tests.simulation.oracle import Oracle
from tests.simulation.windows import Window, timed_anew
from tests.simulation.world import Machine, World

MAINTENANCE_S = 3000.0
"""Longer than the whole story, if nobody steps the clock."""


PATIENCE_S = 30.0
"""How long they wait for an answer."""
RELEASABLE = ("release", "evacuation", "internal", "flaps")
"""Gates at which they try a release, be it refused."""


class Staff:
    """Operators: they look now and then, repair what is down, and decide what is held."""

    def __init__(self, world: World, oracle: Oracle, daemons: Daemons, monitors: Monitors) -> None:
        self._world = world
        self._oracle = oracle
        self._daemons = daemons
        self._swarm = world.swarm
        self._monitors = monitors

    async def work(self) -> None:
        """Make a round every minute or so, for ever."""
        while True:
            await asyncio.sleep(self._swarm.seconds(20, 80))
            await self._careful()
            one = self._daemons.leading
            if one is not None:
                await self._round(one)

    async def answer(self) -> None:
        """Let projects say something of servers that wait for it."""
        while True:
            await asyncio.sleep(self._swarm.seconds(1, 15))
            one = self._daemons.leading
            if one is None or not one.engine.desk.cases:
                continue
            incident = self._swarm.random.choice(list(one.engine.desk.cases.values())).incident
            now = one.process.clock.now()
            waiting = [id_ for id_ in incident.evacuations if answerable(incident, id_, now)]
            if waiting and self._swarm.strikes("project-answers", 20.0):
                await self._say(one, incident, Said(waiting[0], self._word(), "vnfm", now))

    def _word(self) -> Word:
        return self._swarm.random.choice(list(Word))

    async def _say(self, one: Living, incident: Incident, said: Said) -> None:
        """Say it; what was to be heard counts from the moment in which it may be."""
        key = incident.id, said.server
        if said.word is Word.GO:
            self._world.said[key] = said.word, self._world.now()
        done = await self._done(one, one.engine.desk.answer(said, None))
        if done and said.word is Word.HANDLED:
            record = self._oracle.disk.saved[incident.id].evacuations[said.server]
            if record.stage is Stage.SKIPPED:
                self._world.said[key] = said.word, self._world.now()

    async def meddle(self) -> None:
        """Let two of them give orders at once now and then, each without asking the other."""
        orders = tuple(order for order in Order if order is not Order.CONFIRM_OFF)
        while True:
            await asyncio.sleep(self._swarm.seconds(2, 40))
            one = self._daemons.leading
            if one is None or not one.engine.desk.cases:
                continue
            if self._swarm.strikes("operators-at-once"):
                incident = self._swarm.random.choice(list(one.engine.desk.cases.values())).incident
                both = self._swarm.random.choices(orders, k=2)
                await asyncio.gather(*(self._order(one, incident, order) for order in both))

    async def _careful(self) -> None:
        """Disarm at a daemon that stands by, whoever leads, or nobody."""
        found = [one for one in self._daemons.aside if one.way is not None]
        wanted = found and self._oracle.disarmed_since is None
        if wanted and self._swarm.strikes("disarmed-at-standby", 0.5):
            await self._disarm(self._swarm.random.choice(found))

    async def _disarm(self, one: Living) -> None:
        if await self._done(one, Operators(one.engine).disarm("ann", "something is odd")):
            self._oracle.disarmed_since = self._world.now()

    async def _round(self, one: Living) -> None:
        engine = one.engine
        await self._switches(one)
        if one.way is not None and self._swarm.strikes("step-down"):
            await self._done(one, _now(Operators(engine).step_down))
        if engine.ward.lookout.latches and self._swarm.strikes("hosts-released", 10.0):
            await self._done(one, engine.masskeeper.release(1, "ann", "it is dead", 300.0))
        self._interfere()
        for case in list(engine.desk.cases.values()):
            incident = case.incident
            if incident.phase is Phase.DOWN:
                await self._repair(one, incident)
            elif incident.phase is Phase.RELEASING:
                await self._bring_back(one, incident)
            elif incident.phase is Phase.HELD:
                await self._decide(one, incident)
            elif self._swarm.strikes("operator-orders"):
                order = self._swarm.random.choice((Order.FENCE, Order.DISMISS, Order.CLOSE))
                await self._order(one, incident, order)

    async def _switches(self, one: Living) -> None:
        oracle, swarm, operators = self._oracle, self._swarm, Operators(one.engine)
        if oracle.disarmed_since is not None:
            oracle.disarmed_since = None
            if not await self._done(one, operators.arm("ann", "back to work")):
                oracle.disarmed_since = None  # unknown: it may be armed
        elif swarm.strikes("operator-disarms"):
            await self._disarm(one)
        for machine in self._world.machines.values():
            if machine.id in oracle.maintenance:
                del oracle.maintenance[machine.id]
                await self._done(one, operators.end_maintenance(machine.id))
            elif swarm.strikes("operator-maintenance", 0.2) and await self._done(
                one, operators.maintain(machine.id, "bob", "new disk", MAINTENANCE_S)
            ):
                until = one.process.clock.now().plus(MAINTENANCE_S)
                window = Window(self._world.now(), until, until)
                timed_anew([window], oracle.clock.now())
                oracle.maintenance[machine.id] = window

    def _interfere(self) -> None:
        for machine in self._world.machines.values():
            row = machine.row
            if self._swarm.strikes("operator-foreign-flag", 0.2):
                row.foreign_at = now = self._world.now()
                if self._swarm.random.random() < 0.5:
                    row.foreign_flag = not row.forced_down or row.foreign_flag
                    row.write(now, forced_down=True, status=row.status, reason=row.reason)
                else:
                    down, why = row.forced_down, "the rack is moved"
                    row.write(now, forced_down=down, status="disabled", reason=why)
            if self._swarm.strikes("operator-clears-flag", 0.2):
                self._clear(machine)

    def _clear(self, machine: Machine) -> None:
        row = machine.row
        row.foreign_flag, row.foreign_at = False, self._world.now()
        row.write(row.foreign_at, forced_down=False, status="enabled", reason="")

    async def _repair(self, one: Living, incident: Incident) -> None:
        """Repair a host that is down, bring it back, and close its incident."""
        machine, draw = self._world.machines[incident.host], self._swarm.random.random()
        if self._swarm.strikes("operator-decommissions"):
            await self._order(one, incident, Order.DECOMMISSION)
            return
        if self._swarm.on and draw < 0.3:
            return
        if machine.plan.way_back.automatic and draw < 0.6 and not self._monitors.quiet:
            self._mend(machine)  # the rest comes by itself
            return
        if draw < 0.7 and not self._monitors.quiet:
            if draw < 0.5:
                await self._order(one, incident, Order.POWER_ON)
                if draw < 0.42:
                    return  # the rest when they look again
            else:
                self._mend(machine)
            await self._order(one, incident, Order.RELEASE)
            return
        self._mend(machine)
        self._clear(machine)
        if self._swarm.strikes("put-back-by-hand", 3.0):
            return  # and nobody closes it
        await self._order(one, incident, Order.CLOSE)

    async def _bring_back(self, one: Living, incident: Incident) -> None:
        """Do what a release still wants; call it off, or let the host fail again, now and then."""
        machine, draw = self._world.machines[incident.host], self._swarm.random.random()
        if incident.release.lifted and self._swarm.strikes("called-down-in-use", 3.0):
            self._monitors.false_alarms.add(machine.id.name)
            over = self._monitors.false_alarms.discard
            loop = asyncio.get_running_loop()
            loop.call_later(self._swarm.seconds(5, 40), over, machine.id.name)
        elif self._swarm.strikes("returns-badly", 3.0):
            if draw < 0.3:
                await self._order(one, incident, Order.DISMISS)
            elif draw < 0.6:
                self._world.switch(machine, on=False)
            else:
                machine.compute = False
        elif incident.release.done:
            machine.compute = False  # a restart
            self._mend(machine)
        elif draw < 0.5:
            self._mend(machine)

    def _mend(self, machine: Machine) -> None:
        self._monitors.false_alarms.discard(machine.id.name)
        self._world.switch(machine, on=True)
        if not machine.compute:
            machine.compute = True
            self._oracle.rebuilds.source_returned(machine)

    async def _decide(self, one: Living, incident: Incident) -> None:
        """Decide what is held: sometimes make sure that it is off, and say so."""
        if self._monitors.quiet:
            return  # they go home: what is held stays so
        machine, draw = self._world.machines[incident.host], self._swarm.random.random()
        open_ended = any(not record.stage.ended for record in incident.evacuations.values())
        if draw < 0.3 or open_ended:  # a host whose servers are on their way is not started again
            await self._order(one, incident, Order.FENCE)
        elif draw < 0.5 and incident.held is not None and incident.held.gate in RELEASABLE:
            self._mend(machine)
            await self._order(one, incident, Order.RELEASE)
        elif draw < 0.65:
            self._world.switch(machine, on=False)  # they pull the plug, and only then say so
            await self._order(one, incident, Order.CONFIRM_OFF, for_s=120.0)
        else:
            self._mend(machine)
            if draw < 0.8 and not incident.untouched:
                self._clear(machine)
            await self._order(one, incident, Order.DISMISS)

    async def _order(
        self, one: Living, incident: Incident, order: Order, for_s: float = 60.0
    ) -> None:
        self._swarm.tells(f"ann orders {order} of {incident.host}")
        call = Operators(one.engine).order(incident.host, order, "ann", "as agreed", for_s)
        await self._done(one, call)

    async def _done(self, one: Living, call: Coroutine[Any, Any, object]) -> bool:
        """Await a call; tell whether it was certainly done, and answered by a living daemon."""
        try:
            await one.ask(call, PATIENCE_S)
        except DoctorError:
            return False
        return one.alive


async def _now(call: Callable[[], object]) -> object:
    """Have something done that awaits nothing."""
    return call()
