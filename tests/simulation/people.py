"""Monitors that watch the hosts, and operators who repair, order, forget and interfere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Protocol

from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Conflict, DoctorError, Temporary
from tests.simulation.oracle import Oracle
from tests.simulation.world import Machine, World

SOURCES = (
    ("am", "prometheus", Trust.ALONE),
    ("zbx", "zabbix", Trust.SECOND),
    ("doctor", "ping", Trust.OPEN),
)


class Daemon(Protocol):
    """Where the present daemon is found, if there is one."""

    engine: Engine | None


@dataclass
class Episode:
    """What a monitor has said of a host so far."""

    number: int = 0
    accused: bool = False
    said: int = 0


class Monitors:
    """Says of every host what can be seen from outside, again and again, sometimes wrongly."""

    def __init__(self, world: World, oracle: Oracle, daemon: Daemon) -> None:
        self._world = world
        self._oracle = oracle
        self._daemon = daemon
        self._swarm = world.swarm
        self.false_alarms: set[str] = set()
        self.quiet = False

    async def watch(self, machine: Machine) -> None:
        """Watch one host for ever, with every source."""
        episodes = {name: Episode() for name, _, _ in SOURCES}
        used = [s for s in SOURCES if self._swarm.random.random() < 0.6] or [SOURCES[0]]
        while True:
            await asyncio.sleep(self._swarm.seconds(3, 25))
            for name, kind, trust in used:
                await self._speak(machine, (name, kind, trust), episodes[name])

    async def _speak(
        self, machine: Machine, source: tuple[str, str, Trust], episode: Episode
    ) -> None:
        dead = not (machine.compute and machine.power) or machine.id.name in self.false_alarms
        verdict = None
        if dead and not self.quiet:
            life = machine.power and self._swarm.strikes("evidence-of-life", 0.3)
            verdict = Verdict.UP if life else Verdict.DOWN
            episode.number += not episode.accused
            episode.accused = True
        elif episode.accused:
            self._swarm.strikes("evidence-withdrawn", 100.0)
            verdict = Verdict.WITHDRAWN if source[0] == "am" else Verdict.UP
            episode.accused = False
        if verdict is not None:
            await self._say(machine, source, episode, verdict)

    async def _say(
        self,
        machine: Machine,
        source: tuple[str, str, Trust],
        episode: Episode,
        verdict: Verdict,
    ) -> None:
        name, kind, trust = source
        episode.said += 1
        evidence = Evidence(
            host=machine.id,
            verdict=verdict,
            source=name,
            kind=kind,
            trust=trust,
            fingerprint="host",
            key=f"{name}|{machine.id}|{episode.number}|{episode.said}",
            received_at=self._oracle.clock.now(),
            claimed_s=self._world.now(),
            summary="seen from outside",
        )
        if self._oracle.disk.saving[machine.id]:
            self._swarm.note("heard-during-save")
        await self.send(evidence)
        await self._stale(evidence)
        while self._swarm.strikes("evidence-repeats"):
            await asyncio.sleep(self._swarm.seconds(0, 20))
            await self.send(evidence)
        if self._swarm.strikes("evidence-reorders"):
            older = replace(evidence, verdict=Verdict.UP, key=evidence.key + "|old")
            await self.send(replace(older, claimed_s=self._world.now() - 1000.0), stale=True)

    async def _stale(self, evidence: Evidence) -> None:
        """Deliver something against the host that was in a queue for much too long."""
        engine = self._daemon.engine
        if engine is None or not engine.ready.is_set() or not self._swarm.strikes("evidence-stale"):
            return
        long_ago = self._oracle.clock.now().plus(-self._oracle.policy.evidence_age_s - 1.0)
        key = f"{evidence.key}|stale"
        old = replace(evidence, verdict=Verdict.DOWN, key=key, received_at=long_ago)
        try:
            (receipt,) = await engine.desk.submit([old])
        except DoctorError:
            return
        self._oracle.check("I-12", receipt.outcome == "too old", f"stale: {receipt.outcome}")

    async def send(self, evidence: Evidence, *, stale: bool = False) -> None:
        """Send as a real monitor does: until it is taken, but not for ever."""
        for _ in range(4):
            engine = self._daemon.engine
            now = self._oracle.clock.now()
            if engine is None or not engine.ready.is_set():
                await asyncio.sleep(3)
                continue
            try:
                (receipt,) = await engine.desk.submit([replace(evidence, received_at=now)])
            except (Temporary, Conflict):  # busy, or dead: it hears nothing any more
                await asyncio.sleep(1)
                continue
            if self._daemon.engine is engine:  # else it died before its answer went out
                self._taken(evidence, receipt.outcome, receipt.incident, stale=stale)
            return

    def _taken(
        self, evidence: Evidence, outcome: str, id_: IncidentId | None, *, stale: bool
    ) -> None:
        saved = self._oracle.disk.saved.get(id_) if id_ else None
        if outcome == "opened":
            self._oracle.opened_by[evidence.key] += 1
        if saved is None or outcome not in ("opened", "joined"):
            return
        if evidence.verdict is Verdict.DOWN:
            self._oracle.accused.append((saved.id, evidence.source))
        if evidence.verdict is Verdict.UP and not stale and saved.untouched:
            self._oracle.alive.add(saved.id)


class Staff:
    """Operators: they look now and then, repair what is down, and decide what is held."""

    def __init__(self, world: World, oracle: Oracle, daemon: Daemon, monitors: Monitors) -> None:
        self._world = world
        self._oracle = oracle
        self._daemon = daemon
        self._swarm = world.swarm
        self._monitors = monitors

    async def work(self) -> None:
        """Make a round every minute or so, for ever."""
        while True:
            await asyncio.sleep(self._swarm.seconds(20, 80))
            engine = self._daemon.engine
            if engine is None or not engine.ready.is_set():
                continue
            await self._round(engine, Operators(engine))

    async def meddle(self) -> None:
        """Let two of them give orders at once now and then, each without asking the other."""
        orders = (Order.FENCE, Order.DISMISS, Order.CLOSE)
        while True:
            await asyncio.sleep(self._swarm.seconds(2, 40))
            engine = self._daemon.engine
            if engine is None or not engine.ready.is_set() or not engine.desk.cases:
                continue
            if self._swarm.strikes("operators-at-once"):
                incident = self._swarm.random.choice(list(engine.desk.cases.values())).incident
                both = self._swarm.random.choices(orders, k=2)
                operators = Operators(engine)
                await asyncio.gather(*(self._order(operators, incident, one) for one in both))

    async def _round(self, engine: Engine, operators: Operators) -> None:
        await self._switches(operators)
        self._interfere()
        for case in list(engine.desk.cases.values()):
            incident = case.incident
            if incident.phase is Phase.DOWN:
                await self._repair(operators, incident)
            elif incident.phase is Phase.HELD:
                await self._decide(operators, incident)
            elif self._swarm.strikes("operator-orders"):
                order = self._swarm.random.choice((Order.FENCE, Order.DISMISS, Order.CLOSE))
                await self._order(operators, incident, order)

    async def _switches(self, operators: Operators) -> None:
        oracle, swarm = self._oracle, self._swarm
        if oracle.disarmed_since is not None:
            oracle.disarmed_since = None
            if not await self._done(operators.arm("ann", "back to work")):
                oracle.disarmed_since = None  # unknown: it may be armed
        elif swarm.strikes("operator-disarms") and await self._done(
            operators.disarm("ann", "something is odd")
        ):
            oracle.disarmed_since = self._world.now()
        for machine in self._world.machines.values():
            if machine.id in oracle.maintenance:
                del oracle.maintenance[machine.id]
                await self._done(operators.end_maintenance(machine.id))
            elif swarm.strikes("operator-maintenance", 0.2) and await self._done(
                operators.maintain(machine.id, "bob", "new disk", 3000.0)
            ):
                oracle.maintenance[machine.id] = self._world.now()

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

    async def _repair(self, operators: Operators, incident: Incident) -> None:
        """Repair a host that is down, bring it back, and close its incident."""
        machine = self._world.machines[incident.host]
        if self._swarm.on and self._swarm.random.random() < 0.5:
            return
        self._mend(machine)
        self._clear(machine)
        await self._order(operators, incident, Order.CLOSE)

    def _mend(self, machine: Machine) -> None:
        self._monitors.false_alarms.discard(machine.id.name)
        self._world.switch(machine, on=True)
        if not machine.compute:
            machine.compute = True
            self._oracle.rebuilds.source_returned(machine)

    async def _decide(self, operators: Operators, incident: Incident) -> None:
        """Decide what is held: sometimes make sure that it is off, and say so."""
        if self._monitors.quiet:
            return  # they go home: what is held stays so
        machine, draw = self._world.machines[incident.host], self._swarm.random.random()
        open_ended = any(not record.stage.ended for record in incident.evacuations.values())
        if draw < 0.3 or open_ended:  # a host whose servers are on their way is not started again
            await self._order(operators, incident, Order.FENCE)
        elif draw < 0.6:
            self._world.switch(machine, on=False)  # they pull the plug, and only then say so
            await self._order(operators, incident, Order.CONFIRM_OFF, for_s=120.0)
        else:
            self._mend(machine)
            if draw < 0.8 and not incident.untouched:
                self._clear(machine)
            await self._order(operators, incident, Order.DISMISS)

    async def _order(
        self, operators: Operators, incident: Incident, order: Order, for_s: float = 60.0
    ) -> None:
        await self._done(operators.order(incident.host, order, "ann", "as agreed", for_s))

    async def _done(self, call: Awaitable[object]) -> bool:
        """Await a call; tell whether it was certainly done, and answered by a living daemon."""
        engine = self._daemon.engine
        try:
            await call
        except DoctorError:
            return False
        return self._daemon.engine is engine
