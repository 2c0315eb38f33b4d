"""The truth of the simulated cloud: hosts, their power, the guests that run, what Nova has stored.

The services of the lab show this world over HTTP, each with its own lies and delays; the record
keeps what truly happened in it. Heartbeats are computed when somebody looks: five hundred hosts
cost nothing while nobody does.
"""

from __future__ import annotations

import hashlib
import itertools
import uuid
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from doctor_daemon.lab.clock import Clock
from doctor_daemon.lab.record import Kind, Record
from doctor_daemon.lab.rows import Aggregate, Host, Server, ServerGroup, Service

_POWER_STATES = {"active": 1, "error": 1, "rescued": 1, "resized": 1, "paused": 3}


class Failure(StrEnum):
    """How a host fails. In both cases its power stays on and its guests run on."""

    COMPUTE = "compute"  # the process nova-compute died; the host still answers
    HOST = "host"  # nothing of the host answers any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things take in this world, in seconds. The first two are Nova's own defaults."""

    report_interval_s: float = 10.0
    service_down_s: float = 60.0
    compute_start_s: float = 3.0
    """From power on to the first heartbeat."""
    evacuate_s: float = 0.5
    """From the request to the migration's `done`."""
    boot_s: float = 0.3
    """From the request for a server until its guest runs."""


Later = Callable[[float, Callable[[], None]], object]
"""Call something after so many seconds: the `call_later` of a running event loop will do."""


class World:
    """Hosts and servers, and everything that can happen to them."""

    def __init__(self, clock: Clock, record: Record, later: Later, timing: Timing) -> None:
        self.clock = clock
        self.began_s = clock.now()
        self.record = record
        self.timing = timing
        self.hosts: dict[str, Host] = {}
        self.servers: dict[str, Server] = {}
        self.services: dict[str, Service] = {}
        self.aggregates: list[Aggregate] = []
        """Besides those that zones are made of."""
        self.groups: list[ServerGroup] = []
        self.resume_guests = False
        """Whether a host that boots starts its guests again, as Nova can be told to."""
        self.later = later
        self.on_compute_start: Callable[[Host], AbstractSet[str]] = _nothing
        """Asked whenever a nova-compute starts: which servers were evacuated from its host."""
        self._numbers = itertools.count(1)
        self._service_ids = itertools.count(1)
        self._random = Random(0)  # noqa: S311 - identifiers that are the same in every run

    # -- making it ---------------------------------------------------------------------------

    def add_service(self, binary: str, host: str, zone: str) -> Service:
        now_s = self.clock.now()
        service = Service(
            id=next(self._service_ids),
            uuid=self._uuid(),
            binary=binary,
            host=host,
            zone=zone,
            seen_at_s=now_s,
            written_at_s=now_s,
            beats_from_s=now_s,
        )
        self.services[service.uuid] = service
        return service

    def add_host(self, name: str, zone: str) -> Host:
        host = Host(
            name=name,
            system_uuid=self._uuid(),
            serial=f"LAB-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}",
            service=self.add_service("nova-compute", name, zone),
        )
        self.hosts[name] = host
        self.record.append(Kind.POWER_ON, name)
        self.record.append(Kind.COMPUTE_START, name)
        return host

    def boot(self, host: str, project_id: str, user_id: str) -> Server:
        """Create a server and start its guest."""
        server = self.build("", project_id, user_id)
        server.name, server.host = f"server-{server.number}", host
        server.zone = self.hosts[host].service.zone
        server.vm_state, server.power_state, server.task_state = "active", 1, None
        self.start_guest(server.id, host)
        return server

    def build(self, name: str, project_id: str, user_id: str) -> Server:
        """Create a server that is on no host yet."""
        now_s = self.clock.now()
        server = Server(
            id=self._uuid(),
            number=next(self._numbers),
            name=name,
            project_id=project_id,
            user_id=user_id,
            host="",
            zone="",
            created_at_s=now_s,
            updated_at_s=now_s,
            vm_state="building",
            task_state="scheduling",
            power_state=0,
        )
        self.servers[server.id] = server
        return server

    def group(self, policy: str, members: list[str], **rules: int) -> ServerGroup:
        """Put servers of one project into a new group."""
        owner = self.servers[members[0]]
        name = f"group-{len(self.groups) + 1}"
        group = ServerGroup(
            self._uuid(), name, policy, owner.project_id, owner.user_id, members, rules
        )
        self.groups.append(group)
        return group

    def delete(self, server_id: str) -> None:
        server = self.servers[server_id]
        for host in list(self.runs_on(server_id)):
            self.stop_guest(server_id, host)
        server.deleted_at_s = server.updated_at_s = self.clock.now()
        server.vm_state, server.power_state, server.task_state = "deleted", 0, None

    def set_state(self, server_id: str, vm_state: str) -> None:
        """Bring a server to one of Nova's states; only the first few of them run."""
        server = self.servers[server_id]
        if vm_state not in _POWER_STATES:
            for host in list(self.runs_on(server_id)):
                self.stop_guest(server_id, host)
        server.vm_state, server.task_state = vm_state, None
        server.power_state = _POWER_STATES.get(vm_state, 4)
        server.updated_at_s = self.clock.now()

    # -- what happens ------------------------------------------------------------------------

    def fail(self, name: str, how: Failure) -> None:
        """Let a host fail: its heartbeats end, its guests and its power go on."""
        host = self.hosts[name]
        host.answers = host.answers and how is Failure.COMPUTE
        self._stop_compute(host)

    def recover(self, name: str) -> None:
        """Undo a failure. A host without power stays as it is."""
        host = self.hosts[name]
        if host.power:
            host.answers = True
            self._start_compute(host)

    def power_off(self, name: str) -> None:
        """Take the power away: nova-compute and every guest stop before it is told."""
        host = self.hosts[name]
        if not host.power:
            return
        self._stop_compute(host)
        for server_id in sorted(host.guests):
            self.stop_guest(server_id, name)
        host.power = host.answers = False
        self.record.append(Kind.POWER_OFF, name)

    def power_on(self, name: str) -> None:
        """Give the power back; nova-compute begins to report after `compute_start_s`."""
        host = self.hosts[name]
        if host.power:
            return
        host.power = True
        host.boots += 1
        boot = host.boots
        self.record.append(Kind.POWER_ON, name)

        def booted() -> None:
            if host.power and host.boots == boot:
                host.answers = True
                self._resume(host, self._start_compute(host))

        self.later(self.timing.compute_start_s, booted)

    def start_guest(self, server_id: str, name: str) -> None:
        """Let a server truly run on a host. Raises ValueError if the host has no power."""
        host = self.hosts[name]
        if not host.power:
            raise ValueError(f"{name} has no power: no guest can start on it")
        if server_id not in host.guests:
            host.guests.add(server_id)
            self.record.append(Kind.GUEST_START, name, server_id)

    def stop_guest(self, server_id: str, name: str) -> None:
        if server_id in self.hosts[name].guests:
            self.hosts[name].guests.discard(server_id)
            self.record.append(Kind.GUEST_STOP, name, server_id)

    def force_down(self, service: Service, *, forced_down: bool, by: str) -> None:
        """Store `forced_down`. Only a change is recorded: to repeat it changes nothing."""
        if service.forced_down != forced_down:
            kind = Kind.FORCED_DOWN if forced_down else Kind.FORCED_UP
            self.record.append(kind, service.host, by=by)
        service.forced_down = forced_down

    def replace_service(self, name: str) -> Service:
        """Delete the host's service and let nova-compute make a new one: the UUID is another."""
        host = self.hosts[name]
        old = self.services.pop(host.service.uuid)
        host.service = self.add_service(old.binary, name, old.zone)
        if not old.alive:
            host.service.beats_from_s = None
        return host.service

    def delete_service(self, service: Service) -> None:
        """Forget a service. One that runs on does so unheard, until it is started anew."""
        del self.services[service.uuid]
        service.deleted = True

    # -- what can be seen --------------------------------------------------------------------

    def runs_on(self, server_id: str) -> list[str]:
        """Name the hosts on which the server truly runs."""
        return [host.name for host in self.hosts.values() if server_id in host.guests]

    def beat(self, service: Service) -> None:
        service.beat(self.clock.now(), self.timing.report_interval_s)

    def is_up(self, service: Service) -> bool:
        """Whether Nova holds the service for up: forced_down first, then the age of its heartbeat.

        Contract: NovaContract.test_a_dead_service_is_down_after_service_down_time,
        NovaContract.test_forced_down_is_down_at_once and
        NovaContract.test_a_dead_host_whose_flag_is_lifted_may_show_up.
        """
        if service.forced_down or service.deleted:
            return False
        self.beat(service)
        return abs(self.clock.now() - service.seen_at_s) <= self.timing.service_down_s

    # -- inside ------------------------------------------------------------------------------

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _stop_compute(self, host: Host) -> None:
        if host.service.alive:
            self.beat(host.service)
            host.service.beats_from_s = None
            self.record.append(Kind.COMPUTE_STOP, host.name)

    def _start_compute(self, host: Host) -> AbstractSet[str]:
        """Start nova-compute; name the servers that were evacuated from its host."""
        if host.service.alive:
            return frozenset()
        host.starts += 1
        if host.service.deleted:
            host.service = self.add_service("nova-compute", host.name, host.service.zone)
        host.service.beats_from_s = self.clock.now()
        self.record.append(Kind.COMPUTE_START, host.name)
        return self.on_compute_start(host)

    def _resume(self, host: Host, evacuated: AbstractSet[str]) -> None:
        if self.resume_guests:
            for server in list(self.servers.values()):
                here = server.host == host.name and server.vm_state == "active"
                if here and server.id not in evacuated:
                    self.start_guest(server.id, host.name)


def _nothing(_host: Host) -> AbstractSet[str]:
    return frozenset()
