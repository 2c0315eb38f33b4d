"""What is to be seen to about the ports of one fenced host: one task, as one frozen value.

Those who look at Neutron are to see that nothing behind these ports works. So the ports that are
bound to a host which is off and forced down get the data_plane_status DOWN, and lose it when they
are bound elsewhere or the host is back. A task is no part of its incident and holds nothing of it
up. A port is saved as ours before it is marked, and only what is ours is ever cleared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.journal import Journal
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.ports import Port

STORY_MAX = 50
PORTS_MAX = 5_000
"""Ports of one host that are marked: what is ours has to be remembered."""
LOOK_EVERY_S = 30.0
"""How often it is looked where the ports are that are marked."""
HELD_RETRY_S = 300.0
"""How often it is tried again what a human is to see to."""


class PortStage(StrEnum):
    """How far a task has got."""

    MARKING = "marking"
    MARKED = "marked"  # until they are bound elsewhere, or the host is back
    CLEARING = "clearing"  # the host is back
    HELD = "held"  # a human is to see why it does not go on
    DONE = "done"


@dataclass(frozen=True, slots=True)
class PortPolicy:
    """What the configuration says of the ports of fenced hosts."""

    marks: bool = False
    every_s: float = 10.0


@dataclass(frozen=True, slots=True)
class PortView:
    """Everything outside a task that a decision about it may depend on."""

    now: Instant
    limits: Policy
    off: bool = False
    """Whether the host is proven off and forced down, and has not been heard since."""
    back: bool = False
    """Whether its incident is over, and Nova has it forced down no more."""
    shut: str = ""
    """Why nothing at all may be sent now; empty: it may."""
    off_limits: str = ""
    """Why nothing may be marked now, though what is ours may be cleared."""

    def bars(self, doing: PortStage) -> str:
        """Say what keeps a task from what it is at; empty: nothing."""
        return self.shut or (self.off_limits if doing is PortStage.MARKING else "")


@dataclass(frozen=True, slots=True)
class PortLine:
    """One line of a task's story."""

    at: Instant
    text: str


@dataclass(frozen=True, slots=True)
class PortTask:
    """The ports of one fenced host. A host has one at most."""

    host: HostId
    incident: IncidentId
    round: int
    """Which fencing of its incident, from 0."""
    since: Instant
    """When it came to its stage."""
    stage: PortStage = PortStage.MARKING
    ours: tuple[str, ...] = ()
    """The ports that may show our DOWN."""
    failures: int = 0
    retry_at: Instant | None = None
    why: str = ""
    frees: str = ""
    """What a human is asked for, and how the task goes on then."""
    out_of: PortStage | None = None
    """The stage that it was held in."""
    barred: bool = False
    """Whether it is held by what may pass by itself: then it goes on."""
    story: tuple[PortLine, ...] = ()
    journal: Journal = field(default_factory=Journal)
    """What of its requests is open, as the audit has it."""

    @property
    def over(self) -> bool:
        return self.stage is PortStage.DONE

    @property
    def fencing(self) -> tuple[IncidentId, int]:
        """Return which fencing it is of."""
        return self.incident, self.round

    @property
    def doing(self) -> PortStage:
        """What it is at, or was at when it was held."""
        return self.out_of or self.stage

    def is_of(self, incident: Incident) -> bool:
        """Tell whether it is of the last fencing of an incident, or of a later one."""
        return self.incident == incident.id and self.round >= incident.refences

    def note(self, now: Instant, text: str) -> PortTask:
        """Add a line to the story, unless it is the last one again."""
        if self.story and self.story[-1].text == text:
            return self
        return replace(self, story=(*self.story, PortLine(now, text))[-STORY_MAX:])

    def at(self, stage: PortStage, now: Instant, text: str) -> PortTask:
        """Come to another stage, and say why."""
        moved = replace(self, stage=stage, since=now, failures=0, retry_at=None, barred=False)
        return replace(moved, why="", frees="", out_of=None).note(now, text)

    def hold(self, now: Instant, why: str, frees: str) -> PortTask:
        """Ask for a human. It is tried again all the same, now and then."""
        held = replace(self, stage=PortStage.HELD, since=now, out_of=self.doing)
        held = replace(held, why=why, frees=frees, retry_at=now.plus(HELD_RETRY_S))
        return held.note(now, f"held: {why}; {frees}")

    def claim(self, ids: Iterable[str]) -> PortTask:
        """Save these as ours, before they are marked. Beyond PORTS_MAX none is taken."""
        known = frozenset(self.ours)
        new = [id_ for id_ in dict.fromkeys(ids) if id_ not in known]
        return replace(self, ours=(*self.ours, *new)[:PORTS_MAX])

    def drop(self, ids: Collection[str]) -> PortTask:
        """Forget ports that are not ours any more."""
        return replace(self, ours=tuple(id_ for id_ in self.ours if id_ not in ids))


def opened(
    incident: Incident, now: Instant, before: PortTask | None, *, off: bool = True
) -> PortTask:
    """Open the task of a fencing. What is ours since an earlier one stays ours.

    Where nobody can tell now whether the host is `off`, it says so, and nothing is marked.
    """
    task = PortTask(incident.host, incident.id, incident.refences, now)
    if before is not None:
        task = replace(task, ours=before.ours, story=() if before.over else before.story)
    if off:
        return task.note(now, f"{incident.host} is off and forced down: its ports are marked DOWN")
    text = f"the proof that {incident.host} is off is of another boot, and counts for nothing now"
    stage = PortStage.MARKED if task.ours else PortStage.DONE
    return task.at(stage, now, f"{text}: its ports are left as they are; see to them by hand")


def resumed(task: PortTask, now: Instant) -> PortTask:
    """Take a task up after a restart. What was to wait on another boot waits no more."""
    return replace(task, retry_at=None) if task.since.boot_id != now.boot_id else task


def told(task: PortTask, view: PortView) -> PortTask:
    """Have a task go on with how its host stands, before anything is asked for it."""
    if task.over:
        return task
    if view.back and task.doing is not PortStage.CLEARING:
        task = task.at(PortStage.CLEARING, view.now, f"{task.host} is back: they are cleared")
    why = view.bars(task.doing)
    if why and task.doing is not PortStage.MARKED:
        if task.barred and task.why == why:
            return task
        return replace(task.hold(view.now, why, "it goes on once that is over"), barred=True)
    if task.barred:
        task = task.at(task.doing, view.now, "it goes on: what barred it is over")
    if task.doing is PortStage.MARKING and not view.off:
        text = f"{task.host} is not proven off any more: no more ports of it are marked"
        return task.at(PortStage.MARKED, view.now, text)
    return task


def is_due(task: PortTask, view: PortView) -> bool:
    """Tell whether anything is to be asked of Neutron for it now."""
    if task.over or view.bars(task.doing):
        return False
    return task.retry_at is None or view.now.reached(task.retry_at)


def to_mark(ports: Iterable[Port], known: Collection[str]) -> tuple[str, ...]:
    """Choose the ports to call ours: those that are not DOWN, and those that are so by us.

    `known` are the ports that any task of ours may have marked. One that is DOWN and not among them
    is somebody else's, and so it stays.
    """
    return tuple(port.id for port in ports if not port.down or port.id in known)


def marked(task: PortTask, now: Instant, theirs: int) -> PortTask:
    """Say that all ports of the host are DOWN."""
    text = f"{len(task.ours)} ports of {task.host} have data_plane_status DOWN"
    if theirs:
        text = f"{text}; {theirs} more are left as they were: they were so before, or too many"
    if not task.ours:
        return task.at(PortStage.DONE, now, f"{text}: nothing is to be cleared")
    return task.at(PortStage.MARKED, now, text)


@dataclass(frozen=True, slots=True)
class Sorted:
    """What is to become of ports of ours: to be cleared, or to be forgotten. Others stay."""

    clear: tuple[str, ...]
    drop: tuple[str, ...]


def sort(
    task: PortTask, asked: Iterable[str], found: Iterable[Port], others: Collection[PortTask]
) -> Sorted:
    """Look what has become of ports of ours.

    Forgotten is one that is gone, one of which somebody has said another thing since, and one that
    went to a host which is being seen to itself.
    """
    ports = {port.id: port for port in found}
    theirs = {(one.host.name, id_) for one in others if not one.over for id_ in one.ours}
    clear: list[str] = []
    drop: list[str] = []
    for id_ in asked:
        port = ports.get(id_)
        if port is None or not port.down or (port.host, id_) in theirs:
            drop.append(id_)
        elif port.host != task.host.name or task.doing is PortStage.CLEARING:
            clear.append(id_)
    return Sorted(tuple(clear), tuple(drop))


def cleared(task: PortTask, now: Instant) -> PortTask:
    """Say how a task stands after a look at all that is ours."""
    if not task.ours:
        return task.at(PortStage.DONE, now, "none of its ports has a data_plane_status of ours")
    if task.stage is PortStage.HELD:
        return task.at(task.doing, now, "it goes on")
    return replace(task, failures=0, retry_at=now.plus(LOOK_EVERY_S))


def failed(task: PortTask, text: str, view: PortView) -> PortTask:
    """Try again, later; after many times a human is asked too."""
    failures = task.failures + 1
    task = replace(task, failures=failures)
    if task.stage is PortStage.HELD or failures >= view.limits.force_down_tries:
        frees = f"see to that; it is tried again every {HELD_RETRY_S / 60:g} minutes"
        return task.hold(view.now, text, frees)
    return replace(task.note(view.now, text), retry_at=view.now.plus(view.limits.backoff(failures)))
