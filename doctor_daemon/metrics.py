"""What Prometheus is told: every metric of the daemon, in one place.

The names are an interface: the alert rules that are shipped use them. Latencies are taken on
CLOCK_BOOTTIME by whoever observes them. A registry of its own keeps several daemons in one test
apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_NOTICE = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_CALL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_PHASE = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0)


class Metrics:
    """The daemon's metrics. Label values come from the configuration or from enums: bounded."""

    def __init__(self) -> None:
        """Register every metric, so that each exists from the first scrape."""
        self.registry = CollectorRegistry()
        self.before_scrape: list[Callable[[], None]] = []
        """What sets the gauges that would cost too much to be kept up to date all the time."""
        self._latencies()
        self._gauges()
        self._leadership()
        self._queues()
        self._readiness()
        self._fleet()
        self._ourselves()
        self._counters()
        self._heartbeats()
        self._watchdogs()

    def _latencies(self) -> None:
        self.notice = self._histogram(
            "doctor_notice_seconds",
            "Evidence received until a notice was delivered: the first of an incident, and the "
            "last (kind suspected is the early notice).",
            ("consumer", "kind", "which"),
            _NOTICE,
        )
        self.phase = self._histogram(
            "doctor_phase_seconds", "Time spent in each phase, once it is left.", ("phase",), _PHASE
        )
        self.fencing = self._histogram(
            "doctor_fencing_seconds",
            "From the gates' opening to the proof, by kind of device.",
            ("kind",),
            _PHASE,
        )
        self.forced_down = self._histogram(
            "doctor_forced_down_seconds",
            "Evidence received until forced_down was read back from Nova.",
            (),
            _PHASE,
        )
        self.evacuation = self._histogram(
            "doctor_evacuation_seconds",
            "From the incident's opening to the outcome of a server, by outcome.",
            ("outcome",),
            _PHASE,
        )
        self.call = self._histogram(
            "doctor_call_seconds",
            "Calls to the outside, by what is called and how it ended.",
            ("target", "call", "outcome"),
            _CALL,
        )
        self.probe = self._histogram(
            "doctor_fencing_probe_seconds",
            "Probes of power devices, by kind of device and how they ended.",
            ("kind", "grade"),
            _CALL,
        )
        self.commit = self._histogram(
            "doctor_commit_seconds", "Until a change was durable.", (), _CALL
        )

    def _gauges(self) -> None:
        gauge = self._gauge
        self.incidents = gauge("doctor_incidents", "Open incidents.", ("phase",))
        self.held = gauge("doctor_held", "Incidents that need a human, by reason.", ("gate",))
        self.evacuations = gauge(
            "doctor_evacuations", "Servers of open incidents, by how far each has got.", ("stage",)
        )
        self.turns = gauge(
            "doctor_evacuation_turns",
            "Requests to evacuate that may be on their way at a time, as Nova's answers allow.",
            (),
        )
        self.contradicted = gauge(
            "doctor_contradicted", "Suspicions that wait, because another kind sees life.", ()
        )
        self.lone_services = gauge(
            "doctor_service_down", "Hosts that are alive, and whose nova-compute is down.", ()
        )
        self.armed = gauge("doctor_armed", "1 when power may be cut.", ())
        self.mode = gauge("doctor_mode", "0 observe, 1 notify, 2 fence, 3 evacuate.", ())
        self.poll_age = gauge("doctor_poll_age_seconds", "Age of the last good poll.", ("what",))
        self.source_age = gauge(
            "doctor_source_age_seconds",
            "Age of the last good round of a source that looks by itself.",
            ("source",),
        )
        self.unseen = gauge(
            "doctor_hosts_unseen", "Configured hosts that Nova's list says nothing of.", ("why",)
        )
        self.loop_lag = gauge("doctor_loop_lag_seconds", "Last lag of the event loop.", ())
        self.tasks = gauge("doctor_tasks", "Tasks of the event loop.", ())
        self.sound = gauge("doctor_store_sound", "All that is stored is known to be sound.", ())
        self.outbox = gauge("doctor_notices_pending", "Notices not delivered yet.", ("consumer",))
        self.dead_kept = gauge(
            "doctor_dead_letters", "Notices given up, kept, and not told since.", ("consumer",)
        )
        self.budget = gauge("doctor_budget_used", "Power cuts taken from the budget.", ())
        self.maintenance = gauge("doctor_maintenance_hosts", "Hosts under maintenance.", ())
        self.storage_tasks = gauge(
            "doctor_storage_tasks",
            "Services of Cinder on fenced hosts; looking, down and held need a human.",
            ("stage",),
        )
        self.port_tasks = gauge(
            "doctor_port_tasks",
            "Fenced hosts whose ports are seen to in Neutron; held needs a human.",
            ("stage",),
        )

    def _leadership(self) -> None:
        gauge = self._gauge
        self.leading = gauge("doctor_leading", "1 when this daemon may act, 0 when not.", ())
        self.stand_bys = gauge(
            "doctor_stand_bys",
            "Other daemons that could take over at once; NaN where there is one alone.",
            (),
        )

    def _queues(self) -> None:
        """Make what says how long each queue is: all of them have an end."""
        gauge, source = self._gauge, ("source",)
        self.intake_connections = gauge(
            "doctor_intake_connections", "Connections to the address for evidence.", ()
        )
        self.intake_requests = gauge(
            "doctor_intake_requests", "Requests that are being read or handed in.", source
        )
        self.evidence_waiting = gauge(
            "doctor_evidence_waiting", "Statements that wait for their turn to be saved.", source
        )
        self.evidence_under_way = gauge(
            "doctor_evidence_under_way", "Statements handed in, and not saved yet.", source
        )
        self.store_waiting = gauge(
            "doctor_store_waiting", "Changes that wait to be saved, or are being saved.", ()
        )
        self.letters = gauge(
            "doctor_inbox_letters", "Observations that wait, of the incident that has most.", ()
        )

    def _readiness(self) -> None:
        gauge = self._gauge
        self.fencing_ready = gauge(
            "doctor_fencing_ready",
            "1 when the host could be fenced, were it to fail now.",
            ("host",),
        )
        self.fencing_hosts = gauge(
            "doctor_fencing_hosts", "Hosts by whether they could be fenced now.", ("fenceable",)
        )
        self.probe_age = gauge(
            "doctor_fencing_probe_age_seconds",
            "Since when a host has not been shown to be fenceable, by its best level.",
            ("host",),
        )

    def _watchdogs(self) -> None:
        self.watchdog_armed = self._gauge(
            "doctor_watchdog_armed",
            "1 when the watchdog of a host that is to be fenced by it is armed, as it says.",
            ("host",),
        )
        self.lifelines_rejected = self._counter(
            "doctor_watchdog_rejected_total", "Datagrams of watchdogs not believed.", ("reason",)
        )

    def _fleet(self) -> None:
        """Make what says why nothing is cut although hosts look dead."""
        gauge = self._gauge
        self.waiting = gauge(
            "doctor_waiting", "Incidents that wait for a gate to open by itself.", ("gate",)
        )
        self.warm_up = gauge(
            "doctor_warm_up_seconds", "What is left of the warm-up after the start.", ()
        )
        self.hosts_bad = gauge(
            "doctor_hosts_bad", "Hosts that look dead now, or have failed lately.", ()
        )
        self.mass_latches = gauge(
            "doctor_mass_latches", "The fleet, failure domains and zones with too many of them.", ()
        )
        self.passes_left = gauge(
            "doctor_passes_left", "Hosts that may be cut all the same, by a human's word.", ()
        )

    def _ourselves(self) -> None:
        gauge = self._gauge
        self.own_side = gauge(
            "doctor_own_side",
            "1 when a sign of our own side is good, else 0.",
            ("sign",),
        )
        self.config_good = gauge(
            "doctor_config_good", "1 when the last reload was taken, 0 when it was refused.", ()
        )

    def _counters(self) -> None:
        counter = self._counter
        self.evidence = counter(
            "doctor_evidence_total", "Evidence accepted.", ("source", "verdict", "outcome")
        )
        self.rejected = counter("doctor_rejected_total", "Requests refused.", ("source", "reason"))
        self.notifications = counter(
            "doctor_notifications_total",
            "Nova's notifications, by what became of each.",
            ("source", "outcome"),
        )
        self.effects = counter("doctor_effects_total", "Effects ended.", ("effect", "outcome"))
        self.refusals = counter("doctor_gate_refusals_total", "Gates found shut.", ("gate",))
        self.deliveries = counter(
            "doctor_deliveries_total", "Attempts to deliver a notice.", ("consumer", "outcome")
        )
        self.dead = counter("doctor_notices_dead_total", "Notices given up.", ("consumer",))
        self.pauses = counter(
            "doctor_pauses_total", "Gaps of over 2 s in the daemon's own time.", ()
        )
        self.clock_steps = counter(
            "doctor_clock_steps_total", "Steps of the wall clock by over 2 s.", ()
        )
        self.contradictions = counter(
            "doctor_contradictions_total",
            "Suspicions that fresh evidence of life has contradicted, by whose.",
            ("source",),
        )
        self.reloads = counter(
            "doctor_reloads_total", "Reloads of the configuration.", ("outcome",)
        )
        self.alarms = counter(
            "doctor_alarms_total", "Alarms: what was brought about does not stand any more.", ()
        )
        self.bugs = counter("doctor_internal_errors_total", "Bugs met and contained.", ())
        self.store_faults = counter("doctor_store_faults_total", "Commits that failed.", ())

    def _heartbeats(self) -> None:
        """What the sources of type `heartbeat` tell of their listeners."""
        source = ("source",)
        self.beats = self._counter("doctor_heartbeats_total", "Heartbeats believed.", source)
        self.beats_rejected = self._counter(
            "doctor_heartbeats_rejected_total", "Datagrams not believed.", ("source", "reason")
        )
        self.beats_dropped = self._counter(
            "doctor_heartbeats_dropped_total", "Datagrams dropped for want of a buffer.", source
        )
        self.beat_troubles = self._counter(
            "doctor_heartbeat_troubles_total",
            "How often the listener doubted itself: pause, drops or silence.",
            ("source", "what"),
        )
        self.beat_hosts = self._gauge(
            "doctor_heartbeat_hosts", "Hosts that were ever heard.", ("source", "state")
        )
        self.beat_lag = self._gauge(
            "doctor_heartbeat_lag_seconds", "Worst lag of the listener in a second.", source
        )
        self.beat_listening = self._gauge(
            "doctor_heartbeat_listening",
            "1 when somebody is heard; 0: silence means nothing now.",
            source,
        )

    def _histogram(
        self, name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]
    ) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, text, labels, registry=self.registry)


@runtime_checkable
class Measured(Protocol):
    """A source that counts more than its evidence; it is given the metrics once, before it runs."""

    def measure(self, metrics: Metrics) -> None: ...
