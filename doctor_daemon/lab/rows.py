"""The rows of the simulated cloud: what is stored of services, hosts, servers and migrations."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Service:
    """Nova's row for one process: `seen_at_s` its last heartbeat, `written_at_s` any last write."""

    id: int
    uuid: str
    binary: str
    host: str
    zone: str
    seen_at_s: float
    written_at_s: float
    beats_from_s: float | None
    disabled: bool = False
    disabled_reason: str | None = None
    forced_down: bool = False
    deleted: bool = False

    @property
    def alive(self) -> bool:
        return self.beats_from_s is not None

    def beat(self, now_s: float, interval_s: float) -> None:
        """Write the heartbeats that are due by now: they move `updated_at`, forced down or not.

        Contract: NovaContract.test_heartbeats_go_on_while_forced_down.
        """
        if self.beats_from_s is None:
            return
        beats = (now_s - self.beats_from_s) // interval_s
        self.seen_at_s = max(self.seen_at_s, self.beats_from_s + beats * interval_s)
        self.written_at_s = max(self.written_at_s, self.seen_at_s)


@dataclass(slots=True)
class Host:
    """One hypervisor. `guests` are the servers that truly run on it, whatever Nova believes."""

    name: str
    system_uuid: str
    serial: str
    service: Service
    power: bool = True
    answers: bool = True
    cell_down: bool = False
    boots: int = 0
    starts: int = 0
    """How often its nova-compute was started."""
    spawn_error: str = ""
    """Why no guest can be started on it for an evacuation; empty: one can."""
    guests: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Server:
    """Nova's row for one server."""

    id: str
    number: int
    name: str
    project_id: str
    user_id: str
    host: str
    zone: str
    created_at_s: float
    updated_at_s: float
    vm_state: str = "active"
    task_state: str | None = None
    power_state: int = 1
    locked: bool = False
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    specs: dict[str, str] = field(default_factory=dict)
    """The extra specs of its flavor, as they were when it was booted."""
    volume: bool = False
    """Whether it boots from a volume, and not from an image."""
    deleted_at_s: float | None = None
    fault: tuple[str, float] | None = None
    """What went wrong with it last, and when."""


@dataclass(slots=True)
class Aggregate:
    """An aggregate of hosts, without an availability zone."""

    name: str
    hosts: list[str]
    metadata: dict[str, str]


@dataclass(slots=True)
class ServerGroup:
    """A group of servers with its policy. Those that were deleted are still among `members`."""

    id: str
    name: str
    policy: str
    project_id: str
    user_id: str
    members: list[str]
    rules: dict[str, int] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """How many of its members may be on one host, if they are to be kept apart."""
        return self.rules.get("max_server_per_host", 1)


@dataclass(slots=True)
class Migration:
    """Nova's row for one evacuation. `dest` is empty until a host is chosen."""

    id: int
    uuid: str
    server: str
    source: str
    created_at_s: float
    updated_at_s: float | None = None
    dest: str = ""
    status: str = "accepted"
