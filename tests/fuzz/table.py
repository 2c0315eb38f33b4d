"""Every parser of bytes from outside, and the harness that drives it.

A module that reads such bytes and is in no harness fails a test: it gets one here, or a reason why
it needs none.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.house.source import ROOT

CORPUS = ROOT / "tests" / "fuzz" / "corpus"
"""A folder of seeds for each harness: real bodies, datagrams, answers and files."""


@dataclass(frozen=True, slots=True)
class Harness:
    """A function that is given any bytes, and the modules that it is about."""

    name: str
    target: str
    """`module:function`."""
    reads: tuple[str, ...]
    """In the order in which they build upon one another."""


def _of(name: str, place: str, *reads: str) -> Harness:
    modules = tuple(f"doctor_daemon.{module}" for module in reads)
    return Harness(name, f"tests.fuzz.{place}:{name}", modules)


_WIRE = "inspectors.wire"
_ROWS = "controllers.rows"

HARNESSES: tuple[Harness, ...] = (
    _of("alertmanager", "bodies", "inspectors.alertmanager", _WIRE),
    _of("evidence", "bodies", "inspectors.evidence", _WIRE),
    _of("answers", "bodies", "inspectors.answers", _WIRE),
    _of("doctor", "bodies", "inspectors.doctor", _WIRE),
    _of("maintenance", "bodies", "inspectors.announcing", _WIRE),
    _of("masakari", "bodies", "inspectors.masakari", "inspectors.masakari_notice", _WIRE),
    _of("masakari_lists", "bodies", "inspectors.masakari_views", "inspectors.masakari_reading"),
    _of("orders", "bodies", "api.bodies"),
    _of("cinder_orders", "bodies", "api.cinder", "api.bodies"),
    _of("queries", "bodies", "api.states", "api.cinder"),
    _of("heartbeat", "datagrams", "heartbeat.hearing", "heartbeat.wire"),
    _of("genuine_heartbeat", "datagrams", "heartbeat.hearing", "heartbeat.patience"),
    _of("instanceha", "datagrams", "heartbeat.hearing", "heartbeat.hbv2"),
    _of("memory_of_beats", "datagrams", "heartbeat.memory", "heartbeat.roll"),
    _of("lifeline", "lifelines", "engine.lifelines", "engine.lifeline_door", "heartbeat.lifeline"),
    _of("genuine_lifeline", "lifelines", "heartbeat.pledges", "heartbeat.lifeline"),
    _of("withheld", "lifelines", "engine.lifelines", "heartbeat.pledges"),
    _of("kdump", "datagrams", "inspectors.kdump"),
    _of("echo", "datagrams", "inspectors.echo"),
    _of(
        "nova_notifications",
        "messages",
        *("inspectors.nova_messages", "core.hints", "engine.hostmap", _WIRE),
    ),
    _of("agent_metadata", "programs", "fencers.agent_metadata"),
    _of("agent_output", "programs", "fencers.agent_program"),
    _of("agent_parameters", "programs", "fencers.agent_program"),
    _of("ipmi", "programs", "fencers.ipmi_answers", "fencers.ipmitool"),
    Harness("crm_mon", "tests.fuzz.programs:crm_mon", ("deploy.sources.crm_mon",)),
    Harness("consul", "tests.fuzz.programs:consul", ("deploy.sources.consul",)),
    _of("json_line", "programs", "inspectors.command", _WIRE),
    _of("log_line", "programs", "log"),
    _of("redfish", "answers", "fencers.computer_system"),
    _of("prometheus", "answers", "inspectors.promql", _WIRE),
    _of("nova_services", "answers", "controllers.services", "controllers.updates", _ROWS),
    _of(
        "nova_servers",
        "answers",
        *("controllers.servers", "controllers.states", "controllers.groups"),
        *("controllers.aggregates", "controllers.canaries", _ROWS),
    ),
    _of(
        "nova_migrations",
        "answers",
        *("controllers.evacuations", "controllers.transits", "controllers.http"),
        *("controllers.compute", "controllers.microversions", _ROWS),
    ),
    _of("cinder", "answers", "controllers.volumes", _ROWS),
    _of("neutron", "answers", "controllers.network", _ROWS),
    _of("ironic", "answers", "controllers.nodes", "controllers.microversions", _ROWS),
    _of("keystone", "answers", "controllers.identities", _ROWS),
    _of("record", "stored", "stores.shape", "stores.codec"),
    _of("audit", "stored", "core.audit"),
    _of("moved", "stored", "stores.moved_file", "stores.moved_lines", "stores.tally"),
    _of(
        "etcd_answers",
        "etcd",
        *("stores.etcd_gateway", "stores.etcd_claim", "stores.etcd_loading"),
        *("stores.etcd_transactions", "stores.etcd_writer"),
        *("stores.etcd_agreement", "stores.etcd_json", "stores.etcd_meaning"),
        *("stores.etcd_daemons", "stores.etcd_lease", "stores.etcd_watch"),
        *("stores.etcd_audit", "stores.etcd_schema"),
    ),
    _of(
        "etcd_rows",
        "etcd",
        *("stores.etcd_loading", "stores.etcd_values", "stores.etcd_past", "stores.codec"),
        "stores.etcd_putting",
    ),
    _of("notification", "stored", "inspectors.masakari_notice"),
    _of("document", "documents", "config.document", "config.problems"),
    _of("configuration", "documents", "config.load", "config.sections", "config.hosts"),
    _of("clouds", "documents", "controllers.clouds"),
    _of("clouds_password", "documents", "controllers.clouds"),
    _of("heartbeat_key", "documents", "heartbeat.keys"),
    _of(
        "signature",
        "documents",
        *("api.signed", "api.gatekeepers", "inspectors.masakari_versions"),
    ),
    _of("signing_key", "documents", "ports.signature", "ports.secrets"),
)


_SURFACE = "driven over HTTP, with the rest of the surface: tests/fuzz/test_surface.py"
_OURS = "reads only what this daemon has written itself, a moment ago, in a process of its own"

ELSEWHERE: dict[str, str] = {
    "doctor_daemon.api.audit": _SURFACE,
    "doctor_daemon.api.fleet": _SURFACE,
    "doctor_daemon.api.keystone_gate": "hands one header on, as a digest: see `keystone`",
    "doctor_daemon.api.operators": _SURFACE,
    "doctor_daemon.api.probes": _SURFACE,
    "doctor_daemon.api.served": _SURFACE,
    "doctor_daemon.api.unix": "what it unpacks is the kernel's",
    "doctor_daemon.controllers.owners": "calls what `nova_servers` drives, and judges its values",
    "doctor_daemon.engine.itself": "what it reads is the kernel's",
    "doctor_daemon.heartbeat.dog": "what it unpacks is the kernel's",
    "doctor_daemon.heartbeat.listener": _OURS,
    "doctor_daemon.heartbeat.reception": "what it unpacks is the kernel's",
    "doctor_daemon.inspectors.listening": _OURS,
    "doctor_daemon.notifiers.doctor": "reads notices: bodies that this daemon has made",
    "doctor_daemon.notifiers.log": "reads notices: bodies that this daemon has made",
}
"""Modules that read from outside and have no harness, and why."""


def find(name: str) -> Harness:
    """Return a harness. Raise SystemExit for a name that is none."""
    for harness in HARNESSES:
        if harness.name == name:
            return harness
    msg = f"there is no harness {name!r}; there are: {', '.join(h.name for h in HARNESSES)}"
    raise SystemExit(msg)
