"""An incident: one failure of one host, from the first suspicion to its end, as one frozen value.

Everything a restarted daemon needs to carry on is in here and nowhere else, because what is to be
done next is derived from the incident alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import NewType

from doctor_daemon.core.evacuation import Evacuation
from doctor_daemon.core.evidence import SUMMARY_MAX, Evidence, Words
from doctor_daemon.core.host import HostId, HostPlan, Server, ServerId, ServerList
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.journal import Journal
from doctor_daemon.core.phases import SUCCESSORS, Phase
from doctor_daemon.core.proof import Proof
from doctor_daemon.core.release import Closing, Release
from doctor_daemon.core.retirement import Course, Retirement
from doctor_daemon.core.sightings import Marking, Sighting, Unseen
from doctor_daemon.core.tries import Try

__all__ = [
    "TIMELINE_MAX",
    "Entry",
    "Held",
    "Incident",
    "IncidentId",
    "Marking",
    "NoticeKind",
    "Rounds",
    "Sighting",
    "Waiting",
    "open_incident",
]

IncidentId = NewType("IncidentId", str)
TIMELINE_MAX = 2000


class NoticeKind(StrEnum):
    """What a consumer is told."""

    SUSPECTED = "suspected"
    WITHDRAWN = "withdrawn"
    CONFIRMED = "confirmed"
    HELD = "held"
    OUTCOME = "outcome"
    RECOVERED = "recovered"
    MAINTENANCE = "maintenance"  # Nova's, of a host that nothing is wrong with: see core/upkeep
    ALARM = "alarm"  # for operators alone: something is not as it was left
    SERVICE = "service"  # the host is alive, and its nova-compute is not: see core/lone_service


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline. `tell` makes it a notice, about `servers` or about all of them."""

    seq: int
    at: Instant
    phase: Phase
    text: str
    tell: NoticeKind | None = None
    servers: tuple[Server, ...] | None = None
    outcome: str = ""
    """With OUTCOME: what has become of those servers, as `Stage` has it."""
    cause: str = ""
    """With OUTCOME: why, as `Cause` has it; empty: they were moved."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why a human is needed, and what would free the incident."""

    gate: str
    why: str
    frees: str
    out_of: Phase | None = None
    """The phase that it came from."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """For which gate an incident waits, in its words, and since when it waits at all."""

    gate: str
    why: str
    frees: str
    since: Instant
    over: bool = False
    """Whether it has opened. If another one is shut then, the time is counted from `since`."""
    asking: bool = False
    """Whether it is just being tried whether it has: what waits is done meanwhile."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """How the evacuations of the host are followed."""

    guarded_from: Instant | None = None
    """Only power that was read after this renews the proof."""
    renew_from: Instant | None = None
    """After a restart: a power proof from before this permits nothing until it is renewed."""
    inspections: int = 0
    inspected_at: Instant | None = None
    """When the last inspection was asked for that all that is to be posted rests on."""
    told_at: Instant | None = None  # when the evacuations in it were asked for
    follows: int = 0
    failures: int = 0
    """Questions to Nova in a row that came back without an answer."""
    ask_at: Instant | None = None
    """Not before this is Nova asked again."""
    tagged: bool = False
    """Whether the last inspection asked for the host's aggregates too."""
    barred: Held | None = None
    """Why nothing more is posted. What is under way is followed to its end."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One failure of one host. `version` counts its saved states."""

    id: IncidentId
    host: HostId
    opened_at: Instant
    phase_at: Instant
    progress_at: Instant
    grace_from: Instant
    """Where the grace is counted from: the opening, or a restart on another boot."""
    phase: Phase = Phase.SUSPECTED
    retry_at: Instant | None = None
    words: Words = field(default_factory=dict)
    ordered_at: Instant | None = None
    """When an operator last ordered this host fenced: as good as evidence, and as short-lived."""
    life_at: Instant | None = None
    """When the host was last heard alive."""
    contradicted_at: Instant | None = None
    """Since when fresh evidence of life keeps it from being cut; None: none does."""
    service_since: Instant | None = None
    """Since when it is its nova-compute alone that is down, while the host is seen alive."""
    reported_at: Instant | None = None
    """When nova-compute of a host that is proven off was first seen to have reported in since."""
    service: str = ""
    """The UUID of the compute service, recorded at the first look. If it changes: held."""
    first: Sighting | None = None
    """The first look, or since somebody wrote to the service: later looks are compared with it."""
    sighting: Sighting | None = None
    shown: Sighting | None = None
    """What anybody has written to the service, as it was last shown: see `hands`."""
    unseen: Unseen | None = None
    """Why the last list of all services showed nothing of it; None: it did."""
    looks: int = 0
    look_failures: int = 0
    look_at: Instant | None = None
    """Not before this is Nova asked again."""
    fencing: Try | None = None
    tries: int = 0
    cut_started: Instant | None = None
    """The point of no return."""
    decided_at: Instant | None = None
    """When the gates were passed last, and it was not taken back."""
    charges: tuple[Instant, ...] = ()
    """When this incident took from the budget of power cuts."""
    passed: int = 0
    """Which of these rounds a human's word has let through last, where many hosts look dead."""
    refences: int = 0
    proof: Proof | None = None
    marking: Marking = field(default_factory=Marking)
    held: Held | None = None
    waiting: Waiting | None = None
    closing: Closing | None = None
    servers: Mapping[ServerId, Server] = field(default_factory=dict)
    servers_wall_s: float = 0.0
    listings: int = 0
    """How often the list of servers was asked for after force-down; -1: it has been folded in."""
    evacuations: Mapping[ServerId, Evacuation] = field(default_factory=dict)
    """What becomes of each server, once the host may be evacuated."""
    rounds: Rounds = Rounds()
    release: Release = field(default_factory=Release)
    retirement: Retirement | None = None
    journal: Journal = field(default_factory=Journal)
    timeline: tuple[Entry, ...] = ()
    version: int = 0

    def note(self, at: Instant, text: str, tell: NoticeKind | None = None) -> Incident:
        """Add a line to the timeline."""
        return self.tell(at, text, tell, None)

    def tell(
        self,
        at: Instant,
        text: str,
        kind: NoticeKind | None,
        servers: tuple[Server, ...] | None,
        outcome: str = "",
        *,
        cause: str = "",
    ) -> Incident:
        """Add a line that is told about some servers only."""
        if len(self.timeline) >= TIMELINE_MAX and kind is None:
            return self
        number = len(self.timeline) + 1
        entry = Entry(number, at, self.phase, text, kind, servers, outcome, cause)
        return replace(self, timeline=(*self.timeline, entry))

    def move(self, to: Phase, at: Instant, text: str, tell: NoticeKind | None = None) -> Incident:
        """Enter a phase, and say why."""
        if to not in SUCCESSORS[self.phase]:
            msg = f"{self.phase} may not be followed by {to}"
            raise ValueError(msg)
        moved = replace(self, phase=to, phase_at=at, progress_at=at, retry_at=None, held=None)
        retirement = self.retirement and self.retirement.ended()
        moved = replace(moved, closing=None, waiting=None, retirement=retirement, look_failures=0)
        moved = replace(moved, look_at=None, contradicted_at=None, service_since=None)
        moved = moved.note(at, text, tell)
        for line in self._overtaken(to):
            moved = moved.note(at, line)
        return moved

    def _overtaken(self, to: Phase) -> Iterator[str]:
        """Say which orders end with this phase before they were followed."""
        if to.final:
            return
        came = f"it has come to be {to.value.replace('_', ' ')}"
        if self.closing is not None:
            yield f"not ended for {self.closing.by}: {came}; order it again"
        wish = self.retirement
        if wish is None or wish.step is Course.OVER:
            return
        if wish.sent:
            yield (
                f"whether it is decommissioned, as {wish.by} has ordered, is not known: {came}; "
                "look with `openstack compute service list`"
            )
        else:
            yield f"not decommissioned for {wish.by}: {came}; order it again"

    def hold(self, at: Instant, held: Held) -> Incident:
        """Ask for a human."""
        moved = self.move(Phase.HELD, at, f"held: {held.why}; {held.frees}", NoticeKind.HELD)
        return replace(moved, held=replace(held, out_of=self.phase))

    def owes(self, saved: Incident) -> bool:
        """Tell whether more than the answers to questions is new since a saved state.

        Those alone need not be saved: after a crash the questions are asked anew. Whatever follows
        from them shows elsewhere, and is saved with them.
        """
        tries = ((one.fencing and one.fencing.unasked()) for one in (self, saved))
        return _WEIGHTY(self) != _WEIGHTY(saved) or next(tries) != next(tries)

    @property
    def mark(self) -> str:
        """What Nova's disabled_reason begins with where this incident has disabled the service."""
        return f"doctor-daemon:{self.id}:"

    @property
    def untouched(self) -> bool:
        """Tell whether nothing in the world was changed, or vouched for, in this incident."""
        return self.cut_started is None and self.proof is None and self.marking.number == 0

    @property
    def charged(self) -> bool:
        """Tell whether the present round of fencing has been taken from the budget."""
        return len(self.charges) > self.refences


_ANSWERS = frozenset({"service", "first", "sighting", "shown", "looks", "look_failures", "look_at"})
_OTHERWISE = {"version", "fencing"}
_WEIGHTY = attrgetter(*(f.name for f in fields(Incident) if f.name not in _ANSWERS | _OTHERWISE))
"""All of an incident that is more than the answers to questions, but for its try."""


def open_incident(
    id_: IncidentId, evidence: Evidence, plan: HostPlan, servers: ServerList
) -> Incident:
    """Open an incident for its first evidence, which is then heard like any other.

    The servers are those that are known to be on the host.
    """
    at = evidence.received_at
    incident = Incident(
        id=id_,
        host=evidence.host,
        opened_at=at,
        phase_at=at,
        progress_at=at,
        grace_from=at,
        servers={server.id: server for server in servers.servers},
        servers_wall_s=servers.asked_wall_s,
    )
    summary = evidence.summary[:SUMMARY_MAX]
    text = f"{evidence.source} says down ({evidence.kind}): {summary}"
    domain = f"; failure domain {plan.domain}" if plan.domain else ""
    return incident.note(at, text.rstrip(": ") + domain, NoticeKind.SUSPECTED)
