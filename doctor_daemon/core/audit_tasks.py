"""What the audit says of what is sent beside the incidents: for ports, reserves and storage.

As with an incident, the intent of each request is saved with its task before it is sent, and the
result with what the task has come to. The ids are the task's own: none is given out twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from doctor_daemon.core.audit import Line, Part
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.journal import Intent
from doctor_daemon.core.port_tasks import PortTask
from doctor_daemon.core.reserves import ReserveTask
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volume_tasks import VolumeTask

Task = PortTask | ReserveTask | VolumeTask
T = TypeVar("T", PortTask, ReserveTask, VolumeTask)
Name = tuple[str, str]
"""Of which kind a request is, and which of its task: as an `Intent` has them."""
LOST = "its answer was not saved: whether it was done is not known"
NOT_SENT = "nothing was sent: it was not known whether this was saved"


@dataclass(frozen=True, slots=True)
class End:
    """How a request has ended. `outcome` is a word of `Outcome`, or Cinder's `End`."""

    name: Name
    outcome: str
    text: str


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why something may be sent: what was asked just before, and the proof that the host is off."""

    gates: tuple[str, ...] = ()
    proof: str = ""


def begun(
    task: T, names: Iterable[Name], grounds: Grounds, at: Instant, term: int
) -> tuple[T, tuple[Line, ...]]:
    """Return a task with these requests open, and the lines of their intents."""
    journal, lines = task.journal, list[Line]()
    cause = task.story[-1].text if task.story else ""
    for what, target in names:
        journal = journal.began(what, target)
        line = _line(task, journal.open[-1], Part.INTENT, at, term)
        lines.append(replace(line, cause=cause, gates=grounds.gates, proof=grounds.proof))
    return replace(task, journal=journal), tuple(lines)


def ended(task: T, ends: Iterable[End], at: Instant, term: int) -> tuple[T, tuple[Line, ...]]:
    """Return a task with these requests closed, and the lines of their results."""
    journal, lines = task.journal, list[Line]()
    for end in ends:
        intent = journal.found(end.name)
        if intent is not None:
            journal = journal.ended(intent)
            line = _line(task, intent, Part.RESULT, at, term)
            lines.append(replace(line, outcome=end.outcome, text=end.text))
    return replace(task, journal=journal), tuple(lines)


def cut_off(task: T, at: Instant, term: int) -> tuple[T, tuple[Line, ...]]:
    """Close what is open though nothing is under way: it is not known what came of it.

    An earlier daemon has begun it, or its answer could not be saved.
    """
    ends = [End(one.name, Outcome.UNKNOWN.value, LOST) for one in task.journal.open]
    return ended(task, ends, at, term)


def unsaved(task: T, lines: Iterable[Line], at: Instant, term: int) -> tuple[T, tuple[Line, ...]]:
    """Close the intents among lines of which nobody knows whether they are saved: none is sent."""
    intents = [line for line in lines if line.part is Part.INTENT]
    ends = [End((one.what, one.target), Outcome.UNSENT.value, NOT_SENT) for one in intents]
    return ended(task, ends, at, term)


def _line(task: Task, intent: Intent, part: Part, at: Instant, term: int) -> Line:
    return Line(
        id=_id(task, intent),
        part=part,
        what=intent.what,
        at=at,
        term=term,
        host=str(task.host),
        incident=task.incident,
        target=intent.target,
    )


def _id(task: Task, intent: Intent) -> str:
    match task:
        case PortTask():
            return f"{task.incident}/ports/{task.round}/{intent.number}"
        case ReserveTask():
            return f"{task.incident}/reserve/{intent.number}"
        case _:
            return f"cinder task {task.number}/{intent.number}"
