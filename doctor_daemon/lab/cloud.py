"""The whole lab in one process: Keystone, Nova, the BMCs, the consumers, and the control of them.

In a test: `async with Lab(LabOptions(hosts=2)) as lab:`. As a process: `python -m
doctor_daemon.lab`. Every service listens on 127.0.0.1, on a port that the kernel chooses, so that
any number of labs run side by side; a test that has made networks of its own may place it there.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from doctor_daemon.lab import certificates, credentials
from doctor_daemon.lab.cinder import Cinder
from doctor_daemon.lab.clock import Clock
from doctor_daemon.lab.consumer import Consumer
from doctor_daemon.lab.control import OPERATOR, Control
from doctor_daemon.lab.evacuations import Evacuations
from doctor_daemon.lab.faults import Faults, Service
from doctor_daemon.lab.identity import ADMIN_ROLES, MEMBER_ROLES, Identity, Project, User
from doctor_daemon.lab.ironic import Ironic, IronicOptions
from doctor_daemon.lab.keystone import Keystone, KeystoneOptions
from doctor_daemon.lab.listeners import Listener, Spot, serve
from doctor_daemon.lab.neutron import Neutron, NeutronOptions
from doctor_daemon.lab.nova import Nova, NovaOptions
from doctor_daemon.lab.record import Record, Violation
from doctor_daemon.lab.redfish import ROOT, USER, Redfish, RedfishOptions
from doctor_daemon.lab.volume_services import CinderOptions
from doctor_daemon.lab.volumes import VOLUME, Volumes
from doctor_daemon.lab.world import Timing, World

Json = dict[str, Any]
ADMIN = "doctor"
CREDENTIAL = "doctor-credential"
OPERATORS_HOOK = "operators"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOptions:
    """How large the cloud is, how slow, and where its files go."""

    hosts: int = 4
    servers_per_host: int = 2
    projects: int = 2
    zones: int = 2
    tls: bool = False
    shared_bmc: bool = False
    """One Redfish service for all systems, and not one for each."""
    chassis: bool = False
    """A second Redfish service for each system, with faults of its own: that of its chassis."""
    resume_guests: bool = False
    timing: Timing = field(default_factory=Timing)
    keystone: KeystoneOptions = field(default_factory=KeystoneOptions)
    nova: NovaOptions = field(default_factory=NovaOptions)
    cinder: CinderOptions = field(default_factory=CinderOptions)
    neutron: NeutronOptions = field(default_factory=NeutronOptions)
    ironic: IronicOptions = field(default_factory=IronicOptions)
    redfish: RedfishOptions = field(default_factory=RedfishOptions)
    folder: Path | None = None
    """Where credentials are put; None for one that goes with the lab."""
    record: Path | None = None
    cloud: Spot = field(default_factory=Spot)
    """Where everything listens but the BMCs and the control, which stays on 127.0.0.1."""
    bmcs: Spot = field(default_factory=Spot)
    """And the BMCs. With TLS both stay as they are: the certificate is for 127.0.0.1."""


class Lab:
    """A simulated cloud. Its parts are there once it is entered."""

    world: World
    evacuations: Evacuations
    record: Record
    faults: Faults
    identity: Identity
    keystone: Keystone
    nova: Nova
    cinder: Cinder
    neutron: Neutron
    ironic: Ironic
    redfish: Redfish
    consumer: Consumer
    control: Control
    admin: User
    operator: User
    members: dict[str, User]
    """Project name -> its user."""
    folder: Path
    ca: Path | None
    control_url: str
    hooks_url: str
    bmc_urls: dict[str, str]
    chassis_urls: dict[str, str]

    def __init__(self, options: LabOptions | None = None) -> None:
        self.options = options or LabOptions()
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._make_world(stack)
            self._make_accounts()
            self._boot_servers()
            await self._serve(stack)
            self._write_credentials()
            self._exit = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exit.aclose()

    def violations(self) -> list[Violation]:
        return self.control.violations()

    def system_url(self, host: str) -> str:
        """Name the URL of the host's system at its BMC."""
        return f"{self.bmc_urls[host]}{ROOT}/Systems/{self.world.hosts[host].system_uuid}"

    def describe(self) -> Json:
        """Name every endpoint and credentials file: what a daemon's configuration needs."""
        return {
            "control": self.control_url,
            "keystone": f"{self.keystone.root}/v3",
            "nova": f"{self.nova.root}/v2.1",
            "cinder": f"{self.cinder.root}/v3",
            "neutron": f"{self.neutron.root}/v2.0",
            "ironic": f"{self.ironic.root}/v1",
            "clouds": str(self.folder / credentials.CLOUDS),
            "cloud": ADMIN,
            "ca": str(self.ca) if self.ca else None,
            "bmc": {"user": USER, "password_file": str(self.folder / credentials.BMC_PASSWORD)},
            "hosts": {name: self._host(name) for name in self.world.hosts},
            "consumers": {name: self._hook(name) for name in self.consumer.secrets},
            "record": str(self.options.record) if self.options.record else None,
            "pid": os.getpid(),
        }

    def _host(self, name: str) -> Json:
        host = self.world.hosts[name]
        return {
            "bmc": self.bmc_urls[name],
            "system": self.system_url(name),
            "uuid": host.system_uuid,
            "serial": host.serial,
            "zone": host.service.zone,
        }

    def _hook(self, name: str) -> Json:
        member = self.members.get(name)
        return {
            "url": f"{self.hooks_url}/hooks/{name}",
            "secret_file": str(self._secret_file(name)),
            "project_id": member.project.id if member else None,
        }

    def _secret_file(self, name: str) -> Path:
        return self.folder / f"webhook-{name}.secret"

    # -- making it ---------------------------------------------------------------------------

    def _make_world(self, stack: AsyncExitStack) -> None:
        clock = Clock()
        self.record = Record(clock, self.options.record)
        stack.callback(self.record.close)
        later = asyncio.get_running_loop().call_later
        self.world = World(clock, self.record, later, self.options.timing)
        self.world.resume_guests = self.options.resume_guests
        self.evacuations = Evacuations(self.world)
        for binary in ("nova-scheduler", "nova-conductor"):
            self.world.add_service(binary, "control", "internal")
        for number in range(self.options.hosts):
            self.world.add_host(f"compute-{number + 1}", f"az-{number % self.options.zones + 1}")
        self.faults = Faults(clock)

    def _make_accounts(self) -> None:
        self.identity = Identity(self.world.clock, self.options.keystone.token_lifetime_s)
        admin = Project(uuid.uuid4().hex, "admin")
        self.admin = self.identity.add_user(ADMIN, admin, ADMIN_ROLES)
        self.operator = self.identity.add_user(OPERATOR, admin, ADMIN_ROLES)
        self.members = {}
        for number in range(self.options.projects):
            project = Project(uuid.uuid4().hex, f"project-{number + 1}")
            self.members[project.name] = self.identity.add_user(project.name, project, MEMBER_ROLES)
        self.consumer = Consumer(self.world.clock, (OPERATORS_HOOK, *self.members))

    def _boot_servers(self) -> None:
        """Boot the servers of each project all over the hosts."""
        owners = list(self.members.values())
        for layer in range(self.options.servers_per_host):
            for number, host in enumerate(self.world.hosts):
                owner = owners[(number + layer) % len(owners)]
                self.world.boot(host, owner.project.id, owner.id)

    async def _serve(self, stack: AsyncExitStack) -> None:
        """Bind every port, then make each service with the URLs it must know, then serve."""
        options = self.options
        self.folder = options.folder or _folder(stack)
        self.ca, tls = await certificates.make(self.folder) if options.tls else (None, None)
        keystone, nova, cinder, neutron, ironic, hooks = (
            Listener.bind(stack, tls, options.cloud) for _ in range(6)
        )
        control = Listener.bind(stack)
        self.control_url, self.hooks_url = control.url, hooks.url
        self.keystone = Keystone(self.identity, self.world.clock, keystone.url, options.keystone)
        self.nova = Nova(
            self.evacuations, self.identity, nova.url, f"{keystone.url}/v3", options.nova
        )
        self.keystone.endpoints["compute"] = f"{self.nova.root}/v2.1"
        self.cinder = self._made_cinder(cinder.url, f"{keystone.url}/v3")
        self.keystone.endpoints["block-storage"] = f"{cinder.url}/v3/$(project_id)s"
        self.neutron = Neutron(self.world, self.identity, neutron.url, options.neutron)
        self.keystone.endpoints["network"] = neutron.url
        self.redfish = Redfish(self.world, options.redfish)
        names, each = list(self.world.hosts), [[name] for name in self.world.hosts]
        bmcs, self.bmc_urls = self._bind_bmcs(stack, tls, [names] if options.shared_bmc else each)
        address_of = self.bmc_urls.__getitem__
        self.ironic = Ironic(self.world, self.identity, ironic.url, options.ironic, address_of)
        self.keystone.endpoints["baremetal"] = ironic.url
        others = each if options.chassis else []
        chassis, self.chassis_urls = self._bind_bmcs(stack, tls, others)
        tools = (self.evacuations, self.identity, self.faults, self.consumer, self.members)
        self.control = Control(*tools, self.describe)
        for app, listeners in (
            (self.keystone.app(self.faults), [keystone]),
            (self.nova.app(self.faults), [nova]),
            (self.cinder.app(self.faults), [cinder]),
            (self.neutron.app(self.faults), [neutron]),
            (self.ironic.app(self.faults), [ironic]),
            (self.consumer.app(self.faults), [hooks]),
            (self.redfish.app(self.faults), bmcs),
            (self.redfish.app(self.faults, Service.CHASSIS), chassis),
            (self.control.app(), [control]),
        ):
            await serve(app, listeners, stack)
        stack.callback(self.redfish.close)
        stack.callback(self.ironic.close)
        stack.callback(self.faults.close)

    def _made_cinder(self, root: str, auth_url: str) -> Cinder:
        """Make a Cinder with two backends, one of them with a replication target."""
        world, options = self.world, self.options.cinder
        volumes = Volumes(
            world.clock,
            world.later,
            lambda: world.timing,
            options.rpc_timeout_s,
            options.failover_s,
        )
        volumes.add(VOLUME, "control@alpha", ("spare",))
        volumes.add("cinder-scheduler", "control")
        volumes.add(VOLUME, "control@beta")
        for host in ("stor-1@gamma", "stor-2@gamma") if options.clustered else ():
            volumes.add(VOLUME, host, ("spare",), "gamma")
        return Cinder(volumes, self.identity, root, auth_url, options)

    def _bind_bmcs(
        self, stack: AsyncExitStack, tls: ssl.SSLContext | None, groups: list[list[str]]
    ) -> tuple[list[Listener], dict[str, str]]:
        """Bind a port for the ways to the power of each group of hosts; return the hosts' URLs."""
        listeners = [Listener.bind(stack, tls, self.options.bmcs) for _ in groups]
        urls: dict[str, str] = {}
        for listener, group in zip(listeners, groups, strict=True):
            self.redfish.hosts_at[listener.port] = group
            urls |= dict.fromkeys(group, listener.url)
        return listeners, urls

    def _write_credentials(self) -> None:
        users = {ADMIN: self.admin, OPERATOR: self.operator, **self.members}
        credential = self.identity.add_credential(CREDENTIAL, self.admin)
        text = credentials.clouds(f"{self.keystone.root}/v3", users, credential, self.ca)
        credentials.write_secret(self.folder / credentials.CLOUDS, text)
        credentials.write_secret(self.folder / credentials.BMC_PASSWORD, self.redfish.password)
        for name, secret in self.consumer.secrets.items():
            credentials.write_secret(self._secret_file(name), secret)


def _folder(stack: AsyncExitStack) -> Path:
    """Make a folder that goes with the lab."""
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="doctor-lab-")))
