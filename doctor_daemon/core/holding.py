"""A project's own wish: that its servers wait a while before they are moved.

Some projects have a standby of their own that takes over, and want the failed server moved later,
or not at all. They write on it for how many seconds it is to wait; the operator says how many are
the most, and none is the default. Meanwhile a word of the project ends the wait: `go`, and it is
moved at once; `handled`, and it stays. Without a word it is moved when the time is over, so that
nobody who has died keeps a server from being moved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import Selection, Server, ServerId
from doctor_daemon.core.incident import Incident, NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.outcomes import names, put
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.selection import HOLD

SHARE = 0.5
"""No server waits for more than this part of the time in which a phase must make progress."""
_BEFORE = (Phase.SUSPECTED, Phase.FENCING, Phase.FORCING_DOWN, Phase.EVACUATING)
_SECONDS = re.compile(r"[0-9]{1,6}")


class Word(StrEnum):
    """What a project can say of a server that waits for it."""

    GO = "go"
    HANDLED = "handled"


class Answer(StrEnum):
    """What becomes of a word."""

    TAKEN = "taken"
    NOT_WAITING = "not waiting"
    TOO_EARLY = "too early"


@dataclass(frozen=True, slots=True)
class Said:
    """A project's word about one of its servers, by which source it came, and when."""

    server: ServerId
    word: Word
    by: str
    at: Instant


def hold_s(server: Server, selection: Selection) -> float:
    """Return for how long a server is to wait; anything but a whole number says nothing."""
    text = server.tags.get(f"server:{HOLD}", "").strip()
    return min(float(text), selection.hold_max_s) if _SECONDS.fullmatch(text) else 0.0


def asked(record: Evacuation, context: Context) -> Evacuation:
    """Let the new record of a server that is to be moved wait, if that is what is written."""
    seconds = _longest_s(record, context)
    if record.stage is not Stage.WAITING or not seconds:
        return record
    return replace(record, hold_until=context.now.plus(seconds))


def _longest_s(record: Evacuation, context: Context) -> float:
    """Return for how long a server may wait from now on."""
    most_s = SHARE * context.policy.progress_s
    return min(hold_s(record.server, context.plan.selection), most_s)


def kept_waiting(incident: Incident, context: Context) -> Incident:
    """Let servers go on waiting after a reboot, for what is left of it by the wall clock.

    Nothing else has gone on meanwhile. That clock may be wrong, so it is never for longer than they
    would wait if they were asked for now.
    """
    records, now = dict(incident.evacuations), context.now
    for id_, record in incident.evacuations.items():
        until = record.hold_until
        if until is None or until.boot_id == now.boot_id:
            continue
        left_s = min(max(until.wall_s - now.wall_s, 0.0), _longest_s(record, context))
        records[id_] = replace(record, hold_until=now.plus(left_s))
    kept = replace(incident, evacuations=records)
    moving = incident.phase is Phase.EVACUATING  # else no word would be taken, and nobody moved
    return told(kept, records.values(), context) if moving else kept


def holds(record: Evacuation, now: Instant) -> bool:
    """Tell whether a server waits for a word of its project."""
    until = record.hold_until
    return record.stage is Stage.WAITING and until is not None and not now.reached(until)


def told(incident: Incident, records: Iterable[Evacuation], context: Context) -> Incident:
    """Tell who waits, and for how long at the most: who is to say a word has to hear of it."""
    found = [record for record in records if holds(record, context.now)]
    if not found:
        return incident
    longest_s = max(r.hold_until.since(context.now) for r in found if r.hold_until is not None)
    servers = [record.server for record in found]
    text = f"waiting for a word of their projects, {longest_s:.0f} s at most: {names(servers)}"
    return incident.tell(
        context.now, text, NoticeKind.OUTCOME, tuple(servers), outcome=Stage.WAITING.value
    )


def answerable(incident: Incident, server: ServerId, now: Instant) -> bool:
    """Tell whether a word about a server would mean anything."""
    record = incident.evacuations.get(server)
    return incident.phase is Phase.EVACUATING and record is not None and holds(record, now)


def early(incident: Incident, word: Said, projects: frozenset[str] | None) -> bool:
    """Tell whether a word is to come again later, while a server's host is in question.

    Nova has not been asked about it yet, or the host is fenced once more while its server waits.
    """
    server, record = incident.servers.get(word.server), incident.evacuations.get(word.server)
    waits = record is not None and holds(record, word.at)
    if server is None or incident.phase not in _BEFORE or (incident.evacuations and not waits):
        return False
    return projects is None or server.project in projects


def said(incident: Incident, word: Said, context: Context) -> Incident:
    """Fold a project's word in. One that comes too late means nothing."""
    if not answerable(incident, word.server, context.now):
        return incident
    record = incident.evacuations[word.server]
    if word.word is Word.HANDLED:
        why = _handled(word.by)
        after = replace(record.at(Stage.SKIPPED, context.now, why), hold_until=None)
        return put(incident, {**incident.evacuations, word.server: after}, context)
    noted = incident.note(context.now, f"{word.by} says go for {names([record.server])}")
    freed = replace(record, hold_until=None)
    return replace(noted, evacuations={**incident.evacuations, word.server: freed})


def took(before: Incident, after: Incident, word: Said) -> bool:
    """Tell whether a word has come about: it may have come too late, or twice."""
    waited, record = before.evacuations.get(word.server), after.evacuations.get(word.server)
    if waited is None or record is None:
        return False
    if word.word is Word.GO:
        wished = waited.stage is Stage.WAITING and waited.hold_until is not None
        return wished and record.stage is not Stage.SKIPPED and record.hold_until is None
    return record.stage is Stage.SKIPPED and record.why == _handled(word.by)


def _handled(by: str) -> str:
    return f"its project takes care of it itself, says {by}"
