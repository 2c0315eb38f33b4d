"""Ping: whether hosts answer, on each of their networks, by ICMP echo or by a TCP connection.

Each network is seen for itself: a host that is silent on one and answers on another has lost a
cable and not its life, and both are said. On a network where nobody at all answers we say nothing:
see `probing`. `references` are more addresses that tell whether a network works, gateways best;
where a network has one host only, nothing is said without them.

Two networks are of one kind unless the configuration names one for each: whether two of them are
two opinions depends on how far apart their cables and switches are.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Annotated, ClassVar, Literal, Protocol, Self

import structlog
from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import override

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.echo import Echo
from doctor_daemon.inspectors.knock import AT_ONCE_MAX, Knock
from doctor_daemon.inspectors.polling import Polling
from doctor_daemon.inspectors.probing import Sight, Streaks
from doctor_daemon.inspectors.voice import View
from doctor_daemon.ports import Intake, SourceTerms
from doctor_daemon.ports.surroundings import Surroundings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LATE_S = 1.0
"""A round that took so much longer than it may was no round: we have stood still."""
Kind = Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")]


class PingConfig(BaseModel):
    """The options of a source of type `ping`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    networks: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)]
    """The networks that are looked at, by the names that `hosts[].addresses` has."""
    method: Literal["icmp", "tcp"] = "icmp"
    """How: echo requests, or TCP connections."""
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    """The port, for `tcp`. A refused connection is an answer too."""
    every_s: Annotated[float, Field(ge=0.2, le=240)] = 2.0
    """From the beginning of one round to that of the next."""
    timeout_s: Annotated[float, Field(ge=0.05, le=30)] = 1.0
    """How long an answer may take."""
    misses: Annotated[int, Field(ge=2, le=100)] = 5
    """So many looks in a row without an answer, and a host is called down."""
    alive: bool = True
    """Whether an answer is said to be a sign of life; if not, it takes an earlier word back."""
    references: dict[str, Annotated[tuple[str, ...], Field(max_length=16)]] = Field(
        default_factory=dict
    )
    """Network -> more addresses there by which is seen that the network works: gateways."""
    kind: Kind = "ping"
    """The kind of this evidence."""
    kinds: dict[str, Kind] = Field(default_factory=dict)
    """Network -> a kind of its own, for networks that share nothing with the others."""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        for name in (*self.references, *self.kinds):
            if name not in self.networks:
                msg = f"found {name!r}; expected one of networks: {', '.join(self.networks)}"
                raise ValueError(msg)
        for address in (one for some in self.references.values() for one in some):
            ip_address(address)
        if self.timeout_s > self.every_s:
            msg = f"timeout_s: found {self.timeout_s:g}; expected no more than every_s"
            raise ValueError(msg)
        return self


class Prober(Protocol):
    """Looks at addresses, each once."""

    async def round(self, addresses: Collection[str], timeout_s: float) -> dict[str, Sight]: ...

    def close(self) -> None: ...


@dataclass
class _Network:
    """One network: who is on it, and how they have answered."""

    name: str
    kind: str
    hosts: Mapping[str, HostId]
    """Address -> host."""
    references: Collection[str]
    streaks: Streaks
    silent: bool = False
    """Whether nobody answered in the last round."""
    sights: Mapping[str, Sight] = field(default_factory=dict)

    @property
    def addresses(self) -> list[str]:
        return [*self.hosts, *self.references]


class Ping(Polling):
    """Looks whether hosts answer."""

    Config: ClassVar[type[PingConfig]] = PingConfig

    def __init__(self, config: PingConfig, terms: SourceTerms) -> None:
        """Open nothing yet."""
        super().__init__(terms, config.every_s)
        self._config = config
        self._networks: list[_Network] = []
        self._probers: dict[tuple[str, int], Prober] = {}

    @override
    def place(self, around: Surroundings) -> None:
        """Learn where the hosts are."""
        super().place(around)
        self._networks = [self._network(name, around) for name in self._config.networks]

    def _network(self, name: str, around: Surroundings) -> _Network:
        known = around.addresses.items()
        there = {str(ip_address(own[name])): host for host, own in known if name in own}
        if not there:
            log.warning("no host has an address there", source=self.name, network=name)
        config = self._config
        references = [str(ip_address(one)) for one in config.references.get(name, ())]
        kind = config.kinds.get(name, config.kind)
        return _Network(name, kind, there, references, Streaks(config.misses))

    @override
    async def close(self) -> None:
        """Close the sockets; the next look opens others."""
        for prober in self._probers.values():
            prober.close()
        self._probers.clear()

    @override
    async def look(self, intake: Intake) -> None:
        """Look once at all networks, and say what is to be said. Raise Temporary."""
        began = intake.now()
        await asyncio.gather(*map(self._see, self._networks))
        views = [view for network in self._networks for view in self._views(network, began)]
        await self._voice.say(views, intake)
        silent = [network.name for network in self._networks if network.silent]
        if silent:
            msg = f"nobody answers on {', '.join(silent)}: that may be our own trouble"
            raise Temporary(msg)

    async def _see(self, network: _Network) -> None:
        """Take a round of one network."""
        clock, began_s = asyncio.get_running_loop().time, asyncio.get_running_loop().time()
        sights: dict[str, Sight] = {}
        for version, some in _by_version(network.addresses):
            prober = self._prober(network.name, version)
            sights |= await prober.round(some, self._config.timeout_s)
        turns = 2 + len(sights) / AT_ONCE_MAX
        late = clock() - began_s > turns * self._config.timeout_s + LATE_S
        network.silent = not late and bool(sights) and Sight.ANSWERED not in sights.values()
        network.sights = {} if late or network.silent else sights
        if network.sights:
            network.streaks.fold(sights)
        else:
            network.streaks.forget()

    def _prober(self, network: str, version: int) -> Prober:
        """Return what looks at one network; it does one thing at a time."""
        key = network, version
        if key not in self._probers:
            family = socket.AF_INET if version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
            icmp = self._config.method == "icmp"
            self._probers[key] = Echo(family) if icmp else Knock(self._config.port)
        return self._probers[key]

    def _views(self, network: _Network, began: Instant) -> Iterator[View]:
        """Yield what the last round, begun then, shows; nothing where it shows nothing."""
        lost = frozenset(network.streaks.lost(network.sights))
        print_ = f"ping-{network.name}"
        for address, host in network.hosts.items():
            where = f"{address} on {network.name}"
            if network.sights.get(address) is Sight.ANSWERED:
                word = Verdict.UP if self._config.alive else Verdict.WITHDRAWN
                text = f"it answers at {where}"
                yield View(host, word, network.kind, text, print_, since=began)
            elif address in lost:
                text = f"no answer to {self._config.misses} looks at {where}"
                yield View(host, Verdict.DOWN, network.kind, text, print_)


def _by_version(addresses: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for version in (4, 6):
        some = [one for one in addresses if ip_address(one).version == version]
        if some:
            yield version, some
