"""The judge of a telling: of each call by the world as it is then, and of all of it at the end.

What it takes from the daemons is only what is durable. Each violation is a sentence that begins
with the hazard's or the invariant's number.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.errors import Conflict, LateError
from doctor_daemon.ports import Change, NoticeRow, Snapshot, Wanted
from tests.crash_points.audits import beside, intended, judged
from tests.crash_points.calls import CHANGING
from tests.crash_points.daemons import Daemon
from tests.crash_points.skins import Call, Crossing
from tests.crash_points.world import World
from tests.engine.instruments import HOST, OTHER
from tests.engine.rig import SlowDisk
from tests.engine.sharing import Cluster

INCIDENTS = "engine/perform.py"
"""What is called from there is an effect of an incident, and has its intent in the audit."""
ACTS: Mapping[str, str] = {
    "PowerDevice.cut": "cut",
    "PowerDevice.switch_on": "switch_on",
    "Controller.force_down": "force_down",
    "Controller.evacuate": "evacuate",
    "Controller.lift": "lift",
    "Controller.enable": "enable",
    "Controller.delete_service": "delete",
}
"""Effect -> what the audit calls it."""
ONCE = ("Controller.evacuate", "Storage.fail_over")
"""What is never made again: looking comes first. Anything else may be made once more."""


class Telling(Protocol):
    """What the judge looks at."""

    cluster: Cluster | None

    @property
    def disk(self) -> SlowDisk:
        """Return what is durable."""
        ...


@dataclass
class Ending:
    """What a telling has come to: another one is compared with it."""

    effects: Counter[str] = field(default_factory=Counter)
    """Every call that has changed the world, and how often it was made."""
    told: set[tuple[str, ...]] = field(default_factory=set)
    """Who has heard which kinds of notices of which host, and of which project."""
    incidents: list[tuple[str, str]] = field(default_factory=list)
    state: Mapping[str, Any] = field(default_factory=dict)


class Judge:
    """Judges one telling."""

    def __init__(self, world: World, telling: Telling) -> None:
        """Begin with nothing seen."""
        self.world, self._telling = world, telling
        self.violations: list[str] = []
        self.ending = Ending()
        self._bodies: dict[str, str] = {}
        self._intents = Counter[str]()
        """Effects of incidents that were sent, as the audit calls them."""
        self.owed = Counter[tuple[str, HostId]]()
        """Effects of incidents of which no result was saved when a daemon was struck."""
        self._acts: dict[str, tuple[str, HostId]] = {}
        """Effect -> what the audit calls it, and whose it is."""

    def wrong(self, text: str) -> None:
        """Take note of a violation."""
        if text not in self.violations:
            self.violations.append(text)

    async def struck(self) -> None:
        """Take note of what is durable as a daemon is struck."""
        for heading in await self._telling.disk.headings(None, 100):
            incident = await self._telling.disk.find(heading.id)
            for intent in incident.journal.open if incident is not None else ():
                self.owed[intent.what, heading.host] += 1

    # each call

    async def sent(self, daemon: Daemon, crossing: Crossing, call: Call) -> Any:  # noqa: ANN401 - as the port has it
        """Make a call, and judge it by the world as it is as it leaves the daemon."""
        if not crossing.changing:
            return await call()
        found, refused = await self._wrong(daemon, crossing), False
        try:
            return await call()
        except (LateError, Conflict):
            refused = True  # by its permit, or by its term
            raise
        finally:
            if not refused:
                for text in found:
                    self.wrong(f"{text} ({daemon.name}: {crossing})")
                self._note(crossing)

    def _note(self, crossing: Crossing) -> None:
        """Take note of a call that was not refused."""
        if crossing.port in ("Store", "Words", "Notifier"):
            for one in crossing.given:
                if isinstance(one, Change):
                    self._made(one.notices)
            return
        self.ending.effects[str(crossing)] += 1
        if crossing.site[0] == INCIDENTS:
            act, host = ACTS[crossing.name], self._host(crossing)
            self._intents[act] += 1
            if host is not None:
                self._acts[str(crossing)] = act, host

    def _made(self, rows: tuple[NoticeRow, ...]) -> None:
        for row in rows:
            if self._bodies.setdefault(row.id, row.body) != row.body:
                self.wrong(f"L-4: notice {row.id} has two contents")

    async def _wrong(self, daemon: Daemon, crossing: Crossing) -> list[str]:
        found, cluster = list[str](), self._telling.cluster
        deposed = cluster is not None and cluster.leader is not daemon.disk
        if deposed and crossing.name not in CHANGING:
            found.append("I-5: it does not lead")
        if crossing.site[0] != INCIDENTS or crossing.name not in ACTS:
            if beside(crossing) and not await intended(self._telling.disk, crossing):
                found.append("I-17: its intent is not saved")
            return found
        host = self._host(crossing)
        saved = None if host is None else await self._saved(host)
        if host is None or saved is None:
            return [*found, "I-11: nothing is saved of it"]
        act = ACTS[crossing.name]
        if not any(intent.what == act for intent in saved.journal.open):
            found.append("I-11: its intent is not saved")
        return [*found, *self._unsafe(crossing, host, saved)]

    def _unsafe(self, crossing: Crossing, host: HostId, saved: Incident) -> Iterator[str]:
        """Yield what is wrong with an effect, by the world."""
        world, rows = self.world, self.world.nova.rebuilds.rows
        match crossing.call:
            case "cut" if saved.cut_started is None:
                yield "I-11: it is not saved that a cut begins"
            case "force_down" | "evacuate":
                if saved.proof is None:
                    yield "I-1: no proof is saved"
                if not world.off(host):
                    yield f"I-3: {host} has power"
            case "lift" if any(row.source == host.name and not row.ended for row in rows):
                yield "I-10: its servers are being moved"
            case "lift" if world.off(host):
                yield "I-10: it has no power"
            case _:
                pass
        if crossing.call == "evacuate":
            if host.name not in world.nova.down:
                yield "I-2: it is not forced down"
            if any(row.server == crossing.given[1] and not row.failed for row in rows):
                yield "C7: it was asked for before, and that has not failed"

    def _host(self, crossing: Crossing) -> HostId | None:
        label, *given = crossing.given
        if crossing.port == "PowerDevice":
            return next(one for one in (HOST, OTHER) if str(label).startswith(f"{one}/"))
        if crossing.call == "evacuate":
            return self.world.host_of(str(given[0]))
        return HostId("default", str(given[0]).removeprefix("s-"))

    async def _saved(self, host: HostId) -> Incident | None:
        found = await self._telling.disk.headings(host, 1)
        return await self._telling.disk.find(found[0].id) if found else None

    # all of it

    async def end(self, whole: Ending | None) -> Ending:
        """Judge what has become of everything, also beside a telling in which nothing struck."""
        disk, ending = self._telling.disk, self.ending
        ending.state = {**self.world.state(), **_kept(await disk.load())}
        headings = await disk.headings(None, 100)
        ending.incidents = sorted((str(one.host), one.phase) for one in headings)
        if self.world.nova.rebuilds.twice:
            self.wrong(f"I-3: moved twice at once: {self.world.nova.rebuilds.twice}")
        await self._told()
        for text in await judged(disk, self._intents):
            self.wrong(text)
        if whole is not None:
            self._compare(whole)
        return ending

    async def _told(self) -> None:
        """See that every notice was heard, in order, with one content."""
        kept = {row.id: row for row in await self._telling.disk.notices(Wanted(), 10_000)}
        for row in kept.values():
            if row.state == "pending":
                self.wrong(f"L-4: {row.consumer} was never told {row.kind} of {row.host}")
        for name, consumer in self.world.consumers.items():
            heard = [row for _, row in consumer.heard]
            times = Counter(row.id for row in heard)
            lanes, first = defaultdict[HostId, list[int]](list), set[str]()
            for row in heard:
                self.ending.told.add((name, str(row.host), row.project, row.kind))
                if row.id not in kept or self._bodies.get(row.id) != row.body:
                    self.wrong(f"L-4: {name} heard {row.id} otherwise than it was saved")
                if times[row.id] > 2:  # once, and once more
                    self.wrong(f"L-4: {name} heard {row.kind} {times[row.id]} times")
                if row.id not in first and not row.late:
                    lanes[row.host].append(row.sequence)
                first.add(row.id)
            for host, numbers in lanes.items():
                if numbers != sorted(numbers):
                    self.wrong(f"L-4: {name} heard of {host} out of order: {numbers}")

    def _compare(self, whole: Ending) -> None:
        ending = self.ending
        if ending.incidents != whole.incidents:
            self.wrong(f"L-2: the incidents end {ending.incidents}, not {whole.incidents}")
        for what, was in whole.state.items():
            if ending.state[what] != was:
                self.wrong(f"L-1: {what} is {ending.state[what]} at the end, not {was}")
        if lost := whole.told - ending.told:
            self.wrong(f"L-4: never heard: {sorted(lost)}")
        for effect, times in ending.effects.items():
            if times > whole.effects[effect] + self._again(effect):
                self.wrong(f"I-12: {effect} was made {times} times, not {whole.effects[effect]}")

    def _again(self, effect: str) -> int:
        """Return how often an effect may be made besides, because an answer was lost."""
        if effect.partition(" ")[0] in ONCE:
            return 0
        act = self._acts.get(effect)
        return 1 if act is None else self.owed[act]


def _kept(snapshot: Snapshot) -> dict[str, Any]:
    """Return how the daemons leave what is saved beside the incidents."""
    return {
        "armed": snapshot.armed.on,
        "maintenance": [str(one.host) for one in snapshot.maintenance],
        "port tasks": [(str(one.host), one.stage.value) for one in snapshot.port_tasks],
        "volume tasks": [(one.service, one.stage.value) for one in snapshot.tasks],
        "reserves": [(str(one.host), one.stage.value) for one in snapshot.reserves],
        "told of upkeep": [(str(one.host), one.turn.value) for one in snapshot.upkeep],
    }
