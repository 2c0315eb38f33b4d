"""Where a task about a cinder-volume comes to a stop, and in which words.

The daemon fails nothing over by itself: whether a backend's volumes may be taken from where they
were, only a human can say, for Cinder tells nothing of who still writes to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from doctor_daemon.core.volume_tasks import TaskStage, View, VolumeTask
from doctor_daemon.core.volumes import FROZEN, VOLUME, VolumeService

MISSING = 2
"""A single list may have been made in the middle of a change."""
SHUT_S = 900.0
"""How long a request may wait for leave before a human is told."""
MOVABLE = frozenset({"enabled", "failing-over", "failover-error"})
"""The replication of a backend whose failover is a thing to be decided."""


def lists_no(task: VolumeTask, rows: Sequence[VolumeService], view: View) -> VolumeTask:
    """Believe that a service was removed after two lists, and only if they hold any other."""
    others = any(row.binary == VOLUME for row in rows)
    if task.stage is TaskStage.HELD and not others:
        return task
    task = replace(task, missing=min(task.missing + 1, MISSING), reports=0)
    if task.missing < MISSING:
        return task
    if others:
        text = f"Cinder lists no {task.service} any more: somebody has removed it"
        return task.at(TaskStage.DONE, view.now, text)
    return task.bar(view.now, f"Cinder lists no cinder-volume at all, and so no {task.service}")


def barred(task: VolumeTask, view: View) -> VolumeTask:
    """Tell a human that a request has been waiting for leave for long."""
    if not view.shut or not task.stage.sends or view.now.since(task.since) < SHUT_S:
        return task
    return task.bar(view.now, f"the {task.stage} of {task.service} waits: {view.shut}")


def unheard(task: VolumeTask, error: str, view: View) -> VolumeTask:
    """Tell a human that Cinder has not told for long how a service stands."""
    if task.stage.needs_a_human:
        return task
    return task.bar(view.now, f"Cinder has not told how {task.service} stands: {error}")


def failover_held(task: VolumeTask, to: str, view: View) -> VolumeTask:
    """Ask a human for the failover that is configured."""
    name = task.service
    where = f"--cluster {task.cluster}" if task.cluster else name
    order = f"doctor-daemon cinder failover {where} --to {to}"
    why = f"{name} is up again and to be failed over to {to}: that is for a human to order"
    frees = (
        f"confirm that {task.host} is off, or that its volumes may be failed over, and order "
        f"`{order}`; or enable {name} to leave it as it is"
    )
    return replace(task.hold(view.now, why, frees), to=to)


def chosen(task: VolumeTask, row: VolumeService, view: View, *, had: bool) -> VolumeTask:
    """See whether a human has failed a service over, or has enabled what we `had` disabled."""
    if row.replication == "failed-over" and row.backend == task.to:
        return task.at(TaskStage.DONE, view.now, f"{task.service} is failed over to {task.to}")
    if had and not row.disabled and not row.frozen:
        text = (
            f"somebody has enabled {task.service} without failing it over: its replication is "
            f"{row.replication or 'none'}"
        )
        return task.at(TaskStage.DONE, view.now, text)
    return task


def fouled(task: VolumeTask, row: VolumeService) -> str:
    """Say whose disabling a thaw would take away with our freeze; empty: nobody's."""
    if (
        task.may_be_frozen
        and row.frozen
        and row.disabled
        and row.reason not in (FROZEN, task.reason)
    ):
        return f"{theirs(task, row)}, while our freeze of it lasts"
    return ""


def theirs(task: VolumeTask, row: VolumeService) -> str:
    """Say what somebody else has done to a service."""
    if row.disabled:
        return f"somebody has disabled {task.service} for another reason: {row.reason or 'none'}"
    return f"somebody has enabled {task.service}"
