"""What the file comes to: the core's own values, and which plug-ins are to be made from what.

Nothing is constructed here: reading a configuration, to check it or to take it in place of another,
must open no connection and no file but those that it is read from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from doctor_daemon.config.drill import Drill
from doctor_daemon.config.own_side import OwnSide
from doctor_daemon.config.process import Log, Operators
from doctor_daemon.config.programs import Programs
from doctor_daemon.config.tls import Tls
from doctor_daemon.config.watchdogs import Watchdogs
from doctor_daemon.config.words import Address
from doctor_daemon.core.host import HostId, HostPlan, Mode
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.port_tasks import PortPolicy
from doctor_daemon.core.readiness import Probing
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.ports import SecretFile, SourceTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A plug-in that was chosen: its class, and its validated `Config`."""

    name: str
    kind: str
    plugin: type[Any]
    config: BaseModel

    @property
    def shared(self) -> bool:
        """Whether several daemons may share what it makes, of whom one leads."""
        return bool(getattr(self.plugin, "shared", False))


class AuthKind(StrEnum):
    """How a source proves who it is."""

    BEARER = "bearer"
    TOKEN = "token"  # noqa: S105 - the header X-Auth-Token, not what it holds
    HMAC = "hmac"
    KEYSTONE = "keystone"
    CERTIFICATE = "certificate"
    ADDRESSES = "addresses"
    NOBODY = "nobody"  # a source that looks by itself: nothing is told to it


@dataclass(frozen=True, slots=True)
class SourceAuth:
    """What a request must bring: a secret, a signature, a token, a certificate, or an address."""

    kind: AuthKind
    secret: SecretFile | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    keys: tuple[SecretFile, ...] = ()
    window_s: float = 0.0
    roles: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChoice(Choice):
    """A source of evidence."""

    terms: SourceTerms
    auth: SourceAuth


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChoice(Choice):
    """A power device of a host, by the name that its level has for it."""

    host: HostId
    uuid: str = ""
    """Which machine it is to stand before; empty: the file does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One configuration, whole and valid."""

    file: Path
    mode: Mode
    """The ceiling: no host's own mode goes beyond it."""
    policy: Policy
    plans: Mapping[HostId, HostPlan]
    aliases: Mapping[str, HostId]
    """Other names of hosts, in lower case. The hosts' own names are not among them."""
    addresses: Mapping[HostId, Mapping[str, str]] = field(default_factory=dict)
    """Host -> network -> its address there."""
    listen: Address
    tls: Tls | None = None
    """None: `listen` is plain HTTP."""
    metrics_listen: Address
    operators: Operators
    log: Log
    store: Choice
    cloud: Choice
    """Its name is the cloud's in every HostId."""
    storage: Choice | None = None
    """None: the file has no block storage."""
    volumes: VolumePolicy = field(default_factory=VolumePolicy)
    """What is done about the block storage of fenced hosts."""
    network: Choice | None = None
    """None: the file has no network."""
    ports: PortPolicy = field(default_factory=PortPolicy)
    """What is said of the ports of fenced hosts."""
    programs: Programs = field(default_factory=Programs)
    """The bounds of the programs that power devices start."""
    watchdogs: Watchdogs | None = None
    """None: hosts' own watchdogs are not acknowledged."""
    probing: Probing = field(default_factory=Probing)
    """How power devices are probed."""
    own_side: OwnSide = field(default_factory=OwnSide)
    """How it is told whether we are cut off."""
    drill: Drill | None = None
    """None: no host may be drilled."""
    sources: tuple[SourceChoice, ...]
    consumers: tuple[Choice, ...]
    devices: tuple[DeviceChoice, ...]
    secrets: tuple[SecretFile, ...]
    """Every file of a secret that is named anywhere."""
    warnings: tuple[str, ...]
    """What is allowed, and should be known: for the log at the start, and for check-config."""
