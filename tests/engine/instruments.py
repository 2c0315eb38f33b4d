"""Instruments that do as they are told: each one implements its port, and nothing is patched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.host import HostId, Server, ServerId, ServerList
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.proof import Identity, Power, Reading
from doctor_daemon.core.retirement import Transit
from doctor_daemon.core.server_state import ServerState, status_of
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Fleet, Permit
from doctor_daemon.ports.states import StatesPage, StatesWanted
from tests.engine.leaving import Leaving
from tests.engine.rebuilds import Rebuilds
from tests.simulation.virtual import VirtualClock

UUID = "00000000-0000-4000-8000-000000000001"
CALL_S = 0.1
"""How long each call of an instrument takes."""
HOST = HostId("default", "cmp-1")
OTHER = HostId("default", "cmp-2")


class ScriptedDevice:
    """A power device: on until it is cut. `outcomes` and `powers` are what comes first."""

    def __init__(self, name: str, clock: VirtualClock) -> None:
        self.name = name
        self.clock = clock
        self.on = True
        self.uuid = UUID
        self.cuts = 0
        self.switches = 0
        self.began = asyncio.Event()
        self.reads = 0
        self.call_s = CALL_S
        self.outcomes: list[Outcome] = []
        self.bug: Exception | None = None
        self.locked_out = False
        self.identities = 0

    async def identify(self) -> Identity:
        self.identities += 1
        if self.locked_out:
            msg = "401"
            raise Permanent(msg)
        await asyncio.sleep(self.call_s)
        if self.bug is not None:
            raise self.bug
        return Identity(self.uuid)

    async def read(self) -> Reading:
        asked_at = self.clock.now()
        await asyncio.sleep(self.call_s)
        self.reads += 1
        power = Power.ON if self.on else Power.OFF
        return Reading(power, power.value, asked_at, self.clock.now())

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        self.cuts += 1
        self.began.set()
        await asyncio.sleep(self.call_s)
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome.ACCEPTED
        if outcome is not Outcome.REFUSED:
            self.on = False
        return outcome, outcome.value

    async def switch_on(self, permit: Permit) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        self.switches += 1
        await asyncio.sleep(self.call_s)
        self.on = True
        return Outcome.ACCEPTED, "204"

    async def close(self) -> None:
        return


class ScriptedNova:
    """A Nova with one compute service a host."""

    api: ClassVar[int] = 1
    blind = False
    """Whether it would leave hosts of which it can say nothing out without a word."""
    listing = listed_at_once = 0
    """Pages of servers' states that are being asked for, and the most that ever were."""

    aggregates_fail = ""
    """Why aggregates are not told; empty: they are."""
    asked_for_evacuations = looks = 0
    listing_s = 0.0
    """How much longer a page of servers' states takes than any other call."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.down: set[str] = set()
        self.puts: list[tuple[str, str, bool]] = []
        self.errors: list[Exception] = []
        self.there: dict[str, tuple[Server, ...]] = {}
        self.fresh: dict[str, tuple[Server, ...]] = {}
        self.aggregated: dict[str, tuple[Mapping[str, str], ...]] = {}
        self.groups: Sequence[ServerGroup] | Exception = ()
        """Its server groups, or why they are not told."""
        self.grouping_s = self.fleet_s = 0.0
        """How much longer than any other call its groups, and its hosts, take."""
        self.beats = 0.0
        self.rebuilds = Rebuilds(self.there, lambda: self.clock.now().wall_s)
        self.posting_s = CALL_S  # until a request to evacuate is answered
        self.asked_for_changes: list[float] = []  # when each came, by the loop's time
        self.bug: Exception | None = None
        self.enabled: set[str] = set()  # hosts that were enabled again
        self.running: set[str] = set()
        """Hosts whose nova-compute was started again: they report in."""
        self.lifts: list[str] = []
        self.ends: list[Outcome] = []
        """How the first Lifts and Enables are answered: UNKNOWN is done all the same."""
        self.disabled: dict[str, str] = {}
        """Hosts that somebody has disabled, and why."""
        self.zones, self.control = dict[str, str](), dict[str, str]()
        self.silent: set[str] = set()
        """Hosts of which it can say nothing."""
        self.leaving = Leaving(self.there, self.rebuilds)

    async def _call(self) -> None:
        await asyncio.sleep(CALL_S)
        if self.errors:
            raise self.errors.pop(0)

    def _show(self, name: str) -> Sighting:
        state = "down" if name in self.down else "up"
        off = any(service == f"s-{name}" for service, _, _ in self.puts)
        disabled = off and name not in self.enabled
        status, reason = ("disabled", self.puts[-1][1]) if disabled else ("enabled", "")
        if name in self.disabled:
            status, reason = "disabled", self.disabled[name]
        now = self.clock.now()
        beats = self.beats + (now.boot_s // 10 if name in self.running else 0.0)
        return Sighting(f"s-{name}", state, status, name in self.down, reason, beats, now)

    async def look(self, host: HostId) -> Sighting:
        self.looks += 1
        asked_at = self.clock.now()
        await self._call()
        return replace(self._show(host.name), asked_at=asked_at)

    async def fleet(self) -> Fleet:
        await asyncio.sleep(self.fleet_s)
        await self._call()
        all_ = {HOST.name, OTHER.name, *self.zones}
        names = sorted(all_ - self.leaving.gone - self.silent)
        shown = {name: self._show(name) for name in names}
        return Fleet(shown, frozenset(self.silent), zones=self.zones, control=self.control)

    async def force_down(
        self, service: str, reason: str, permit: Permit, *, disable: bool
    ) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        await self._call()
        self.puts.append((service, reason, disable))
        self.down.add(service.removeprefix("s-"))
        self.enabled.discard(service.removeprefix("s-"))
        return Outcome.ACCEPTED, "200"

    async def lift(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        self.lifts.append(service)
        name, outcome = service.removeprefix("s-"), self._answer()
        await asyncio.sleep(CALL_S)
        if any(r.source == name and r.status == "done" for r in self.rebuilds.rows):
            return Outcome.REFUSED, "400: `done` evacuation migration records remain"
        if outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            self.down.discard(name)
        return outcome, outcome.value

    async def enable(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        outcome = self._answer()
        await asyncio.sleep(CALL_S)
        if outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            self.enabled.add(service.removeprefix("s-"))
            self.disabled.pop(service.removeprefix("s-"), None)
        return outcome, outcome.value

    async def disable(self, service: str, reason: str, permit: Permit) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        outcome = self._answer()
        await asyncio.sleep(CALL_S)
        if outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            self.disabled[service.removeprefix("s-")] = reason
        return outcome, outcome.value

    def _answer(self) -> Outcome:
        return self.ends.pop(0) if self.ends else Outcome.ACCEPTED

    def start(self, name: str) -> None:
        """Start nova-compute: it cleans up after what was evacuated, and reports in from now on."""
        self.running.add(name)
        for row in self.rebuilds.rows:
            if row.source == name and not row.failed and row.status != "completed":
                self.rebuilds.turn(row.id, "completed", row.to)

    async def delete_service(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        outcome = self.leaving.delete(service, self._answer())
        await asyncio.sleep(CALL_S)
        return outcome, outcome.value

    async def transits(self, host: HostId) -> Sequence[Transit]:
        await self._call()
        return self.leaving.transits(host.name)

    async def servers(self, host: HostId) -> ServerList:
        await self._call()
        found = self.fresh.get(host.name, self.there.get(host.name, ()))
        return ServerList(found, self.clock.now().wall_s)

    async def all_servers(self, *, calm: bool = False) -> Mapping[str, tuple[Server, ...]]:
        await self._call()
        return self.there

    async def changed_servers(self, since_wall_s: float) -> Sequence[tuple[Server, str]]:
        await self._call()
        return []

    async def evacuate(self, server: ServerId, permit: Permit) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        outcome = self.rebuilds.take(server)
        await asyncio.sleep(self.posting_s)
        if self.bug is not None:
            bug, self.bug = self.bug, None
            raise bug
        return outcome, outcome.value

    async def evacuations(self, host: HostId) -> Sequence[Migration]:
        self.asked_for_evacuations += 1
        await self._call()
        return [row for row in self.rebuilds.rows if row.source == host.name]

    async def aggregates(self, host: HostId) -> Sequence[Mapping[str, str]]:
        await self._call()
        if self.aggregates_fail:
            raise Temporary(self.aggregates_fail)
        return self.aggregated.get(host.name, ())

    async def server_groups(self) -> Sequence[ServerGroup]:
        await asyncio.sleep(self.grouping_s)
        await self._call()
        if isinstance(self.groups, Exception):
            raise self.groups
        return self.groups

    async def changed_evacuations(self, since_wall_s: float) -> Sequence[Migration]:
        self.asked_for_changes.append(asyncio.get_running_loop().time())
        await self._call()
        return self.rebuilds.changed(since_wall_s)

    async def states(self, wanted: StatesWanted) -> StatesPage:
        asked_at = self.clock.now()
        self.listing += 1
        self.listed_at_once = max(self.listed_at_once, self.listing)
        try:
            await asyncio.sleep(self.listing_s)
            await self._call()
        finally:
            self.listing -= 1
        found = [
            ServerState(server, name, status_of(self._show(name)))
            for name, servers in self.there.items()
            for server in servers
            if wanted.host in (None, HostId("default", name))
            if wanted.project in ("", server.project)
        ]
        ids = [state.server.id for state in found]
        begin = ids.index(ServerId(wanted.marker)) + 1 if wanted.marker else 0
        page = tuple(found[begin : begin + wanted.limit])
        more = page[-1].server.id if len(page) == wanted.limit else ""
        service = None if wanted.host is None else self._show(wanted.host.name)
        return StatesPage(page, asked_at.wall_s, more, frozenset(self.silent), self.blind, service)

    async def check(self) -> Sequence[str]:
        return ()

    async def hidden_from_owners(self) -> Sequence[str]:
        return ()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        return
