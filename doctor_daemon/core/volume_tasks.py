"""What is to be seen to about one cinder-volume of a fenced host: one task, as one frozen value.

A task is not a part of its incident, and holds nothing of it up: Nova's side goes on, and a host
may long be back when its storage is not. All that a restarted daemon needs is in here. A request
is saved as sent before it is sent, and what came of it is read back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.journal import Journal
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.core.volumes import MARKED, Target, VolumeAct, VolumeService, Wish

STORY_MAX = 50
REASON = "{} " + MARKED
"""What Cinder's disabled_reason says; the incident's mark in it tells ours from others'."""


class TaskStage(StrEnum):
    """How far a task has got."""

    LOOKING = "looking"  # whether any ran on the host: Cinder has not told yet
    WATCHING = "watching"  # whether it has died with its host, or runs elsewhere
    DISABLING = "disabling"  # nothing new is to be scheduled to it
    DOWN = "down"  # a human is to bring it up elsewhere
    RESTING = "resting"  # the others of its cluster go on
    ENABLING = "enabling"
    FREEZING = "freezing"  # with the thaw after it this enables, where Cinder's `enable` does not
    THAWING = "thawing"
    THAWED = "thawed"  # whether that has enabled it is to be seen
    HELD = "held"  # a human is to do what Cinder has not done
    DONE = "done"

    @property
    def needs_a_human(self) -> bool:
        return self in (TaskStage.LOOKING, TaskStage.DOWN, TaskStage.HELD)

    @property
    def sends(self) -> bool:
        """Tell whether a request is due in it."""
        return self in _SENDING


_SENDING = (TaskStage.DISABLING, TaskStage.ENABLING, TaskStage.FREEZING, TaskStage.THAWING)


@dataclass(frozen=True, slots=True)
class View:
    """Everything outside a task that a decision about it may depend on."""

    now: Instant
    policy: VolumePolicy
    limits: Policy
    off: bool = False
    """Whether the host is proven off, and has not been heard since."""
    calm: bool = True
    """Whether nobody is fencing the host just now."""
    shut: str = ""
    """Why nothing may be sent now; empty: it may."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a task's story."""

    at: Instant
    text: str


@dataclass(frozen=True, slots=True)
class Fenced:
    """One fencing of a host, in whose wake its storage is seen to."""

    incident: IncidentId
    round: int
    """Of its incident: it grows with each fencing."""
    host: HostId
    reason: str
    """With which its services are disabled."""


def fenced(incident: Incident) -> Fenced:
    """Return the last fencing of an incident."""
    reason = REASON.format(incident.mark)
    return Fenced(incident.id, round_of(incident), incident.host, reason)


def round_of(incident: Incident) -> int:
    """Number the last fencing of an incident, be it by a cut or by a human's word.

    Each cut is a new try, and after each word Nova is told anew. How often power came back does not
    tell them apart: an operator may order a host that is held to be fenced again.
    """
    return incident.tries + incident.marking.number


@dataclass(frozen=True, slots=True)
class VolumeTask:
    """One cinder-volume of a fenced host. Its number is never used again."""

    number: int
    incident: IncidentId
    round: int
    """Which fencing of its incident."""
    host: HostId
    service: str
    """HOST@BACKEND, as Cinder lists it. Empty while it is to be looked up."""
    reason: str
    """With which we disable it: one with any other is not disabled by us."""
    since: Instant
    """When it came to its stage; after a reboot, when it was taken up again."""
    learned: int = 0
    """The number that a task would have had when that fencing was learned of: which of two is the
    later one. No clock is asked for it."""
    cluster: str = ""
    to: str = ""
    """The backend_id that a human is asked to fail over to."""
    stage: TaskStage = TaskStage.WATCHING
    sent: bool = False
    """Whether the request of this stage may have been sent."""
    again: bool = False
    """Whether it may have been sent before it was sent last."""
    failures: int = 0
    retry_at: Instant | None = None
    ours: bool = False
    """Whether it was seen disabled by us."""
    froze: bool = False
    """Whether we may have frozen it, and not thawed it since."""
    missing: int = 0
    """How many lists in a row were without it."""
    barred: bool = False
    """Whether it is held by what may pass by itself: then it goes on."""
    seen: VolumeService | None = None
    reports: int = 0
    """How often it has reported in since it was first seen so, with no write in between."""
    why: str = ""
    frees: str = ""
    """What a human is asked for, and how the task goes on then."""
    out_of: TaskStage | None = None
    """The stage that it was held in."""
    story: tuple[Line, ...] = ()
    journal: Journal = field(default_factory=Journal)
    """What of its requests is open, as the audit has it."""

    @property
    def over(self) -> bool:
        return self.stage is TaskStage.DONE

    @property
    def fencing(self) -> Fenced:
        return Fenced(self.incident, self.round, self.host, self.reason)

    @property
    def may_be_frozen(self) -> bool:
        """Tell whether a freeze of ours may be in force, or come into force yet."""
        begun = self.stage is TaskStage.FREEZING and self.sent
        return begun or self.froze or self.stage is TaskStage.THAWING

    @property
    def target(self) -> Target:
        return Target(self.service)

    def note(self, now: Instant, text: str) -> VolumeTask:
        """Add a line to the story, unless it is the last one again."""
        if self.story and self.story[-1].text == text:
            return self
        return replace(self, story=(*self.story, Line(now, text))[-STORY_MAX:])

    def at(self, stage: TaskStage, now: Instant, text: str) -> VolumeTask:
        """Come to another stage, and say why."""
        moved = replace(
            self,
            stage=stage,
            since=now,
            sent=False,
            again=False,
            froze=self.may_be_frozen,
            failures=0,
            retry_at=None,
            to="",
            barred=False,
            why="",
            frees="",
            out_of=None,
        )
        return moved.note(now, text)

    def sending(self) -> VolumeTask:
        """Return it as it is saved before its request is sent."""
        return replace(self, sent=True, again=self.sent)

    def unsent(self) -> VolumeTask:
        """Take back that the last request was sent. One before it may have been all the same."""
        return replace(self, sent=self.again)

    def hold(self, now: Instant, why: str, frees: str) -> VolumeTask:
        """Ask for a human."""
        held = self.at(TaskStage.HELD, now, f"held: {why}; {frees}")
        return replace(held, why=why, frees=frees, out_of=self.stage)

    def bar(self, now: Instant, why: str) -> VolumeTask:
        """Hold it for what may pass, and then go on where it was."""
        frees = (
            f"it goes on once that is over; `doctor-daemon cinder dismiss {self.service}` ends it"
        )
        return replace(self.hold(now, why, frees), barred=True)

    def down(self, now: Instant, text: str) -> VolumeTask:
        """Ask a human to bring it up elsewhere."""
        frees = (
            f"start a cinder-volume for it on another host, with the same backend_host"
            f"{' or in its cluster' if self.cluster else ''}, and see that none starts on "
            f"{self.host} beside it; or release {self.host}"
        )
        moved = self.at(TaskStage.DOWN, now, text)
        return replace(moved, why=f"bring {self.service} up elsewhere", frees=frees)


def opened(number: int, fencing: Fenced, row: VolumeService, view: View) -> VolumeTask:
    """Open the task for one service of a fenced host."""
    task = VolumeTask(
        number=number,
        incident=fencing.incident,
        round=fencing.round,
        host=fencing.host,
        service=row.host,
        reason=fencing.reason,
        since=view.now,
        learned=number,
        cluster=row.cluster,
    )
    text = f"{fencing.host} was fenced, and {row.host} is its: it is watched whether it has died"
    return task.note(view.now, text)


def unlooked(number: int, fencing: Fenced, now: Instant) -> VolumeTask:
    """Open the task to look up what ran on a fenced host: Cinder has not told yet."""
    task = VolumeTask(
        number=number,
        incident=fencing.incident,
        round=fencing.round,
        host=fencing.host,
        service="",
        reason=fencing.reason,
        since=now,
        learned=number,
    )
    why = f"see whether a cinder-volume ran on {fencing.host}: Cinder could not be asked"
    frees = "it goes on once Cinder answers"
    looking = task.at(TaskStage.LOOKING, now, why)
    return replace(looking, why=why, frees=frees)


def fenced_again(task: VolumeTask, fencing: Fenced, row: VolumeService, view: View) -> VolumeTask:
    """Begin an open task anew: its host was fenced once more. A disabling of ours stays ours."""
    fresh = opened(task.number, fencing, row, view)
    reason = task.reason if task.ours else fresh.reason
    story = (*task.story, *fresh.story)[-STORY_MAX:]
    kept = replace(fresh, reason=reason, ours=task.ours, froze=task.may_be_frozen)
    return replace(kept, story=story, journal=task.journal)


def wanted(task: VolumeTask, view: View) -> Wish | None:
    """Return the request that is due; None: none is now, or the policy is against it."""
    if task.retry_at is not None and not view.now.reached(task.retry_at):
        return None
    wish = _due(task)
    return wish if wish is not None and view.policy.allows(wish.act) else None


def _due(task: VolumeTask) -> Wish | None:
    match task.stage:
        case TaskStage.DISABLING:
            return Wish(VolumeAct.DISABLE, task.target, reason=task.reason)
        case TaskStage.ENABLING:
            return Wish(VolumeAct.ENABLE, task.target)
        case TaskStage.FREEZING:
            return Wish(VolumeAct.FREEZE, task.target)
        case TaskStage.THAWING:
            return Wish(VolumeAct.THAW, task.target, enable=True)
        case _:
            return None
