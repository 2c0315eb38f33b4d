"""What a step writes: the difference between two states of an incident, and the notices it causes.

The notices are rows of the same transaction as the entry that causes them, so a crash can neither
lose one nor send one for something that was never saved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from doctor_daemon.core.audit import Line
from doctor_daemon.core.evidence import Evidence
from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.notices import Notice, notices
from doctor_daemon.engine.storage_ledger import left_behind
from doctor_daemon.engine.ward import Ward, concealed
from doctor_daemon.ports import Change, EvidenceRow, NoticeRow

T = TypeVar("T")


Said = tuple[Sequence[Evidence], Sequence[Line]]
"""The evidence that is part of a step, and what the audit says of it."""


def change(before: Incident | None, after: Incident, said: Said, ward: Ward) -> Change:
    """Describe the step from the saved state to the decided one, and reserve what it takes."""
    heard, lines = said
    known = len(before.timeline) if before else 0
    old = before.servers if before else {}
    moves = before.evacuations if before else {}
    return Change(
        head=after,
        entries=after.timeline[known:],
        servers=_changed(old, after.servers),
        servers_gone=_gone(old, after.servers),
        evacuations=_changed(moves, after.evacuations),
        charges=ward.reserve(before, after),
        notices=tuple(_rows(known, after, ward)),
        evidence=tuple(evidence_row(evidence, after) for evidence in heard),
        tasks=left_behind(before, after, ward),
        passages=ward.lookout.pass_(before, after),
        audit=tuple(map(concealed, lines)),
    )


def _changed(before: Mapping[ServerId, T], after: Mapping[ServerId, T]) -> tuple[T, ...]:
    """Return what is new or another. Most is the very same: asking that first is quick."""
    if before is after:
        return ()
    olds = ((before.get(id_), new) for id_, new in after.items())
    return tuple(new for old, new in olds if old is not new and old != new)


def _gone(before: Mapping[ServerId, Server], after: Mapping[ServerId, Server]) -> tuple[str, ...]:
    """Return who is not there any more."""
    return () if before is after else tuple(id_ for id_ in before if id_ not in after)


def evidence_row(evidence: Evidence, incident: Incident | None) -> EvidenceRow:
    """Return the record of one piece of evidence."""
    return EvidenceRow(
        key=evidence.key,
        host=evidence.host,
        source=evidence.source,
        fingerprint=evidence.fingerprint,
        verdict=evidence.verdict,
        summary=evidence.summary,
        at=evidence.received_at,
        incident=incident.id if incident else None,
    )


def _rows(known: int, incident: Incident, ward: Ward) -> Iterator[NoticeRow]:
    """Render the new entries' notices."""
    if len(incident.timeline) == known:
        return
    told = tuple(notices(incident, known, ward.context(incident.host)))
    yield from rows_of(told, ward, incident.opened_at)


def rows_of(
    told: Sequence[Notice], ward: Ward, evidence_at: Instant | None = None
) -> Iterator[NoticeRow]:
    """Render notices of one host, numbered on from the last that was given out."""
    now = ward.tools.clock.now()
    for name, notifier in ward.tools.notifiers.items():
        given = 0
        for notice in told:
            if not notifier.wants(notice):
                continue
            given += 1
            sequence = ward.sequences.get((name, notice.host), 0) + given
            id_ = notice_id(notice, name)
            yield NoticeRow(
                id=id_,
                consumer=name,
                project=notice.project,
                host=notice.host,
                incident=notice.incident,
                kind=notice.kind,
                sequence=sequence,
                body=notifier.render(notice, id_, sequence),
                made_at=now,
                evidence_at=evidence_at,
            )


def notice_id(notice: Notice, consumer: str) -> str:
    """Return the stable id of a notice: the same cause, audience and consumer, the same id."""
    cause = "\n".join((notice.incident, str(notice.entry), notice.project, consumer))
    return f"msg_{hashlib.sha256(cause.encode()).hexdigest()[:32]}"


def given_out(ward: Ward, rows: Sequence[NoticeRow]) -> None:
    """Move the sequences on, once the rows are saved."""
    for row in rows:
        ward.sequences[row.consumer, row.host] = row.sequence


def next_version(before: Incident | None, after: Incident) -> Incident:
    """Number the state to be saved."""
    return replace(after, version=(before.version if before else 0) + 1)
