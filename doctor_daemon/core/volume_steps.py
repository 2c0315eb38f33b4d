"""What a list of Cinder's services, and the end of a request, mean for a task.

A service is up again when it has reported in by itself, twice, since it was last written to: by the
power's proof nobody on the fenced host can have done that. Its `state` alone says nothing, for it
stays up for a while after a death, and any write makes it look alive. So one that has never been
down since the proof runs elsewhere, and is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from doctor_daemon.core.volume_holds import (
    MOVABLE,
    barred,
    chosen,
    failover_held,
    fouled,
    lists_no,
    theirs,
)
from doctor_daemon.core.volume_tasks import TaskStage, View, VolumeTask, wanted
from doctor_daemon.core.volumes import FROZEN, End, Finding, VolumeService

REPORTS = 2
"""A single one might have been on its way when the power was cut."""
_GIVING_BACK = (TaskStage.ENABLING, TaskStage.FREEZING, TaskStage.THAWING, TaskStage.THAWED)

Rows = Sequence[VolumeService]


def told(task: VolumeTask, rows: Rows, view: View) -> VolumeTask:
    """Fold a list of Cinder's services in. None of its requests may be under way."""
    row = next((row for row in rows if row.host == task.service), None)
    if row is None:
        return lists_no(task, rows, view)
    had = task.ours
    task = _known(_counted(replace(task, missing=0), row), row, view)
    match task.stage:
        case TaskStage.WATCHING | TaskStage.DISABLING:
            task = _watched(task, row, view)
        case TaskStage.DOWN | TaskStage.RESTING if view.calm:
            task = _waited(task, row, rows, view)
        case TaskStage.ENABLING | TaskStage.FREEZING | TaskStage.THAWING:
            task = _enabled(task, row, view)
        case TaskStage.THAWED:
            task = _thawed(task, row, view)
        case TaskStage.HELD:
            task = _mended(task, row, view, had=had)
        case _:
            pass
    return barred(task, view)


def _counted(task: VolumeTask, row: VolumeService) -> VolumeTask:
    """Count the reports of a service since somebody wrote to it."""
    last, reports = task.seen, task.reports
    if last is None or not _alike(row, last):
        reports = 0
    elif row.updated_at > last.updated_at:
        reports = min(reports + 1, REPORTS)
    return replace(task, seen=row, reports=reports)


def _alike(row: VolumeService, last: VolumeService) -> bool:
    """Tell whether nobody has written to the service between the two."""
    return replace(row, updated_at="", state="") == replace(last, updated_at="", state="")


def ours(task: VolumeTask, row: VolumeService) -> bool:
    """Tell whether a service is disabled by us, and by nobody else since."""
    return row.disabled and row.reason == task.reason


def _known(task: VolumeTask, row: VolumeService, view: View) -> VolumeTask:
    """Notice that somebody has taken our disabling away: from then on it is theirs."""
    now_ours = ours(task, row)
    lost = task.ours and not now_ours and task.stage not in _GIVING_BACK
    task = replace(task, ours=now_ours)
    if not lost:
        return task
    return task.note(view.now, f"{theirs(task, row)}: left as it is")


def _is_up(task: VolumeTask, row: VolumeService, view: View) -> bool:
    """Tell whether a service works, while nobody is fencing its host."""
    return view.calm and row.state == "up" and task.reports >= REPORTS


def _watched(task: VolumeTask, row: VolumeService, view: View) -> VolumeTask:
    """See whether a service has died with its host: only then it is disabled."""
    if _is_up(task, row, view):
        late = task.stage is TaskStage.DISABLING
        how = f"is up again before it was disabled{_off(task, view)}" if late else _elsewhere(task)
        return _given_back(task, row, view, f"{task.service} {how}")
    if not view.policy.acts:
        text = "`fenced: leave` is configured"
        if task.sent or task.may_be_frozen or ours(task, row):
            return task.down(view.now, f"{text}: nothing more is disabled")
        return task.at(TaskStage.DONE, view.now, f"{text}: it is left")
    if task.stage is TaskStage.WATCHING and row.state == "down":
        text = f"{task.service} has not reported since: it is to be disabled"
        return task.at(TaskStage.DISABLING, view.now, text)
    return task


def _elsewhere(task: VolumeTask) -> str:
    return f"runs elsewhere: it has reported on since {task.host} was fenced"


def _off(task: VolumeTask, view: View) -> str:
    return f", and {task.host} is off as far as is known" if view.off else ""


def _waited(task: VolumeTask, row: VolumeService, rows: Rows, view: View) -> VolumeTask:
    """See whether a service has come up again, or others of its cluster go on without it."""
    if _is_up(task, row, view):
        return _returned(task, row, view)
    others = [
        other
        for other in rows
        if row.cluster
        and other.cluster == row.cluster
        and other.host != row.host
        and other.state == "up"
        and not other.disabled
    ]
    if others and task.stage is TaskStage.DOWN:
        names = ", ".join(sorted(other.host for other in others)[:5])
        text = f"cluster {row.cluster} goes on with {names}"
        return task.at(TaskStage.RESTING, view.now, text)
    if not others and task.stage is TaskStage.RESTING:
        text = f"no other service of cluster {task.cluster} is up any more"
        return task.down(view.now, text)
    return task


def _returned(task: VolumeTask, row: VolumeService, view: View) -> VolumeTask:
    """Go on with a service that is up again: elsewhere, while its host is known to be off."""
    text, to = f"{task.service} is up again{_off(task, view)}", view.policy.failover_of(row)
    if to and view.off and row.backend != to and not (task.may_be_frozen and row.frozen):
        if row.replication in MOVABLE:
            return failover_held(task, to, view)
        text = f"{text}; not failed over: its replication is {row.replication or 'none'}"
    return _given_back(task, row, view, text)


def _given_back(task: VolumeTask, row: VolumeService, view: View, text: str) -> VolumeTask:
    """Take back what is ours, of a service that is up."""
    if task.may_be_frozen and row.frozen:
        return task.at(TaskStage.THAWING, view.now, f"{text}: ending our freeze")
    if not ours(task, row):
        return task.at(TaskStage.DONE, view.now, text)
    if not view.policy.enable:
        return task.at(TaskStage.DONE, view.now, f"{text}; it is left disabled, as configured")
    return task.at(TaskStage.ENABLING, view.now, f"{text}: taking our disabling back")


def _enabled(task: VolumeTask, row: VolumeService, view: View) -> VolumeTask:
    """See whether somebody has been quicker, the answer came late, or the policy is another."""
    if task.stage is not TaskStage.HELD and (why := fouled(task, row)):
        frees = f"`doctor-daemon cinder thaw {task.service}` ends the freeze, and keeps that"
        return task.hold(view.now, why, frees)
    if not ours(task, row) and not row.frozen:
        text = f"{task.service} is enabled" if not row.disabled else theirs(task, row)
        return task.at(TaskStage.DONE, view.now, text)
    if task.stage.sends and wanted(replace(task, retry_at=None), view) is None:
        return _unwilled(task, row, view)
    return task


def _unwilled(task: VolumeTask, row: VolumeService, view: View) -> VolumeTask:
    """Do no more than the policy allows by now; a freeze of ours is ended."""
    if task.may_be_frozen and row.frozen:
        return task.at(TaskStage.THAWING, view.now, "ending our freeze")
    if not view.policy.enable:
        return task.at(TaskStage.DONE, view.now, "it is left disabled, as configured")
    return task.at(TaskStage.ENABLING, view.now, "`enable_by_thaw` is not configured any more")


def _thawed(task: VolumeTask, row: VolumeService, view: View) -> VolumeTask:
    """See whether a thaw has enabled a service: its driver may have failed at it."""
    if row.frozen and not row.disabled:
        why = f"{task.service} was thawed, and somebody has frozen it again"
        return task.hold(view.now, why, f"`doctor-daemon cinder thaw {task.service}` ends that")
    if row.disabled and (row.frozen or ours(task, row) or row.reason == FROZEN):
        why = f"{task.service} was thawed, and is still disabled: {row.reason}"
        return task.hold(view.now, why, "see the log of cinder-volume")
    return _enabled(task, row, view)


def _mended(task: VolumeTask, row: VolumeService, view: View, *, had: bool) -> VolumeTask:
    """See whether a human has done what was asked for, or what barred it is over."""
    if task.to:
        if task.to != view.policy.failover_of(row):
            return _returned(replace(task, stage=TaskStage.DOWN), row, view)
        return chosen(task, row, view, had=had)
    if task.barred:
        if view.shut or task.out_of is None:
            return task
        text = "it goes on: what barred it is over"
        if task.out_of is TaskStage.DOWN:  # what a human is asked for is asked for again
            return task.down(view.now, text)
        return task.at(task.out_of, view.now, text)
    if task.out_of in _GIVING_BACK:
        return _enabled(task, row, view)
    if _is_up(task, row, view):
        return _returned(task, row, view)
    return task


def unfit(task: VolumeTask, rows: Rows, *, first: bool) -> str:
    """Say why the request that is due does not fit what was read just before; empty: it does.

    `first`: it has not been sent before, so that what it would do was done by somebody else.
    """
    row = next((row for row in rows if row.host == task.service), None)
    if row is None or task.stage not in _GIVING_BACK:
        return ""
    if task.stage is TaskStage.FREEZING and row.frozen and first and not task.froze:
        return f"somebody has frozen {task.service}"
    if why := fouled(task, row):
        return why
    if row.frozen or ours(task, row):
        return ""
    return theirs(task, row)


def ended(task: VolumeTask, finding: Finding, view: View) -> VolumeTask:
    """Fold the end of a request in."""
    now, text = view.now, "; ".join(filter(None, (finding.text, finding.advice)))
    if finding.end is End.REFUSED:
        task = task.unsent()
    match task.stage, finding.end:
        case TaskStage.DISABLING, End.ACHIEVED:
            return task.down(now, finding.text)
        case TaskStage.FREEZING, End.ACHIEVED:
            return task.at(TaskStage.THAWING, now, finding.text)
        case TaskStage.THAWING, End.ACHIEVED:
            return replace(task.at(TaskStage.THAWED, now, finding.text), froze=False)
        case _, End.ACHIEVED:
            return task.at(TaskStage.DONE, now, text)
        case TaskStage.ENABLING, End.NOT_ACHIEVED if view.policy.by_thaw and not task.cluster:
            return task.at(TaskStage.FREEZING, now, f"{finding.text}: freezing and thawing it")
        case (_, End.NOT_ACHIEVED) if task.stage is not TaskStage.DISABLING:
            return task.hold(now, finding.text, finding.advice or "see the log of cinder-volume")
        case _:
            return _again(task, finding, view)


def _again(task: VolumeTask, finding: Finding, view: View) -> VolumeTask:
    """Try again, later and not for ever."""
    now, failures = view.now, task.failures + 1
    if failures < view.limits.force_down_tries:
        retry_at = now.plus(view.limits.backoff(failures))
        return replace(task.note(now, finding.text), failures=failures, retry_at=retry_at)
    if task.stage is TaskStage.DISABLING:
        return task.down(now, f"it could NOT be disabled: {finding.text}")
    frees = finding.advice or "see `doctor-daemon cinder services`"
    return task.hold(now, finding.text, frees)


def resumed(task: VolumeTask, view: View) -> VolumeTask:
    """Take a task up again after a restart. What was timed on another boot is timed anew."""
    if task.since.boot_id == view.now.boot_id:
        return task
    retry_at = view.now if task.retry_at else None
    return replace(task, since=view.now, retry_at=retry_at)
