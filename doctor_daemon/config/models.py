"""The options of the file, as models: names, kinds, defaults, bounds, and what they mean.

A plug-in's section has a few options of its own here; every other option in it belongs to the
plug-in and is checked by the plug-in's own model. The text under an option is its documentation:
docs/configuration.md is made from it. A number's bounds here are those that hold by themselves;
those that follow from other numbers are in timing.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
)

from doctor_daemon.config.auth import Auth
from doctor_daemon.config.choices import Choices
from doctor_daemon.config.corroboration import Evidence
from doctor_daemon.config.drill import Drill
from doctor_daemon.config.limits import SourceLimits
from doctor_daemon.config.mass import Mass
from doctor_daemon.config.network import Network
from doctor_daemon.config.own_side import OwnSide
from doctor_daemon.config.probes import Probes
from doctor_daemon.config.process import Log, Operators
from doctor_daemon.config.programs import Programs
from doctor_daemon.config.release import Release, WaysBack
from doctor_daemon.config.section import Name, PluginSection, Section
from doctor_daemon.config.storage import Storage
from doctor_daemon.config.tls import Tls
from doctor_daemon.config.watchdogs import Watchdogs
from doctor_daemon.config.words import (
    Address,
    parse_address,
    parse_level,
    parse_mode,
    parse_names,
    parse_some_names,
)
from doctor_daemon.core.host import Mode, Reserve
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import READINGS_MAX

_SHIPPED = Policy()
DAY_S = 86_400.0

Seconds = Annotated[float, Field(ge=0, le=DAY_S)]
Positive = Annotated[float, Field(ge=0.1, le=DAY_S)]
ModeWord = Annotated[
    Mode,
    PlainValidator(parse_mode),
    PlainSerializer(lambda mode: mode.name.lower(), return_type=str),
]
Listen = Annotated[Address, PlainValidator(parse_address), PlainSerializer(str, return_type=str)]
Names = Annotated[tuple[str, ...], BeforeValidator(parse_names)]
SomeNames = Annotated[tuple[str, ...], BeforeValidator(parse_some_names)]


class Timing(Section):
    """Times and counts of the decisions. Each default is the shipped number; times are seconds."""

    grace_s: Annotated[float, Field(ge=0, le=3600)] = _SHIPPED.grace_s
    """From the first suspicion to the first thought of fencing: time to take it back. 0 gives none:
    for measurements."""
    corroboration_s: Annotated[float, Field(ge=0, le=3600)] = _SHIPPED.corroboration_s
    """How long a suspicion may wait for a second kind of evidence before a human is asked."""
    warm_up_s: Annotated[float, Field(ge=0, le=3600)] = _SHIPPED.warm_up_s
    """From the daemon's start to its first power cut: time to see how all hosts stand. 0 gives
    none: for trials."""
    dump_wait_s: Annotated[float, Field(ge=0, le=600)] = _SHIPPED.dump_wait_s
    """How long, from the first suspicion on, a host that is heard to write its crash dump (a source
    of type `kdump`) may do so before its power is cut."""
    evidence_age_s: Annotated[float, Field(ge=10, le=3600)] = _SHIPPED.evidence_age_s
    """Evidence older than this neither opens an incident nor supports a cut."""
    life_age_s: Annotated[float, Field(ge=1, le=3600)] = _SHIPPED.life_age_s
    """So long a sign of life keeps a host from being cut, though another kind says down again."""
    contradiction_s: Annotated[float, Field(ge=1, le=3600)] = _SHIPPED.contradiction_s
    """How long such a suspicion may wait for one of the two to give in before a human is asked."""
    look_age_s: Annotated[float, Field(ge=1, le=30)] = _SHIPPED.look_age_s
    """How old the last look at the host in Nova may be when its power is cut."""
    looks_max: Annotated[int, Field(ge=1, le=100)] = _SHIPPED.looks_max
    """Looks at the host that may fail in a row before a human is asked."""
    off_reads: Annotated[int, Field(ge=3, le=READINGS_MAX - 3)] = _SHIPPED.off_reads
    """Consecutive OFF readings that prove a host off. A cached answer is often right twice."""
    off_hold_s: Annotated[float, Field(ge=2, le=60)] = _SHIPPED.off_hold_s
    """Over how long these readings must have said OFF."""
    read_every_s: Annotated[float, Field(ge=0.1, le=30)] = _SHIPPED.read_every_s
    """Between two readings of a power device that does not say OFF yet, at most: just after the cut
    it is read more often."""
    off_timeout_s: Annotated[float, Field(ge=1, le=600)] = _SHIPPED.off_timeout_s
    """From the first cut of a try to its proof; then the try has failed."""
    tries_per_level: Annotated[int, Field(ge=1, le=10)] = _SHIPPED.tries_per_level
    """Tries of one fencing level before the next."""
    proof_age_s: Annotated[float, Field(ge=1, le=120)] = _SHIPPED.proof_age_s
    """A proof older than this is taken again before force-down."""
    refences_max: Annotated[int, Field(ge=0, le=10)] = _SHIPPED.refences_max
    """How often a host whose power came back is fenced again before a human is asked."""
    force_down_tries: Annotated[int, Field(ge=1, le=100)] = _SHIPPED.force_down_tries
    """Force-downs that Nova may fail before a human is asked."""
    backoff_s: Positive = _SHIPPED.backoff_s
    """The first pause after a failure; it doubles with each further one."""
    backoff_max_s: Annotated[float, Field(ge=0.1, le=600)] = _SHIPPED.backoff_max_s
    """The longest such pause."""
    progress_s: Annotated[float, Field(ge=60, le=7200)] = _SHIPPED.progress_s
    """No working phase lasts longer than this without progress: then a human is asked."""
    human_proof_max_s: Annotated[float, Field(ge=60, le=DAY_S)] = _SHIPPED.human_proof_max_s
    """How long a human's word that a host is off may hold at most."""


class Evacuation(Section):
    """How servers are evacuated, where the mode says so. Times are in seconds."""

    posts_total: Annotated[int, Field(ge=1, le=256)] = _SHIPPED.posts_total
    """Requests to evacuate a server that may be on their way at a time, of all hosts."""
    posts_per_host: Annotated[int, Field(ge=1, le=256)] = _SHIPPED.posts_per_host
    """Such requests of one host. Hosts take turns."""
    evacuation_tries: Annotated[int, Field(ge=1, le=20)] = _SHIPPED.evacuation_tries
    """How often a server is tried to be evacuated before a human is asked."""
    no_host_tries: Annotated[int, Field(ge=1, le=20)] = _SHIPPED.no_host_tries
    """The same for a server for which no other host has room."""
    no_host_wait_s: Annotated[float, Field(ge=0.1, le=300)] = _SHIPPED.no_host_wait_s
    """How long it is waited for room before such a server is tried again."""
    evacuation_timeout_s: Annotated[float, Field(ge=10, le=7200)] = _SHIPPED.evacuation_timeout_s
    """How long the evacuation of one server may take before its outcome is called unknown."""
    settle_s: Annotated[float, Field(ge=10, le=3600)] = _SHIPPED.settle_s
    """After a lost answer, how long Nova is believed to be able to begin it still: longer
    than any proxy in front of it keeps a request."""
    follow_every_s: Annotated[float, Field(ge=0.1, le=60)] = _SHIPPED.follow_every_s
    """Between two questions about all evacuations that are under way."""
    guard_every_s: Annotated[float, Field(ge=0.5, le=30)] = _SHIPPED.guard_every_s
    """Between two reads of the power of a host whose servers are being evacuated."""
    others_wait_s: Annotated[float, Field(ge=0, le=300)] = _SHIPPED.others_wait_s
    """No server is asked for while another host looks dead that Nova could still choose for it:
    until that is forced down, or for so long after somebody has said so anew, which is Nova's
    `service_down_time`, and a third of `progress_s` at most. 0: nobody waits."""
    flag_age_s: Annotated[float, Field(ge=5, le=120)] = _SHIPPED.flag_age_s
    """A server is only evacuated if forced_down was read back within this time."""


class Budget(Section):
    """How many hosts may be fenced. Beyond it a human is asked: many at once are seldom dead."""

    window_s: Annotated[float, Field(ge=60, le=DAY_S)] = _SHIPPED.budget_window_s
    """The sliding window in which hosts are counted."""
    per_domain: Annotated[int, Field(ge=1, le=10_000)] = _SHIPPED.budget_per_domain
    """Hosts of one failure domain."""
    total: Annotated[int, Field(ge=1, le=10_000)] = _SHIPPED.budget_total
    """Hosts in all."""


class State(PluginSection):
    """Where the daemon keeps what must survive it."""

    type: Name = "sqlite"
    """Which store."""


class Cloud(PluginSection):
    """The cloud's control plane."""

    type: Name = "nova"
    """Which controller."""
    name: Name = "default"
    """The name by which `hosts` refer to it."""


class Source(PluginSection):
    """Somebody whose word about hosts is heard."""

    name: Name
    """The source's name, in the log, the timeline and the metrics."""
    trust: Literal["alone", "second"] = "second"
    """`alone`: its word is enough to fence by; `second`: a second kind of evidence is needed."""
    max_age_s: Annotated[float, Field(ge=1, le=3600)] | None = None
    """Its word counts no longer than this; left out: than `timing.evidence_age_s`, which is the
    longest for any."""
    hosts: SomeNames | None = None
    """The hosts that it may speak of: names and patterns as in `hosts[].names`. Left out: all."""
    limits: SourceLimits = SourceLimits()
    """How much it may send."""
    auth: Auth | None = None
    """How it proves who it is. Required of a source that is told by HTTP, and of no other."""


class Consumer(PluginSection):
    """Somebody who is told."""

    name: Name
    """The consumer's name, in the log and the metrics."""


class PowerDevice(PluginSection):
    """One power device. In `uuid` and in its own options {variables} are replaced."""

    name: Name | None = None
    """The device's name within its host; left out, it is the type, numbered from the second on."""
    uuid: str
    """The UUID that the device must say its host has, or nothing is cut."""
    uuid_order: Literal["rfc4122", "smbios"] = "rfc4122"
    """`smbios`: the device swaps the bytes of the first three fields against what `uuid` says."""
    hold_s: Seconds = 0.0
    """OFF must be read over at least so long: for a device known to say it too early."""
    line: Annotated[str, Field(max_length=255)] = ""
    """What it shares with other devices, in a word of yours: of all that have the same one, only
    one is called at a time. For a PDU or a chassis that takes one session. Empty: nothing."""
    tells: Literal["host", "supply"] | None = None
    """Whether it reads the host's own power or that of a supply. Where one that tells of the host
    reads ON, no other level proves the host off. Left out: as is right for its type."""


class Hosts(Choices, WaysBack):
    """Hosts that are configured alike. In their texts {host}, {n} and more are replaced."""

    names: SomeNames
    """Exactly the names that Nova's compute services have: one name or pattern, or a list of them.
    cmp-[001-500] stands for 500 names, cmp-[1-9,12] for ten."""
    cloud: str = "default"
    """The cloud that they belong to."""
    domain: str = ""
    """The failure domain whose budget they share: a rack, a power feed."""
    mode: ModeWord = Mode.OBSERVE
    """How far the daemon may go for them; never farther than its own mode."""
    protected: str = ""
    """Why their power must never be cut; empty: it may be."""
    aliases: Names = ()
    """Other names under which sources know a host."""
    addresses: Annotated[dict[Name, str], Field(default_factory=dict, max_length=16)]
    """Network -> the host's address there, for the sources that look at hosts by themselves:
    `{management: "10.0.0.{n}"}`. Texts are filled as those of power devices."""
    inventory_file: Path | None = None
    """A YAML file that maps each host to variables of its own, and may give it `aliases`."""
    evidence: Evidence = Evidence()
    """How much evidence it takes to fence them."""
    reserved_hosts: Names = ()
    """Hosts that stand in for them, in this order: one that is up and in the same zone is enabled
    when servers of a host are to be moved, one an incident. Names and patterns as in `names`."""
    reserved_reason: Annotated[str, Field(min_length=1, max_length=255)] = Reserve().reason
    """By exactly which reason these are disabled in Nova while they are in reserve. With another
    one they are left alone."""
    levels: tuple[Annotated[tuple[PowerDevice, ...], BeforeValidator(parse_level)], ...] = ()
    """How they are fenced: level after level until one succeeds. A level is a list of power devices
    that must all confirm, or the word `manual`: a human must."""


class File(Section):
    """What stands at the top. Only `cloud` must be there; without hosts nothing is ever done."""

    mode: ModeWord = Mode.OBSERVE
    """How far the daemon may go at all: `observe` tells nobody and touches nothing, `notify` tells
    consumers, `fence` cuts power, proves it and forces down."""
    listen: Listen = Address("127.0.0.1", 12345)
    """Where evidence is taken in, by HTTP."""
    tls: Tls | None = None
    """TLS there."""
    metrics_listen: Listen = Address("127.0.0.1", 9877)
    """Where /metrics, /healthz and /readyz are served."""
    operators: Operators = Operators()
    """How operators reach the daemon."""
    state: State = State()
    """Where the daemon keeps what must survive it."""
    log: Log = Log()
    """The log."""
    timing: Timing = Timing()
    """Times and counts of the decisions."""
    budget: Budget = Budget()
    """How many hosts may be fenced."""
    mass: Mass = Mass()
    """When so many hosts look dead that something else is at fault."""
    evacuation: Evacuation = Evacuation()
    """How servers are evacuated."""
    release: Release = Release()
    """How a host comes back."""
    probes: Probes = Probes()
    """How power devices are probed."""
    cloud: Cloud
    """The cloud's control plane."""
    storage: Storage | None = None
    """The cloud's block storage."""
    network: Network | None = None
    """The cloud's network."""
    programs: Programs = Programs()
    """The bounds of the programs that power devices start."""
    watchdogs: Watchdogs | None = None
    """Where hosts' own watchdogs are acknowledged."""
    own_side: OwnSide = OwnSide()
    """How the daemon tells whether it is itself cut off."""
    drill: Drill | None = None
    """Which hosts may be drilled. Only `doctor-daemon drill` uses it."""
    sources: tuple[Source, ...] = ()
    """Whose word about hosts is heard."""
    consumers: tuple[Consumer, ...] = ()
    """Who is told."""
    hosts: tuple[Hosts, ...] = ()
    """The hosts; one that is not listed is never touched."""
