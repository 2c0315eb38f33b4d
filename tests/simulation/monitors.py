"""Monitors that watch the hosts, and say what they see, sometimes wrongly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Conflict, DoctorError, Temporary
from doctor_daemon.ports import Receipt
from tests.simulation.daemons import Daemons, Living
from tests.simulation.oracle import Oracle
from tests.simulation.world import Machine, World

SOURCES = (
    ("am", "prometheus", Trust.ALONE),
    ("zbx", "zabbix", Trust.SECOND),
    ("doctor", "ping", Trust.OPEN),
)
OF_NOVA = (("nova", "nova", Trust.ALONE), SOURCES[-1])
"""Of some hosts Nova is asked, and whether they answer pings, and nobody else."""
NOVA_SHARE = 0.15
PATIENCE_S = 10.0
"""How long each of them waits for an answer."""


@dataclass
class Episode:
    """What a monitor has said of a host so far."""

    number: int = 0
    accused: bool = False
    said: int = 0


class Monitors:
    """Says of every host what can be seen from outside, again and again, sometimes wrongly."""

    def __init__(self, world: World, oracle: Oracle, daemons: Daemons) -> None:
        self._world = world
        self._oracle = oracle
        self._daemons = daemons
        self._chance = Random(f"doors {world.swarm.seed}")
        self._swarm = world.swarm
        self.heard: Callable[[str, str, str], None] = lambda host, source, words: None
        """Hears what a source has said, and what became of it."""
        self.false_alarms: set[str] = set()
        self.seen_alive: set[str] = set()
        """Hosts that answer pings still, whatever else has become of them."""
        self.quiet = False
        self._said: dict[tuple[IncidentId, str], float] = {}
        """Incident, source -> the time that it claimed last."""

    async def watch(self, machine: Machine) -> None:
        """Watch one host for ever, with every source."""
        episodes = {name: Episode() for name, _, _ in (*SOURCES, *OF_NOVA)}
        used = [s for s in SOURCES if self._swarm.random.random() < 0.6] or [SOURCES[0]]
        used = list(OF_NOVA) if self._world.chance.random() < NOVA_SHARE else used
        while True:
            await asyncio.sleep(self._swarm.seconds(3, 25))
            for name, kind, trust in used:
                await self._speak(machine, (name, kind, trust), episodes[name])

    async def _speak(
        self, machine: Machine, source: tuple[str, str, Trust], episode: Episode
    ) -> None:
        dead = not (machine.compute and machine.power) or machine.id.name in self.false_alarms
        answers = machine.power and machine.id.name in self.seen_alive
        verdict = None
        if dead and not self.quiet and answers and source[1] == "ping":
            verdict = Verdict.UP
            episode.accused = False
        elif dead and not self.quiet:
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
        self._oracle.insisting.said(machine.id, source, verdict)
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
        one = self._daemons.leading
        if one is None or not self._swarm.strikes("evidence-stale"):
            return
        long_ago = one.process.clock.now().plus(-self._oracle.policy.evidence_age_s - 1.0)
        key = f"{evidence.key}|stale"
        old = replace(evidence, verdict=Verdict.DOWN, key=key, received_at=long_ago)
        try:
            (receipt,) = await one.ask(one.engine.desk.submit([old]), PATIENCE_S)
        except DoctorError:
            return
        self._oracle.check("I-12", receipt.outcome == "too old", f"stale: {receipt.outcome}")

    async def send(self, evidence: Evidence, *, stale: bool = False) -> None:
        """Send as a real monitor does: until it is taken, but not for ever.

        It knows every daemon, and goes on to the next where one does not take it.
        """
        for _ in range(4):
            doors = list(self._daemons.living.values())
            self._chance.shuffle(doors)
            for one in doors:
                if one.alive and await self._knock(one, evidence, stale=stale):
                    return
            await asyncio.sleep(1 if self._daemons.leading else 3)

    async def _knock(self, one: Living, evidence: Evidence, *, stale: bool) -> bool:
        """Tell one daemon; return whether that is enough."""
        if one.ready:
            self._takes_back(evidence)
        elif one.way is None:
            return False  # its doors are shut
        try:
            receipt, heard = await one.ask(self._submit(one, evidence), PATIENCE_S)
        except (Temporary, Conflict):  # busy, standing by, or dead: it hears nothing any more
            return False
        if one.alive:  # else it died before its answer went out
            self._taken(heard, receipt.outcome, receipt.incident, stale=stale)
        return True

    async def _submit(self, one: Living, evidence: Evidence) -> tuple[Receipt, Evidence]:
        """Have it received: when the daemon reads it, and that may be late."""
        heard, aside = replace(evidence, received_at=one.process.clock.now()), one.engine.desk.aside
        if heard.verdict is Verdict.DOWN:
            self._oracle.said.against[heard.host].add(heard.received_at)
        try:
            (receipt,) = await one.engine.desk.submit([heard])
        except Temporary:
            if aside:
                self._swarm.note("refused-at-standby")
            raise
        told = f"{one.site.name} stands by, and says of evidence: {receipt.outcome}"
        self._oracle.check("I-12", not aside, told)
        return receipt, heard

    def _takes_back(self, evidence: Evidence) -> None:
        """Forget that a source has seen life: it says down now, be it taken or not."""
        saved = self._oracle.disk.open_for(evidence.host)
        if saved is not None and evidence.verdict is Verdict.DOWN:
            self._oracle.alive[saved.id].pop(evidence.source, None)

    def _taken(
        self, evidence: Evidence, outcome: str, id_: IncidentId | None, *, stale: bool
    ) -> None:
        self.heard(str(evidence.host), evidence.source, f"{evidence.verdict} ({outcome})")
        saved = self._oracle.disk.saved.get(id_) if id_ else None
        if saved and not stale and evidence.verdict is Verdict.UP and outcome == "joined":
            lived_s = self._oracle.clock.world_s(evidence.received_at)
            self._oracle.said.lived[saved.id] = lived_s
        if outcome == "opened":
            self._oracle.opened_by[evidence.key] += 1
        if saved is None or outcome not in ("opened", "joined"):
            return
        said_s, last_s = evidence.claimed_s or 0.0, self._said.get((saved.id, evidence.source), 0.0)
        self._said[saved.id, evidence.source] = max(said_s, last_s)
        stale = stale or said_s < last_s
        if evidence.verdict is Verdict.DOWN:
            self._oracle.accused.append((saved.id, evidence.source))
        if evidence.verdict is Verdict.UP and not stale and saved.untouched:
            self._oracle.alive[saved.id][evidence.source] = evidence.received_at
