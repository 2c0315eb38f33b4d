"""A walk of a host that is to be evacuated, and a small Nova to answer it.

The Nova is a list of servers and a list of migrations: a test says what they show, and the walk
answers the questions that are due with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

from doctor_daemon.core.around import Around
from doctor_daemon.core.evacuation import Evacuation, Migration, Stage
from doctor_daemon.core.host import Mode, Scope, Server, ServerId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import (
    Evacuate,
    EvacuateEnded,
    Follow,
    Followed,
    ForceDown,
    Inspect,
    Inspected,
    Look,
)
from doctor_daemon.core.moves import list_needed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.make import Fields
from tests.core.walk import Walk

ELSEWHERE = "cmp-9"
WORLD: dict[str, Fields] = {"mode": Mode.EVACUATE, "plan": make.plan(mode=Mode.EVACUATE)}
"""The context of a host that is to be evacuated."""
THERE: dict[str, Fields] = {
    "state": "down",
    "forced_down": True,
    "status": "disabled",
    "reason": "doctor-daemon:inc-1: it failed",
}


def guest(name: str, vm_state: str = "active", **changes: Fields) -> Server:
    """Make a server as the list shows it."""
    return replace(make.server(name), vm_state=vm_state, **changes)


def row(id_: int, name: str, status: str = "accepted", to: str = "") -> Migration:
    """Make a row of os-migrations."""
    return Migration(id_, f"id-{name}", make.HOST.name, to, status)


GUESTS: tuple[Server | str, ...] = (
    "web",
    guest("db", tags={"server:HA_Enabled": "True"}),
    guest("app", tags={"server:evacuable": "1", "server:instanceha:restart_priority": "900"}),
)
"""Some with tags, some without."""


class Moving(Walk):
    """A walk, and the Nova that it asks."""

    def __init__(
        self, *servers: Server | str, incident: Incident | None = None, **changes: Fields
    ) -> None:
        """Begin with these servers on the host; a name alone is an active server."""
        super().__init__(incident, **{**WORLD, **changes})
        found = [guest(one) if isinstance(one, str) else one for one in servers or ("web",)]
        self.there = {server.id: server for server in found}
        self.rows: dict[int, Migration] = {}
        self.aggregates: tuple[Mapping[str, str], ...] = ()
        """What is written on the aggregates of the host."""
        self.around: Around | None = None

    # looking

    def record(self, name: str = "web") -> Evacuation:
        return self.incident.evacuations[ServerId(f"id-{name}")]

    def stage(self, name: str = "web") -> Stage:
        return self.record(name).stage

    @property
    def posts(self) -> list[tuple[str, int]]:
        """The requests that are due: server and attempt."""
        return [
            (effect.server.removeprefix("id-"), effect.attempt) for effect in self.all(Evacuate)
        ]

    @property
    def outcomes(self) -> list[tuple[str, list[str]]]:
        """What consumers were told of servers, in order."""
        return [
            (entry.outcome, [server.name for server in entry.servers or ()])
            for entry in self.incident.timeline
            if entry.outcome
        ]

    # Nova

    def begins(self, id_: int, name: str = "web") -> Self:
        """Let Nova record an evacuation that has been accepted."""
        self.rows[id_] = row(id_, name)
        return self

    def turns(self, id_: int, status: str, to: str = ELSEWHERE, **changes: Fields) -> Self:
        """Let an evacuation come to a status: done takes the server from the host."""
        self.rows[id_] = one = replace(self.rows[id_], status=status, to=to)
        server = ServerId(one.server)
        if one.succeeded:
            self.there.pop(server, None)
        elif server in self.there:
            self.there[server] = replace(self.there[server], **changes)
        return self

    def leaves(self, name: str = "web") -> Self:
        """Let a server be deleted, or moved."""
        del self.there[ServerId(f"id-{name}")]
        return self

    # answering

    def inspect(self, asked_s: float = 0) -> Self:
        """Answer the inspection that is due, asked for so many seconds from now."""
        asked_at, found = self.now.plus(asked_s), tuple(self.there.values())
        rows, number = tuple(self.rows.values()), self.one(Inspect).number
        tagged = self.context.plan.selection.scope is Scope.TAGGED
        aggregates = self.aggregates if tagged else None
        listed = make.servers(*found)
        return self.see(Inspected(number, asked_at, rows, listed, aggregates, self.around))

    def follow(self, *, untouched: tuple[int, ...] = ()) -> Self:
        """Answer the question for what has changed; rows no scheduler has touched are not in it."""
        rows = tuple(one for id_, one in self.rows.items() if id_ not in untouched)
        needed = list_needed(self.incident.evacuations.values(), rows)
        found = make.servers(*self.there.values()) if needed else None
        return self.see(Followed(self.one(Follow).number, rows, found))

    def again(self) -> Self:
        """Have the inspection asked for without which nothing is sent, and answer it."""
        if not self.all(Inspect):
            self.elapse(2).calm()
        return self.inspect()

    def tell(self) -> Self:
        """Answer what Nova is asked about the evacuations, if anything."""
        if self.all(Inspect):
            return self.inspect()
        return self.follow() if self.all(Follow) else self

    def post(self, outcome: Outcome = Outcome.ACCEPTED, text: str = "200") -> Self:
        """Answer every request that is due."""
        for effect in self.all(Evacuate):
            self.answer_post(effect, outcome, text)
        return self

    def answer_post(
        self, effect: Evacuate, outcome: Outcome = Outcome.ACCEPTED, text: str = "200"
    ) -> Self:
        return self.see(EvacuateEnded(effect, outcome, text, self.now))

    def flag(self, **changes: Fields) -> Self:
        """Answer a look: forced down, if nothing else is said."""
        return self.look(**{**THERE, **changes})

    # ways

    def to_evacuating(self) -> Self:
        return self.to_proof().put().flag()

    def to_inspected(self) -> Self:
        """Let Nova say who is on the host: the first requests are due."""
        return self.to_evacuating().inspect()

    def to_posted(self) -> Self:
        """Have every request that may be sent accepted, each with its row."""
        self.to_inspected()
        return self.accept()

    def accept(self) -> Self:
        """Answer every request that is due, and let Nova record each."""
        for effect in self.all(Evacuate):
            self.begins(max(self.rows, default=0) + 1, effect.server.removeprefix("id-"))
            self.answer_post(effect)
        return self

    def guard(self, seconds: float) -> Self:
        """Let time pass with the power read OFF and the flag there, as it is asked for."""
        until = self.now.plus(seconds)
        while not self.now.reached(until) and self.phase is Phase.EVACUATING:
            self.calm()
            left_s = until.since(self.now)
            self.elapse(min([*self.waits, left_s]))
        return self.calm()

    def calm(self) -> Self:
        """Answer what guards the proof: who the devices are, what they read, and the flag."""
        return self.identify().read(Power.OFF).see_flag()

    def fence(self) -> Self:
        """Fence the host once more, and have everything go well up to the evacuation."""
        self.identify().see_flag().cut().prove()
        if self.all(ForceDown):
            self.put()
        return self.see_flag()

    def see_flag(self) -> Self:
        """Answer the look, if one is due."""
        return self.flag() if self.all(Look) else self


def many(count: int) -> list[str]:
    """Name so many servers, in order."""
    return [f"vm-{number:02}" for number in range(count)]
