"""State in etcd, which several machines keep between them: whoever has opened it last may write.

What is in etcd is held in memory too, and every question is answered from there, so that a daemon
whose etcd has lost its quorum still knows what it has decided. Nothing is decided any more then:
each write is one transaction, and what was not written counts for nothing. docs/adr/0022-etcd.md
has the whole reasoning.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Annotated, ClassVar, Self, TypeVar
from uuid import uuid4

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from doctor_daemon.config.words import parse_words
from doctor_daemon.core.context import Charge
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.errors import ConfigError, Conflict, Permanent, Temporary
from doctor_daemon.ports import (
    Change,
    Delivery,
    EvidenceRow,
    Heading,
    NoticeRow,
    SecretFile,
    Snapshot,
    Wanted,
)
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.stores.contents import Keeping
from doctor_daemon.stores.etcd_claim import claimed
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_loading import Loaded, load
from doctor_daemon.stores.etcd_pruning import dropped, fold, removals
from doctor_daemon.stores.etcd_rows import charges_plan, commit_plan, notices_plan, touched
from doctor_daemon.stores.etcd_writer import WRITE_S, Make, Writer

K = TypeVar("K")
OPEN_S = 120.0
ROWS_AT_ONCE = 50
"""Notices of which it is written at once how they stand: each may be under a key of its own."""


class EtcdConfig(BaseModel):
    """Options of the store in etcd."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    endpoints: Annotated[tuple[str, ...], BeforeValidator(parse_words), Field(min_length=1)]
    """The URLs of the members of one cluster, `https://HOST:2379`: all of them. Where one does not
    answer the next one is asked."""
    prefix: Annotated[str, Field(pattern=r"^/([A-Za-z0-9_.-]{1,64}/){1,8}$")] = "/doctor-daemon/"
    """What all keys begin with. A second cloud's daemon needs another one."""
    ca_file: Annotated[Path, Field(strict=False)] | None = None
    """A PEM file of certificates to trust in the place of the system's."""
    cert_file: Annotated[Path, Field(strict=False)] | None = None
    """The daemon's certificate, PEM, for an etcd that asks its clients for one."""
    key_file: SecretFile | None = None
    """Its key, without a password."""
    username: str = Field(default="", max_length=256)
    """The user of etcd's own authentication. Left out: none is used."""
    password_file: SecretFile | None = None
    """The file with that user's password."""
    timeout_s: float = Field(default=1.5, ge=0.1, le=3, allow_inf_nan=False)
    """How long one endpoint may take to answer; half of it for the connection. A write is given up
    after 4 s, whatever this is, and each of the endpoints has its share of them at most."""
    i_accept_plain_http: bool = False
    """Needed for http URLs that lead to another machine: everything is readable on the way."""
    keep_days: int = Field(default=400, ge=1, le=36_500)
    """How long closed incidents are kept, with their timeline and what consumers were told."""
    closed_max: int = Field(default=5000, ge=1, le=100_000)
    """Above this number the oldest closed incidents are dropped early: all are held in memory."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.username) is not bool(self.password_file):
            msg = "username: expected it together with password_file"
            raise ValueError(msg)
        if bool(self.cert_file) is not bool(self.key_file):
            msg = "cert_file: expected it together with key_file"
            raise ValueError(msg)
        try:
            self.asked()
        except ValidationError as error:
            msg = f"endpoints: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
            raise ValueError(msg) from None
        return self

    def asked(self) -> tuple[Endpoint, ...]:
        """Return the endpoints."""
        return tuple(
            Endpoint(
                url=url,
                ca_file=self.ca_file,
                timeout_s=self.timeout_s,
                i_accept_plain_http=self.i_accept_plain_http,
            )
            for url in self.endpoints
        )


class EtcdStore:
    """`ports.Store` on an etcd cluster. It belongs to the event loop that opens it."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[EtcdConfig]] = EtcdConfig

    def __init__(
        self, config: EtcdConfig, *, open_s: float = OPEN_S, write_s: float = WRITE_S
    ) -> None:
        """Connect to nothing yet. Raise ConfigError when a file of TLS cannot be used."""
        self._config = config
        self._open_s, self._write_s = open_s, write_s
        self._keeping = Keeping(config.keep_days, config.closed_max)
        self._tls = _tls(config)
        self._gateway: Gateway | None = None
        self._writer: Writer | None = None
        self._loaded = Loaded()
        self._term = 0

    @property
    def groups(self) -> int:
        """How many transactions have been written since `open`."""
        return self._writer.groups if self._writer else 0

    @property
    def waiting(self) -> int:
        """How many writes wait for their transaction."""
        return self._writer.waiting if self._writer else 0

    async def open(self) -> int:
        if self._writer is not None:
            raise Permanent("etcd: the store is open already")
        options, prefix = self._config, self._config.prefix
        gateway = Gateway(
            options.asked(), self._tls, username=options.username, password=options.password_file
        )
        try:
            async with asyncio.timeout(self._open_s):
                claim, revision = await claimed(gateway, prefix, uuid4().hex)
                loaded = await load(gateway, prefix)
        except TimeoutError:
            await gateway.close()
            msg = f"{gateway.failure}; gave up opening it after {self._open_s:g} s"
            raise Temporary(msg) from None
        except BaseException:
            await gateway.close()
            raise
        writer = Writer(gateway, prefix, self._write_s)
        writer.start(claim.term, revision, loaded.mark, loaded.mark_revision)
        self._gateway, self._writer, self._loaded = gateway, writer, loaded
        self._term = claim.term
        return claim.term

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None and self._gateway is not None:
            with suppress(Temporary):
                await writer.stop()
            await self._gateway.close()

    async def load(self) -> Snapshot:
        return self._held().contents.snapshot()

    async def find(self, id_: IncidentId) -> Incident | None:
        return self._held().contents.find(id_)

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        return self._held().contents.headings(host, limit)

    async def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        return self._held().contents.said(source, limit)

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        return self._held().contents.notices(wanted, limit)

    async def given_up(self) -> Mapping[str, int]:
        return self._held().contents.given_up()

    async def commit(self, change: Change, *, term: int) -> None:
        held = self._held()
        await self._write(
            term,
            lambda order: commit_plan(held.contents, held.books, change, order),
            touched(change),
        )

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        held, kept = self._held(), tuple(charges)
        await self._write(term, lambda order: charges_plan(held.contents, held.books, kept, order))

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None:
        """Note how deliveries stand. Of a long batch each part is written for itself."""
        held = self._held()

        def noted(some: tuple[Delivery, ...]) -> Make:
            return lambda _: notices_plan(held.contents, held.books, held.contents.delivered(some))

        for some in _parts(batch):
            await self._write(term, noted(some))

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        held = self._held()

        def again(some: tuple[str, ...]) -> Make:
            return lambda _: notices_plan(
                held.contents, held.books, held.contents.replayed(some)[0]
            )

        for some in _parts(ids):
            await self._write(term, again(some))
        return held.contents.replayed(ids)[1]

    async def prune(self, *, term: int) -> None:
        held = self._held()
        plan = dropped(held.contents, held.books, self._keeping)
        await self._write(term, lambda _: plan)  # not before it is known that we may
        for steps in (removals, fold):  # what cannot be folded is removed nevertheless
            for make in steps(held.contents, held.books):
                await self._write(term, make)

    async def _write(self, term: int, make: Make, touches: frozenset[object] | None = None) -> None:
        if term != self._term:
            raise Conflict(f"term {term} is over: term {self._term} has been claimed")
        if self._writer is None:
            raise Permanent("etcd: the store is not open")
        await self._writer.write(make, touches)

    def _held(self) -> Loaded:
        if self._writer is None:
            raise Permanent("etcd: the store is not open")
        return self._loaded


def _parts(rows: Collection[K]) -> Iterator[tuple[K, ...]]:
    """Yield the rows by and by; nothing at all is one part too, so that the term is looked at."""
    waiting = iter(rows)
    yield tuple(islice(waiting, ROWS_AT_ONCE))
    while some := tuple(islice(waiting, ROWS_AT_ONCE)):
        yield some


def _tls(config: EtcdConfig) -> ssl.SSLContext:
    """Make a TLS context of its own: a client's certificate is not to be shown to others."""
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.cert_file is not None and config.key_file is not None:
            config.key_file.check()
            context.load_cert_chain(config.cert_file, config.key_file.path, password=str)
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(
            str(name) for name in (config.ca_file, config.cert_file, config.key_file) if name
        )
        why = error.strerror or type(error).__name__
        raise ConfigError(f"etcd: the files for TLS ({named}) cannot be used: {why}") from None
    return context
