"""Tasks about the storage of a fenced host, and the rows of Cinder's that they are told."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.core.volume_steps import told
from doctor_daemon.core.volume_tasks import Fenced, TaskStage, View, VolumeTask, fenced, opened
from doctor_daemon.core.volumes import End, Finding, VolumeService
from tests.core.make import HOST, at

NAME, CLUSTER = "cmp-1@ceph", "ceph"
MARK = "doctor-daemon:one: the host failed and its power is proven off"
POLICY = VolumePolicy(acts=True)
ROW = VolumeService("cinder-volume", NAME, "enabled", "up", updated_at="t0", replication="disabled")
OURS = replace(ROW, status="disabled", reason=MARK, state="down")
THEIRS = replace(OURS, reason="rack move")
DONE = Finding(End.ACHIEVED, "it is so")
STAGES = TaskStage


def view(seconds: float = 0.0, policy: VolumePolicy = POLICY, *, off: bool = True) -> View:
    return View(at(seconds), policy, Policy(force_down_tries=3), off=off)


def incident(id_: str = "one", tries: int = 0) -> Incident:
    now = at(0)
    return Incident(IncidentId(id_), HOST, now, now, now, now, tries=tries)


def fencing(id_: str = "one", tries: int = 0) -> Fenced:
    return fenced(incident(id_, tries))


def task(stage: TaskStage = STAGES.DISABLING, row: VolumeService = ROW) -> VolumeTask:
    return replace(opened(1, fencing(), row, view()), stage=stage)


def said(one: VolumeTask) -> str:
    return one.story[-1].text


def up(row: VolumeService, nth: int) -> VolumeService:
    return replace(row, state="up", updated_at=f"t{nth}")


def returned(one: VolumeTask, row: VolumeService, at_: View) -> VolumeTask:
    """Have the service report in as often as it takes."""
    for nth in range(3):
        one = told(one, [up(row, nth)], at_)
    return one
