"""fence_kdump's datagrams: a host says itself that its kernel has crashed, and is being dumped.

Eight bytes over UDP (port 7410): the magic number 0x1B302A40 and version 1, each of 32 bits in the
byte order of the sender. Nothing in them is secret, so they are taken only from the very address
that the configuration has for a host on one of `networks`, and are never more than a second
opinion: whoever can forge an address there can send one. What they bring about besides is that the
cut waits a while (`core.dumping`), which is bounded too. They are no proof of anything (B14).

However many come, a host is spoken of a few times a minute.
Source: fence-agents, agents/kdump/message.h.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import Annotated, ClassVar

import structlog
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from doctor_daemon.core.dumping import KDUMP
from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.inspectors.polling import Polling
from doctor_daemon.inspectors.wire import digest, shown
from doctor_daemon.ports import Intake, SourceTerms
from doctor_daemon.ports.surroundings import Surroundings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

MAGIC = 0x1B302A40
VERSION = 1
TICK_S = 0.5
SAID_S = 10.0
"""A host is spoken of no more often."""
CRASH_S = 300.0
"""Messages further apart than this are of two crashes."""
STRANGERS_S = 60.0
STRANGERS_MAX = 32


class KdumpConfig(BaseModel):
    """The options of a source of type `kdump`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    address: str = "0.0.0.0"  # noqa: S104 - from wherever the hosts are; who else sends is not heard
    """The address that is listened on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 7410
    """The UDP port."""
    networks: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)]
    """The networks on which hosts send, by the names that `hosts[].addresses` has."""


def is_message(datagram: bytes) -> bool:
    """Tell whether a datagram is one of fence_kdump's."""
    wanted = (MAGIC, VERSION)
    return any(datagram == struct.pack(f"{order}II", *wanted) for order in "<>")


class Kdump(Polling, asyncio.DatagramProtocol):
    """Hears hosts that write their crash dumps."""

    Config: ClassVar[type[KdumpConfig]] = KdumpConfig

    def __init__(self, config: KdumpConfig, terms: SourceTerms) -> None:
        """Listen to nothing yet. Raise ConfigError where it would be believed alone."""
        if terms.trust is Trust.ALONE:
            msg = (
                f"source {terms.name!r}: trust: found alone; expected second: whoever can forge an "
                "address can send such a message"
            )
            raise ConfigError(msg)
        super().__init__(terms, TICK_S)
        self.port = 0
        """The port that is listened on."""
        self._config = config
        self._hosts: dict[str, HostId] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._heard: set[HostId] = set()
        """Hosts that have sent something since the last tick."""
        self._crashes: dict[HostId, tuple[Instant, Instant]] = {}
        """Host -> the first message of its crash, and when it was last spoken of."""
        self._strangers: dict[str, float] = {}

    @override
    def place(self, around: Surroundings) -> None:
        """Learn from which addresses hosts send."""
        super().place(around)
        self._hosts = {
            str(ip_address(own[network])): host
            for host, own in around.addresses.items()
            for network in self._config.networks
            if network in own
        }

    @override
    async def close(self) -> None:
        """Listen no more; the next tick listens again."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    @override
    async def look(self, intake: Intake) -> None:
        """See that we listen, and say who was heard. Raise Temporary."""
        await self._listening()
        heard, self._heard, now = self._heard, set(), intake.now()
        news = {host: first for host in sorted(heard) if (first := self._first(host, now))}
        try:
            if news:
                await intake.submit([self._evidence(*one, now) for one in news.items()])
        except Temporary:
            self._heard |= heard
            raise
        self._crashes |= {host: (first, now) for host, first in news.items()}

    async def _listening(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            return
        where = (self._config.address, self._config.port)
        try:
            made = asyncio.get_running_loop().create_datagram_endpoint(lambda: self, where)
            self._transport, _ = await made
        except OSError as error:
            msg = f"UDP {where[0]} port {where[1]} cannot be listened on: {error.strerror}"
            raise Temporary(msg) from None
        self.port = self._transport.get_extra_info("sockname")[1]

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take note of who has sent a message; of everything else, that there was one."""
        address = _plain(addr[0])
        host = self._hosts.get(address)
        if host is not None and is_message(data):
            self._heard.add(host)
        else:
            self._stranger(address, "no host sends from there" if host is None else "no message")

    def _stranger(self, address: str, why: str) -> None:
        """Log it, of one sender once a minute, and of a few senders in all."""
        now_s = asyncio.get_running_loop().time()
        self._strangers = {
            one: at_s for one, at_s in self._strangers.items() if now_s - at_s < STRANGERS_S
        }
        if address not in self._strangers and len(self._strangers) < STRANGERS_MAX:
            self._strangers[address] = now_s
            log.warning("kdump datagram not taken", source=self.name, peer=shown(address), why=why)

    def _first(self, host: HostId, now: Instant) -> Instant | None:
        """Return when the crash began that is to be told; None: it was told just now."""
        first, last = self._crashes.get(host, (now, None))
        if last is None or now.since(last) > CRASH_S:
            return now
        return first if now.since(last) >= SAID_S else None

    def _evidence(self, host: HostId, first: Instant, now: Instant) -> Evidence:
        began = f"{first.boot_id} {first.boot_s:.6f}"
        return Evidence(
            host=host,
            verdict=Verdict.DOWN,
            source=self.name,
            kind=KDUMP,
            trust=Trust.OPEN,
            fingerprint=KDUMP,
            key=f"{self.name}|{digest(host.name, began)}",
            received_at=now,
            summary="its kernel has crashed, and a crash dump is being written",
        )


def _plain(address: str) -> str:
    """Return an address as the configuration has it: IPv4 even on a socket for both."""
    with suppress(ValueError):
        found = ip_address(address.partition("%")[0])
        mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
        return str(mapped or found)
    return address
