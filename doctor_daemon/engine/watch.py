"""What is logged and measured of each saved step, and how the open incidents stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import nan

import structlog

from doctor_daemon.core.contradiction import lives
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import Incident, NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.port_tasks import PortStage
from doctor_daemon.core.proof import ProofKind
from doctor_daemon.core.volume_tasks import TaskStage
from doctor_daemon.engine.ward import Ward

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def watch(before: Incident | None, after: Incident, ward: Ward) -> None:
    """Log and measure what was saved."""
    known = len(before.timeline) if before else 0
    for entry in after.timeline[known:]:
        alarm = entry.tell is NoticeKind.ALARM
        ward.tools.metrics.alarms.inc(alarm)
        say = log.warning if alarm or entry.phase is Phase.HELD else log.info
        say(entry.text, incident=after.id, host=str(after.host), phase=entry.phase.value)
    _waits(before, after, ward)
    if after.contradicted_at is not None and (before is None or before.contradicted_at is None):
        for source in {word.source for word in lives(after, ward.context(after.host))}:
            ward.tools.metrics.contradictions.labels(source).inc()
    if before is not None:
        _outcomes(before, after, ward)
        if before.phase is not after.phase:
            _phases(before, after, ward)


def _waits(before: Incident | None, after: Incident, ward: Ward) -> None:
    """Count a gate that an incident begins to wait for."""
    if after.waiting is None or after.waiting.over:
        return
    was = before.waiting if before else None
    if was is None or was.over or was.gate != after.waiting.gate:
        ward.tools.metrics.refusals.labels(after.waiting.gate).inc()


def _outcomes(before: Incident, after: Incident, ward: Ward) -> None:
    """Measure what has become of servers."""
    if before.evacuations is after.evacuations:
        return
    for id_, record in after.evacuations.items():
        old = before.evacuations.get(id_)
        if record is old or not record.stage.ended:
            continue
        if old is None or old.stage is not record.stage:
            took_s = between(record.since, after.opened_at)
            ward.tools.metrics.evacuation.labels(record.stage).observe(took_s)


def _phases(before: Incident, after: Incident, ward: Ward) -> None:
    metrics, known = ward.tools.metrics, len(before.timeline)
    phase, since = before.phase, before.phase_at
    for entry in after.timeline[known:]:
        if entry.phase is not phase:  # several may be passed in one step
            metrics.phase.labels(phase).observe(between(entry.at, since))
            phase, since = entry.phase, entry.at
    if after.held is not None:
        metrics.refusals.labels(after.held.gate).inc()
    if before.phase is Phase.FORCING_DOWN and after.phase in (Phase.EVACUATING, Phase.DOWN):
        metrics.forced_down.observe(between(after.phase_at, after.opened_at))
    proof, fencing = after.proof, after.fencing
    if after.phase is Phase.FORCING_DOWN and proof and proof.kind is ProofKind.POWER:
        level = ward.plan(after.host).level(fencing.level) if fencing else None
        for device in level.devices if level else ():
            took_s = between(after.phase_at, fencing.go_at if fencing else None)
            metrics.fencing.labels(device.kind).observe(took_s)


def set_gauges(incidents: Iterable[Incident], ward: Ward) -> None:
    """Show how the open incidents and the switches stand."""
    metrics, found = ward.tools.metrics, list(incidents)
    phases = Counter(incident.phase for incident in found)
    for phase in Phase:
        if not phase.final:
            metrics.incidents.labels(phase).set(phases[phase])
    stages = Counter(r.stage for incident in found for r in incident.evacuations.values())
    for stage in Stage:
        metrics.evacuations.labels(stage).set(stages[stage])
    metrics.held.clear()
    for gate, count in Counter(i.held.gate for i in found if i.held).items():
        metrics.held.labels(gate).set(count)
    metrics.waiting.clear()
    for gate, count in Counter(
        i.waiting.gate for i in found if i.waiting and not i.waiting.over
    ).items():
        metrics.waiting.labels(gate).set(count)
    now = ward.tools.clock.now()
    metrics.warm_up.set(ward.lookout.warm_up_left_s(now, ward.rules.policy))
    metrics.contradicted.set(sum(i.contradicted_at is not None for i in found))
    metrics.lone_services.set(sum(i.service_since is not None for i in found))
    metrics.hosts_bad.set(ward.lookout.bad)
    metrics.mass_latches.set(len(ward.lookout.latches))
    metrics.passes_left.set(ward.lookout.passes_left(now))
    metrics.armed.set(ward.armed.on)
    metrics.mode.set(ward.rules.mode)
    metrics.maintenance.set(len(ward.maintenance))
    storage = Counter(task.stage for task in ward.stock.tasks.values())
    for step in TaskStage:
        if step is not TaskStage.DONE:
            metrics.storage_tasks.labels(step).set(storage[step])
    ports = Counter(task.stage for task in ward.stock.ports.values())
    for place in PortStage:
        if place is not PortStage.DONE:
            metrics.port_tasks.labels(place).set(ports[place])
    metrics.budget.set(len(ward.charges()))


def set_leading(ward: Ward) -> None:
    """Show whether this daemon may act, and how many could in its place."""
    lead = ward.leadership
    ward.tools.metrics.leading.set(lead is None or lead.left_s() > 0)
    ward.tools.metrics.stand_bys.set(len(lead.standing().ready) if lead is not None else nan)


def between(later: Instant, earlier: Instant | None) -> float:
    """Return the seconds between two instants for a metric; 0 where nothing can be said."""
    if earlier is None or earlier.boot_id != later.boot_id:
        return 0.0
    return later.since(earlier)
