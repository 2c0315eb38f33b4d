"""A host in reserve that is lent to an incident: one task, as one frozen value.

When a host's servers are to be moved, one of the hosts that the operator keeps in reserve for it is
enabled: one that is idle by a reason the operator knows. It is given back, disabled by the same
reason, when the incident is over, unless it carries servers then: that is a human's to decide. A
task holds its incident up for moments at most. What is sent is saved before it is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from doctor_daemon.core.host import HostId, Reserve
from doctor_daemon.core.incident import Incident, IncidentId, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.journal import Journal
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome

STORY_MAX = 50
TRIES = 3
"""How often a host in reserve is tried to be enabled: servers wait to be moved meanwhile."""
HELD_RETRY_S = 300.0
_NOTHING_DONE = (Outcome.REFUSED, Outcome.FORBIDDEN, Outcome.UNSENT)


class ReserveStage(StrEnum):
    """How far a task has got."""

    CHOOSING = "choosing"
    ENABLING = "enabling"
    LENT = "lent"  # until the incident is over
    GIVING_BACK = "giving back"
    HELD = "held"  # a human is to see why it is not given back
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ReserveLine:
    """One line of a task's story."""

    at: Instant
    text: str


@dataclass(frozen=True, slots=True)
class ReserveTask:
    """The reserve of one incident. A host has one such task at most."""

    host: HostId
    """The host that failed."""
    incident: IncidentId
    reason: str
    """By which the hosts in reserve are disabled."""
    since: Instant
    stage: ReserveStage = ReserveStage.CHOOSING
    reserve: str = ""
    """The one that was chosen; empty: none was yet."""
    service: str = ""
    """The id of its compute service. If it changes, the daemon leaves it alone."""
    tried: tuple[str, ...] = ()
    """Those that could not be taken."""
    sent: bool = False
    """Whether the request of this stage may have been sent."""
    doubtful: bool = False
    """Whether a request of this stage may have been carried out."""
    failures: int = 0
    retry_at: Instant | None = None
    why: str = ""
    frees: str = ""
    out_of: ReserveStage | None = None
    warns: bool = False
    """Whether its last line is for a human."""
    story: tuple[ReserveLine, ...] = ()
    journal: Journal = field(default_factory=Journal)
    """What of its requests is open, as the audit has it."""

    @property
    def over(self) -> bool:
        return self.stage is ReserveStage.DONE

    @property
    def doing(self) -> ReserveStage:
        """What it is at, or was at when it was held."""
        return self.out_of or self.stage

    @property
    def settled(self) -> bool:
        """Tell whether nothing more is to come that an evacuation may wait for."""
        return self.doing not in (ReserveStage.CHOOSING, ReserveStage.ENABLING)

    def note(self, now: Instant, text: str, *, warns: bool = False) -> ReserveTask:
        """Add a line to the story, unless it is the last one again."""
        if self.story and self.story[-1].text == text:
            return self
        story = (*self.story, ReserveLine(now, text))[-STORY_MAX:]
        return replace(self, story=story, warns=warns)

    def at(
        self, stage: ReserveStage, now: Instant, text: str, *, warns: bool = False
    ) -> ReserveTask:
        """Come to another stage, and say why."""
        moved = replace(self, stage=stage, since=now, sent=False, doubtful=False, failures=0)
        moved = replace(moved, retry_at=None, why="", frees="", out_of=None)
        return moved.note(now, text, warns=warns)

    def hold(self, now: Instant, why: str, frees: str) -> ReserveTask:
        """Ask for a human. It is tried again all the same, now and then."""
        held = replace(self, stage=ReserveStage.HELD, since=now, out_of=self.doing)
        held = replace(held, why=why, frees=frees, retry_at=now.plus(HELD_RETRY_S))
        return held.note(now, f"held: {why}; {frees}", warns=True)


def wants_reserve(incident: Incident, reserve: Reserve) -> bool:
    """Tell whether a plan is made by which servers are to be moved, and hosts are in reserve."""
    moving = any(not one.stage.ended for one in incident.evacuations.values())
    return bool(reserve.hosts) and incident.phase is Phase.EVACUATING and moving


def opened(incident: Incident, reserve: Reserve, now: Instant) -> ReserveTask:
    """Open the task of an incident."""
    task = ReserveTask(incident.host, incident.id, reserve.reason, now)
    return task.note(now, f"servers of {incident.host} are to be moved: a reserve is looked for")


def unfit(task: ReserveTask, sighting: Sighting) -> str:
    """Say why a host in reserve may not be enabled; empty: it may."""
    if task.service and sighting.uuid != task.service:
        return "its compute service is another one now"
    if sighting.forced_down:
        return "it is forced down"
    if sighting.state != "up":
        return f"its nova-compute is {sighting.state}"
    if sighting.status != "disabled":
        return "it is enabled already"
    if sighting.reason != task.reason:
        return f"it is disabled by {sighting.reason or 'no reason'!r}, not by {task.reason!r}"
    return ""


@dataclass(frozen=True, slots=True)
class Stand:
    """What hosts there are to choose from."""

    services: Mapping[str, Sighting]
    zones: Mapping[str, str]
    taken: Collection[str]
    """The hosts that another incident has, or is about, and those in maintenance."""


def choose(task: ReserveTask, reserve: Reserve, stand: Stand, now: Instant) -> ReserveTask:
    """Choose the first that can be taken, or say of each why it cannot.

    It has to be in the zone of the host that failed: servers are seldom free to leave that.
    """
    words: list[str] = []
    home = stand.zones.get(task.host.name, "")
    for name in reserve.hosts:
        why = _barred(task, name, stand, home)
        if not why:
            text = f"{name} is chosen from the reserve, in zone {home}"
            chosen = replace(task, reserve=name, service=stand.services[name].uuid)
            return chosen.at(ReserveStage.ENABLING, now, text)
        words.append(f"{name}: {why}")
    text = f"none of the hosts in reserve can be taken: {'; '.join(words)}"
    return replace(task, reserve="", service="").at(ReserveStage.DONE, now, text, warns=True)


def _barred(task: ReserveTask, name: str, stand: Stand, home: str) -> str:
    if name in task.tried:
        return "it was tried"
    if name in stand.taken or name == task.host.name:
        return "it is an incident's already, or in maintenance"
    sighting = stand.services.get(name)
    if sighting is None:
        return "Nova does not say how it stands"
    zone = stand.zones.get(name, "")
    if not zone or zone != home:
        return f"it is in zone {zone or 'unknown'}, and not in {home or 'an unknown one'}"
    return unfit(replace(task, service=""), sighting)


def looked(task: ReserveTask, seen: Sighting, now: Instant) -> ReserveTask:
    """Fold a look in at the host that was chosen, before it is enabled or after."""
    same = seen.uuid == task.service
    if same and task.sent and seen.status == "enabled":
        text = f"{task.reserve} is enabled, for the servers of {task.host}"
        return task.at(ReserveStage.LENT, now, text)
    why = unfit(task, seen)
    if not why:
        return task
    if task.sent:  # it may have been enabled, and somebody was there since
        text = f"{task.reserve} was to be enabled, and {why}: it is left as it is"
        return task.at(ReserveStage.DONE, now, text, warns=True)
    tried = replace(task, tried=(*task.tried, task.reserve))
    return tried.at(ReserveStage.CHOOSING, now, f"{task.reserve} cannot be taken: {why}")


def unshown(
    task: ReserveTask, outcome: Outcome, text: str, now: Instant, limits: Policy
) -> ReserveTask:
    """Fold in an enabling after which the host is not shown enabled: it is tried a few times.

    Only where nothing can have been done another host is chosen: one is enough.
    """
    failures = task.failures + 1
    doubtful = task.doubtful or outcome not in _NOTHING_DONE
    task = replace(task, failures=failures, doubtful=doubtful)
    if failures < TRIES:
        noted = task.note(now, f"enabling {task.reserve}: {text}")
        return replace(noted, retry_at=now.plus(limits.backoff(failures)))
    if doubtful:
        words = f"whether {task.reserve} is enabled is not known: {text}"
        return task.at(ReserveStage.LENT, now, words, warns=True)
    tried = replace(task, tried=(*task.tried, task.reserve))
    return tried.at(ReserveStage.CHOOSING, now, f"{task.reserve} cannot be enabled: {text}")


def returned(
    task: ReserveTask, seen: Sighting, servers: int | None, now: Instant, *, accused: bool
) -> ReserveTask:
    """See whether a host can be given back. `servers`: how many it carries; None: unasked."""
    name = task.reserve
    if seen.uuid != task.service:
        why = "its compute service is another one now"
    elif seen.status == "disabled":
        ours = seen.reason == task.reason
        text = f"{name} is in reserve again" if ours else f"somebody has disabled {name}"
        return task.at(ReserveStage.DONE, now, text)
    elif accused or seen.forced_down or seen.state != "up":
        why = "it has failed itself"
    elif servers:
        why = f"it carries {servers} servers: it stays enabled until a human sees to it"
    else:
        return task
    return task.at(ReserveStage.DONE, now, f"{name} is not given back: {why}", warns=True)


def failed(task: ReserveTask, text: str, now: Instant, limits: Policy) -> ReserveTask:
    """Try again, later; nobody waits for a reserve for long, and in the end a human is asked."""
    failures = task.failures + 1
    task = replace(task, failures=failures)
    if not task.settled and failures >= TRIES:
        if task.sent:
            words = f"whether {task.reserve} is enabled is not known: {text}"
            return task.at(ReserveStage.LENT, now, words, warns=True)
        words = f"no host in reserve is enabled for this incident: {text}"
        return task.at(ReserveStage.DONE, now, words, warns=True)
    if task.stage is ReserveStage.HELD or failures >= limits.force_down_tries:
        frees = f"disable it by hand, or see to that; it is tried again every {HELD_RETRY_S:g} s"
        return task.hold(now, text, frees)
    return replace(task.note(now, text), retry_at=now.plus(limits.backoff(failures)))


def ended(task: ReserveTask, now: Instant) -> ReserveTask:
    """Have a task go on with the end of its incident."""
    if task.doing is ReserveStage.LENT or (not task.settled and task.sent):
        text = f"the incident of {task.host} is over: {task.reserve} is to be given back"
        return task.at(ReserveStage.GIVING_BACK, now, text)
    if not task.settled:
        return task.at(ReserveStage.DONE, now, "the incident is over, and none was needed")
    return task


def resumed(task: ReserveTask, now: Instant) -> ReserveTask:
    """Take a task up after a restart. What was to wait on another boot waits no more."""
    return replace(task, retry_at=None) if task.since.boot_id != now.boot_id else task
