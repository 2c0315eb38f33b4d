"""Evacuations that somebody else has begun: they are joined, and never asked for a second time.

Nova's row of one tells of it while it is under way. But a source that returns in its midst calls
the row completed while the destination is still at work, and then only the server tells: its task
is a rebuild. So a server that is listed on its host, is being rebuilt, and whose newest row has
succeeded is still on its way.

A rebuild of which there is no row is one that its owner had asked for, and that died with the host;
or somebody's evacuation of which the row is about to be written. It is left alone until that would
show, and then moved like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from doctor_daemon.core.around import UNSURE
from doctor_daemon.core.context import Context
from doctor_daemon.core.destinations import goes_on
from doctor_daemon.core.evacuation import Evacuation, Migration, Stage
from doctor_daemon.core.host import Server
from doctor_daemon.core.instant import Instant

_TASK = "rebuild"
"""rebuilding, rebuild_block_device_mapping, rebuild_spawning."""
TAKEN = "Nova evacuates it already"
ROWLESS = "it is being rebuilt, and Nova shows no evacuation of it"
UNPLACED = "where the others of its group (affinity) are is not known"


def rebuilding(server: Server) -> bool:
    """Tell whether Nova is at work on a server as it is in an evacuation."""
    return server.task_state.startswith(_TASK)


def on_its_way(server: Server, rows: Sequence[Migration]) -> bool:
    """Tell whether a server that is listed is still on its way although its row has ended."""
    return rebuilding(server) and bool(rows) and rows[-1].succeeded


def joins(
    record: Evacuation, rows: Sequence[Migration], seen: Server | None, context: Context
) -> bool:
    """Tell whether a server that is to be asked for is on its way already."""
    return goes_on(record, rows, context) or (seen is not None and on_its_way(seen, rows))


def joined(record: Evacuation, rows: Sequence[Migration], now: Instant) -> Evacuation:
    """Follow an evacuation that somebody else has begun."""
    followed = [row for row in rows if not row.ended] or rows[-1:]
    known = tuple(row.id for row in rows if row not in followed)
    record = replace(record, known=known, migration=followed[-1].id, sent_at=None)
    return record.at(Stage.UNDER_WAY, now, "Nova was evacuating it already")


def patient(
    record: Evacuation,
    rows: Sequence[Migration],
    seen: Server,
    context: Context,
    *,
    before: Server | None = None,
) -> Evacuation:
    """Let a server wait whose rebuild is new, and has no row: one may be about to be written.

    So does one of which it is not known yet whether others of its group are in reach. It waits for
    either once; `before`: how it was seen before.
    """
    rowless = rebuilding(seen) and (not rows or rows[-1].failed)
    unsure = UNSURE in seen.tags
    if before is not None:
        rowless, unsure = rowless and not rebuilding(before), unsure and UNSURE not in before.tags
    if not rowless and not unsure:
        return record
    until = context.now.plus(context.policy.settle_s)
    if record.not_before is not None and record.not_before.since(until) > 0:
        until = record.not_before
    return replace(record, not_before=until, why=ROWLESS if rowless else UNPLACED)
